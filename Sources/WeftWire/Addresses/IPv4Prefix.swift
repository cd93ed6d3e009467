/// An IPv4 prefix in CIDR notation (RFC 4632): `192.168.122.0/24`.
public struct IPv4Prefix: Hashable, Sendable, Codable {
  /// The lowest address; host bits are zero.
  public let network: IPv4Address
  /// 0–32.
  public let length: UInt8

  /// The prefix of the given length that holds `address`. Precondition: length ≤ 32.
  @inlinable public init(_ address: IPv4Address, length: UInt8) {
    precondition(length <= 32)
    self.length = length
    network = IPv4Address(rawValue: address.rawValue & Self.mask(length))
  }

  @inlinable static func mask(_ length: UInt8) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

  @inlinable public var mask: IPv4Address { IPv4Address(rawValue: Self.mask(length)) }
  /// The directed broadcast address (RFC 1812, 4.2.2.11). A /31 or /32 has none, every address of it is a host's
  /// (RFC 3021, 2.1): there it is the limited broadcast, so that comparing a destination with it never hits a host.
  @inlinable public var broadcast: IPv4Address {
    length >= 31 ? .broadcast : IPv4Address(rawValue: network.rawValue | ~Self.mask(length))
  }
  /// How many addresses hosts can have.
  @inlinable public var hostCount: Int { length >= 31 ? 1 << (32 - Int(length)) : (1 << (32 - Int(length))) - 2 }
  @inlinable public var firstHost: IPv4Address { length >= 31 ? network : IPv4Address(rawValue: network.rawValue + 1) }
  @inlinable public var lastHost: IPv4Address {
    length >= 31
      ? IPv4Address(rawValue: network.rawValue | ~Self.mask(length)) : IPv4Address(rawValue: broadcast.rawValue - 1)
  }

  @inlinable public func contains(_ address: IPv4Address) -> Bool {
    address.rawValue & Self.mask(length) == network.rawValue
  }
  public func overlaps(_ other: IPv4Prefix) -> Bool { contains(other.network) || other.contains(network) }
  /// Whether a host may have this address: inside, and neither the network's nor the broadcast address.
  public func isHost(_ address: IPv4Address) -> Bool { address >= firstHost && address <= lastHost }
}

extension IPv4Prefix {
  private enum CodingKeys: CodingKey { case network, length }

  /// Checks what a damaged checkpoint could say: a length above 32 would stop the program at the first use.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let network = try container.decode(IPv4Address.self, forKey: .network)
    let length = try container.decode(UInt8.self, forKey: .length)
    guard length <= 32, network.rawValue & ~Self.mask(length) == 0 else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "\(network)/\(length)"))
    }
    self.init(network, length: length)
  }
}

extension IPv4Prefix: LosslessStringConvertible, CustomStringConvertible {
  /// `a.b.c.d/n` with zero host bits and no leading zero; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]), let length = UInt8(parts[1]), length <= 32,
      parts[1] == "\(length)"
    else { return nil }
    self.init(address, length: length)
    guard network == address else { return nil }
  }

  public var description: String { "\(network)/\(length)" }
}
