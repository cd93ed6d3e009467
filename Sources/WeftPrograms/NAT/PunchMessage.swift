import WeftStack
import WeftWire

/// What two machines that want to meet, and the third they both can reach, say to each other; 20 bytes over UDP and
/// TCP:
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                         "WFHP"                                |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |     Kind      |     Flag      |             Port              |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                          Address                              |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                        Meeting (64 bits)                      |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct PunchMessage: Equatable {
  enum Kind: UInt8 {
    /// To the third machine: I'm one of the two. The flag is which.
    case register
    /// From it: here is the other one, by the address and port that I see.
    case peer
    /// To each other. The flag says: I have heard you.
    case hello
  }

  static let length = 20
  private static let magic: UInt32 = 0x5746_4850

  var kind: Kind
  var flag: Bool
  /// The same for both, different from that of every other two.
  var meeting: UInt64
  var peer = TransportAddress(IPv4Address(rawValue: 0), 0)

  init(_ kind: Kind, meeting: UInt64, flag: Bool = false) {
    self.kind = kind
    self.meeting = meeting
    self.flag = flag
  }

  init?(_ bytes: RawSpan) {
    guard bytes.byteCount == Self.length, bytes.u32(0) == Self.magic, let kind = Kind(rawValue: bytes.u8(4)) else {
      return nil
    }
    self.init(kind, meeting: UInt64(bytes.u32(12)) << 32 | UInt64(bytes.u32(16)), flag: bytes.u8(5) != 0)
    peer = TransportAddress(bytes.ipv4(8), bytes.u16(6))
  }

  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.length)
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    span.put(Self.magic, at: 0)
    span.put(kind.rawValue, at: 4)
    span.put(flag ? 1 : 0 as UInt8, at: 5)
    span.put(peer.port, at: 6)
    span.put(peer.address, at: 8)
    span.put(UInt32(truncatingIfNeeded: meeting >> 32), at: 12)
    span.put(UInt32(truncatingIfNeeded: meeting), at: 16)
    return bytes
  }
}

extension Stack {
  /// The next message of a connection; nil until it is all there. What can't be one ends the connection.
  mutating func readPunchMessage(_ id: SocketID) -> PunchMessage? {
    guard readable(id) >= PunchMessage.length else { return nil }
    guard let message = PunchMessage(read(id, PunchMessage.length).span.bytes) else {
      abort(id)
      return nil
    }
    return message
  }
}
