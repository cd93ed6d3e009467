import WeftCore
import WeftSettings
import WeftWire

/// A port that gets copies of what others send and receive.
struct Mirror: Codable, Sendable {
  var target: PortIndex
  /// Nil: all others.
  var sources: [PortIndex]?
  /// 0: of all VLANs.
  var vlan: UInt16

  func takes(_ port: PortIndex, vlan: UInt16) -> Bool {
    (self.vlan == 0 || self.vlan == vlan) && port != target && sources.map { $0.contains(port) } ?? true
  }
}

/// What a switch has beside learning and flooding: VLANs, a spanning tree, ports that don't learn or get no floods. One that has none
/// of it takes the short way.
struct SwitchPolicy: Codable, Sendable {
  var vlans: VLANTable?
  var tree: SpanningTree?
  /// Each to another port.
  private(set) var mirrors: [Mirror] = []
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

  mutating func add(_ mirror: Mirror) { mirrors.append(mirror) }
  mutating func removeMirrors(to port: PortIndex) { mirrors.removeAll { $0.target == port } }

  func isMirror(_ port: PortIndex) -> Bool { mirrors.contains { $0.target == port } }

  /// Why nothing goes out of a port now.
  func refusal(out egress: PortIndex, vlan: UInt16) -> (reason: DropReason, detail: DropDetail)? {
    if !mirrors.isEmpty, isMirror(egress) { return (.mirrorPort, .none) }
    if let tree, !tree.isForwarding(egress) { return (.stpListening, .none) }
    if let vlans, !vlans.admits(vlan, out: egress) { return (.vlanFiltered, .vlan(vlan)) }
    return nil
  }

  /// Of a decoded one.
  func fits(ports count: Int) -> Bool {
    ports.count == count && mirrors.allSatisfy { $0.target.index < count } && vlans?.fits(ports: count) ?? true
      && tree?.fits(ports: count) ?? true
  }
}
