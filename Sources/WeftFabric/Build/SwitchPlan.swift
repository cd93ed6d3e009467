import WeftCore
import WeftSettings
import WeftSwitch
import WeftTopology
import WeftWire

/// The VLANs, spanning trees and ports of all switches. A switch of which none is said has none of it.
struct SwitchPlan {
  private var ports: [(end: GraphPlan.End, vlans: VLANPortSettings, settings: SwitchPortSettings)] = []
  /// Those that carry all VLANs of a switch that has any.
  private var trunks: [(end: GraphPlan.End, vlans: VLANPortSettings)] = []
  private var trees: [(node: NodeID, name: String, settings: SpanningTreeSettings)] = []
  /// Switches with VLANs, whatever their ports say.
  private var withVLANs: Set<NodeID> = []

  mutating func add(_ vlans: VLANPortSettings, _ settings: SwitchPortSettings, at end: GraphPlan.End) {
    if !vlans.isEmpty || !settings.isEmpty { ports.append((end, vlans, settings)) }
    if !vlans.isEmpty { withVLANs.insert(end.node) }
  }

  /// A port that is all VLANs' where the switch has them and `vlans` says nothing else.
  mutating func addTrunk(_ vlans: VLANPortSettings, at end: GraphPlan.End) {
    trunks.append((end, vlans.isEmpty ? .everything : vlans))
  }

  mutating func addTree(_ settings: SpanningTreeSettings, name: String, _ node: NodeID) {
    if settings.mode != .off { trees.append((node, name, settings)) }
  }

  mutating func addVLANs(to node: NodeID) { withVLANs.insert(node) }

  func apply(to world: inout World, _ plan: GraphPlan, _ macs: inout MACPlan, seed: UInt64) {
    for (end, vlans) in trunks where withVLANs.contains(end.node) {
      world.withSwitch(end.node) { $0.setVLANs(vlans, on: end.port) }
    }
    for (end, vlans, settings) in ports {
      world.withSwitch(end.node) { bridge in
        if !vlans.isEmpty { bridge.setVLANs(vlans, on: end.port) }
        // An inside port of a switch without a tree has nothing to say.
        if settings != .inside || trees.contains(where: { $0.node == end.node }) { bridge.setPort(settings, on: end.port) }
      }
    }
    for (node, name, settings) in trees {
      var rates = [UInt64?](repeating: nil, count: plan.nodes[node.index].ports.count)
      for cable in plan.cables {
        let rate = [cable.aToB.rate, cable.bToA.rate].compactMap(\.self).min()
        for end in [cable.a, cable.b] where end.node == node { rates[end.port.index] = rate }
      }
      // All are on before the first machine is; the seconds of each are its own.
      var stream = RandomStream(seed: seed, owner: name, purpose: "spanning-tree")
      let phase = Nanoseconds(1 + stream.next(below: 999_999_999))
      let mac = macs[name, "bridge"]
      world.withSwitch(node) { $0.setTree(settings, mac: mac, rates: rates, start: .start, phase: phase) }
    }
  }
}

extension SwitchPortSettings {
  /// Of a port inside a host, behind which there is no switch.
  static let inside: SwitchPortSettings = {
    var settings = SwitchPortSettings()
    settings.edge = true
    return settings
  }()
}

extension WorldBuilder {
  /// The switches of a segment and the cables between them.
  mutating func addSwitches(of segment: Segment) {
    let own =
      segment.switches.isEmpty ? [SegmentSwitch(segment.name, tree: segment.tree)] : segment.switches
    for (index, each) in own.enumerated() {
      let node = addSwitch(each.name, .segment(segment.name), fdb: FDBSettings(limit: 65_536))
      if index == 0 { switchOfSegment[segment.name] = node }
      if !segment.switches.isEmpty { switchNodes[each.name] = node }
      switching.addTree(each.tree, name: each.name, node)
      if hasVLANs(segment.name) { switching.addVLANs(to: node) }
      cover(segment.name, node)
      if each.name != segment.name { cover(each.name, node) }
    }
    for (cable, names) in zip(segment.cables, segment.cableEnds) {
      guard let a = switchNodes[cable.a], let b = switchNodes[cable.b] else { continue }
      let (near, far) = (plan.port(a, names.a.port), plan.port(b, names.b.port))
      plan.connect(near, far, cable.link, name: names.a, names.b)
      for end in [near, far] {
        switching.addTrunk(cable.vlans, at: end)
        switching.add(VLANPortSettings(), cable.port, at: end)
      }
    }
  }

  private func hasVLANs(_ segment: String) -> Bool { topology.segments.contains { $0.parent == segment } }

  /// A VLAN goes over another segment's switches.
  mutating func addVLAN(_ segment: Segment) {
    guard let parent = segment.parent, let first = switchOfSegment[parent] else { return }
    switchOfSegment[segment.name] = first
    for node in names.covered[parent] ?? [] { cover(segment.name, node) }
  }
}

extension World {
  /// Nothing where its cables lead to no switch.
  mutating func addMirror(_ mirror: MirrorSettings, _ names: NameTable) {
    func far(_ name: LinkName) -> (node: NodeID, port: PortIndex)? {
      guard let cable = names.cables[name] else { return nil }
      let ends = [graph.ends[cable.there].from, graph.ends[cable.there].to]
      return ends.map { (graph.ports[$0].node, graph.ports[$0].index) }.first { self.name($0.0) != name.node }
    }
    guard let target = far(mirror.to) else { return }
    let sources = mirror.from.compactMap(far).filter { $0.node == target.node }.map(\.port)
    withSwitch(target.node) {
      $0.addMirror(to: target.port, of: mirror.from.isEmpty ? nil : sources, vlan: mirror.vlan ?? 0)
    }
  }
}
