import WeftCore
import WeftIP
import WeftWire

/// All connections and listeners of a guest.
@usableFromInline
struct TCPLayer: Codable {
  struct Listener: Codable {
    var port: UInt16
    var tag: UInt64
    /// Handshakes under way.
    var halfOpen = 0
  }

  /// Handshakes a listener keeps at once; Linux's tcp_max_syn_backlog of a larger machine.
  static let backlog = 1024
  /// Linux's tcp_max_tw_buckets of a smaller one.
  static let mostTimeWaits = 16_384

  /// Off in a stack from before RFC 1323.
  var scalesWindows = true
  @usableFromInline var connections: [TCPConnection] = []
  private(set) var free: [UInt32] = []
  private(set) var table = FlatMap<FourTuple, UInt32>()
  private(set) var listeners: [Listener] = []
  private(set) var timers = TimerHeap()
  /// Connections that have something to tell or to send.
  @usableFromInline private(set) var pending: [UInt32] = []
  private var generation: UInt32 = 0
  private(set) var timeWaits = 0

  var deadline: Instant { timers.earliest }
  @inlinable var hasPending: Bool { !pending.isEmpty }
  /// But for those in TIME-WAIT.
  var liveConnections: Int { table.count - timeWaits }

  mutating func listen(_ port: UInt16, _ tag: UInt64) -> Bool {
    guard !listeners.contains(where: { $0.port == port }) else { return false }
    listeners.append(Listener(port: port, tag: tag))
    return true
  }

  mutating func closeListeners() { listeners = [] }

  /// Whether a connection's place is taken.
  func isInUse(_ index: Int) -> Bool { table[connections[index].key] == UInt32(index) }

  /// Those that somebody still has.
  var openSockets: [SocketID] {
    connections.indices.filter { table[connections[$0].key] == UInt32($0) && !connections[$0].isOrphan }
      .map { SocketID(index: UInt32($0), generation: connections[$0].generation) }
  }

  /// All connections end without a word on the wire; their owners are told.
  mutating func abortAll() {
    for index in connections.indices where connections[index].generation != 0 && connections[index].state != .closed {
      if connections[index].state == .synReceived, connections[index].isPassive { handshakeEnded(index) }
      connections[index].finish(.reset)
      list(index)
    }
  }

  /// The connection's place, if the socket is still the one there.
  @inlinable @inline(__always)
  func find(_ id: SocketID) -> Int? {
    let index = Int(id.index)
    guard index < connections.count, connections[index].generation == id.generation else { return nil }
    return index
  }

  func has(_ key: FourTuple) -> Bool { table[key] != nil }

  mutating func open(
    _ key: FourTuple, _ state: TCPState, _ tag: UInt64, trace: UInt32, initialSequence: UInt32, segmentSize: Int,
    now: Instant
  ) -> Int {
    generation &+= 1
    let connection = TCPConnection(
      key: key, state: state, tag: tag, trace: trace, initialSequence: initialSequence, ownSegmentSize: segmentSize,
      scalesWindow: scalesWindows, generation: generation, now: now)
    let index: Int
    if let slot = free.popLast() {
      index = Int(slot)
      connections[index] = connection
    } else {
      index = connections.count
      connections.append(connection)
    }
    table.insert(key, UInt32(index))
    return index
  }

  mutating func list(_ index: Int) {
    guard !connections[index].isListed else { return }
    connections[index].isListed = true
    pending.append(UInt32(index))
  }

  /// Takes in a segment whose checksum and flags are right.
  mutating func receive(
    _ segment: Segment, _ options: TCPOptions, payload: RawSpan, _ random: inout RandomStream, now: Instant,
    _ ip: inout IPLayer, _ out: inout Effects
  ) -> SegmentVerdict {
    let key = FourTuple(
      local: segment.destination, segment.destinationPort, remote: segment.source, segment.sourcePort)
    if let slot = table[key] {
      let index = Int(slot)
      if connections[index].state == .timeWait, segment.flags.contains(.syn), !segment.flags.contains(.ack),
        segment.sequence.isAfter(connections[index].expected)
      {
        // A new connection between the same two ports (RFC 1122, 4.2.2.13; a NAT reuses its ports quickly).
        remove(index)
      } else {
        let before = connections[index].state
        let verdict = connections[index].receive(segment, options, payload: payload, now: now)
        if before == .synReceived, connections[index].isPassive, connections[index].state != .synReceived {
          handshakeEnded(index)
        }
        list(index)
        return verdict
      }
    }
    guard let listener = listeners.firstIndex(where: { $0.port == segment.destinationPort }) else {
      return .reset(.portClosed)
    }
    // LISTEN (RFC 9293, 3.10.7.2).
    if segment.flags.contains(.rst) { return .dropped(.noSocket) }
    if segment.flags.contains(.ack) { return .reset(.noSocket) }
    guard segment.flags.contains(.syn) else { return .dropped(.badTCPFlags) }
    guard listeners[listener].halfOpen < Self.backlog else { return .dropped(.listenQueueFull) }
    if segment.trace != 0 {
      out.observe(
        Observation(.delivered, trace: segment.trace, source: segment.source, sourcePort: segment.sourcePort))
    }
    guard let route = ip.route(to: segment.source) else { return .dropped(.noRoute) }
    listeners[listener].halfOpen += 1
    let index = open(
      key, .synReceived, listeners[listener].tag, trace: segment.trace,
      initialSequence: UInt32(truncatingIfNeeded: random.next()), segmentSize: ip.interfaces[route.interface].mtu - 40,
      now: now)
    connections[index].pathSegmentSize = ip.mtu(of: route) - 40
    connections[index].synchronize(segment, options)
    list(index)
    return .accepted
  }

