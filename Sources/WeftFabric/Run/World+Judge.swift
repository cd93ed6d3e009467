import WeftCore
import WeftProbes
import WeftSettings
import WeftTopology
import WeftWire

// What a try came to. A negative is only what somebody decided: a rule, a table, a refusal, an absence. What chance or time
// ended is undecided, whatever the prober saw.

extension World {
  /// `asked`: a reason that the expectation names: then dropping for it is what is asked, be it an accident.
  /// `isOfMoment`: it is asked what holds as it begins, not what its retransmissions find later.
  /// `firstDecides`: what decided the first packet stands, whatever became of those that its sender sent again.
  /// `whereabouts` is asked for at most once, and only if it matters.
  func judge(
    _ result: ProbeResult, _ trace: Trace?, of probe: any RunnableProbe, from node: NodeID, asked: DropReason? = nil,
    firstDecides: Bool = false, isOfMoment: Bool = false, _ topology: Topology, whereabouts: () -> [UInt32: Whereabouts]
  ) -> TryOutcome {
    let facts = TryFacts(trace?.records ?? [], asked: asked, in: self, topology)
    var outcome: TryOutcome
    var there: Whereabouts?
    switch result.outcome ?? .timedOut {
    case .open:
      outcome =
        (isOfMoment ? facts.decisionBeforeOpening(probe.exchange).map { dropped(by: $0) } : nil)
        ?? TryOutcome(kind: .open, text: "open")
    case .refused:
      let isICMP = probe.isDatagram || result.icmpFrom != nil
      let from = result.icmpFrom.map { " from \($0)" } ?? ""
      outcome = TryOutcome(
        kind: .refused, text: isICMP ? "refused (ICMP port unreachable\(from))" : "refused (RST)")
    case .unreachable(let code): outcome = unreachable(code, result, facts, topology)
    case .ttlExceeded:
      outcome = TryOutcome(
        kind: .unreachable, text: "unreachable (time exceeded\(result.icmpFrom.map { " from \($0)" } ?? ""))")
    case .timedOut:
      there = whereabouts()[result.trace]
      outcome =
        (firstDecides ? facts.firstDecision(result).map { dropped(by: $0) } : nil)
        ?? silence(result, facts, of: probe, from: node, there, topology)
    case .stopped: outcome = .undecided("undecided: \(standstill(of: node) ?? "\(name(node)) was stopped")")
    case .reset: outcome = TryOutcome(kind: .failed, text: "connected, then reset")
    case .badResponse:
      outcome = TryOutcome(kind: .failed, text: type(of: probe).badAnswer)
    case .otherwise(let text): outcome = TryOutcome(kind: .failed, text: text)
    case .notSent:
      outcome = .undecided(standstill(of: node) ?? Self.unsent(result, probe))
    }
    outcome.records = facts.records
    outcome.result = result
    outcome.roundTrip = facts.roundTrip(result, of: probe.exchange)
    outcome.cause = cause(of: outcome, facts, from: node, there, topology)
    finish(&outcome, facts, of: probe)
    return outcome
  }

  /// Why nothing left a machine that runs.
  private static func unsent(_ result: ProbeResult, _ probe: any RunnableProbe) -> String {
    guard let address = result.remoteAddress else { return "nothing was sent: no address or no route yet" }
    if !probe.isDatagram, address.isMulticast || address.isBroadcast {
      return "nothing was sent: a connection has two ends, and \(address) is many (RFC 1122, 4.2.3.10)"
    }
    return "nothing was sent: no address or no route yet"
  }

  /// Adds what was measured.
  private func finish(_ outcome: inout TryOutcome, _ facts: TryFacts, of probe: any RunnableProbe) {
    guard let result = outcome.result else { return }
    outcome.doubtful = Set(result.silentTests.filter { facts.isDoubtful($0) }.map(\.axis))
    if outcome.kind == .open {
      if let found = probe.found(result, doubting: outcome.doubtful) {
        outcome.text = found
        // Which answers arrived and which were filtered is what shows it; that there were many requests is not.
        if probe.countsDrops { outcome.records.removeAll { $0.event == .sent } }
      } else if let time = outcome.roundTrip ?? result.rtt {
        outcome.text += " in \(time)"
        if hasProcessors, probe.exchange == .single, let stages = processors.ledger[result.trace], stages.sum <= time {
          outcome.text += " = \(stages.text(of: time))"
        }
      }
    }
    // Of a moment that was not open it is no part what came of it later.
    if result.outcome == .open, outcome.kind == .dropped { return }
    outcome.text += probe.measured(result, isOpen: outcome.kind == .open)
  }

