/// One block of a pcapng file, as far as we have a use for it.
public enum PcapngBlock: Sendable, Hashable {
  case section(Section)
  case interface(Interface)
  case names([CaptureMetadata.HostName])
  case packet(Packet)
  case statistics(Statistics)
  /// A block of another type, skipped.
  case other(type: UInt32)

  public struct Section: Sendable, Hashable {
    public var comments: [String] = []
    public var application: String?
  }

  public struct Interface: Sendable, Hashable {
    public var linkType: UInt16
    public var snapLength: UInt32
    public var name: String?
    public var description: String?
    public var speed: UInt64?
    /// How many units of a timestamp make a second.
    public var ticksPerSecond: UInt64 = 1_000_000
    /// Seconds to be added to every timestamp.
    public var offset: Int64 = 0
  }

  public struct Packet: Sendable, Hashable {
    /// From 1, as Wireshark counts.
    public var frameNumber: UInt64
    public var interface: UInt32
    public var timestampNanos: UInt64
    public var bytes: [UInt8]
    public var originalLength: Int
    public var comments: [String] = []
    public var flags: UInt32?
    public var packetID: UInt64?
    public var dropCount: UInt64?

    /// The direction in the flags' lowest bits (section 4.3.1); nil if unknown.
    public var isInbound: Bool? {
      switch (flags ?? 0) & 3 {
      case 1: true
      case 2: false
      default: nil
      }
    }
  }

  public struct Statistics: Sendable, Hashable {
    public var interface: UInt32
    public var received: UInt64?
    public var dropped: UInt64?
    public var startNanos: UInt64?
    public var endNanos: UInt64?
  }
}

/// Where and why a file isn't pcapng.
public struct PcapngError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: String, Sendable, Hashable {
    case notPcapng = "doesn't begin with a section header"
    case truncated = "the file ends inside a block"
    case badLength = "a block's length is wrong"
    case lengthsDiffer = "a block's two lengths differ"
    case badByteOrder = "a section's byte-order magic is wrong"
    case unknownVersion = "a section of a version other than 1"
    case shortBlock = "a block is too short for its type"
    case badOption = "an option or record is longer than its block"
    case unknownInterface = "a packet or its statistics name an interface that isn't there"
    case badTime = "a time is out of range"
  }

  public var reason: Reason
  /// In octets from the file's start, of the block or of the option at fault.
  public var offset: Int

  public var description: String { "at offset \(offset): \(reason.rawValue)" }
}
