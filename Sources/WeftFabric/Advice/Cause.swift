import WeftCore
import WeftGuest
import WeftHypervisor
import WeftProbes
import WeftStack
import WeftSwitch
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
    /// A switch's guard turned away what a machine asked or answered by ARP.
    case guarded(DropReason, machine: String, port: String)
    /// `isAnswer`: it had arrived, and what came back was dropped.
    case drop(DropReason, DropDetail, node: String, port: String, isAnswer: Bool)
    /// Nothing left the machine, which has an address.
    case unsendable
  }

  var kind: Kind
  /// When it struck: what stood in the lab then is what counts, not what came until the try ended.
  var at: Instant
  /// Who was asked, where names had become addresses.
  var asked: IPv4Address?
  /// Whether anything of the try had left its machine.
  var isSent = false
}

extension World {
  /// `nil` where nothing is known but what the outcome says itself.
  func cause(
    of outcome: TryOutcome, _ facts: TryFacts, from node: NodeID, _ whereabouts: Whereabouts?, _ topology: Topology
  ) -> Cause? {
    guard outcome.kind != .open, let result = outcome.result else { return nil }
    let isSent = facts.records.contains { $0.event == .sent }
    // What was decided before the asker came to stand still holds.
    if ![.dropped, .refused, .unreachable].contains(outcome.kind), var cause = standstillCause(of: node) {
      (cause.asked, cause.isSent) = (result.remoteAddress, isSent)
      return cause
    }
    guard let (kind, moment) = causeKind(of: outcome, result, facts, from: node, whereabouts, topology) else { return nil }
    return Cause(kind: kind, at: moment ?? now, asked: result.remoteAddress, isSent: isSent)
  }

  /// Of a machine that doesn't run.
  func standstillCause(of node: NodeID) -> Cause? { standstillKind(of: node).map { Cause(kind: $0, at: now) } }

  private func standstillKind(of node: NodeID) -> Cause.Kind? {
    guard let machine = machine(node), let vm = elements.machines[machine].vm, !vm.state.runs else {
      return nil
    }
    return .standstill(machine: name(node), vm.state, since: vm.changedAt)
  }

  /// Of a machine at a moment gone by. It may have been started since: the file's events tell.
  private func standstillKind(of node: NodeID, at moment: Instant, _ topology: Topology) -> Cause.Kind? {
    guard let machine = machine(node), let vm = elements.machines[machine].vm else { return nil }
    if !vm.state.runs, vm.changedAt <= moment { return standstillKind(of: node) }
    var past = VirtualMachine(name: vm.name, host: vm.host, seed: 0)
    if topology.vms.first(where: { $0.name == vm.name })?.autostart == true { try? past.perform(.start, now: .start) }
    for event in topology.events.filter({ .start + $0.at <= moment }).sorted(by: { $0.at < $1.at }) {
      switch event.action {
      // What fell at the moment of the start fell before it.
      case .life(let verb, vm.name) where !verb.setsGoing || .start + event.at < moment:
        try? past.perform(verb, now: .start + event.at)
      // It is off soon.
      case .shutDown(vm.name, _, .stop): try? past.perform(.stop, now: .start + event.at)
      default: break
      }
    }
    return past.state.runs ? nil : .standstill(machine: vm.name, past.state, since: past.changedAt)
  }

  /// The moment is the deciding packet's; nil where things were found so when the try ended.
  private func causeKind(
    of outcome: TryOutcome, _ result: ProbeResult, _ facts: TryFacts, from node: NodeID, _ whereabouts: Whereabouts?,
    _ topology: Topology
  ) -> (Cause.Kind, Instant?)? {
    if result.outcome == .notSent {
      let hasNone =
        result.localAddress == nil && machine(node).flatMap({ elements.machines[$0].guest.stack.address(of: 0) }) == nil
      return (hasNone ? .noAddress(machine: name(node)) : .unsendable, nil)
    }
    if let other = result.foreignAnswer, outcome.kind == .undecided { return (.foreignAnswer(other), nil) }
    if outcome.kind == .unanswered, let arrival = facts.records.last(where: \.isDelivery) {
      return (.unanswered(machine: name(arrival.node)), arrival.at)
    }
    if let paused = whereabouts?.paused, let kind = standstillKind(of: paused) { return (kind, nil) }
    if outcome.kind == .undecided, let missing = whereabouts?.missing, facts.accidents.isEmpty, facts.decided.isEmpty {
      let why = absence(of: missing.address, from: missing.port, topology)
      return kind(of: why, missing.address, node: graph.ports[missing.port].node, port: missing.port).map { ($0, nil) }
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
    let name = name(record.node)
    let port = graph.ports[record.port].name
    switch reason {
    case .neighbourUnresolved:
      let address = IPv4Address(rawValue: detail.value)
      let why = outcome.absence?.why ?? absence(of: address, from: record.port, topology)
      let found = kind(of: why, address, node: record.node, port: record.port)
      // Who stands still, has no address or is cut off was found so at the end.
      switch why {
      case .nobody, .lost: return found.map { ($0, record.at) }
      case .standsStill, .hasNoAddress, .isCutOff: return found.map { ($0, nil) }
      }
    case .linkDown: return (.cut(port: port), record.at)
    case .machineStopped, .rxRingFull:
      if let kind = standstillKind(of: record.node, at: record.at, topology) { return (kind, record.at) }
    default: break
    }
    let isAnswer = facts.records.first(where: \.isDelivery).map { $0.at <= record.at } ?? false
    return (.drop(reason, detail, node: name, port: port, isAnswer: isAnswer), record.at)
  }

  private func kind(of absence: Absence, _ address: IPv4Address, node: NodeID, port: PortID) -> Cause.Kind? {
    switch absence {
    case .nobody: .absent(address, node: name(node), port: graph.ports[port].name)
    case .standsStill(let other): standstillKind(of: other)
    case .hasNoAddress(let other): .noAddress(machine: name(other))
    case .isCutOff(_, let link, _): .cut(port: graph.ports[graph.ends[link].from].name)
    case .lost(let other):
      refusal(of: [node, other])
        ?? .lostARP(address, node: name(node), owner: name(other), port: graph.ports[port].name)
    }
  }

  /// What a guard turned away of two machines while one of them tried ARP, its three seconds long.
  private func refusal(of nodes: [NodeID]) -> Cause.Kind? {
    for (bridge, row) in facts(GuardRefusals.self) where row.reason.concernsARP && row.last + .seconds(3) >= now {
      let port = graph.port(row.port, of: bridge)
      guard let link = graph.ports[port].link, nodes.contains(graph.ends[link].toNode) else { continue }
      return .guarded(row.reason, machine: name(graph.ends[link].toNode), port: graph.ports[port].name)
    }
    return nil
  }
}
