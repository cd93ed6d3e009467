import WeftCore
import WeftSettings

extension EventProbeSettings: LabCheck {
  func look(at world: borrowing World) -> TryOutcome {
    let nodes = network.map { world.nodes(on: $0) }
    let seen = world.recorder.events.count(kind, at: nodes)
    return TryOutcome(kind: count.holds(seen) ? .open : .failed, text: "\(seen) \(seen == 1 ? "time" : "times")")
  }
}

extension World {
  /// The switch of a network or segment, and who is plugged into it.
  fileprivate func nodes(on network: String) -> Set<NodeID> {
    guard let bridge = site?.switches[network] else { return [] }
    var nodes: Set = [bridge]
    for port in graph.nodes[bridge].ports {
      if let link = graph.ports[port].link { nodes.insert(graph.ends[link].toNode) }
    }
    return nodes
  }
}
