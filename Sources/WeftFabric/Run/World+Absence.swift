import WeftCore
import WeftGuest
import WeftStack
import WeftTopology
import WeftWire

// Nobody answered ARP. Is nobody there, or did chance or time keep the answer away?

/// Why a neighbour did not answer who asked for its address.
enum Absence {
  /// No machine on the link has the address.
  case nobody
  case standsStill(NodeID)
  /// It has none yet.
  case hasNoAddress(NodeID)
  /// A cable between the two is out.
  case isCutOff(NodeID, link: LinkID, isForGood: Bool)
  /// It is there, and running: what was asked or answered was lost.
  case lost(NodeID)
}

extension World {
  /// Why a neighbour did not answer, if it is no more than an accident; nil where nobody could have answered: no machine on
  /// the link has the address, or it is off, or a cable to it is out for good.
  func accident(_ absence: Absence) -> String? {
    switch absence {
    case .nobody, .isCutOff(_, _, isForGood: true): nil
    case .standsStill(let node):
      machine(node).map { elements.machines[$0].state.isOff } == true ? nil : standstill(of: node)
    case .hasNoAddress(let node): "\(name(node)) has no address yet"
    case .isCutOff(let node, _, isForGood: false): "a cable to \(name(node)) is out for a while"
    case .lost(let node): "the ARP exchange with \(name(node)) was lost"
    }
  }

  func absence(of address: IPv4Address, from port: PortID, _ topology: Topology) -> Absence {
    let plugged = cablesToBePlugged(topology)
    if let owner = owner(of: address, reachableFrom: port, { links[$0].isUp || plugged.contains($0) }) {
      if let machine = machine(owner.node) {
        if !elements.machines[machine].state.runs { return .standsStill(owner.node) }
        if elements.machines[machine].guest.stack.address(of: owner.port.index) == nil { return .hasNoAddress(owner.node) }
      }
      if let link = owner.cut { return .isCutOff(owner.node, link: link, isForGood: false) }
      return .lost(owner.node)
    }
    guard topology.events.contains(where: { if case .linkDown = $0.action { true } else { false } }) else { return .nobody }
    if let owner = owner(of: address, reachableFrom: port, { _ in true }), let link = owner.cut {
      return .isCutOff(owner.node, link: link, isForGood: true)
    }
    return .nobody
  }

  /// Both directions of the cables that an event will plug in again.
  func cablesToBePlugged(_ topology: Topology) -> Set<LinkID> {
    var links: Set<LinkID> = []
    for event in topology.events where .start + event.at > now {
      if case .linkUp(let name) = event.action, let cable = names.cables[name] { links.formUnion(cable.links) }
    }
    return links
  }

  /// Who has an address on the link that a port is on, across its switches and the cables that count; with the first of
  /// them that is out.
  private func owner(of address: IPv4Address, reachableFrom port: PortID, _ counts: (LinkID) -> Bool)
    -> (node: NodeID, port: PortIndex, cut: LinkID?)?
  {
    var seen: Set<NodeID> = []
    var open: [(port: PortID, cut: LinkID?)] = [(port, nil)]
    while let (port, wasCut) = open.popLast() {
      guard let link = graph.ports[port].link, counts(link) else { continue }
      let cut = wasCut ?? (links[link].isUp ? nil : link)
      let end = graph.ends[link]
      if mac(of: end.to) != nil {
        if has(address, end.toNode, end.toPort) { return (end.toNode, end.toPort, cut) }
        continue
      }
      guard seen.insert(end.toNode).inserted else { continue }
      for next in graph.nodes[end.toNode].ports where next != end.to && !isBarred(end, next) { open.append((next, cut)) }
    }
    return nil
  }

  /// Whether a switch passes nothing on from where a cable ends to another port: both are isolated, or one is shut.
  private func isBarred(_ end: LinkEnds, _ next: PortID) -> Bool {
    graph.nodes[end.toNode].element.virtualSwitch.map {
      elements.switches[$0].bars(from: end.toPort, to: graph.ports[next].index)
    } ?? false
  }

  /// Its address now, or the one that it will have.
  private func has(_ address: IPv4Address, _ node: NodeID, _ port: PortIndex) -> Bool {
    if elements.read(graph.nodes[node].element, AnswersFor(address: address, port: port)) { return true }
    guard port == PortIndex(0), let machine = machine(node), names.addresses[name(node)] == address else { return false }
    // What a DHCP server keeps for it.
    return elements.machines[machine].guest.stack.address(of: 0) == nil
      && elements.machines[machine].guest.stack.asksByDHCP(on: 0)
  }
}
