import Foundation
import Testing

/// Frames and whole connection tables after every step: docs/nat-vs-linux.md.
@Suite(.serialized)
struct SequenceTests {
  @Test(.enabled(if: Lab.obstacle == nil, "\(Lab.obstacle ?? "")"))
  func tablesAreLinuxsAfterEveryStep() throws {
    let start = Date()
    let sequences = try Scenario.all()
    let baseline = try Scenario.Baseline()
    let differences = try SequenceJudge.differences(sequences)
    if ProcessInfo.processInfo.environment["WEFT_UPDATE_GENERATED"] != nil {
      return try baseline.update(zip(sequences, differences).map { ($0.name, $1.map(\.step)) })
    }
    for (sequence, differences) in zip(sequences, differences) {
      let chances = baseline.chances[sequence.name] ?? []
      let steps = differences.map(\.step).filter { !chances.contains($0) }
      let known = baseline.steps[sequence.name] ?? []
      guard steps != known else { continue }
      let reason = baseline.reasons[sequence.name] ?? "nothing"
      Issue.record(
        """
        \(sequence.name) differs at \(steps), and by differing.txt (\(reason)) at \(known)
        \(differences.map(\.description).joined())
        """)
    }
    let agree = differences.count { $0.isEmpty }
    let milliseconds = Int(Date().timeIntervalSince(start) * 1000)
    print("\(sequences.count) sequences: \(agree) agree after every step; \(milliseconds) ms, Linux \(KernelBox.kernel)")
  }

  /// `WEFT_NAT_SEQUENCE="> udp vm:40000 srv:53; wait 41"`, or the name of one: shows in what the boxes differ.
  @Test(.enabled(if: Lab.obstacle == nil && ProcessInfo.processInfo.environment["WEFT_NAT_SEQUENCE"] != nil, "asked for by hand"))
  func oneSequence() throws {
    let asked = ProcessInfo.processInfo.environment["WEFT_NAT_SEQUENCE"] ?? ""
    let named = try Scenario.all().filter { asked == $0.name || asked == "all" }
    for sequence in try named.isEmpty ? [StepSequence(name: "asked", asked)] : named {
      let differences = try SequenceJudge.differences([sequence])[0]
      print("\(sequence.name): \(sequence.texts.joined(separator: "; "))\n\(differences.map(\.description).joined())")
    }
  }

  @Test func sequencesHaveNamesOfTheirOwn() throws {
    let names = try Scenario.all().map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count > 290)
    for name in try Scenario.Baseline().steps.keys { #expect(names.contains(name), "no sequence \(name)") }
  }

  @Test func everyDifferenceHasAReason() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("docs/nat-vs-linux.md"), encoding: .utf8)
    for (name, reason) in try Scenario.Baseline().reasons {
      for part in reason.split(separator: ", ") {
        let isPoint = part.hasPrefix("N") && part.dropFirst().allSatisfy(\.isNumber) && part.count > 1
        #expect(isPoint || text.contains("`\(part)`"), "\(name): \(part)")
      }
    }
  }
}

extension SequenceJudge {
  /// Of each sequence. What really waits is spread over several boxes, that wait at once.
  static func differences(_ sequences: [StepSequence]) throws -> [[StepDifference]] {
    // Those that wait come first.
    let order = sequences.indices.sorted { sequences[$0].mayWait && !sequences[$1].mayWait }
    let found = try share(sequences.count, boxes: 12) { judge, place in try judge.differences(sequences[order[place]]) }
    var differences: [[StepDifference]] = Array(repeating: [], count: sequences.count)
    for (index, one) in zip(order, found) { differences[index] = one }
    return differences
  }

  /// Does something `count` times, in order but shared out among some boxes.
  static func share<Result>(
    _ count: Int, boxes: Int, _ body: @escaping @Sendable (SequenceJudge, Int) throws -> Result
  ) throws -> [Result] {
    let work = Work<Result>(count)
    let group = DispatchGroup()
    for _ in 0..<min(boxes, count) {
      group.enter()
      // Threads of their own: they sleep more than they work.
      Thread.detachNewThread {
        defer { group.leave() }
        do {
          let judge = try SequenceJudge()
          while let index = work.next() { work.finish(index, try body(judge, index)) }
        } catch {
          work.fail(error)
        }
      }
    }
    group.wait()
    return try work.results()
  }
}

/// What several threads share out among them.
private final class Work<Result>: @unchecked Sendable {
  private let lock = NSLock()
  private let count: Int
  private var begun = 0
  private var found: [Int: Result] = [:]
  private var error: (any Error)?

  init(_ count: Int) { self.count = count }

  func next() -> Int? {
    lock.withLock {
      guard error == nil, begun < count else { return nil }
      begun += 1
      return begun - 1
    }
  }

  func finish(_ index: Int, _ result: Result) { lock.withLock { found[index] = result } }
  func fail(_ error: any Error) { lock.withLock { self.error = error } }

  func results() throws -> [Result] {
    try lock.withLock {
      if let error { throw error }
      return (0..<count).compactMap { found[$0] }
    }
  }
}

extension StepSequence {
  fileprivate var mayWait: Bool {
    let waits = steps.contains {
      switch $0 {
      case .sleep, .wait: true
      case .packet, .addForward, .removeForward, .ipForwarding, .flush: false
      }
    }
    return waits && steps.contains(where: \.isUDP)
  }
}
