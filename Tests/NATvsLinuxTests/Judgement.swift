import WeftWire

/// Gives a stimulus to both boxes.
struct Judge {
  let ours: OurBox
  let kernel: any Box

  /// What they don't agree on; empty where they do.
  func differences(_ stimulus: Stimulus) throws -> [Difference] {
    ours.reset(for: stimulus)
    try kernel.reset(for: stimulus)
    var differences: [Difference] = []
    var chosen = (ours: Chosen(), kernel: Chosen())
    let normaliser = Normaliser(choosesPorts: stimulus.traits.contains(.choosesPorts))
    var normalise = (ours: normaliser, kernel: normaliser)
    var all: (ours: [Output], kernel: [Output]) = ([], [])
    for (index, step) in stimulus.steps.enumerated() {
      let fromOurs: [Output]
      let fromKernel: [Output]
      var input = "pause"
      if case .pause(let milliseconds) = step {
        fromOurs = try ours.pause(milliseconds: milliseconds)
        fromKernel = try kernel.pause(milliseconds: milliseconds)
      } else if let forOurs = step.frame(chosen.ours), let forKernel = step.frame(chosen.kernel) {
        normalise.ours.note(given: forOurs.bytes, on: forOurs.side)
        normalise.kernel.note(given: forKernel.bytes, on: forKernel.side)
        input =
          "\(forOurs.side.rawValue) gives \(describe(forOurs.bytes.span.bytes.extracting(14..<forOurs.bytes.count)))"
        fromOurs = try ours.give(forOurs.bytes, on: forOurs.side)
        fromKernel = try kernel.give(forKernel.bytes, on: forKernel.side)
      } else {
        continue
      }
      chosen.ours.note(fromOurs)
      chosen.kernel.note(fromKernel)
      let left = fromOurs.map { normalise.ours($0) }
      let right = fromKernel.map { normalise.kernel($0) }
      if stimulus.traits.contains(.isComparedAtEnd) {
        all.ours += left
        all.kernel += right
        if index == stimulus.steps.count - 1 {
          all.ours.sort()
          all.kernel.sort()
          if all.ours != all.kernel {
            differences.append(Difference(step: index, input: input, ours: all.ours, kernel: all.kernel))
          }
        }
        continue
      }
      if left != right { differences.append(Difference(step: index, input: input, ours: left, kernel: right)) }
    }
    return differences
  }
}

extension Chosen {
  mutating func note(_ outputs: [Output]) {
    for output in outputs where output.side == .outside {
      let span = output.bytes.span.bytes
      if let offset = Normaliser.ports(span).first { ports.append(span.u16(offset)) }
    }
  }
}
