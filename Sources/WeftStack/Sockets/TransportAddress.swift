import WeftWire

/// An address and a port, as the other side of a NAT sees them.
public struct TransportAddress: Codable, Sendable, Hashable, CustomStringConvertible {
  public var address: IPv4Address
  public var port: UInt16

  public init(_ address: IPv4Address, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  public var description: String { "\(address):\(port)" }
}