  private func unreachable(_ code: UInt8, _ result: ProbeResult, _ facts: TryFacts, _ topology: Topology)
    -> TryOutcome
  {
    let what: [UInt8: String] = [
      0: "network", 1: "host", 2: "protocol", 4: "fragmentation needed", 13: "administratively prohibited",
    ]
    let from = result.icmpFrom.map { " from \($0)" } ?? ""
    let text = "unreachable (\(what[code] ?? "code \(code)")\(from))"
    // "Host unreachable" says that nobody answered ARP, which may have many reasons.
    let missing = facts.records.last { $0.drop == .neighbourUnresolved }
    guard code == ICMPv4UnreachableCode.host, let missing, case .dropped(_, let detail) = missing.event else {
      return TryOutcome(kind: .unreachable, text: text)
    }
    let absence = absence(of: IPv4Address(rawValue: detail.value), from: missing.port, topology)
    var outcome =
      accident(absence).map { TryOutcome.undecided("undecided: \(text), but \($0)") }
      ?? TryOutcome(kind: .unreachable, text: text)
    outcome.absence = (absence, missing)
    return outcome
  }

  private func dropped(by drop: TraceRecord) -> TryOutcome {
    TryOutcome(kind: .dropped, text: "dropped by \(describe(drop: drop))")
  }

  /// No answer, or not all of it, in time.
  private func silence(
    _ result: ProbeResult, _ facts: TryFacts, of probe: any RunnableProbe, from node: NodeID,
    _ whereabouts: Whereabouts?, _ topology: Topology
  ) -> TryOutcome {
    let waited = result.finishedAt - result.startedAt
    let accident = facts.accidents.first.map { "\(describe(drop: $0))\(facts.accidents.count > 1 ? " and more" : "")" }
    if let standstill = standstill(of: node) { return .undecided("undecided: \(standstill)") }
    if result.hasAnswer {
      // It stopped for good where again and again the same decision met it, and nothing else did.
      let last = facts.decided.filter { $0.at >= result.progressAt ?? .start }
      if last.count > 1, !probe.countsDrops, whereabouts == nil,
        !facts.hadAccident(from: result.progressAt ?? .start, to: result.finishedAt)
      {
        return TryOutcome(
          kind: .dropped, text: "dropped by \(describe(drop: last[0])), after \(probe.progress(result))")
      }
      let cause = whereabouts?.paused.flatMap { standstill(of: $0) } ?? accident
      return TryOutcome(
        kind: .slow,
        text: "slow: not finished in \(waited): \(probe.progress(result))\(cause.map { " (\($0))" } ?? "")")
    }
    if let paused = whereabouts?.paused, let standstill = standstill(of: paused) {
      return .undecided("no answer: \(standstill)")
    }
    // A neighbour that stands still answers no ARP either; one that will be there is worth another try.
    if let missing = whereabouts?.missing {
      let absence = absence(of: missing.address, from: missing.port, topology)
      let isAsked = if case .lost = absence { true } else { false }
      if !isAsked, let cause = self.accident(absence) { return .undecided("no answer: \(cause)") }
    }
    let wasAnswered = facts.isDelivered || facts.refusal != nil
    if whereabouts?.isOnTheWay == true || whereabouts?.isHeld == true {
      guard wasAnswered || whereabouts?.isHeld == true else {
        let left = facts.records.contains { $0.event == .sent }
        if let accident { return .undecided("undecided: lost by accident at \(accident)") }
        return .undecided(
          left
            ? "undecided: still on its way after \(waited)"
            : "no answer, and nothing left its sender (no neighbour answered ARP yet)")
      }
      var slow = TryOutcome(kind: .slow, text: "slow: the answer is still on its way after \(waited)")
      slow.isRefusalPending = !facts.isDelivered
      return slow
    }
    if let accident { return .undecided("undecided: lost by accident at \(accident)") }
    if let drop = facts.decided.last, !result.isConnected || facts.decided.count > 1 {
      return dropped(by: facts.decided.first ?? drop)
    }
    if let other = result.foreignAnswer, let asked = result.remoteAddress {
      return .undecided(
        "no answer from \(asked): one came from \(other.port == 0 ? "\(other.address)" : "\(other)"), "
          + "which no socket takes that is connected to another")
    }
    if facts.isDelivered, probe.exchange == .single, probe.service?.transport == .udp {
      return TryOutcome(kind: .unanswered, text: "delivered, unanswered")
    }
    if result.isConnected { return .undecided("undecided: connected, then nothing came in \(waited)") }
    if let refusal = facts.refusal, refusal.node == node {
      return .undecided(
        "no answer from \(result.remoteAddress.map(\.description) ?? "there"): what came back belongs to no connection "
          + "(\(describe(drop: refusal)))")
    }
    if let refusal = facts.refusal {
      return .undecided("undecided: no answer to \(describe(drop: refusal)) came back")
    }
    let left = facts.records.contains { $0.event == .sent }
    return .undecided(
      left
        ? "no answer, and nothing was dropped on the way"
        : "no answer, and nothing left its sender (no neighbour answered ARP yet)")
  }
}
