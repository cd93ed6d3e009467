import WeftCore
import WeftIP
import WeftWire

extension Stack {
  mutating func receiveICMP(
    _ packet: borrowing IPv4View, on port: PortIndex, trace: UInt32, now: Instant, _ out: inout Effects
  ) -> Disposition {
    guard let message = ICMPv4View(packet.payload) else { return .dropped(.malformedICMP, .none) }
    guard message.hasValidChecksum else { return .dropped(.badICMPChecksum, .none) }
    let type = message.type
    let detail = DropDetail.icmp(type: type.rawValue, code: message.code)
    switch type {
    case .echoRequest:
      // Smurf: nobody answers an echo to everyone any more (RFC 1122, 3.2.2.6 lets us; Linux doesn't either).
      if ip.interfaces[port.index].isBroadcast(packet.destination) { return .dropped(.unexpectedICMP, detail) }
      if trace != 0 {
        out.observe(Observation(.delivered, trace: trace, source: packet.source, sourcePort: message.identifier))
      }
      sendEchoReply(packet, message, trace: trace, now: now, &out)
      return .accepted
    case .echoReply:
      guard let binding = echoBindings.first(where: { $0.number == message.identifier }) else {
        return .dropped(.unexpectedICMP, detail)
      }
      return .echoReply(
        tag: binding.tag,
        EchoReply(source: packet.source, sequence: message.sequence, size: message.bytes.byteCount - 8))
    case .destinationUnreachable, .timeExceeded:
      return receiveError(message, from: packet.source, detail, now: now, &out)
    default: return .dropped(.unexpectedICMP, detail)
    }
  }

  private mutating func sendEchoReply(
    _ packet: borrowing IPv4View, _ request: borrowing ICMPv4View, trace: UInt32, now: Instant, _ out: inout Effects
  ) {
    guard var route = ip.route(to: packet.source) else { return }
    route.source = packet.destination
    let length = request.bytes.byteCount
    guard IPLayer.header + length <= ip.mtu(of: route) else {
      var message = request.bytes.array
      message[0] = ICMPv4Type.echoReply.rawValue
      let checksum = InternetChecksum.update(request.checksum, replacing: UInt16(0x0800), with: 0)
      message[2] = UInt8(checksum >> 8)
      message[3] = UInt8(checksum & 255)
      ip.sendFragments(.icmp, message, to: packet.source, route, timeToLive: 64, trace: trace, now: now, &out)
      return
    }
    let identification = ip.nextIdentification()
    var frame = ip.packet(
      .icmp, from: route.source, to: packet.source, length: length, identification: identification, flags: 0,
      trace: trace, &out)
    var span = frame.mutableBytes
    span.put(request.bytes, at: 34)
    var part = span.slice(34..<34 + length)
    ICMPv4Header.echo(.echoReply, identifier: request.identifier, sequence: request.sequence).write(to: &part)
    ip.send(frame, route, now: now, &out)
  }

  /// Tells the socket whose packet the error quotes (RFC 1122, 3.2.2).
  private mutating func receiveError(
    _ message: borrowing ICMPv4View, from: IPv4Address, _ detail: DropDetail, now: Instant, _ out: inout Effects
  ) -> Disposition {
    guard let quoted = IPv4View(quoted: message.payload), quoted.payload.byteCount >= 8 else {
      return .dropped(.malformedICMP, detail)
    }
    // Only about what we sent.
    guard ip.isHost(quoted.source), quoted.fragmentOffset == 0 else {
      return .dropped(.unexpectedICMP, detail)
    }
    let transport = quoted.payload
    let code = message.code
    let isTooBig = message.type == .destinationUnreachable && code == ICMPv4UnreachableCode.fragmentationNeeded
    let isHard = code == ICMPv4UnreachableCode.port || code == ICMPv4UnreachableCode.protocol
    let error: SocketError =
      if message.type == .timeExceeded {
        .ttlExceeded(from: from)
      } else if code == ICMPv4UnreachableCode.port {
        .refused
      } else {
        .unreachable(code: code, from: from)
      }
    switch quoted.protocol {
    case .tcp:
      let key = FourTuple(
        local: quoted.source, transport.u16(0), remote: quoted.destination, transport.u16(2))
      let sequence = transport.u32(4)
      if isTooBig {
        // Old routers leave the MTU out (RFC 1191, 5): then the least that is common.
        let mtu = message.nextHopMTU >= 68 ? Int(message.nextHopMTU) : 576
        return tcp.lowerSegmentSize(key, sequence: sequence, mtu - 40)
          ? .accepted : .dropped(.unexpectedICMP, detail)
      }
      return tcp.fail(key, sequence: sequence, error, hard: isHard)
        ? .accepted : .dropped(.unexpectedICMP, detail)
    case .udp:
      guard let binding = datagramBinding(transport.u16(0)) else { return .dropped(.unexpectedICMP, detail) }
      notices.append(.failed(tag: datagramBindings[binding].tag, error))
      return .accepted
    case .icmp:
      let identifier = transport.u16(4)
      guard transport.u8(0) == ICMPv4Type.echoRequest.rawValue,
        let binding = echoBindings.first(where: { $0.number == identifier })
      else { return .dropped(.unexpectedICMP, detail) }
      notices.append(.failed(tag: binding.tag, error))
      return .accepted
    default: return .dropped(.unexpectedICMP, detail)
    }
  }

  /// Sends an ICMP error, where one is allowed and there haven't been too many.
  mutating func sendError(
    _ type: ICMPv4Type, _ code: UInt8, about packet: borrowing IPv4View, _ linkDestination: MACAddress, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) {
    // From the wire no packet of 127.0.0.0/8 gets this far.
    guard ICMPError.isAllowed(about: packet, linkDestination: linkDestination, toOneself: true),
      ip.isHost(packet.destination), let route = ip.route(to: packet.source), !route.isBroadcast,
      ip.errorBudget.take(now: now)
    else { return }
    let frame = ICMPError.make(
      type, code: code, about: packet, from: packet.destination, identification: ip.nextIdentification(),
      trace: trace, &out)
    ip.send(frame, route, now: now, &out)
  }
}
