import WeftCore
import WeftWire

/// A bridge's priority and MAC address as one number: the least is the root (IEEE 802.1D-2004, 9.2.5).
public struct BridgeIdentifier: Hashable, Comparable, Codable, Sendable, BitwiseCopyable, CustomStringConvertible {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public init(priority: UInt16, mac: MACAddress) { rawValue = UInt64(priority) << 48 | mac.rawValue }

  public var priority: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 48) }
  public var mac: MACAddress { MACAddress(rawValue: rawValue & 0xffff_ffff_ffff) }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  /// As `brctl showstp` and the standards' examples have it: `32768.02:00:00:00:00:01`.
  public var description: String { "\(priority).\(mac)" }
}

/// What is compared to find out who is nearer to the root; the lesser is the better (17.5, without the receiving port).
struct PriorityVector: Hashable, Comparable, Codable, Sendable, BitwiseCopyable {
  var root: BridgeIdentifier
  var cost: UInt32
  var bridge: BridgeIdentifier
  var port: UInt16

  static func < (a: Self, b: Self) -> Bool { (a.root, a.cost, a.bridge, a.port) < (b.root, b.cost, b.bridge, b.port) }
}

/// In units of 1/256 s, as on the wire (9.2.8).
struct TreeTimes: Hashable, Codable, Sendable, BitwiseCopyable {
  var messageAge: UInt16 = 0
  var maxAge: UInt16
  var hello: UInt16
  var forwardDelay: UInt16

  static let second: UInt16 = 256

  /// In whole seconds, what is begun counted: what a timer is set to.
  static func ticks(_ time: UInt16) -> Int { (Int(time) + 255) / 256 }
}

/// What bridges tell each other (IEEE 802.1D-2004, clause 9).
struct BPDU: Hashable, Codable, Sendable, BitwiseCopyable {
  enum Kind: UInt8, Codable, Sendable, BitwiseCopyable {
    case configuration = 0x00
    case rapid = 0x02
    case topologyChangeNotification = 0x80
  }

  enum Role: UInt8, Codable, Sendable, BitwiseCopyable { case unknown, alternateOrBackup, root, designated }

  var kind: Kind
  var flags: UInt8 = 0
  var vector: PriorityVector
  var times: TreeTimes

  static let topologyChange: UInt8 = 0x01
  static let proposal: UInt8 = 0x02
  static let learning: UInt8 = 0x10
  static let forwarding: UInt8 = 0x20
  static let agreement: UInt8 = 0x40
  static let acknowledgment: UInt8 = 0x80

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

  /// A configuration BPDU says implicitly that a designated port sends it.
  var role: Role { kind == .configuration ? .designated : Role(rawValue: flags >> 2 & 3) ?? .unknown }

  /// The group that bridges hear, and nobody passes on.
  static let group = MACAddress(rawValue: 0x0180_c200_0000)
  /// LLC's service access point of the spanning tree, both ends, and unnumbered information.
  private static let link: (UInt8, UInt8, UInt8) = (0x42, 0x42, 0x03)
  private static let none = PriorityVector(
    root: BridgeIdentifier(rawValue: 0), cost: 0, bridge: BridgeIdentifier(rawValue: 0), port: 0)

  static func notification() -> BPDU {
    BPDU(kind: .topologyChangeNotification, vector: none, times: TreeTimes(maxAge: 0, hello: 0, forwardDelay: 0))
  }

  private var length: Int {
    switch kind {
    case .configuration: 35
    case .rapid: 36
    case .topologyChangeNotification: 4
    }
  }

  /// The frame it goes in, padded to what Ethernet asks for.
  func frame(from source: MACAddress, _ out: inout Effects) -> Frame {
    var frame = out.frame(count: 60)
    var bytes = frame.mutableBytes
    for index in 0..<60 { bytes.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
    bytes.put(Self.group, at: 0)
    bytes.put(source, at: 6)
    bytes.put(UInt16(3 + length), at: 12)
    for (index, byte) in [Self.link.0, Self.link.1, Self.link.2].enumerated() {
      bytes.storeBytes(of: byte, toByteOffset: 14 + index, as: UInt8.self)
    }
    // Protocol identifier 0; the version of a configuration BPDU and of a notification is 0 too.
    bytes.storeBytes(of: kind == .rapid ? 2 : 0, toByteOffset: 19, as: UInt8.self)
    bytes.storeBytes(of: kind.rawValue, toByteOffset: 20, as: UInt8.self)
    guard kind != .topologyChangeNotification else { return frame }
    bytes.storeBytes(of: flags, toByteOffset: 21, as: UInt8.self)
    bytes.put(UInt16(truncatingIfNeeded: vector.root.rawValue >> 48), at: 22)
    bytes.put(vector.root.mac, at: 24)
    bytes.put(vector.cost, at: 30)
    bytes.put(UInt16(truncatingIfNeeded: vector.bridge.rawValue >> 48), at: 34)
    bytes.put(vector.bridge.mac, at: 36)
    bytes.put(vector.port, at: 42)
    bytes.put(times.messageAge, at: 44)
    bytes.put(times.maxAge, at: 46)
    bytes.put(times.hello, at: 48)
    bytes.put(times.forwardDelay, at: 50)
    return frame
  }

  static func isOne(_ frame: RawSpan) -> Bool { frame.byteCount >= 14 && frame.mac(0) == group }

  /// Of a frame to `group`; nil where it isn't one that 9.3.4 lets through.
  init?(_ frame: RawSpan) {
    guard frame.byteCount >= 21, frame.mac(0) == Self.group, frame.u8(14) == Self.link.0, frame.u8(15) == Self.link.1,
      frame.u8(16) == Self.link.2, frame.u16(17) == 0
    else { return nil }
    let said = Int(frame.u16(12))
    guard said >= 7, said <= frame.byteCount - 14 else { return nil }
    let length = said - 3
    let (version, type) = (frame.u8(19), frame.u8(20))
    if type == Kind.topologyChangeNotification.rawValue {
      self = .notification()
      return
    }
    // A later version's rapid BPDU begins as a version 2 one does.
    if type == Kind.rapid.rawValue, version >= 2, length >= 36 {
      kind = .rapid
    } else if type == Kind.configuration.rawValue, length >= 35 {
      kind = .configuration
    } else {
      return nil
    }
    flags = frame.u8(21)
    vector = PriorityVector(
      root: BridgeIdentifier(rawValue: UInt64(frame.u16(22)) << 48 | frame.mac(24).rawValue), cost: frame.u32(30),
      bridge: BridgeIdentifier(rawValue: UInt64(frame.u16(34)) << 48 | frame.mac(36).rawValue), port: frame.u16(42))
    times = TreeTimes(
      messageAge: frame.u16(44), maxAge: frame.u16(46), hello: frame.u16(48), forwardDelay: frame.u16(50))
    guard kind == .rapid || times.messageAge < times.maxAge else { return nil }
    // What a timer is set to must not be forever.
    times.hello = min(max(times.hello, TreeTimes.second), 10 * TreeTimes.second)
    times.maxAge = min(max(times.maxAge, 6 * TreeTimes.second), 40 * TreeTimes.second)
    times.forwardDelay = min(max(times.forwardDelay, 4 * TreeTimes.second), 30 * TreeTimes.second)
  }

  init(kind: Kind, flags: UInt8 = 0, vector: PriorityVector, times: TreeTimes) {
    (self.kind, self.flags, self.vector, self.times) = (kind, flags, vector, times)
  }
}
