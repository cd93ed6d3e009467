import WeftCore
import WeftIP
import WeftWire

/// The sockets of a guest: what programs and probes see of the network. Opening, reading and writing take effect when
/// the guest settles, right after the program returns.
struct Stack: Codable {
  struct Binding: Codable {
    /// UDP port or echo identifier.
    var number: UInt16
    var owner: SocketOwner
  }

  enum SendResult {
    case sent
    /// No route or no address of our own.
    case noRoute
  }

  var ip: IPLayer
  var tcp = TCPLayer()
  var datagramBindings: [Binding] = []
  var echoBindings: [Binding] = []
  var random: RandomStream
  var names: [String: IPv4Address] = [:]
  var localForwards: [LocalForward] = []
  var redirected: [RedirectedFlow] = []
  /// 32768–60999, Linux's ip_local_port_range.
  private var nextPort: UInt16

  init(interfaces: [Interface], random: RandomStream) {
    var random = random
    ip = IPLayer(interfaces: interfaces, identification: UInt16(truncatingIfNeeded: random.next()))
    nextPort = 32768 + UInt16(random.next(below: 28_232))
    self.random = random
  }

  /// A port that nothing here uses; RFC 6056, 3.3.1 from a random beginning.
  private mutating func ephemeralPort(where isFree: (borrowing Stack, UInt16) -> Bool) -> UInt16? {
    for _ in 0..<28_232 {
      nextPort = nextPort >= 60_999 ? 32_768 : nextPort + 1
      if isFree(self, nextPort) { return nextPort }
    }
    return nil
  }

  func resolve(_ target: GuestTarget) -> IPv4Address? {
    switch target {
    case .address(let address): address
    case .named(let name): names[name]
    }
  }

  // MARK: TCP

  /// From a port of one's own, which another connection to elsewhere may have too (as SO_REUSEADDR), or from a free
  /// one. Nil where there is no route, no address, no free port or such a connection already.
  mutating func connect(
    to address: IPv4Address, _ port: UInt16, from own: UInt16? = nil, _ owner: SocketOwner, trace: UInt32 = 0,
    now: Instant
  ) -> SocketID? {
    if let target = redirection(.tcp, address, port) {
      return connect(to: target.address, target.port, from: own, owner, trace: trace, now: now)
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
      FourTuple(local: source, local, remote: address, port), .synSent, owner, trace: trace,
      initialSequence: UInt32(truncatingIfNeeded: random.next()), segmentSize: ip.interfaces[route.interface].mtu - 40,
      now: now)
    tcp.connections[index].pathSegmentSize = ip.mtu(of: route) - 40
    tcp.list(index)
    return SocketID(index: UInt32(index), generation: tcp.connections[index].generation)
  }

