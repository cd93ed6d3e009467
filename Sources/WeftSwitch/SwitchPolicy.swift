import WeftCore
import WeftSettings
import WeftWire

/// What a switch has beside learning and flooding: VLANs, a spanning tree, ports that don't learn or get no floods. One that has none
/// of it takes the short way.
struct SwitchPolicy: Codable, Sendable {
  var vlans: VLANTable?
  var tree: SpanningTree?
  /// Of all ports, in their order.
  private(set) var ports: [SwitchPortSettings]

  init(ports count: Int) { ports = Array(repeating: SwitchPortSettings(), count: count) }

  mutating func addPort() {
    ports.append(SwitchPortSettings())
    vlans?.addPort()
    tree?.addPort(SwitchPortSettings(), rate: nil)
  }

  mutating func set(_ settings: SwitchPortSettings, on port: PortIndex) {
    if ports.indices.contains(port.index) { ports[port.index] = settings }
  }

  /// Why nothing goes out of a port now.
  func refusal(out egress: PortIndex, vlan: UInt16) -> (reason: DropReason, detail: DropDetail)? {
    if let tree, !tree.isForwarding(egress) { return (.stpBlocking, .none) }
    if let vlans, !vlans.admits(vlan, out: egress) { return (.vlanFiltered, .vlan(vlan)) }
    return nil
  }

  /// Of a decoded one.
  func fits(ports count: Int) -> Bool {
    ports.count == count && vlans?.fits(ports: count) ?? true && tree?.fits(ports: count) ?? true
  }
}
