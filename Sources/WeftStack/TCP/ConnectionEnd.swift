import WeftWire

/// One end of an open connection, for who knows the other end too.
public struct ConnectionEnd: Sendable {
  public var localPort: UInt16
  public var remotePort: UInt16
  /// What it sends next, what of that is acknowledged, and what it expects next.
  var next: UInt32
  var unacknowledged: UInt32
  var expected: UInt32
  /// How often in turn it has sent something again in vain.
  public var attempts: Int

  /// Whether two are the ends of one connection, of which each has what the other has acknowledged.
  public func agrees(with other: ConnectionEnd) -> Bool {
    !other.expected.isAfter(next) && !unacknowledged.isAfter(other.expected)
      && !expected.isAfter(other.next) && !other.unacknowledged.isAfter(expected)
  }
}

extension Stack {
  /// Of its connections that are established.
  public var openEnds: [ConnectionEnd] {
    tcp.connections.indices.filter { tcp.isInUse($0) && tcp.connections[$0].state == .established }.map { index in
      let connection = tcp.connections[index]
      return ConnectionEnd(
        localPort: connection.key.localPort, remotePort: connection.key.remotePort, next: connection.highest,
        unacknowledged: connection.unacknowledged, expected: connection.expected, attempts: Int(connection.attempts))
    }
  }
}
