import WeftCore
import WeftGuest
import WeftTopology
import WeftWire

extension Expectation {
  /// What it asks for, in words.
  var summary: String {
    var text = outcome.rawValue
    if let by { text += " by \(by)" }
    if let reason { text += " (\(reason))" }
    return text
  }

  /// Nil where the outcome is what is asked for; else what was asked for and not met.
  func mismatch(_ outcome: TryOutcome, in world: borrowing World) -> String? {
    switch (self.outcome, outcome.kind) {
    case (.open, .open): return openMismatch(outcome, in: world)
    case (.refused, .refused), (.unreachable, .unreachable):
      return blockedMismatch(outcome, in: world, needsDrop: false)
    case (.dropped, .dropped): return blockedMismatch(outcome, in: world, needsDrop: true)
    case (.blocked, .refused), (.blocked, .unreachable): return blockedMismatch(outcome, in: world, needsDrop: false)
    case (.blocked, .dropped): return blockedMismatch(outcome, in: world, needsDrop: true)
    default: return summary
    }
  }

  private func openMismatch(_ outcome: TryOutcome, in world: borrowing World) -> String? {
    if let seenAs {
      let seen = outcome.records.compactMap { if case .delivered(let source, _) = $0.event { source } else { nil } }
      guard seen.contains(seenAs) else {
        return "seen as \(seenAs), not \(seen.first.map(\.description) ?? "at all")"
      }
    }
    if let reaches {
      let reached = outcome.records.compactMap { record -> String? in
        if case .delivered = record.event { world.nodes[record.node].name } else { nil }
      }
      guard reached.contains(reaches) else { return "reaching \(reaches), not \(reached.first ?? "anybody")" }
    }
    guard let result = outcome.result else { return nil }
    if let rttAtMost, result.rtt.map({ $0 > rttAtMost }) ?? true { return "a round trip of at most \(rttAtMost)" }
    if let rttAtLeast, result.rtt.map({ $0 < rttAtLeast }) ?? true { return "a round trip of at least \(rttAtLeast)" }
    switch probe {
    case .http(_, _, _, let status, let bodyContains):
      // Without a status asked for, any success will do.
      if let status, result.httpStatus != status { return "HTTP status \(status)" }
      if status == nil, let got = result.httpStatus, got >= 400 { return "HTTP success" }
      if let bodyContains, !result.bodyContains(bodyContains) { return "a body with \"\(bodyContains)\"" }
    case .throughput(_, _, _, let atLeast, let atMost):
      let rate = result.throughput ?? 0
      if let atLeast, rate < atLeast { return "at least \(TryOutcome.rate(atLeast))" }
      if let atMost, rate > atMost { return "at most \(TryOutcome.rate(atMost))" }
    case .nat(_, _, let mapping, let filtering, let hairpin):
      let found = result.nat
      if let mapping, found?.mapping?.rawValue != mapping.rawValue { return "mapping \(mapping.rawValue)" }
      if let filtering, found?.filtering?.rawValue != filtering.rawValue { return "filtering \(filtering.rawValue)" }
      if let hairpin, found?.hairpin != hairpin { return "hairpin \(hairpin ? "yes" : "no")" }
    case .connect, .ping, .punch, .idle, .lease: break
    }
    return nil
  }

  /// A negative rests on evidence: the probe was sent, or is known to have died in its sender's own stack; and where it is
  /// said to have been dropped, it was, there and for that reason.
  private func blockedMismatch(_ outcome: TryOutcome, in world: borrowing World, needsDrop: Bool) -> String? {
    let drops = outcome.records.filter { if case .dropped = $0.event { true } else { false } }
    guard !drops.isEmpty || outcome.records.contains(where: { $0.event == .sent }) else {
      return "\(summary), but the probe was never sent"
    }
    if needsDrop, drops.isEmpty { return "\(summary), but nothing shows where it was dropped" }
    guard by != nil || reason != nil else { return nil }
    let covered = by.map { world.names.covered[$0] ?? [] }
    let match = drops.contains { record in
      guard case .dropped(let why, _) = record.event else { return false }
      return (covered?.contains(record.node) ?? true) && (reason.map { $0 == why.name } ?? true)
    }
    return match ? nil : summary
  }
}

extension GuestProbeResult {
  func bodyContains(_ text: String) -> Bool {
    guard let httpBody else { return false }
    let needle = Array(text.utf8)
    guard !needle.isEmpty else { return true }
    guard httpBody.count >= needle.count else { return false }
    return (0...httpBody.count - needle.count).contains { httpBody[$0..<$0 + needle.count].elementsEqual(needle) }
  }
}