  private mutating func handshakeEnded(_ index: Int) {
    let port = connections[index].key.localPort
    if let listener = listeners.firstIndex(where: { $0.port == port }) { listeners[listener].halfOpen -= 1 }
  }

  /// Runs the timers that are due.
  mutating func wake(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    while let entry = timers.pop(notAfter: now) {
      let index = Int(entry.connection)
      // An entry that a sooner one took over from, or a former connection's.
      guard connections[index].timerAt == entry.at else { continue }
      connections[index].timerAt = .never
      if connections[index].deadline <= now {
        let before = connections[index].state
        connections[index].wake(now: now, &ip, &out)
        if before == .synReceived, connections[index].isPassive, connections[index].state == .closed {
          handshakeEnded(index)
        }
        list(index)
      } else {
        arm(index)
      }
    }
  }

  private mutating func arm(_ index: Int) {
    if let instant = connections[index].armed() { timers.push(UInt32(index), at: instant) }
  }

  /// The next connection with something to tell its owner or to send.
  mutating func nextPending() -> Int? {
    // Nearly always the only one.
    guard pending.count > 1 else { return pending.popLast().map { Int($0) } }
    return Int(pending.removeFirst())
  }

  /// The owner has been told: sends, arms the timer, and lets go of what is over.
  mutating func settle(_ index: Int, now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    switch connections[index].settle(now: now, &ip, &out) {
    case .gone: break
    case .open(timerAt: let instant?): timers.push(UInt32(index), at: instant)
    case .open(timerAt: nil): break
    case .over(let inHandshake):
      if inHandshake { handshakeEnded(index) }
      remove(index)
    case .timeWait(let instant):
      timeWaits += 1
      if timeWaits > Self.mostTimeWaits {
        remove(index)
      } else if let instant {
        timers.push(UInt32(index), at: instant)
      }
    }
  }

  private mutating func remove(_ index: Int) {
    table.remove(connections[index].key)
    if connections[index].isTimeWait { timeWaits -= 1 }
    connections[index].state = .closed
    connections[index].generation = 0
    connections[index].timerAt = .never
    connections[index].isOrphan = true
    connections[index].isTimeWait = false
    connections[index].sendBuffer.release()
    connections[index].receiveBuffer.release()
    connections[index].outOfOrder = []
    connections[index].events = []
    connections[index].resetNow = false
    free.append(UInt32(index))
  }

  /// An ICMP error about a segment of this connection.
  mutating func fail(_ key: FourTuple, sequence: UInt32, _ error: SocketError, hard: Bool) -> Bool {
    guard let slot = table[key] else { return false }
    let index = Int(slot)
    let connection = connections[index]
    // Only about what is in flight (RFC 5927, 4.1).
    guard connection.unacknowledged.isAtMost(sequence), sequence.isBefore(connection.highest) else { return false }
    // In the handshake an error ends it, later it is a hint at most (RFC 1122, 4.2.3.9, RFC 5461).
    guard connection.state == .synSent || connection.state == .synReceived else { return true }
    if connection.state == .synReceived, connection.isPassive {
      guard hard else { return true }
      handshakeEnded(index)
    }
    connections[index].finish(error)
    list(index)
    return true
  }

  mutating func lowerSegmentSize(_ key: FourTuple, sequence: UInt32, _ size: Int) -> Bool {
    guard let slot = table[key] else { return false }
    let index = Int(slot)
    guard connections[index].unacknowledged.isAtMost(sequence), sequence.isBefore(connections[index].highest) else {
      return false
    }
    connections[index].lowerSegmentSize(size)
    list(index)
    return true
  }

  /// No neighbour answered ARP: an open under way fails, what is established goes on trying (it may come back).
  mutating func neighbourFailed(_ key: FourTuple) {
    guard let slot = table[key], connections[Int(slot)].state == .synSent else { return }
    connections[Int(slot)].finish(.unreachable(code: 1, from: nil))
    list(Int(slot))
  }

  /// In order of their ports and addresses, for reports.
  var reports: [ConnectionReport] {
    connections.filter { $0.state != .closed }.sorted {
      ($0.key.ports, $0.key.addresses) < ($1.key.ports, $1.key.addresses)
    }
    .map {
      ConnectionReport(
        state: $0.state.name, localAddress: $0.key.localAddress, localPort: $0.key.localPort,
        remoteAddress: $0.key.remoteAddress, remotePort: $0.key.remotePort, receiveQueue: $0.receiveBuffer.count,
        sendQueue: $0.sendBuffer.count)
    }
  }
}
