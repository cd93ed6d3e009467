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
}
