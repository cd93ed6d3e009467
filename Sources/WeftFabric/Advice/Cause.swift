import WeftCore
import WeftGuest
import WeftHypervisor
import WeftTopology
import WeftWire

/// What stands behind a try that didn't come to `open`: facts of its moment, by the names of things. Advice is made of it
/// later, and only for what is told to somebody.
struct Cause: Codable, Hashable {
  enum Kind: Codable, Hashable {
    case standstill(machine: String, VirtualMachine.State, since: Instant)
    /// It asks by DHCP and has none yet.
    case noAddress(machine: String)
    /// A port whose cable is out.
    case cut(port: String)
    /// Somebody answered whom the socket isn't connected to.
    case foreignAnswer(TransportAddress)
    /// A datagram arrived there and stayed without an answer.
    case unanswered(machine: String)
    /// Nobody has the address that a node asked for by ARP.
    case absent(IPv4Address, node: String, port: String)
    /// Somebody has it, but what was asked or answered was lost.
    case lostARP(IPv4Address, node: String, owner: String, port: String)
    /// `isAnswer`: it had arrived, and what came back was dropped.
    case drop(DropReason, DropDetail, node: String, port: String, isAnswer: Bool)
    /// Nothing left the machine, which has an address.
    case unsendable
  }

  var kind: Kind
  /// When the try ended.
  var at: Instant
  /// Who was asked, where names had become addresses.
  var asked: IPv4Address?
}

extension World {
  /// `nil` where nothing is known but what the outcome says itself.
  func cause(
    of outcome: TryOutcome, _ facts: TryFacts, from node: Int, _ whereabouts: Whereabouts?, _ topology: Topology
  ) -> Cause? {
    guard outcome.kind != .open, let result = outcome.result else { return nil }
    if let cause = standstillCause(of: node, asked: result.remoteAddress) { return cause }
    guard let kind = causeKind(of: outcome, result, facts, from: node, whereabouts, topology) else { return nil }
    return Cause(kind: kind, at: now, asked: result.remoteAddress)
  }

  /// Of a machine that doesn't run.
  func standstillCause(of node: Int, asked: IPv4Address? = nil) -> Cause? {
    guard let kind = standstillKind(of: node) else { return nil }
    return Cause(kind: kind, at: now, asked: asked)
  }

  private func standstillKind(of node: Int) -> Cause.Kind? {
    guard nodes[node].kind == .machine, let vm = machines[nodes[node].index].vm, vm.state != .running else {
      return nil
    }
    return .standstill(machine: nodes[node].name, vm.state, since: vm.changedAt)
  }

  private func causeKind(
    of outcome: TryOutcome, _ result: GuestProbeResult, _ facts: TryFacts, from node: Int, _ whereabouts: Whereabouts?,
    _ topology: Topology
  ) -> Cause.Kind? {
    if result.outcome == .notSent {
      return result.localAddress == nil && machines[nodes[node].index].guest.address(of: 0) == nil
        ? .noAddress(machine: nodes[node].name) : .unsendable
    }
    if let other = result.foreignAnswer, outcome.kind == .undecided { return .foreignAnswer(other) }
    if outcome.kind == .unanswered, let arrival = facts.records.last(where: \.isDelivery) {
      return .unanswered(machine: nodes[arrival.node].name)
    }
    if let paused = whereabouts?.paused, let kind = standstillKind(of: paused) { return kind }
    if outcome.kind == .undecided, let missing = whereabouts?.missing, facts.accidents.isEmpty, facts.decided.isEmpty {
      let why = absence(of: missing.address, from: missing.place, topology)
      return kind(of: why, missing.address, node: ports[missing.place].node, place: missing.place)
    }
    let record =
      switch outcome.kind {
      case .dropped: facts.decided.first { $0.at >= result.progressAt ?? .start } ?? facts.decided.first
      case .refused, .unreachable: facts.refusal ?? facts.decided.first
      case .open, .slow, .unanswered, .failed, .undecided: facts.accidents.first ?? facts.refusal ?? facts.decided.first
      }
    guard let record = outcome.absence?.record ?? record, case .dropped(let reason, let detail) = record.event else {
      return nil
    }
    let name = nodes[record.node].name
    let port = ports[record.port].name
    switch reason {
    case .neighbourUnresolved:
      let address = IPv4Address(rawValue: detail.value)
      let why = outcome.absence?.why ?? absence(of: address, from: record.port, topology)
      return kind(of: why, address, node: record.node, place: record.port)
    case .linkDown: return .cut(port: port)
    case .machineStopped, .rxRingFull: if let kind = standstillKind(of: record.node) { return kind }
    default: break
    }
    let arrived = facts.records.first(where: \.isDelivery)
    return .drop(reason, detail, node: name, port: port, isAnswer: arrived.map { $0.at <= record.at } ?? false)
  }

  private func kind(of absence: Absence, _ address: IPv4Address, node: Int, place: Int) -> Cause.Kind? {
    switch absence {
    case .nobody: .absent(address, node: nodes[node].name, port: ports[place].name)
    case .standsStill(let other): standstillKind(of: other)
    case .hasNoAddress(let other): .noAddress(machine: nodes[other].name)
    case .isCutOff(_, let link, _): .cut(port: ports[ends[link].from].name)
    case .lost(let other):
      .lostARP(address, node: nodes[node].name, owner: nodes[other].name, port: ports[place].name)
    }
  }
}
