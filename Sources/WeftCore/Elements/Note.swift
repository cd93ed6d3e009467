import WeftWire

/// What an element did to a frame, in 16 bytes: kept as a value on the frame path and turned into text in a capture.
public struct Note: BitwiseCopyable, Hashable, Sendable, Codable {
  public enum Kind: UInt8, BitwiseCopyable, Sendable, Codable {
    case none
    /// The source address or port was rewritten.
    case snat
    /// The destination was.
    case dnat
    /// The packet that an ICMP error quotes was.
    case quoted
    /// Its machine waited for a cpu before it could be sent: for how long.
    case waited
    /// It waited until its machine's standby had the state that it comes from: for how long, and which one that is.
    case held
  }

  public var kind: Kind
  public var protocolNumber: UInt8
  public var oldPort: UInt16
  public var newPort: UInt16
  public var oldAddress: UInt32
  public var newAddress: UInt32

  @inlinable public init(
    _ kind: Kind, protocolNumber: UInt8, from oldAddress: IPv4Address, _ oldPort: UInt16, to newAddress: IPv4Address,
    _ newPort: UInt16
  ) {
    self.kind = kind
    self.protocolNumber = protocolNumber
    self.oldPort = oldPort
    self.newPort = newPort
    self.oldAddress = oldAddress.rawValue
    self.newAddress = newAddress.rawValue
  }

  /// For how long a machine waited for a cpu.
  public init(waited time: Nanoseconds) {
    self.init()
    kind = .waited
    oldAddress = UInt32(truncatingIfNeeded: time.rawValue >> 32)
    newAddress = UInt32(truncatingIfNeeded: time.rawValue)
  }

  /// For how long a frame was held for an epoch.
  public init(held time: Nanoseconds, epoch: UInt64) {
    self.init(waited: time)
    kind = .held
    oldPort = UInt16(truncatingIfNeeded: epoch >> 16)
    newPort = UInt16(truncatingIfNeeded: epoch)
  }

  /// Of a held frame.
  public var epoch: UInt64 { UInt64(oldPort) << 16 | UInt64(newPort) }

  /// Of one that tells of a time.
  public var time: Nanoseconds { Nanoseconds(UInt64(oldAddress) << 32 | UInt64(newAddress)) }

  @inlinable init() {
    kind = .none
    protocolNumber = 0
    oldPort = 0
    newPort = 0
    oldAddress = 0
    newAddress = 0
  }

  /// No note, where a value must stand.
  public static let none = Note()
}
