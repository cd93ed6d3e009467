import WeftCore
import WeftIP
import WeftWire

/// The gateway's interfaces: who is on them, and what is too long for the narrowest.
struct Links {
  /// By port.
  var neighbours: [NeighbourTable]
  /// What isn't longer needs no look at a port's own MTU.
  let smallestMTU: Int

  init(_ configuration: NATConfiguration) {
    self.init(configuration, neighbours: Self.makeNeighbours(configuration))
  }

  init(_ configuration: NATConfiguration, neighbours: [NeighbourTable]) {
    self.neighbours = neighbours
    let narrow = ([configuration.outside.narrower] + configuration.networks.map(\.narrower)).compactMap(\.least)
    smallestMTU = Int((configuration.networks.map(\.mtu) + narrow).reduce(configuration.outside.mtu, min))
  }

  private static func makeNeighbours(_ configuration: NATConfiguration) -> [NeighbourTable] {
    let outside = configuration.outside
    var tables = [
      NeighbourTable(port: NATGateway.outsidePort, mac: outside.mac, address: outside.address),
      // It has no address there: the one it speaks for is asked for with an unspecified sender, as a probe (RFC 5227).
      NeighbourTable(port: NATGateway.hostPort, mac: outside.mac, address: .any),
    ]
    tables[1].peer = configuration.hostMAC
    for (index, network) in configuration.networks.enumerated() {
      tables.append(NeighbourTable(port: NATGateway.insidePort(index), mac: network.mac, address: network.address))
    }
    return tables
  }

  /// When the first of them wants to be woken, if that is before `earliest`.
  @inline(__always)
  func deadline(_ earliest: Instant) -> Instant {
    var earliest = earliest
    // By index: a table taken out would be retained and released, and this is asked after every packet.
    for index in neighbours.indices {
      let deadline = neighbours[index].deadline
      if deadline < earliest { earliest = deadline }
    }
    return earliest
  }
}

// Addresses and routes.

extension NATGateway {
  /// The ARP cache of a port.
  public func neighbourTable(of port: Int, now: Instant) -> [NeighbourTable.Neighbour] {
    links.neighbours.indices.contains(port) ? links.neighbours[port].table(now: now) : []
  }

  /// Who gets a packet for `destination` that leaves on a port; nil where no route leads.
  @inline(__always)
  func nextHop(_ destination: IPv4Address, on port: GatewayPort) -> IPv4Address? {
    switch port.side {
    case .outside:
      configuration.outside.prefix.contains(destination) ? destination : configuration.outside.gateway
    case .host: configuration.outside.address
    case .inside: destination
    }
  }

  /// What a packet may measure that goes out of a port to a neighbour there.
  func mtu(_ port: GatewayPort, to next: IPv4Address) -> Int {
    let outside = configuration.outside
    switch port.side {
    case .outside: return outside.narrower.mtu(to: next, max(Int(outside.mtu), 68))
    case .host: return max(Int(outside.mtu), 68)
    case .inside(let network):
      return configuration[network].narrower.mtu(to: next, max(Int(configuration[network].mtu), 68))
    }
  }

  /// The port of the private network that has an address.
  func insidePort(of address: IPv4Address) -> GatewayPort? {
    for (index, network) in configuration.networks.enumerated() where network.prefix.contains(address) {
      return .inside(NetworkID(index: index))
    }
    return nil
  }

  /// Whether it is the gateway's own on one of the private networks.
  func isInsideAddress(_ address: IPv4Address) -> Bool { configuration.networks.contains { $0.address == address } }

  /// Whether it is the host's: its external address, or that of the gateway inside.
  func isHosts(_ address: IPv4Address) -> Bool { address == configuration.outside.address || isInsideAddress(address) }

  @inline(__always)
  func isExternal(_ address: IPv4Address) -> Bool { mappings.ports.ordinal(address) != nil }

  /// What the gateway's own answers on a port come from. The host would take a packet from its own address for a
  /// martian: it hears from the gateway inside, which is the host's other address.
  func ownAddress(on port: GatewayPort) -> IPv4Address {
    switch port.side {
    case .outside: configuration.outside.address
    case .host:
      configuration.networks.first?.address ?? configuration.outside.gateway ?? configuration.outside.address
    case .inside(let network): configuration[network].address
    }
  }
}
