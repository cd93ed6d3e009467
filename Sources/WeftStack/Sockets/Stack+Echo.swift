import WeftCore
import WeftIP
import WeftWire

// Echo requests, and packets without a socket.
extension Stack {
  /// An echo identifier of one's own.
  public mutating func bindEcho(tag: UInt64) -> UInt16 {
    var identifier = UInt16(truncatingIfNeeded: random.next())
    while echoBindings.contains(where: { $0.number == identifier }) { identifier &+= 1 }
    echoBindings.append(Binding(number: identifier, tag: tag))
    return identifier
  }

  public mutating func unbindEcho(_ identifier: UInt16) { echoBindings.removeAll { $0.number == identifier } }

  /// Sends an echo request with `size` bytes of data, at most 65,507.
  public mutating func sendEcho(
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

  // MARK: Without a socket

  /// Sends a packet whose payload of `length` bytes the caller writes, with a source address of ours. What comes back is the
  /// stack's own business. False where there is no way to the one other end.
  public mutating func sendRaw(
    _ protocol: IPProtocol, to address: IPv4Address, length: Int, trace: UInt32 = 0, now: Instant, _ out: inout Effects,
    _ write: (inout MutableRawSpan, _ source: IPv4Address, inout RandomStream) -> Void
  ) -> Bool {
    guard let route = ip.route(to: address), !route.isBroadcast else { return false }
    var frame = ip.packet(`protocol`, from: route.source, to: address, length: length, trace: trace, &out)
    do {
      var span = frame.mutableBytes
      var part = span.slice(34..<34 + length)
      write(&part, route.source, &random)
    }
    ip.send(frame, route, now: now, &out)
    return true
  }

  /// The same packet where it has no way out: dropped for want of a route, on the first interface that has an address.
  public mutating func dropUnroutable(
    _ protocol: IPProtocol, to address: IPv4Address, length: Int, trace: UInt32, _ out: inout Effects,
    _ write: (inout MutableRawSpan, _ source: IPv4Address) -> Void
  ) {
    guard let index = ip.interfaces.firstIndex(where: { !$0.address.isUnspecified }) else { return }
    let source = ip.interfaces[index].address
    var frame = ip.packet(`protocol`, from: source, to: address, length: length, trace: trace, &out)
    do {
      var span = frame.mutableBytes
      EthernetHeader(destination: .zero, source: ip.interfaces[index].mac, type: .ipv4).write(to: &span)
      var part = span.slice(34..<34 + length)
      write(&part, source)
    }
    out.drop(frame, on: ip.interfaces[index].port, .noRoute, .address(address.rawValue))
  }
}
