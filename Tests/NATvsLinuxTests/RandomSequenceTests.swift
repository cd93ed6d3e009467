import Foundation
import Testing

/// `WEFT_NAT_SEQUENCES` (300) random sequences from `WEFT_NAT_SEED` (1) on: each is its own seed.
@Suite(.serialized)
struct RandomSequenceTests {
  @Test(.enabled(if: Lab.obstacle == nil, "\(Lab.obstacle ?? "")"))
  func randomSequencesLeaveTheSameTables() throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["WEFT_NAT_SEQUENCES"].flatMap { Int($0) } ?? 300
    let first = environment["WEFT_NAT_SEED"].flatMap { UInt64($0) } ?? 1
    let start = Date()
    let found = try SequenceJudge.share(count, boxes: 2) { judge, index in try judge.first(seed: first + UInt64(index)) }
    let open = Dictionary(grouping: found.compactMap(\.difference), by: \.difference.signature)
    // One of each kind, the shortest.
    for (_, cases) in open.sorted(by: { $0.value.count > $1.value.count }) {
      guard let shortest = cases.min(by: { $0.sequence.steps.count < $1.sequence.steps.count }) else { continue }
      Issue.record(
        "\(cases.count) times, shrunk from \(shortest.sequence.name):\n\(shortest.sequence.texts.joined(separator: "; "))\n\(shortest.difference)"
      )
    }
    let seconds = Date().timeIntervalSince(start)
    let steps = found.reduce(0) { $0 + $1.steps }
    print(
      "\(count) random sequences, \(steps) steps compared, \(Int(Double(count) / seconds)) a second:",
      "\(open.count) ways to differ")
  }

  @Test func theSameSeedMakesTheSameSequence() throws {
    func texts(_ seed: UInt64) throws -> [String] {
      var generator = SequenceGenerator(seed: seed)
      return try generator.make(name: "\(seed)").texts
    }
    #expect(try texts(7) == texts(7))
    #expect(try texts(7) != texts(8))
  }
}

/// What came of a random sequence.
private struct Found {
  var steps: Int
  var difference: (sequence: StepSequence, difference: StepDifference)?
}

extension SequenceJudge {
  fileprivate func first(seed: UInt64) throws -> Found {
    var generator = SequenceGenerator(seed: seed)
    let sequence = try generator.make(name: "seed \(seed)")
    guard let difference = try differences(sequence).first else { return Found(steps: sequence.steps.count) }
    let smallest = try shrink(sequence, difference.signature)
    return Found(
      steps: difference.step + 1, difference: try differences(smallest).first.map { (smallest, $0) } ?? (sequence, difference))
  }

  /// Without the steps that it doesn't need to differ so.
  private func shrink(_ sequence: StepSequence, _ signature: String) throws -> StepSequence {
    var smallest = sequence
    var index = sequence.steps.count - 1
    while index >= 0 {
      var candidate = smallest
      candidate.steps.remove(at: index)
      candidate.texts.remove(at: index)
      if try differences(candidate).first?.signature == signature { smallest = candidate }
      index -= 1
    }
    return smallest
  }
}
