import WeftCore
import WeftSettings
import WeftWire

/// Which VLANs each port of a switch belongs to (IEEE 802.1Q-2018, 8.6.2 and 8.6.4; Linux's `vlan_filtering`).
struct VLANTable: Codable, Sendable {
  struct Port: Codable, Sendable {
    var members: VLANSet
    /// The VLAN of what has no tag, both ways; 0: none.
    var untagged: UInt16

    init(_ settings: VLANPortSettings) { (members, untagged) = (settings.members, settings.untagged ?? 0) }
  }

  /// What was made out of a frame that came in.
  enum Ingress {
    /// `tci`: of its tag, which it has or would have.
    case member(tci: UInt16, isTagged: Bool)
    case refused(vlan: UInt16)
  }

  private(set) var ports: [Port]

  init(ports count: Int) { ports = Array(repeating: Port(VLANPortSettings()), count: count) }

  mutating func addPort() { ports.append(Port(VLANPortSettings())) }
  mutating func set(_ settings: VLANPortSettings, on port: PortIndex) {
    if ports.indices.contains(port.index) { ports[port.index] = Port(settings) }
  }

  /// A tag of VLAN 0 says a priority and nothing else: the frame counts as untagged.
  func classify(_ ethernet: borrowing EthernetView, on port: PortIndex) -> Ingress {
    let own = ports[port.index]
    let tag = ethernet.vlan
    let priority = (tag?.tci ?? 0) & 0xf000
    let identifier = tag.map { $0.identifier == 0 ? own.untagged : $0.identifier } ?? own.untagged
    guard identifier != 0, own.members.contains(identifier) else { return .refused(vlan: tag?.identifier ?? 0) }
    return .member(tci: priority | identifier, isTagged: tag != nil)
  }

  func admits(_ vlan: UInt16, out port: PortIndex) -> Bool { ports[port.index].members.contains(vlan) }
  func isUntagged(_ vlan: UInt16, out port: PortIndex) -> Bool { ports[port.index].untagged == vlan }

  /// Whether some VLAN is of both.
  func meet(_ a: PortIndex, _ b: PortIndex) -> Bool { ports[a.index].members.overlaps(ports[b.index].members) }

  /// Of a decoded one.
  func fits(ports count: Int) -> Bool { ports.count == count }
}

extension Frame {
  /// Puts an 802.1Q tag behind the addresses. False where the frame has no room left for it.
  mutating func pushTag(_ tci: UInt16) -> Bool {
    guard headroom >= 4 else { return false }
    let wasSound = isSound
    prepend(4)
    var bytes = mutableBytes
    bytes.move(from: 4, to: 0, count: 12)
    bytes.put(EtherType.vlan.rawValue, at: 12)
    bytes.put(tci, at: 14)
    isSound = wasSound
    return true
  }

  /// Takes the tag away. Precondition: it has one.
  mutating func popTag() {
    let wasSound = isSound
    var bytes = mutableBytes
    bytes.move(from: 0, to: 4, count: 12)
    dropFirst(4)
    isSound = wasSound
  }

  /// Gives the tag that it has another content.
  mutating func setTag(_ tci: UInt16) {
    let wasSound = isSound
    var bytes = mutableBytes
    bytes.put(tci, at: 14)
    isSound = wasSound
  }
}
