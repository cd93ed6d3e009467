import WeftCore
import WeftIP
import WeftWire

// UDP sockets.
extension Stack {
  public enum SendResult: Sendable {
    case sent
    /// No route or no address of our own.
    case noRoute
  }

  /// False where the port is taken. `hearsGroups`: what is sent to any group comes too (RFC 1112, 7.1).
  public mutating func bindDatagrams(_ port: UInt16, tag: UInt64, hearsGroups: Bool = false) -> Bool {
    guard !datagramBindings.contains(where: { $0.number == port }) else { return false }
    datagramBindings.append(Binding(number: port, tag: tag, hearsGroups: hearsGroups))
    return true
  }

  /// Binds a free port; nil where there is none. With a `peer` it takes datagrams from there only (connect(2)).
  public mutating func bindDatagrams(tag: UInt64, trace: UInt32 = 0, peer: TransportAddress? = nil) -> UInt16? {
    guard
      let port = ephemeralPort(where: { stack, candidate in
        !stack.datagramBindings.contains { $0.number == candidate }
      })
    else { return nil }
    datagramBindings.append(Binding(number: port, tag: tag, trace: trace, peer: peer))
    return port
  }

  public mutating func unbindDatagrams(_ port: UInt16) {
    datagramBindings.removeAll { $0.number == port }
    if !redirected.isEmpty { redirected.removeAll { $0.socket == port } }
  }

  /// Where the port stands among the bindings.
  @inline(__always)
  func datagramBinding(_ port: UInt16) -> Int? {
    for index in datagramBindings.indices where datagramBindings[index].number == port { return index }
    return nil
  }

  func hearsGroups(_ port: UInt16) -> Bool { datagramBinding(port).map { datagramBindings[$0].hearsGroups } ?? false }

  /// Sends a datagram; one longer than the MTU in fragments. Precondition: at most 65,507 bytes.
  @discardableResult
  public mutating func sendDatagram(
    from sourcePort: UInt16, to address: IPv4Address, _ port: UInt16, _ payload: RawSpan, source: IPv4Address? = nil,
    trace: UInt32 = 0, now: Instant, _ out: inout Effects
  ) -> SendResult {
    let ports = UInt32(sourcePort) << 16 | UInt32(port)
    let count = DatagramTemplate.headers &+ payload.byteCount
    if source == nil, localForwards.isEmpty, ip.template.fits(ports, to: address, count: count, now: now, changes: ip.changes) {
      sendLikeLast(payload, trace: trace, &out)
      return .sent
    }
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
    if !route.isBroadcast, !route.isLoopback, makeTemplate(ports, to: address, count: count, route, now: now) {
      sendLikeLast(payload, trace: trace, &out)
      return .sent
    }
    var frame = ip.packet(
      .udp, from: route.source, to: address, length: length, timeToLive: Self.timeToLive(to: address), trace: trace, &out)
    var span = frame.mutableBytes
    var datagram = span.slice(34..<34 + length)
    datagram.put(payload, at: 8)
    UDPHeader(sourcePort: sourcePort, destinationPort: port).write(
      to: &datagram, source: route.source, destination: address)
    frame.isSound = true
    // The sender's own machine may be a member too (RFC 1112, 6.1: delivered to it unless it asks otherwise).
    if address.isMulticast, hearsGroups(port) { ip.loopBack(frame.share(), route, &out) }
    ip.send(frame, route, now: now, &out)
    return .sent
  }

  @inline(__always)
  private func sendLikeLast(_ payload: RawSpan, trace: UInt32, _ out: inout Effects) {
    var frame = out.frame(count: ip.template.count)
    frame.trace = trace
    var span = frame.mutableBytes
    ip.template.write(to: &span)
    span.put(payload, at: DatagramTemplate.headers)
    // Zero would mean "no checksum" (RFC 768).
    let checksum = InternetChecksum.checksum(payload, initial: ip.template.sum)
    span.put(checksum == 0 ? 0xffff : checksum, at: 40)
    frame.isSound = true
    out.transmit(frame, on: ip.template.port)
  }

  /// False where the neighbour isn't known, or must be asked for again. `count`: bytes of the frame.
  @inline(never)
  private mutating func makeTemplate(
    _ ports: UInt32, to address: IPv4Address, count: Int, _ route: Route, now: Instant
  ) -> Bool {
    guard let (mac, until) = ip.interfaces[route.interface].neighbours.trusted(route.nextHop, now: now) else { return false }
    ip.template = DatagramTemplate(
      ports: ports, to: address, count: count, route, from: ip.interfaces[route.interface], neighbour: mac, until: until,
      changes: ip.changes)
    return true
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
}
