import WeftCore
import WeftIP
import WeftWire

/// What a stack is before it comes up: passive data.
public struct StackConfiguration: Codable, Sendable {
  /// Whose random streams it draws from.
  public var name: String
  /// What the machine calls itself, where that is another.
  public var hostname: String?
  public var seed: UInt64
  /// TCP's windows may be larger than 65,535 bytes (RFC 7323); off in a stack of before 1992.
  public var scalesWindows = true
  /// Interface i is port i of the element.
  public var interfaces: [InterfaceConfiguration]

  /// With which it asks DHCP.
  public var hostName: String { hostname ?? name }

  public init(name: String, seed: UInt64, interfaces: [InterfaceConfiguration]) {
    self.name = name
    self.seed = seed
    self.interfaces = interfaces
  }
}

/// A network interface before its stack comes up.
public struct InterfaceConfiguration: Codable, Sendable {
  public enum Addressing: Codable, Sendable {
    case `static`(IPv4Address, IPv4Prefix, gateway: IPv4Address?)
    case dhcp
    case none
  }

  public var mac: MACAddress
  public var addressing: Addressing
  /// Of the IP packet, in bytes; clamped to 68…1900, what every link carries and what a frame of the pool holds.
  public var mtu = 1500
  /// Neighbours that take less.
  public var narrower = NarrowNeighbours()
  /// The one other station of a link without ARP.
  public var peer: MACAddress?
  /// Its other addresses: of each subnet one, from which that subnet is spoken to.
  public var aliases: [Alias] = []

  /// An address beside the interface's own (`ip address add`), there as long as the machine runs.
  public struct Alias: Codable, Sendable {
    public var address: IPv4Address
    public var prefix: IPv4Prefix

    public init(_ address: IPv4Address, _ prefix: IPv4Prefix) {
      self.address = address
      self.prefix = prefix
    }
  }

  public init(
    mac: MACAddress, addressing: Addressing, mtu: Int = 1500, narrower: NarrowNeighbours = NarrowNeighbours(),
    peer: MACAddress? = nil
  ) {
    self.mac = mac
    self.addressing = addressing
    self.mtu = mtu
    self.narrower = narrower
    self.peer = peer
  }
}
