import WeftCore
import WeftIP
import WeftWire

// TCP sockets.
extension Stack {
  /// Connections to this port are its; false where it is taken.
  public mutating func listen(_ port: UInt16, tag: UInt64) -> Bool { tcp.listen(port, tag) }

  /// From a port of one's own, which another connection to elsewhere may have too (as SO_REUSEADDR), or from a free
  /// one. Nil where there is no route, no address, no free port or such a connection already.
  public mutating func connect(
    to address: IPv4Address, _ port: UInt16, from own: UInt16? = nil, tag: UInt64, trace: UInt32 = 0, now: Instant
  ) -> SocketID? {
    if let target = redirection(.tcp, address, port) {
      return connect(to: target.address, target.port, from: own, tag: tag, trace: trace, now: now)
    }
    guard let route = ip.route(to: address), !route.isBroadcast else { return nil }
    let source = route.source
    let isFree: (borrowing Stack, UInt16) -> Bool = { stack, candidate in
      !stack.tcp.has(FourTuple(local: source, candidate, remote: address, port))
    }
    let local: UInt16
    if let own {
      guard isFree(self, own) else { return nil }
      local = own
    } else {
      guard let free = ephemeralPort(where: isFree) else { return nil }
      local = free
    }
    let index = tcp.open(
      FourTuple(local: source, local, remote: address, port), .synSent, tag, trace: trace,
      initialSequence: UInt32(truncatingIfNeeded: random.next()), segmentSize: ip.interfaces[route.interface].mtu - 40,
      now: now)
    tcp.connections[index].pathSegmentSize = ip.mtu(of: route) - 40
    tcp.list(index)
    return SocketID(index: UInt32(index), generation: tcp.connections[index].generation)
  }

  // MARK: Looking

  // What programs ask for with every segment is inlined into them: a call would copy the stack for it.

  @inlinable
  public func readable(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].receiveBuffer.count } ?? 0 }
  public func writable(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].writable } ?? 0 }
  public func localPort(_ id: SocketID) -> UInt16 { tcp.find(id).map { tcp.connections[$0].key.localPort } ?? 0 }
  public func localAddress(_ id: SocketID) -> IPv4Address? { tcp.find(id).map { tcp.connections[$0].key.localAddress } }
  public func remote(_ id: SocketID) -> TransportAddress? {
    tcp.find(id).map { TransportAddress(tcp.connections[$0].key.remoteAddress, tcp.connections[$0].key.remotePort) }
  }
  public func openedAt(_ id: SocketID) -> Instant? { tcp.find(id).map { tcp.connections[$0].openedAt } }
  /// Why it came to its end, other than by both sides closing.
  public func error(_ id: SocketID) -> SocketError? { tcp.find(id).flatMap { tcp.connections[$0].error } }
  /// Whether the other side has sent its FIN and it has been reached.
  public func isAtEnd(_ id: SocketID) -> Bool {
    guard let index = tcp.find(id), let fin = tcp.connections[index].peerFin else { return false }
    return tcp.connections[index].expected.isAfter(fin)
  }
  /// Written, and not yet acknowledged by the other side.
  public func unsent(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].sendBuffer.count } ?? 0 }

  /// Zero before the first was measured.
  public func leastRoundTrip(_ id: SocketID) -> Nanoseconds {
    guard let index = tcp.find(id), tcp.connections[index].roundTrip.hasSample else { return .zero }
    return tcp.connections[index].leastRoundTrip
  }

  /// The owner's own, such as a place in a table of its clients; 0 until it is set.
  @inlinable
  public func cookie(_ id: SocketID) -> UInt32 { tcp.find(id).map { tcp.connections[$0].cookie } ?? 0 }
  public mutating func setCookie(_ id: SocketID, _ cookie: UInt32) {
    if let index = tcp.find(id) { tcp.connections[index].cookie = cookie }
  }

  // MARK: Reading

  /// The first bytes that wait, which go on waiting.
  public func peek(_ id: SocketID, _ limit: Int) -> [UInt8] {
    tcp.find(id).map { tcp.connections[$0].receiveBuffer.prefix(limit) } ?? []
  }

  /// Shows the first `count` bytes where they lie, in one piece or two; false where `body` says so of one, or they aren't
  /// there. Its second argument is how far from the first byte a piece begins.
  @inlinable @inline(__always)
  public func peek(_ id: SocketID, _ count: Int, _ body: (RawSpan, Int) -> Bool) -> Bool {
    guard let index = tcp.find(id), count <= tcp.connections[index].receiveBuffer.count else { return false }
    return tcp.connections[index].receiveBuffer.pieces(count, body)
  }

  /// Takes bytes off without a look; returns how many there were.
  @discardableResult
  public mutating func discard(_ id: SocketID, _ limit: Int = .max) -> Int {
    guard let index = tcp.find(id) else { return 0 }
    let count = min(limit, tcp.connections[index].receiveBuffer.count)
    tcp.connections[index].receiveBuffer.consume(count)
    tcp.connections[index].didRead()
    tcp.list(index)
    return count
  }

  public mutating func read(_ id: SocketID, _ limit: Int = .max) -> [UInt8] {
    let bytes = peek(id, limit)
    discard(id, bytes.count)
    return bytes
  }

  // MARK: Writing and closing

  /// Writes what there is room for and returns how much that was.
  @discardableResult
  public mutating func write(_ id: SocketID, _ bytes: RawSpan) -> Int {
    guard let index = tcp.find(id) else { return 0 }
    let count = min(bytes.byteCount, tcp.connections[index].writable)
    guard count > 0 else { return 0 }
    tcp.connections[index].sendBuffer.append(bytes.extracting(0..<count))
    tcp.list(index)
    return count
  }

  /// Sends a FIN behind what was written; reading goes on.
  public mutating func shutdown(_ id: SocketID) {
    guard let index = tcp.find(id) else { return }
    tcp.connections[index].shutdown()
    tcp.list(index)
  }

  /// Gives the socket up: the stack sends what was written and a FIN; what still comes is answered with a RST.
  public mutating func release(_ id: SocketID, now: Instant) {
    guard let index = tcp.find(id) else { return }
    // Data that nobody will read (RFC 2525, 2.17).
    if tcp.connections[index].receiveBuffer.count > 0 { tcp.connections[index].resetNow = true }
    tcp.connections[index].isOrphan = true
    tcp.connections[index].shutdown()
    if tcp.connections[index].state == .finWait2 { tcp.connections[index].lingerAt = now + TCPConnection.timeWait }
    tcp.list(index)
  }

  /// Ends the connection with a RST, which is no part of what a probe looks at any more.
  public mutating func abort(_ id: SocketID) {
    guard let index = tcp.find(id) else { return }
    tcp.connections[index].trace = 0
    tcp.connections[index].isOrphan = true
    tcp.connections[index].resetNow = true
    tcp.list(index)
  }
}
