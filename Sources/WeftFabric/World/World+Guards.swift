import WeftCore
import WeftSettings
import WeftSwitch
import WeftTopology
import WeftWire

// Guards go with whom they guard: a NIC that is added or plugged elsewhere has them at its new port, with the address that it
// has, so that what it says there is no forgery.
extension World {
  /// Has the switch port at the far end of a NIC's cable guarded, as the NIC and its network have it.
  mutating func guardPort(behind port: PortID, _ nic: NIC, on network: String, lease: PortGuard.Lease? = nil) {
    guard let site, let link = graph.ports[port].link, let mac = mac(of: port) else { return }
    let (bridge, far) = (graph.ends[link].toNode, graph.ends[link].toPort)
    let rate = [links[link].parameters.rate, links[graph.ends[link].reverse].parameters.rate].compactMap(\.self).min()
    withSwitch(bridge) { $0.plug(nic.vlans, nic.port, rate: rate, on: far) }
    let settings = nic.guards.over(site.network(network)?.network.guards ?? GuardSettings())
    // Nothing is declared, and nothing begins to look.
    guard !settings.isEmpty || graph.nodes[bridge].element.virtualSwitch.map({ elements.switches[$0].isGuarded }) == true else {
      return
    }
    let isSamePlace = site.addresses.place(of: network) == site.addresses.place(of: nic.network)
    let address = nic.settled ?? (isSamePlace ? nic.reservation : nil)
    withSwitch(bridge) {
      $0.setGuard(settings, station: Station(mac: mac, address: address), on: far)
      if isSamePlace { $0.setLease(lease, on: far) }
    }
  }

  /// What the file, or a change since, says of a NIC, and what it has by DHCP as its port knows it.
  func guardedNIC(_ port: PortID, _ name: LinkName) -> (nic: NIC, lease: PortGuard.Lease?)? {
    guard var nic = declaredNIC(graph.ports[port].index.index, of: name.node) else { return nil }
    guard let link = graph.ports[port].link else { return (nic, nil) }
    let (bridge, far) = (graph.ends[link].toNode, graph.ends[link].toPort)
    // Where it is now is where its lease is good.
    if let network = networkName(of: bridge) { nic.network = network }
    return (nic, graph.nodes[bridge].element.virtualSwitch.flatMap { elements.switches[$0].lease(on: far) })
  }

  private func networkName(of bridge: NodeID) -> String? {
    switch graph.nodes[bridge].role {
    case .network(let name, _): name
    case .segment, .gateway, .dhcpServer, .host, .vm, .custom: nil
    }
  }

  private func declaredNIC(_ index: Int, of vm: String) -> NIC? {
    declared(vm).flatMap { $0.nics.indices.contains(index) ? $0.nics[index] : nil }
  }

  /// A VM as the file, or a change since, has it.
  func declared(_ vm: String) -> VM? {
    var found = site?.topology.vms.first { $0.name == vm }
    for change in changes {
      switch change {
      case .addVM(let added): if added.name == vm { found = added }
      case .addNIC(let to, let nic): if to == vm { found?.nics.append(nic) }
      case .removeVM, .removeNIC, .plug, .moveVM, .addPort: break
      }
    }
    return found
  }
}
