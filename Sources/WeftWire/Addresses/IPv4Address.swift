/// An IPv4 address in host byte order, so that arithmetic on it is arithmetic on addresses.
public struct IPv4Address: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  public let rawValue: UInt32

  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  @inlinable public static var any: IPv4Address { IPv4Address(rawValue: 0) }
  @inlinable public static var broadcast: IPv4Address { IPv4Address(rawValue: .max) }

  /// 224.0.0.0/4 (RFC 5771).
  @inlinable public var isMulticast: Bool { rawValue >> 28 == 0xe }
  @inlinable public var isBroadcast: Bool { rawValue == .max }
  @inlinable public var isUnspecified: Bool { rawValue == 0 }
  /// 127.0.0.0/8 (RFC 1122, 3.2.1.3).
  @inlinable public var isLoopback: Bool { rawValue >> 24 == 127 }
  /// What may stand in a source field: not multicast, broadcast, loopback or 0.0.0.0/8 (RFC 1122, 3.2.1.3; RFC 1812, 5.3.7).
  @inlinable public var isUsableSource: Bool {
    // 224.0.0.0/4 and 240.0.0.0/4, which holds the broadcast address, at once.
    rawValue >> 29 != 7 && !isLoopback && rawValue >> 24 != 0
  }

  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IPv4Address: LosslessStringConvertible, CustomStringConvertible {
  /// Exactly four decimal octets without leading zeros (RFC 6943, 3.1.1, the strict form); nil for anything else.
  public init?(_ text: some StringProtocol) {
    var value: UInt32 = 0
    var octet: UInt32 = 0
    var digits = 0
    var octets = 1
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "."):
        guard digits > 0, octets < 4 else { return nil }
        value = value << 8 | octet
        octet = 0
        digits = 0
        octets += 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard digits < 3, digits == 0 || octet > 0 else { return nil }
        octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
        guard octet <= 255 else { return nil }
        digits += 1
      default: return nil
      }
    }
    guard octets == 4, digits > 0 else { return nil }
    self.init(rawValue: value << 8 | octet)
  }

  public init?(_ description: String) { self.init(description[...]) }

  public var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 255).\(rawValue >> 8 & 255).\(rawValue & 255)"
  }
}
