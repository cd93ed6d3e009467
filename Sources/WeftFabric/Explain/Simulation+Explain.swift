import WeftCore
import WeftGuest
import WeftTopology

/// Why there is nothing to explain.
public enum ExplainError: Error, CustomStringConvertible {
  case unknownMachine(String, known: [String])
  case noAddress(String)

  public var description: String {
    switch self {
    case .unknownMachine(let name, let known):
      "no machine is called \"\(name)\"; there are \(known.joined(separator: ", "))"
    case .noAddress(let name): "\(name) has no address"
    }
  }
}

extension Simulation {
  /// Sends one probe now and follows it through the fabric. It is real traffic: explain a run that nobody else needs.
  public mutating func explain(
    from: String, _ probe: Expectation.Probe, to label: String, timeout: Nanoseconds = .seconds(4)
  ) throws(ExplainError) -> Explanation {
    guard let node = world.names.machines[from] else {
      throw .unknownMachine(from, known: world.names.machines.keys.sorted())
    }
    guard let kind = GuestProbe.Kind(probe, world.names) else { throw .noAddress(label) }
    // Far above what the director counts to.
    let trace = UInt32.max
    let began = world.now
    world.explain = ExplainRecorder(trace: trace, origin: node, topology: topology)
    world.startProbe(GuestProbe(trace: trace, kind: kind, timeout: timeout), on: node)
    var finished: (result: GuestProbeResult, trace: Trace?)?
    while finished == nil {
      if world.hasProbeResults {
        for (_, result, records) in world.takeProbeResults() where result.trace == trace {
          finished = (result, records)
        }
        if finished != nil { break }
      }
      guard let next = world.queue.pop(notAfter: began + timeout + .seconds(1)) else { break }
      if watchdog.sees(next.source, at: next.at, delivered: world.delivered) { break }
      world.now = next.at
      // The file's events and expectations stand still while one packet is looked at.
      if next.source != Source.director { world.step(next.source) }
    }
    let steps = world.explain?.steps ?? []
    world.explain = nil
    guard let finished else {
      return Explanation(
        from: from, to: label, at: began, outcome: "no answer in \(timeout)", isOpen: false, steps: steps)
    }
    let outcome = world.judge(finished.result, finished.trace, of: probe, from: node, topology) { world.whereabouts() }
    var explanation = Explanation(
      from: from, to: label, at: began, outcome: outcome.text, isOpen: outcome.kind == .open, steps: steps)
    let drop = outcome.records.first { if case .dropped = $0.event { true } else { false } }
    if outcome.kind != .open, let drop, case .dropped(let reason, let detail) = drop.event {
      let responsibility = Responsibility(
        reason, detail, node: world.nodes[drop.node].name, at: began, in: topology)
      // A rule that decided is nearer than the network it stands in.
      let rule = steps.last { $0.node == world.nodes[drop.node].name && $0.line != nil }?.line
      explanation.line = rule ?? responsibility.line
      explanation.hint = rule == nil ? responsibility.hint : nil
      if let last = explanation.steps.lastIndex(where: { $0.event == .dropped }) {
        explanation.steps[last].line = explanation.line
      }
    }
    return explanation
  }
}
