/// A 48-bit IEEE 802 MAC address, kept in the low 48 bits of an integer so that it hashes and compares in one word.
public struct MACAddress: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  /// The six octets, the first one in bits 40–47. The top 16 bits are zero.
  public let rawValue: UInt64

  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

  private enum CodingKeys: CodingKey { case rawValue }

  /// Through the other initializer, which keeps the top bits zero whatever a checkpoint says.
  public init(from decoder: any Decoder) throws {
    self.init(rawValue: try decoder.container(keyedBy: CodingKeys.self).decode(UInt64.self, forKey: .rawValue))
  }

  @inlinable public static var broadcast: MACAddress { MACAddress(rawValue: 0xffff_ffff_ffff) }
  @inlinable public static var zero: MACAddress { MACAddress(rawValue: 0) }

  /// The I/G bit of the first octet: broadcast and multicast (IEEE 802-2014, 8.2.2).
  @inlinable public var isGroup: Bool { rawValue & 0x0100_0000_0000 != 0 }
  @inlinable public var isBroadcast: Bool { rawValue == 0xffff_ffff_ffff }
  /// Of IPv4 groups: 01-00-5E and 23 bits (RFC 1112, 6.4).
  @inlinable public var isIPv4Group: Bool { rawValue & 0xffff_ff80_0000 == 0x0100_5e00_0000 }
  /// Where a packet for a group goes; one for any other address that all hear goes to all.
  @inlinable public static func broadcast(_ destination: IPv4Address) -> MACAddress {
    guard destination.isMulticast else { return .broadcast }
    return MACAddress(rawValue: 0x0100_5e00_0000 | UInt64(destination.rawValue & 0x7f_ffff))
  }
  /// 01-80-C2-00-00-00 to -0F: link-local control protocols a bridge never forwards (IEEE 802.1Q-2018, table 8-1).
  @inlinable public var isLinkLocalReserved: Bool { rawValue & 0xffff_ffff_fff0 == 0x0180_c200_0000 }

  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// A locally administered unicast address (02-xx) made from a number; distinct numbers below 2^40 give distinct addresses.
  @inlinable public static func local(_ number: UInt64) -> MACAddress {
    MACAddress(rawValue: 0x0200_0000_0000 | (number & 0xff_ffff_ffff))
  }
}

extension MACAddress: LosslessStringConvertible, CustomStringConvertible {
  /// Six two-digit hexadecimal octets, all with `:` or all with `-` between them; nil for anything else.
  public init?(_ text: String) {
    var value: UInt64 = 0
    var digits = 0
    var octets = 1
    var separator: UInt8?
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: ":"), UInt8(ascii: "-"):
        guard digits == 2, byte == separator ?? byte else { return nil }
        separator = byte
        digits = 0
        octets += 1
      default:
        guard let digit = byte.hexDigitValue, digits < 2 else { return nil }
        value = value << 4 | UInt64(digit)
        digits += 1
      }
      guard octets <= 6 else { return nil }
    }
    guard octets == 6, digits == 2 else { return nil }
    self.init(rawValue: value)
  }

  public var description: String {
    var text = ""
    for shift in stride(from: 40, through: 0, by: -8) {
      let octet = UInt8(truncatingIfNeeded: rawValue >> UInt64(shift))
      text += octet < 16 ? "0" : ""
      text += String(octet, radix: 16)
      if shift > 0 { text += ":" }
    }
    return text
  }
}

extension UInt8 {
  /// 0–15 for an ASCII hexadecimal digit, else nil.
  var hexDigitValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
