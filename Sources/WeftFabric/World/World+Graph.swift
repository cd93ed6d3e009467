import WeftCore

// Changes of the graph. Ids grow: what is there keeps its own, and its place in the order.
extension World {
  /// Precondition: the element is there, and has so many ports.
  @discardableResult
  mutating func add(_ element: ElementID, _ name: String, _ role: Role, ports: [String]) -> NodeID {
    let queuesFrames = elements.read(element, QueuesFrames())
    let node = graph.addNode(
      element, name, role, packetNumber: packetNumbers.number(of: name), queuesFrames: queuesFrames, ports: ports)
    packetCounts.append(0)
    if recorder.captures != nil { recorder.clocks.append(CausalClock()) }
    scheduler.grow(links: links.count, nodes: graph.nodes.count)
    reschedule(node)
    return node
  }

  /// Lays a cable between two ports that have none. Its random losses are those of the ports' names.
  mutating func connect(
    _ a: PortID, _ b: PortID, _ aToB: LinkParameters, _ bToA: LinkParameters, seed: UInt64
  ) -> Cable {
    let cable = graph.connect(a, b)
    for (from, parameters) in [(a, aToB), (b, bToA)] {
      links.append(
        Link(parameters, random: RandomStream(seed: seed, owner: graph.ports[from].name, purpose: "loss")))
    }
    scheduler.grow(links: links.count, nodes: graph.nodes.count)
    // Floods are to find the way to it.
    dissolveLanes()
    return cable
  }
}

private struct QueuesFrames: ElementReader {
  func read<E: Element>(_ element: borrowing E) -> Bool { E.queuesFrames }
}
