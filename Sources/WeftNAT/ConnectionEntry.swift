import WeftCore
import WeftWire

/// A line of the connection table, in netfilter's terms: the original direction as its first packet came in, the reply
/// direction as the answers come in.
public struct ConnectionEntry: Hashable, Sendable, Codable {
  public struct Direction: Hashable, Sendable, Codable {
    public var source: IPv4Address
    public var destination: IPv4Address
    /// Both the identifier of an echo.
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// The gateway's port it comes in on.
    public var port: PortIndex
    public var packets: UInt32
    /// Of IP.
    public var bytes: UInt64
  }

  public var protocolNumber: UInt8
  /// `.none` but for TCP.
  public var state: TCPState
  public var isAssured: Bool
  public var timeLeft: Nanoseconds
  public var original: Direction
  public var reply: Direction
}

extension NATGateway {
  /// The connection table at a moment, oldest first.
  public func connections(now: Instant) -> [ConnectionEntry] {
    sessions.inOrder.compactMap { number in
      let session = sessions.entries[number]
      guard session.deadline > now.rawValue else { return nil }
      return ConnectionEntry(
        protocolNumber: session.kind, state: session.state, isAssured: session.flags.contains(.assured),
        timeLeft: Instant(session.deadline) - now,
        original: Self.direction(session.original, session.originalPackets, session.originalBytes),
        reply: Self.direction(session.reply, session.replyPackets, session.replyBytes))
    }
  }

  /// Entries in the table.
  public var connectionCount: Int { sessions.count }
  /// External endpoints in use, static ones among them.
  public var mappingCount: Int { mappings.count }
  /// What the tables hold of memory, in bytes.
  public var footprint: Int { sessions.footprint + mappings.footprint }

  private static func direction(_ tuple: Tuple, _ packets: UInt32, _ bytes: UInt64) -> ConnectionEntry.Direction {
    let isEcho = tuple.protocolNumber == Proto.icmp
    let identifier = max(tuple.sourcePort, tuple.destinationPort)
    return ConnectionEntry.Direction(
      source: tuple.source, destination: tuple.destination, sourcePort: isEcho ? identifier : tuple.sourcePort,
      destinationPort: isEcho ? identifier : tuple.destinationPort, port: PortIndex(Int(tuple.port)), packets: packets,
      bytes: bytes)
  }
}
