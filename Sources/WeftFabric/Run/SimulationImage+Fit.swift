// A checkpoint's checksums are against accidents. Whoever makes one by hand gets an error too, not a trap: what types
// can see of themselves they see when they are decoded, what only shows beside the graph shows here.

extension SimulationImage {
  /// Whether every element has the ports that its node has, and every number names something. Precondition: there are
  /// as many elements of each kind as in the world.
  func fits(_ world: borrowing World) -> Bool {
    for index in world.nodes.indices {
      let node = world.nodes[index]
      let ports: Int
      switch node.kind {
      case .virtualSwitch: ports = switches[node.index].portCount
      case .gateway: ports = gateways[node.index].configuration.insides.count + 2
      case .dhcpServer:
        ports = 1
        guard servers[node.index].isConsistent else { return false }
      case .machine:
        ports = machines[node.index].interfaces.count
        guard machines[node.index].guest.configuration.interfaces.count == ports else { return false }
        guard machines[node.index].guest.isConsistent else { return false }
      }
      guard ports == node.portCount else { return false }
    }
    // A try that nobody makes is never over.
    guard topology.expectations.allSatisfy({ world.names.machines[$0.from] != nil }) else { return false }
    let (nodes, ports) = (world.nodes.indices, world.ports.indices)
    return director.fits(topology, machines: world.bootOrder.count) && drops.all.allSatisfy { ports.contains($0.port) }
      && traces.allSatisfy { nodes.contains($0.node) && ports.contains($0.port) }
      && probing.allSatisfy { nodes.contains($0) && world.nodes[$0].kind == .machine }
  }
}
