import WeftCore
import WeftGuest
import WeftTopology
import WeftWire

// Nobody answered ARP. Is nobody there, or did chance or time keep the answer away?

extension World {
  /// Why a neighbour did not answer who asked from a port, if it is no more than an accident; nil where nobody could have
  /// answered: no machine on the link has the address, or it is off, or a cable to it is out for good.
  func accident(ofMissing address: IPv4Address, from place: Int, _ topology: Topology) -> String? {
    let plugged = cablesToBePlugged(topology)
    guard let owner = owner(of: address, reachableFrom: place, plugged) else { return nil }
    let name = nodes[owner.node].name
    if nodes[owner.node].kind == .machine {
      let machine = machines[nodes[owner.node].index]
      switch machine.state {
      case .stopped: return nil
      case .paused: return standstill(of: owner.node)
      case .running:
        if machine.guest.address(of: owner.port) == nil { return "\(name) has no address yet" }
      }
    }
    if owner.isCut { return "a cable to \(name) is out for a while" }
    return "the ARP exchange with \(name) was lost"
  }

  /// Links, the first of each cable, that an event will plug in again.
  func cablesToBePlugged(_ topology: Topology) -> Set<Int> {
    var links: Set<Int> = []
    for event in topology.events where .start + event.at > now {
      if case .linkUp(let name) = event.action, let first = names.cables[name] { links.formUnion([first, first + 1]) }
    }
    return links
  }

  /// Who has an address on the link that a port is on, across its switches; a cable that is out for good ends it.
  private func owner(of address: IPv4Address, reachableFrom place: Int, _ plugged: Set<Int>)
    -> (node: Int, port: Int, isCut: Bool)?
  {
    var seen: Set<Int> = []
    var open = [(place: place, isCut: false)]
    while let (place, wasCut) = open.popLast() {
      let link = ports[place].linkOut
      guard link >= 0, links[link].isUp || plugged.contains(link) else { continue }
      let isCut = wasCut || !links[link].isUp
      let node = ends[link].toNode
      let port = ends[link].toPort.index
      switch nodes[node].kind {
      case .virtualSwitch:
        guard seen.insert(node).inserted else { continue }
        for next in nodes[node].firstPort..<nodes[node].firstPort + nodes[node].portCount where next != ends[link].to {
          open.append((next, isCut))
        }
      case .gateway: if gateways[nodes[node].index].owns(address, on: port) { return (node, port, isCut) }
      case .dhcpServer: break
      case .machine: if machine(node, has: address, on: port) { return (node, port, isCut) }
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
