import WeftCore
import WeftWire

// What the fabric asks of every element.
extension NATGateway {
  public var portCount: Int { configuration.insides.count + 2 }

  public func mac(of port: PortIndex) -> MACAddress? {
    neighbours.indices.contains(port.index) ? neighbours[port.index].mac : nil
  }

  /// Its own there, or outside one of its external ones.
  public func answers(for address: IPv4Address, on port: PortIndex) -> Bool {
    switch port {
    case Self.outsidePort: configuration.externalAddresses.contains(address)
    case Self.hostPort: false
    default:
      configuration.insides.indices.contains(port.index - 2) && configuration.insides[port.index - 2].address == address
    }
  }

  /// A cable that is pulled takes all its neighbours along at once, as Linux has it (net/ipv4/arp.c, `arp_netdev_event`:
  /// `neigh_carrier_down`): who is behind it when it comes back may be somebody else.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard !up, neighbours.indices.contains(port.index) else { return }
    neighbours[port.index].removeAll(&out) { frame, _, out in out.drop(frame, on: port, .linkDown) }
  }

  public func forEachWaiting(_ body: (UInt32, Waiting) -> Void) {
    for table in neighbours {
      table.forEachWaitingTrace { body($0, .neighbour($1, on: table.port)) }
    }
    heldSYNs.forEachTrace { body($0, .answer) }
  }
}
