import WeftSettings

// A checkpoint's checksums are against accidents. Whoever makes one by hand gets an error too, not a trap: what types
// can see of themselves they see when they are decoded, what only shows beside the graph shows here.

extension SimulationImage {
  /// Whether every element has the ports that its node has, and every number names something. Precondition: the world has
  /// the image's elements; `machines` are those that the topology names.
  func fits(_ world: borrowing World, machines: Set<String>) -> Bool {
    for node in world.graph.nodes.ids {
      let ports = world.elements.read(world.graph.nodes[node].element, ReadPortCount())
      guard ports == world.graph.nodes[node].portCount else { return false }
    }
    // A try that nobody makes is never over.
    guard topology.expectations.allSatisfy({ $0.probe is any LabSettings || machines.contains($0.from) }) else { return false }
    guard storage.isConsistent else { return false }
    for (node, machine) in world.machineNodes {
      guard let work = world.elements.machines[machine].work?.value else { continue }
      guard world.processors.has(work, of: node.index, nodes: world.graph.nodes.count) else { return false }
    }
    let (nodes, ports) = (world.graph.nodes.count, world.graph.ports.count)
    return director.fits(topology, machines: world.bootOrder.count) && drops.all.allSatisfy { $0.port.index < ports }
      && events.fits(nodes: nodes) && traces.allSatisfy { $0.node.index < nodes && $0.port.index < ports }
      && migrations.isConsistent { $0.index < nodes && world.machine($0) != nil }
      && standbys.isConsistent(topology) { $0.index < nodes && world.machine($0) != nil }
      && hosts.map(\.name) == world.hosts.map(\.name)
      && probes.isConsistent { (0..<nodes).contains($0) && world.machine(NodeID($0)) != nil }
  }
}