  func readable(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].receiveBuffer.count } ?? 0 }
  func writable(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].writable } ?? 0 }
  func localPort(_ id: SocketID) -> UInt16 { tcp.find(id).map { tcp.connections[$0].key.localPort } ?? 0 }
  func localAddress(_ id: SocketID) -> IPv4Address? { tcp.find(id).map { tcp.connections[$0].key.localAddress } }
  func remote(_ id: SocketID) -> TransportAddress? {
    tcp.find(id).map { TransportAddress(tcp.connections[$0].key.remoteAddress, tcp.connections[$0].key.remotePort) }
  }
  func openedAt(_ id: SocketID) -> Instant? { tcp.find(id).map { tcp.connections[$0].openedAt } }
  func error(_ id: SocketID) -> SocketError? { tcp.find(id).flatMap { tcp.connections[$0].error } }
  func cookie(_ id: SocketID) -> UInt32 { tcp.find(id).map { tcp.connections[$0].cookie } ?? 0 }
  mutating func setCookie(_ id: SocketID, _ cookie: UInt32) {
    if let index = tcp.find(id) { tcp.connections[index].cookie = cookie }
  }
  /// Whether the other side has sent its FIN and it has been reached.
  func isAtEnd(_ id: SocketID) -> Bool {
    guard let index = tcp.find(id), let fin = tcp.connections[index].peerFin else { return false }
    return tcp.connections[index].expected.isAfter(fin)
  }
  /// Written, and not yet acknowledged by the other side.
  func unsent(_ id: SocketID) -> Int { tcp.find(id).map { tcp.connections[$0].sendBuffer.count } ?? 0 }

  /// Zero before the first was measured.
  func leastRoundTrip(_ id: SocketID) -> Nanoseconds {
    guard let index = tcp.find(id), tcp.connections[index].roundTrip.hasSample else { return .zero }
    return tcp.connections[index].leastRoundTrip
  }

  /// The first bytes that wait, which go on waiting.
  func peek(_ id: SocketID, _ limit: Int) -> [UInt8] {
    tcp.find(id).map { tcp.connections[$0].receiveBuffer.prefix(limit) } ?? []
  }

  /// Takes bytes off without a look; returns how many there were.
  @discardableResult
  mutating func discard(_ id: SocketID, _ limit: Int = .max) -> Int {
    guard let index = tcp.find(id) else { return 0 }
    let count = min(limit, tcp.connections[index].receiveBuffer.count)
    tcp.connections[index].receiveBuffer.consume(count)
    tcp.connections[index].didRead()
    tcp.list(index)
    return count
  }

  func matchesPattern(_ id: SocketID, _ count: Int, offset: UInt64) -> Bool {
    tcp.find(id).map { tcp.connections[$0].receiveBuffer.matchesPattern(count, offset: offset) } ?? false
  }

  mutating func read(_ id: SocketID, _ limit: Int = .max) -> [UInt8] {
    let bytes = peek(id, limit)
    discard(id, bytes.count)
    return bytes
  }

  /// Writes what there is room for and returns how much that was.
  @discardableResult
  mutating func write(_ id: SocketID, _ bytes: RawSpan) -> Int {
    guard let index = tcp.find(id) else { return 0 }
    let count = min(bytes.byteCount, tcp.connections[index].writable)
    guard count > 0 else { return 0 }
    tcp.connections[index].sendBuffer.append(bytes.extracting(0..<count))
    tcp.list(index)
    return count
  }

  /// Sends a FIN behind what was written; reading goes on.
  mutating func shutdown(_ id: SocketID) {
    guard let index = tcp.find(id) else { return }
    tcp.connections[index].shutdown()
    tcp.list(index)
  }

  /// Gives the socket up: the stack sends what was written and a FIN; what still comes is answered with a RST.
  mutating func release(_ id: SocketID, now: Instant) {
    guard let index = tcp.find(id) else { return }
    // Data that nobody will read (RFC 2525, 2.17).
    if tcp.connections[index].receiveBuffer.count > 0 { tcp.connections[index].resetNow = true }
    if tcp.connections[index].owner.kind != .timeWait { tcp.connections[index].owner = SocketOwner(.none, 0) }
    tcp.connections[index].shutdown()
    if tcp.connections[index].state == .finWait2 { tcp.connections[index].lingerAt = now + TCPConnection.timeWait }
    tcp.list(index)
  }

  /// Ends the connection with a RST, which is no part of what a probe looks at any more.
  mutating func abort(_ id: SocketID) {
    guard let index = tcp.find(id) else { return }
    tcp.connections[index].trace = 0
    tcp.connections[index].owner = SocketOwner(.none, 0)
    tcp.connections[index].resetNow = true
    tcp.list(index)
  }

  // MARK: UDP

  mutating func bindDatagrams(_ port: UInt16, _ owner: SocketOwner) -> Bool {
    guard !datagramBindings.contains(where: { $0.number == port }) else { return false }
    datagramBindings.append(Binding(number: port, owner: owner))
    return true
  }

  /// A free port; nil where there is none.
  mutating func bindDatagrams(_ owner: SocketOwner) -> UInt16? {
    guard
      let port = ephemeralPort(where: { stack, candidate in
        !stack.datagramBindings.contains { $0.number == candidate }
      })
    else { return nil }
    datagramBindings.append(Binding(number: port, owner: owner))
    return port
  }

  mutating func unbindDatagrams(_ port: UInt16) {
    datagramBindings.removeAll { $0.number == port }
    if !redirected.isEmpty { redirected.removeAll { $0.socket == port } }
  }

  @inline(__always)
  func datagramOwner(_ port: UInt16) -> SocketOwner? {
    for index in datagramBindings.indices where datagramBindings[index].number == port {
      return datagramBindings[index].owner
    }
    return nil
  }

  /// Whether a program takes in what is sent to a group on this port: it counts as a member of every group (RFC 1112, 7.1).
  func hearsGroups(_ port: UInt16) -> Bool {
    guard let owner = datagramOwner(port) else { return false }
    return owner.kind == .sink || owner.kind == .udpEcho
  }

  /// Sends a datagram; one longer than the MTU in fragments. Precondition: at most 65,507 bytes.
  @discardableResult
  mutating func sendDatagram(
    from sourcePort: UInt16, to address: IPv4Address, _ port: UInt16, _ payload: RawSpan, source: IPv4Address? = nil,
    trace: UInt32 = 0, now: Instant, _ out: inout Effects
  ) -> SendResult {
    // Looked at here: a call would copy the stack for it.
    if !localForwards.isEmpty, let target = redirection(.udp, address, port) {
      remember(RedirectedFlow(socket: sourcePort, asked: TransportAddress(address, port), target: target))
      return sendDatagram(
        from: sourcePort, to: target.address, target.port, payload, trace: trace, now: now, &out)
    }
    guard var route = ip.route(to: address) else { return .noRoute }
    if let source { route.source = source }
    let length = 8 &+ payload.byteCount
    guard IPLayer.header &+ length <= ip.mtu(of: route) else {
      sendLongDatagram(from: sourcePort, to: address, port, payload, route, trace: trace, now: now, &out)
      return .sent
    }
    var frame = ip.packet(
      .udp, from: route.source, to: address, length: length, timeToLive: Self.timeToLive(to: address), trace: trace, &out)
    var span = frame.mutableBytes
    span.put(UInt32(sourcePort) << 16 | UInt32(port), at: 34)
    span.put(UInt32(truncatingIfNeeded: length) << 16, at: 38)
    span.put(payload, at: 42)
    // The header's words are at hand: only the payload is summed up.
    let header =
      InternetChecksum.pseudoHeader(source: route.source, destination: address, protocol: 17, length: length)
      &+ UInt64((UInt32(sourcePort) << 16 | UInt32(port)).bigEndian)
      &+ UInt64((UInt32(truncatingIfNeeded: length) << 16).bigEndian)
    let checksum = InternetChecksum.checksum(payload, initial: header)
    // Zero would mean "no checksum" (RFC 768).
    span.put(checksum == 0 ? 0xffff : checksum, at: 40)
    frame.isSound = true
    // The sender's own machine may be a member too (RFC 1112, 6.1: delivered to it unless it asks otherwise).
    if address.isMulticast, hearsGroups(port) { ip.loopBack(frame.share(), route, &out) }
    ip.send(frame, route, now: now, &out)
    return .sent
  }

  private mutating func sendLongDatagram(
    from sourcePort: UInt16, to address: IPv4Address, _ port: UInt16, _ payload: RawSpan, _ route: Route, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) {
    var bytes = [UInt8](repeating: 0, count: 8 + payload.byteCount)
    do {
      var storage = bytes.mutableSpan
      var span = storage.mutableBytes
      span.put(payload, at: 8)
      UDPHeader(sourcePort: sourcePort, destinationPort: port).write(
        to: &span, source: route.source, destination: address)
    }
    ip.sendFragments(
      .udp, bytes, to: address, route, timeToLive: Self.timeToLive(to: address), trace: trace, now: now, &out)
  }

  /// A group's stays on its link (RFC 1112, 6.1).
  @inline(__always)
  private static func timeToLive(to address: IPv4Address) -> UInt8 { address.isMulticast ? 1 : 64 }

  // MARK: Echo

  mutating func bindEcho(_ owner: SocketOwner) -> UInt16 {
    var identifier = UInt16(truncatingIfNeeded: random.next())
    while echoBindings.contains(where: { $0.number == identifier }) { identifier &+= 1 }
    echoBindings.append(Binding(number: identifier, owner: owner))
    return identifier
  }

  mutating func unbindEcho(_ identifier: UInt16) { echoBindings.removeAll { $0.number == identifier } }

  /// Sends an echo request with `size` bytes of data, at most 65,507.
  mutating func sendEcho(
    to address: IPv4Address, identifier: UInt16, sequence: UInt16, size: Int, timeToLive: UInt8, trace: UInt32 = 0,
    now: Instant, _ out: inout Effects
  ) -> SendResult {
    guard let route = ip.route(to: address) else { return .noRoute }
    var message = [UInt8](repeating: 0, count: 8 + min(max(size, 0), 65_507))
    do {
      var storage = message.mutableSpan
      var span = storage.mutableBytes
      // ping fills with the place of each byte.
      for index in 8..<max(span.byteCount, 8) { span.put(UInt8(truncatingIfNeeded: index), at: index) }
      ICMPv4Header.echo(.echoRequest, identifier: identifier, sequence: sequence).write(to: &span)
    }
    ip.sendFragments(.icmp, message, to: address, route, timeToLive: timeToLive, trace: trace, now: now, &out)
    return .sent
  }
}
