import WeftCore
import WeftSettings
import WeftWire

// How often a check is tried, and what its tries can come to.

extension Resolver {
  /// No check is tried more often; nor are all of a file together.
  private static let mostTries: UInt64 = 100_000
  private static let mostTriesOfAll: UInt64 = 1_000_000

  func checkTries(_ check: Placed<ExpectationEntry>, _ expectation: Expectation) {
    let (from, to, every): (Nanoseconds, Nanoseconds, Nanoseconds)
    switch expectation.timing {
    case .within: return
    case .neverDuring(let first, let last, let interval), .alwaysAfter(let first, let last, let interval):
      (from, to, every) = (first, min(last, topology.duration ?? last), interval)
    }
    guard every > .zero, let window = window(check) else { return }
    let count = to > from ? (to - from).rawValue / every.rawValue : 0
    guard count <= Self.mostTries else {
      return report(
        "every \(every) from \(from) to \(to), it would be tried \(count) times: 100,000 are the most",
        at: window.place(\.every) ?? window.written, hint: "a longer \"every\", or a shorter window")
    }
    let before = tries
    tries += count
    if tries > Self.mostTriesOfAll, before <= Self.mostTriesOfAll {
      report(
        "up to here the checks are tried \(tries) times: 1,000,000 are the most of a file",
        at: window.place(\.every) ?? window.written, hint: "a longer \"every\", or shorter windows")
    }
  }

  /// Answers that nobody gives, or that every answer is.
  func checkAnswer(_ check: Placed<ExpectationEntry>, _ expectation: Expectation) {
    // What must never be so may well be what never can.
    if case .neverDuring = expectation.timing { return }
    if errorCount == 0, let address = expectation.seenAs, let place = check.place(\.seenAs), !isSomebodys(address) {
      warn("nobody has the address \(address): nothing is ever seen as it", at: place)
    }
    if let reached = expectation.reaches, let place = check.place(\.reaches), expectation.probe.partner == nil,
      case .node(let asked) = expectation.probe.target, asked != reached,
      hostIndex[asked].map({ topology.hosts[$0].networks.isEmpty }) ?? true
    {
      warn(
        "\"\(asked)\" is asked, and passes nothing on: it never reaches \"\(reached)\"", at: place,
        hint: "reaches: \(asked), or leave it out")
    }
  }

  private func isSomebodys(_ address: IPv4Address) -> Bool {
    func leases(_ dhcp: DHCPSettings?) -> Bool {
      dhcp.map { $0.server == address || address >= $0.rangeFirst && address <= $0.rangeLast } ?? false
    }
    if address.rawValue >> 24 == 127 { return true }
    if taken.values.contains(where: { $0[address] != nil }) { return true }
    if topology.segments.contains(where: { $0.gateway == address || leases($0.dhcp) }) { return true }
    return topology.hosts.contains {
      $0.networks.contains { $0.gateway == address || $0.nat.addresses.contains(address) || leases($0.dhcp) }
    }
  }
}
