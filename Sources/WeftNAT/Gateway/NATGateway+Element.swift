import WeftCore
import WeftWire

// What the fabric asks of every element.
extension NATGateway {
  public var portCount: Int { configuration.networks.count + 2 }

  public func mac(of port: PortIndex) -> MACAddress? {
    links.neighbours.indices.contains(port.index) ? links.neighbours[port.index].mac : nil
  }

  /// Its own there, or outside one of its external ones.
  public func answers(for address: IPv4Address, on port: PortIndex) -> Bool {
    guard let port = self.port(port) else { return false }
    return switch port.side {
    case .outside: configuration.externalAddresses.contains(address)
    case .host: false
    case .inside(let network): configuration[network].address == address
    }
  }

  /// A cable that is pulled takes all its neighbours along at once, as Linux has it (net/ipv4/arp.c, `arp_netdev_event`:
  /// `neigh_carrier_down`): who is behind it when it comes back may be somebody else.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard !up, links.neighbours.indices.contains(port.index) else { return }
    links.neighbours[port.index].removeAll(&out) { frame, _, out in out.drop(frame, on: port, .linkDown) }
  }

  public func forEachWaiting(_ body: (UInt32, Waiting) -> Void) {
    for table in links.neighbours {
      table.forEachWaitingTrace { body($0, .neighbour($1, on: table.port)) }
    }
    answers.held.forEachTrace { body($0, .answer) }
  }
}
