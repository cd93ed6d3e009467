import WeftCore
import WeftIP
import WeftWire

// What can be seen of a stack from outside.
extension Stack {
  public func address(of port: Int) -> IPv4Address? {
    guard ip.interfaces.indices.contains(port), !ip.interfaces[port].address.isUnspecified else { return nil }
    return ip.interfaces[port].address
  }

  /// The prefix and gateway that go with `address(of:)`.
  public func network(of port: Int) -> (prefix: IPv4Prefix, gateway: IPv4Address?)? {
    guard address(of: port) != nil else { return nil }
    return (ip.interfaces[port].prefix, ip.interfaces[port].gateway)
  }

  public func asksByDHCP(on port: Int) -> Bool {
    guard configuration.interfaces.indices.contains(port), case .dhcp = configuration.interfaces[port].addressing else {
      return false
    }
    return true
  }

  /// Whether the interface has an address by DHCP whose lease isn't over, by either's clock. `now`: the machine's.
  public func hasLease(on port: Int, now: Instant) -> Bool {
    guard address(of: port) != nil, let lease = ip.interfaces[port].dhcp?.lease else { return false }
    return lease.expiry > now && lease.serverExpiry > now + lag
  }

  /// As `ss -tan` shows them, listeners left out, by local port.
  public var connections: [ConnectionReport] { tcp.reports }
  /// As `ss -tln` shows them.
  public var listeningPorts: [UInt16] { tcp.listeners.map(\.port).sorted() }
  /// Whether a connection is left but in TIME-WAIT.
  public var hasLiveConnections: Bool { tcp.liveConnections != 0 }

  /// The ARP cache of an interface, by address.
  public func neighbours(of port: Int) -> [(address: IPv4Address, mac: MACAddress)] {
    ip.interfaces.indices.contains(port) ? ip.interfaces[port].neighbours.neighbours : []
  }

  /// The same with what is being asked for, and how old it is.
  public func neighbourTable(of port: Int, now: Instant) -> [NeighbourTable.Neighbour] {
    ip.interfaces.indices.contains(port) ? ip.interfaces[port].neighbours.table(now: now) : []
  }

  /// The traces of packets that wait for a neighbour's address, or to come back to the machine itself: with the interface
  /// and the neighbour that is asked for; without for what is on its way within the machine.
  public func forEachWaitingTrace(_ body: (UInt32, (port: Int, neighbour: IPv4Address)?) -> Void) {
    for index in ip.interfaces.indices {
      ip.interfaces[index].neighbours.forEachWaitingTrace { body($0, (index, $1)) }
    }
    ip.loopback.forEachTrace { body($0, nil) }
  }
}

/// A line as `ss -tn` shows it.
public struct ConnectionReport: Codable, Sendable, Hashable {
  /// `ESTAB`, `TIME-WAIT` …
  public var state: String
  public var localAddress: IPv4Address
  public var localPort: UInt16
  public var remoteAddress: IPv4Address
  public var remotePort: UInt16
  /// Received and not yet read.
  public var receiveQueue: Int
  /// Written and not yet acknowledged.
  public var sendQueue: Int
}

extension ConnectionReport: CustomStringConvertible {
  public var description: String {
    "\(state) \(receiveQueue) \(sendQueue) \(localAddress):\(localPort) \(remoteAddress):\(remotePort)"
  }
}
