import WeftCore
import WeftIP
import WeftWire

/// A network interface: one port of the element.
struct Interface: Codable {
  let port: PortIndex
  let mac: MACAddress
  let mtu: Int
  let narrower: NarrowNeighbours
  let aliases: [InterfaceConfiguration.Alias]
  /// Unspecified while it has none.
  private(set) var address = IPv4Address.any
  private(set) var prefix = IPv4Prefix(.any, length: 0)
  private(set) var gateway: IPv4Address?
  var neighbours: NeighbourTable
  var dhcp: DHCPClient? { didSet { dhcpDeadline = dhcp?.deadline ?? Instant(.max) } }
  private(set) var dhcpDeadline = Instant(.max)
  /// Bits per second of its cable, as far as it was told; 0: no bound.
  var wireRate: UInt64 = 0
  /// When all that was sent will have left.
  var wireFreeAt = Instant.start
  /// See `Stack.lag`.
  var lag = Nanoseconds.zero

  init(_ configuration: InterfaceConfiguration, port: PortIndex) {
    self.port = port
    mac = configuration.mac
    mtu = min(max(configuration.mtu, 68), 1900)
    narrower = configuration.narrower
    aliases = configuration.aliases
    neighbours = NeighbourTable(port: port, mac: mac, address: .any)
    neighbours.peer = configuration.peer
  }

  /// Reckons with a frame that was sent, until the truth is told.
  @inline(__always)
  mutating func occupyWire(_ octets: Int, now: Instant) {
    wireFreeAt = max(wireFreeAt, now) + Wire.time(octets: octets, rate: wireRate)
  }

  /// Takes an address on and, where `announcing`, tells the link so (RFC 5227, 2.3).
  mutating func setAddress(
    _ address: IPv4Address, _ prefix: IPv4Prefix, gateway: IPv4Address?, announcing: Bool = true, _ out: inout Effects
  ) {
    if address != self.address {
      // What is known of the old subnet's neighbours doesn't hold in the new one; what waits for them is dropped.
      forgetNeighbours(&out)
    }
    self.address = address
    self.prefix = prefix
    self.gateway = gateway
    neighbours.address = address
    if announcing { neighbours.announce(&out) }
  }

  mutating func dropAddress(_ out: inout Effects) {
    forgetNeighbours(&out)
    address = .any
    prefix = IPv4Prefix(.any, length: 0)
    gateway = nil
  }

  private mutating func forgetNeighbours(_ out: inout Effects) {
    let port = port
    neighbours.removeAll(&out) { frame, neighbour, out in
      out.drop(frame, on: port, .neighbourUnresolved, .address(neighbour.rawValue))
    }
    neighbours.address = .any
  }

  /// The other address of the interface that this is.
  func hasAlias(_ destination: IPv4Address) -> Bool { !aliases.isEmpty && aliases.contains { $0.address == destination } }

  /// The subnet's broadcast address; /31 and /32 have none (RFC 3021).
  var directedBroadcast: IPv4Address? { prefix.length < 31 && !address.isUnspecified ? prefix.broadcast : nil }

  @inline(__always)
  func isBroadcast(_ destination: IPv4Address) -> Bool {
    // In steps: a closure of `||` would copy the interface.
    if destination.isBroadcast { return true }
    if prefix.length >= 31 || address.isUnspecified { return false }
    return destination == prefix.broadcast
  }
}
