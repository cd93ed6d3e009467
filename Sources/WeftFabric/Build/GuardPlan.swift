import WeftCore
import WeftSettings
import WeftSwitch

/// Who is behind which switch port, and what is checked of them. A switch none of whose ports is guarded gets none of it.
struct GuardPlan {
  private var ports: [(end: GraphPlan.End, settings: GuardSettings, station: Station)] = []
  private var stations: [(node: NodeID, station: Station)] = []

  mutating func add(_ settings: GuardSettings, _ station: Station, at end: GraphPlan.End) {
    ports.append((end, settings, station))
  }

  /// Of somebody who isn't guarded.
  mutating func add(_ station: Station, on node: NodeID) { stations.append((node, station)) }

  func apply(to world: inout World) {
    let guarded = Set(ports.filter { !$0.settings.isEmpty }.map(\.end.node))
    guard !guarded.isEmpty else { return }
    for (end, settings, station) in ports where guarded.contains(end.node) {
      world.withSwitch(end.node) { $0.setGuard(settings, station: station, on: end.port) }
    }
    for (node, station) in stations where guarded.contains(node) { world.withSwitch(node) { $0.addStation(station) } }
  }
}

extension World {
  /// Nothing where the node is none.
  mutating func withSwitch(_ node: NodeID, _ body: (inout VirtualSwitch) -> Void) {
    if let bridge = graph.nodes[node].element.virtualSwitch { body(&elements.switches[bridge]) }
  }
}
