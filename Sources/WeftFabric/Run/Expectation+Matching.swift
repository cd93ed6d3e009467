import WeftCore
import WeftProbes
import WeftSettings
import WeftTopology
import WeftWire

extension Expectation {
  /// What a try says of an expectation.
  enum Match {
    case holds
    /// It was decided, and otherwise; with what was asked for.
    case differs(String)
    /// It says nothing; with what was asked for.
    case undecided(String)

    var expected: String? {
      switch self {
      case .holds: nil
      case .differs(let text), .undecided(let text): text
      }
    }
  }

  /// What it asks for, in words.
  var summary: String {
    // Of what is looked up that is all.
    if probe is any StateSettings || probe is any LabSettings { return probe.title("") }
    var text = outcome.rawValue
    if let by { text += " by \(by)" }
    if let reason { text += " (\(reason))" }
    return text
  }

  func match(_ outcome: TryOutcome, in world: borrowing World) -> Match {
    switch (self.outcome, outcome.kind) {
    case (_, .undecided): return .undecided(summary)
    case (.open, .open): return openMatch(outcome, in: world)
    case (.delivered, .unanswered), (.delivered, .open): return receiverMatch(outcome, in: world)
    case (.refused, .refused), (.unreachable, .unreachable), (.dropped, .dropped), (.blocked, .refused),
      (.blocked, .unreachable), (.blocked, .dropped):
      return blockedMatch(outcome, in: world)
    case (.slow, .slow): return .holds
    // What is late may still come to what is asked for; that it is dropped, or blocked, it contradicts.
    case (.open, .slow), (.delivered, .slow), (.refused, .slow), (.unreachable, .slow): return .undecided(summary)
    case (.blocked, .slow): return outcome.isRefusalPending ? .undecided(summary) : .differs(summary)
    case (.open, _), (.delivered, _), (.refused, _), (.unreachable, _), (.dropped, _), (.blocked, _), (.slow, _):
      return .differs(summary)
    }
  }

  /// Who got it, and whom they saw.
  private func receiverMatch(_ outcome: TryOutcome, in world: borrowing World) -> Match {
    if let seenAs {
      let seen = outcome.records.compactMap { if case .delivered(let source, _) = $0.event { source } else { nil } }
      guard seen.contains(seenAs) else {
        return .differs("seen as \(seenAs), not \(seen.first.map(\.description) ?? "at all")")
      }
    }
    if let reaches {
      let reached = outcome.records.filter(\.isDelivery).map { world.name($0.node) }
      guard reached.contains(reaches) else {
        return .differs("reaching \(reaches), not \(reached.first ?? "anybody")")
      }
    }
    return .holds
  }

  private func openMatch(_ outcome: TryOutcome, in world: borrowing World) -> Match {
    let receiver = receiverMatch(outcome, in: world)
    guard case .holds = receiver, let result = outcome.result else { return receiver }
    if let text = roundTripMismatch(outcome.roundTrip) {
      return outcome.roundTrip == nil ? .undecided(text) : .differs(text)
    }
    return switch probe.runnable.mismatch(result, doubting: outcome.doubtful) {
    case .differs(let text): .differs(text)
    case .undecided(let text): .undecided(text)
    case nil: .holds
    }
  }

  private func roundTripMismatch(_ time: Nanoseconds?) -> String? {
    if let rttAtMost, time.map({ $0 > rttAtMost }) ?? true { return "a round trip of at most \(rttAtMost)" }
    if let rttAtLeast, time.map({ $0 < rttAtLeast }) ?? true { return "a round trip of at least \(rttAtLeast)" }
    return nil
  }

  /// A negative rests on evidence: the probe was sent, or is known to have died in its sender's own stack; and where it is
  /// said to have been dropped, or by whom, it was, there and for that reason.
  private func blockedMatch(_ outcome: TryOutcome, in world: borrowing World) -> Match {
    let drops = outcome.records.filter { $0.drop != nil }
    guard !drops.isEmpty || outcome.records.contains(where: { $0.event == .sent }) else {
      // What never left the machine is decided there: a refusal by its own stack.
      return outcome.kind == .refused && by == nil && reason == nil
        ? .holds : .undecided("\(summary), but the probe was never sent")
    }
    guard by != nil || reason != nil else { return .holds }
    let covered = by.map { world.names.covered[$0] ?? [] }
    let isThere = drops.contains { record in
      (covered?.contains(record.node) ?? true) && (reason.map { $0 == record.drop?.name } ?? true)
    }
    return isThere ? .holds : .differs(summary)
  }
}
