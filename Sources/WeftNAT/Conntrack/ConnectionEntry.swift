import WeftCore
import WeftSettings
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

  /// Counted from 0 as entries are made: no two of a gateway share one.
  public var id: UInt64
  public var protocolNumber: UInt8
  /// `.none` but for TCP.
  public var state: TCPState
  /// `.none` but for SCTP.
  public var association: SCTPState = .none
  public var isAssured: Bool
  public var timeLeft: Nanoseconds
  public var original: Direction
  public var reply: Direction

  /// Without one it is `[UNREPLIED]`.
  public var hasReply: Bool { reply.packets > 0 }
}

extension FlowFilter {
  public func matches(_ entry: ConnectionEntry) -> Bool {
    func agrees<Value: Equatable>(_ wanted: Value?, _ value: Value) -> Bool { wanted == nil || wanted == value }
    return agrees(`protocol`, entry.protocolNumber) && agrees(state?.rawValue, entry.state.conntrackName)
      && (source?.contains(entry.original.source) ?? true)
      && (destination?.contains(entry.original.destination) ?? true)
      && agrees(sourcePort, entry.original.sourcePort) && agrees(port, entry.original.destinationPort)
      && (replySource?.contains(entry.reply.source) ?? true)
      && (replyDestination?.contains(entry.reply.destination) ?? true)
      && agrees(replyDestinationPort, entry.reply.destinationPort)
      && agrees(isAssured, entry.isAssured) && agrees(hasReply, entry.hasReply)
  }
}

/// How many connections there are of each sort.
public struct ConnectionCounts: Hashable, Sendable, Codable {
  public struct State: Hashable, Sendable, Codable {
    public var state: TCPState
    public var count: Int
  }

  public var total = 0
  public var assured = 0
  public var unreplied = 0
  public var udp = 0
  public var icmp = 0
  public var other = 0
  /// Of TCP, in the order of `TCPState`, those that occur.
  public var tcp: [State] = []
}

extension NATGateway {
  /// The connection table at a moment, oldest first.
  public func connections(now: Instant, _ filter: FlowFilter = FlowFilter()) -> [ConnectionEntry] {
    conntrack.inOrder.compactMap { id in
      guard conntrack[id].deadline > now.rawValue else { return nil }
      let entry = conntrack.entry(id, now: now)
      return filter.matches(entry) ? entry : nil
    }
  }

  /// Ends connections at once; says how many. With an empty filter: all (`conntrack -F`).
  @discardableResult
  public mutating func kill(_ filter: FlowFilter, now: Instant) -> Int {
    conntrack.now = max(conntrack.now, now)
    let ended = conntrack.inOrder.filter { filter.matches(conntrack.entry($0, now: now)) }
    for id in ended { end(id) }
    return ended.count
  }

  /// Ends all connections; says how many there were.
  @discardableResult
  public mutating func flush(now: Instant) -> Int { kill(FlowFilter(), now: now) }

  public func connectionCounts(now: Instant) -> ConnectionCounts {
    var counts = ConnectionCounts()
    var states = [Int](repeating: 0, count: 256)
    for index in conntrack.sessions.indices {
      let session = conntrack.sessions[index]
      guard session.inUse != 0, session.deadline > now.rawValue else { continue }
      counts.total += 1
      if session.flags.contains(.assured) { counts.assured += 1 }
      if session.replyPackets == 0 { counts.unreplied += 1 }
      switch session.kind {
      case .tcp: states[Int(session.state.rawValue)] += 1
      case .udp: counts.udp += 1
      case .echoRequest, .echoReply: counts.icmp += 1
      default: counts.other += 1
      }
    }
    counts.tcp = states.indices.compactMap { raw in
      guard states[raw] > 0, let state = TCPState(rawValue: UInt8(raw)) else { return nil }
      return ConnectionCounts.State(state: state, count: states[raw])
    }
    return counts
  }

  /// Entries in the table.
  public var connectionCount: Int { conntrack.count }
  /// External endpoints in use, static ones among them.
  public var mappingCount: Int { mappings.count }
  /// What the tables hold of memory, in bytes.
  public var footprint: Int { conntrack.footprint + mappings.footprint }
}

extension Conntrack {
  func entry(_ id: SessionID, now: Instant) -> ConnectionEntry {
    let session = self[id]
    return ConnectionEntry(
      id: sequence(id), protocolNumber: session.kind.protocolNumber, state: session.state,
      association: session.kind == .sctp ? window(id)?.association.state ?? .none : .none,
      isAssured: session.flags.contains(.assured), timeLeft: Instant(session.deadline) - now,
      original: Self.direction(session.original, session.originalPackets, session.originalBytes),
      reply: Self.direction(session.reply, session.replyPackets, session.replyBytes))
  }

  private static func direction(_ tuple: Tuple, _ packets: UInt32, _ bytes: UInt64) -> ConnectionEntry.Direction {
    let identifier = max(tuple.sourcePort, tuple.destinationPort)
    return ConnectionEntry.Direction(
      source: tuple.source, destination: tuple.destination,
      sourcePort: tuple.kind.isEcho ? identifier : tuple.sourcePort,
      destinationPort: tuple.kind.isEcho ? identifier : tuple.destinationPort, port: tuple.port.portIndex,
      packets: packets, bytes: bytes)
  }
}
