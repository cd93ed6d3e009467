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
    guard let site, let first = site.switches[network] else { return [] }
    // A VLAN's are those of the segment that it is on.
    let segment = site.topology.segments.first { $0.name == network }.map { $0.parent ?? $0.name }
    let bridges = segment.map { segment in
      graph.nodes.ids.filter { if case .segment(segment) = graph.nodes[$0].role { true } else { false } }
    }
    var nodes = Set(bridges ?? [first])
    for bridge in nodes {
      for port in graph.nodes[bridge].ports {
        if let link = graph.ports[port].link { nodes.insert(graph.ends[link].toNode) }
      }
    }
    return nodes
  }
}
