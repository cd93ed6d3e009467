import WeftCore
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
    switch probe {
    case .http(_, _, _, let status, let bodyContains):
      if let status, result.httpStatus != status { return .differs("HTTP status \(status)") }
      if let bodyContains, !result.bodyFound { return .differs("a body with \"\(bodyContains)\"") }
    case .throughput(_, _, _, let atLeast, let atMost):
      let text = atLeast.map { "at least \(TryOutcome.rate($0))" } ?? atMost.map { "at most \(TryOutcome.rate($0))" }
      guard let text else { return .holds }
      // What takes no time has no rate.
      guard let rate = result.throughput else { return .undecided("\(text), of a transfer that takes time") }
      if let atLeast, rate < atLeast { return .differs("at least \(TryOutcome.rate(atLeast))") }
      if let atMost, rate > atMost { return .differs("at most \(TryOutcome.rate(atMost))") }
    case .nat(_, _, let mapping, let filtering, let hairpin):
      return natMatch(outcome, mapping, filtering, hairpin)
    case .connect, .ping, .punch, .idle, .lease: break
    }
    return .holds
  }

  private func roundTripMismatch(_ time: Nanoseconds?) -> String? {
    if let rttAtMost, time.map({ $0 > rttAtMost }) ?? true { return "a round trip of at most \(rttAtMost)" }
    if let rttAtLeast, time.map({ $0 < rttAtLeast }) ?? true { return "a round trip of at least \(rttAtLeast)" }
    return nil
  }

  /// An answer that came says something for sure; one that did not, where it met a decision or no packet was lost.
  private func natMatch(
    _ outcome: TryOutcome, _ mapping: NATSettings.Dependence?, _ filtering: NATSettings.Dependence?, _ hairpin: Bool?
  ) -> Match {
    let found = outcome.result?.nat
    if let mapping, found?.mapping?.rawValue != mapping.rawValue {
      let text = "mapping \(mapping.rawValue)"
      return found?.mapping == nil && outcome.doubtful.contains(.mapping) ? .undecided(text) : .differs(text)
    }
    if let filtering {
      let text = "filtering \(filtering.rawValue)"
      if outcome.doubtful.contains(.filtering), found?.filtering != .endpointIndependent { return .undecided(text) }
      if found?.filtering?.rawValue != filtering.rawValue { return .differs(text) }
    }
    if let hairpin {
      let text = "hairpin \(hairpin ? "yes" : "no")"
      if outcome.doubtful.contains(.hairpin), found?.hairpin != true { return .undecided(text) }
      if found?.hairpin != hairpin { return .differs(text) }
    }
    return .holds
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
