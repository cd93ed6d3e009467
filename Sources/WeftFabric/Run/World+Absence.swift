import WeftCore
import WeftGuest
import WeftTopology
import WeftWire

// Nobody answered ARP. Is nobody there, or did chance or time keep the answer away?

/// Why a neighbour did not answer who asked for its address.
enum Absence {
  /// No machine on the link has the address.
  case nobody
  case standsStill(Int)
  /// It has none yet.
  case hasNoAddress(Int)
  /// A cable between the two is out.
  case isCutOff(Int, link: Int, isForGood: Bool)
  /// It is there, and running: what was asked or answered was lost.
  case lost(Int)
}

extension World {
  /// Why a neighbour did not answer, if it is no more than an accident; nil where nobody could have answered: no machine on
  /// the link has the address, or it is off, or a cable to it is out for good.
  func accident(_ absence: Absence) -> String? {
    switch absence {
    case .nobody, .isCutOff(_, _, isForGood: true): nil
    case .standsStill(let node):
      machines[nodes[node].index].state == .stopped ? nil : standstill(of: node)
    case .hasNoAddress(let node): "\(nodes[node].name) has no address yet"
    case .isCutOff(let node, _, isForGood: false): "a cable to \(nodes[node].name) is out for a while"
    case .lost(let node): "the ARP exchange with \(nodes[node].name) was lost"
    }
  }

  func absence(of address: IPv4Address, from place: Int, _ topology: Topology) -> Absence {
    let plugged = cablesToBePlugged(topology)
    if let owner = owner(of: address, reachableFrom: place, { links[$0].isUp || plugged.contains($0) }) {
      if nodes[owner.node].kind == .machine {
        let machine = machines[nodes[owner.node].index]
        if machine.state != .running { return .standsStill(owner.node) }
        if machine.guest.address(of: owner.port) == nil { return .hasNoAddress(owner.node) }
      }
      if let link = owner.cut { return .isCutOff(owner.node, link: link, isForGood: false) }
      return .lost(owner.node)
    }
    guard topology.events.contains(where: { if case .linkDown = $0.action { true } else { false } }) else { return .nobody }
    if let owner = owner(of: address, reachableFrom: place, { _ in true }), let link = owner.cut {
      return .isCutOff(owner.node, link: link, isForGood: true)
    }
    return .nobody
  }

  /// Links, the first of each cable, that an event will plug in again.
  func cablesToBePlugged(_ topology: Topology) -> Set<Int> {
    var links: Set<Int> = []
    for event in topology.events where .start + event.at > now {
      if case .linkUp(let name) = event.action, let first = names.cables[name] { links.formUnion([first, first + 1]) }
    }
    return links
  }

  /// Who has an address on the link that a port is on, across its switches and the cables that count; with the first of
  /// them that is out.
  private func owner(of address: IPv4Address, reachableFrom place: Int, _ counts: (Int) -> Bool)
    -> (node: Int, port: Int, cut: Int?)?
  {
    var seen: Set<Int> = []
    var open: [(place: Int, cut: Int?)] = [(place, nil)]
    while let (place, wasCut) = open.popLast() {
      let link = ports[place].linkOut
      guard link >= 0, counts(link) else { continue }
      let cut = wasCut ?? (links[link].isUp ? nil : link)
      let node = ends[link].toNode
      let port = ends[link].toPort.index
      switch nodes[node].kind {
      case .virtualSwitch:
        guard seen.insert(node).inserted else { continue }
        for next in nodes[node].firstPort..<nodes[node].firstPort + nodes[node].portCount where next != ends[link].to {
          open.append((next, cut))
        }
      case .gateway: if gateways[nodes[node].index].owns(address, on: port) { return (node, port, cut) }
      case .dhcpServer: break
      case .machine: if machine(node, has: address, on: port) { return (node, port, cut) }
      }
    }
    return nil
  }

  /// Its address now, or the one that it will have.
  private func machine(_ node: Int, has address: IPv4Address, on port: Int) -> Bool {
    let guest = machines[nodes[node].index].guest
    if let own = guest.address(of: port) { return own == address }
    guard guest.configuration.interfaces.indices.contains(port) else { return false }
    if case .static(let planned, _, _) = guest.configuration.interfaces[port].addressing { return planned == address }
    return port == 0 && names.addresses[nodes[node].name] == address
  }
}
