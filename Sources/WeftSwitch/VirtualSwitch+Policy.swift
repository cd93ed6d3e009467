import WeftCore
import WeftSettings
import WeftWire

// What a switch is told of its ports before it begins.
extension VirtualSwitch {
  private mutating func withPolicy(_ body: (inout SwitchPolicy) -> Void) {
    var own = policy ?? SwitchPolicy(ports: portCount)
    policy = nil
    body(&own)
    (policy, isManaged) = (own, true)
  }

  /// The VLANs of a port. From the first one on the switch has VLANs, and its other ports are of VLAN 1.
  public mutating func setVLANs(_ settings: VLANPortSettings, on port: PortIndex) {
    withPolicy { policy in
      var table = policy.vlans ?? VLANTable(ports: policy.ports.count)
      table.set(settings, on: port)
      policy.vlans = table
    }
  }

  public mutating func setPort(_ settings: SwitchPortSettings, on port: PortIndex) {
    withPolicy { $0.set(settings, on: port) }
  }

  /// `target` gets a copy of what `sources` send and receive, nil of all, and is no member of the switch besides. `vlan`: 0, or only of
  /// that one.
  public mutating func addMirror(to target: PortIndex, of sources: [PortIndex]?, vlan: UInt16 = 0) {
    withPolicy { $0.add(Mirror(target: target, sources: sources, vlan: vlan)) }
  }

  /// Begins a spanning tree over all ports, which are as `setPort` has them. `rates`: of their cables; `start`: when the switch is
  /// switched on.
  public mutating func setTree(
    _ settings: SpanningTreeSettings, mac: MACAddress, rates: [UInt64?], start: Instant, phase: Nanoseconds
  ) {
    guard settings.mode != .off else { return }
    var tree = SpanningTree(settings, mac: mac, start: start, phase: phase)
    withPolicy { policy in
      for (index, port) in policy.ports.enumerated() {
        tree.addPort(port, rate: rates.indices.contains(index) ? rates[index] : nil)
        tree.setEnabled(index, true, now: start)
      }
      policy.tree = tree
    }
    treeDeadline = start
  }

  /// A cable is plugged into a port that was added while the switch runs. Its spanning tree begins with it at the next second.
  public mutating func plug(_ vlans: VLANPortSettings, _ settings: SwitchPortSettings, rate: UInt64?, on port: PortIndex) {
    if !vlans.isEmpty || hasVLANs { setVLANs(vlans, on: port) }
    if !settings.isEmpty { setPort(settings, on: port) }
    guard policy?.tree != nil else { return }
    withPolicy { $0.tree?.open(port, settings, rate: rate) }
  }

  public var tree: SpanningTree? { policy?.tree }
  public var hasVLANs: Bool { policy?.vlans != nil }
}
