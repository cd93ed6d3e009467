import WeftStack
import WeftWire

/// A STUN message of the Binding method (RFC 8489) with what RFC 5780 adds to tell NATs apart:
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |0 0|     STUN Message Type     |         Message Length        |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                         Magic Cookie                          |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///     |                     Transaction ID (96 bits)                  |
///     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct STUNMessage: Hashable {
  enum Kind: UInt16 {
    case request = 0x0001
    /// Between two servers: answer this client in my stead.
    case indication = 0x0011
    case success = 0x0101
    case failure = 0x0111
  }

  struct Transaction: Codable, Hashable {
    var high: UInt32
    var low: UInt64
  }

  private enum Attribute {
    static let changeRequest: UInt16 = 0x0003
    static let errorCode: UInt16 = 0x0009
    static let unknownAttributes: UInt16 = 0x000a
    static let xorMappedAddress: UInt16 = 0x0020
    /// From here on, one that isn't known may be passed over (RFC 8489, 14).
    static let firstOptional: UInt16 = 0x8000
    static let responseOrigin: UInt16 = 0x802b
    static let otherAddress: UInt16 = 0x802c
  }

  static let port: UInt16 = 3478
  static let headerLength = 20
  private static let magic: UInt32 = 0x2112_a442

  var kind: Kind
  var transaction: Transaction
  /// CHANGE-REQUEST (RFC 5780, 7.2).
  var changesAddress = false
  var changesPort = false
  /// XOR-MAPPED-ADDRESS: the client as the server sees it.
  var mapped: TransportAddress?
  /// From where the answer was sent.
  var origin: TransportAddress?
  /// Where the server could answer from if asked to change both.
  var other: TransportAddress?
  /// ERROR-CODE.
  var error: UInt16?
  /// The first attribute of a message that had to be understood and wasn't; not written.
  private(set) var unknown: UInt16?

  init(_ kind: Kind, _ transaction: Transaction) {
    self.kind = kind
    self.transaction = transaction
  }

  /// Nil where it isn't STUN, or isn't whole.
  init?(_ bytes: RawSpan) {
    let count = bytes.byteCount
    guard count >= Self.headerLength, let kind = Kind(rawValue: bytes.u16(0)), bytes.u32(4) == Self.magic,
      count == Self.headerLength + Int(bytes.u16(2)), count % 4 == 0
    else { return nil }
    self.init(kind, Transaction(high: bytes.u32(8), low: UInt64(bytes.u32(12)) << 32 | UInt64(bytes.u32(16))))
    var offset = Self.headerLength
    while offset < count {
      // All is padded to four bytes, so that a header is always whole.
      let type = bytes.u16(offset)
      let length = Int(bytes.u16(offset + 2))
      let value = offset + 4
      guard value + (length + 3) & ~3 <= count else { return nil }
      switch type {
      case Attribute.changeRequest:
        guard length == 4 else { return nil }
        changesAddress = bytes.u32(value) & 4 != 0
        changesPort = bytes.u32(value) & 2 != 0
      case Attribute.xorMappedAddress, Attribute.responseOrigin, Attribute.otherAddress:
        guard length == 8, bytes.u16(value) & 0xff == 1 else { return nil }
        let place = TransportAddress(bytes.ipv4(value + 4), bytes.u16(value + 2))
        switch type {
        case Attribute.responseOrigin: origin = place
        case Attribute.otherAddress: other = place
        default: mapped = Self.xored(place)
        }
      case Attribute.errorCode:
        guard length >= 4 else { return nil }
        error = UInt16(bytes.u8(value + 2) & 7) * 100 + UInt16(bytes.u8(value + 3))
      case Attribute.unknownAttributes: break
      default: if type < Attribute.firstOptional { unknown = unknown ?? type }
      }
      offset = value + (length + 3) & ~3
    }
  }

  /// The same both ways: old NATs rewrote whatever looked like an address (RFC 8489, 14.2).
  private static func xored(_ place: TransportAddress) -> TransportAddress {
    TransportAddress(
      IPv4Address(rawValue: place.address.rawValue ^ magic), place.port ^ UInt16(truncatingIfNeeded: magic >> 16))
  }

  /// As it goes over the wire.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func put(_ value: UInt16) {
      bytes.append(UInt8(truncatingIfNeeded: value >> 8))
      bytes.append(UInt8(truncatingIfNeeded: value))
    }
    func put(_ value: UInt32) {
      put(UInt16(truncatingIfNeeded: value >> 16))
      put(UInt16(truncatingIfNeeded: value))
    }
    func put(_ type: UInt16, _ place: TransportAddress?) {
      guard let place else { return }
      put(type)
      put(8 as UInt16)
      put(1 as UInt16)
      put(place.port)
      put(place.address.rawValue)
    }
    put(kind.rawValue)
    put(0 as UInt16)
    put(Self.magic)
    put(transaction.high)
    put(UInt32(truncatingIfNeeded: transaction.low >> 32))
    put(UInt32(truncatingIfNeeded: transaction.low))
    if changesAddress || changesPort {
      put(Attribute.changeRequest)
      put(4 as UInt16)
      put((changesAddress ? 4 : 0) | (changesPort ? 2 : 0) as UInt32)
    }
    put(Attribute.xorMappedAddress, mapped.map(Self.xored))
    put(Attribute.responseOrigin, origin)
    put(Attribute.otherAddress, other)
    if let error {
      put(Attribute.errorCode)
      put(4 as UInt16)
      put(UInt32(error / 100 % 8) << 8 | UInt32(error % 100))
    }
    let length = bytes.count - Self.headerLength
    bytes[2] = UInt8(truncatingIfNeeded: length >> 8)
    bytes[3] = UInt8(truncatingIfNeeded: length)
    return bytes
  }
}
