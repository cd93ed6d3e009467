import WeftCore
import WeftIP
import WeftWire

extension Guest {
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
      if stack.ip.interfaces[port.index].isBroadcast(packet.destination) { return .dropped(.unexpectedICMP, detail) }
      if trace != 0 {
        out.observe(Observation(.delivered, trace: trace, source: packet.source, sourcePort: message.identifier))
      }
      sendEchoReply(packet, message, trace: trace, now: now, &out)
      return .accepted
    case .echoReply:
      guard let binding = stack.echoBindings.first(where: { $0.number == message.identifier }) else {
        return .dropped(.unexpectedICMP, detail)
      }
      let size = message.bytes.byteCount - 8
      if binding.owner.kind == .ping {
        programs.pings[Int(binding.owner.index)].reply(message.sequence, size: size, now: now, &stack)
      } else if let probe = probe(binding.owner.index) {
        probes[probe].reply(from: packet.source, size: size, now: now, &stack)
      }
      return .accepted
    case .destinationUnreachable, .timeExceeded:
      return receiveError(message, from: packet.source, detail, now: now, &out)
    default: return .dropped(.unexpectedICMP, detail)
    }
  }

  private mutating func sendEchoReply(
    _ packet: borrowing IPv4View, _ request: borrowing ICMPv4View, trace: UInt32, now: Instant, _ out: inout Effects
  ) {
    guard var route = stack.ip.route(to: packet.source) else { return }
    route.source = packet.destination
    let length = request.bytes.byteCount
    guard IPLayer.header + length <= stack.ip.mtu(of: route) else {
      var message = request.bytes.array
      message[0] = ICMPv4Type.echoReply.rawValue
      let checksum = InternetChecksum.update(request.checksum, replacing: UInt16(0x0800), with: 0)
      message[2] = UInt8(checksum >> 8)
      message[3] = UInt8(checksum & 255)
      stack.ip.sendFragments(.icmp, message, to: packet.source, route, timeToLive: 64, trace: trace, now: now, &out)
      return
    }
    let identification = stack.ip.nextIdentification()
    var frame = stack.ip.packet(
      .icmp, from: route.source, to: packet.source, length: length, identification: identification, flags: 0,
      trace: trace, &out)
    var span = frame.mutableBytes
    span.put(request.bytes, at: 34)
    var part = span.slice(34..<34 + length)
    ICMPv4Header.echo(.echoReply, identifier: request.identifier, sequence: request.sequence).write(to: &part)
    stack.ip.send(frame, route, now: now, &out)
  }

  /// Tells the socket whose packet the error quotes (RFC 1122, 3.2.2).
  private mutating func receiveError(
    _ message: borrowing ICMPv4View, from: IPv4Address, _ detail: DropDetail, now: Instant, _ out: inout Effects
  ) -> Disposition {
    guard let quoted = IPv4View(quoted: message.payload), quoted.payload.byteCount >= 8 else {
      return .dropped(.malformedICMP, detail)
    }
    // Only about what we sent.
    guard stack.ip.isHost(quoted.source), quoted.fragmentOffset == 0 else {
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
        return stack.tcp.lowerSegmentSize(key, sequence: sequence, mtu - 40)
          ? .accepted : .dropped(.unexpectedICMP, detail)
      }
      return stack.tcp.fail(key, sequence: sequence, error, hard: isHard)
        ? .accepted : .dropped(.unexpectedICMP, detail)
    case .udp:
      guard let owner = stack.datagramOwner(transport.u16(0)) else { return .dropped(.unexpectedICMP, detail) }
      fail(owner, error, now: now, &out)
      return .accepted
    case .icmp:
      let identifier = transport.u16(4)
      guard transport.u8(0) == ICMPv4Type.echoRequest.rawValue,
        let binding = stack.echoBindings.first(where: { $0.number == identifier })
      else { return .dropped(.unexpectedICMP, detail) }
      fail(binding.owner, error, now: now, &out)
      return .accepted
    default: return .dropped(.unexpectedICMP, detail)
    }
  }

  private mutating func fail(_ owner: SocketOwner, _ error: SocketError, now: Instant, _ out: inout Effects) {
    if owner.kind == .probe {
      if let probe = probe(owner.index) { probes[probe].failed(error, now: now, &stack) }
    } else {
      programs.failed(owner, error, now: now, &stack, &out)
    }
  }

  /// Sends an ICMP error, where one is allowed and there haven't been too many.
  mutating func sendError(
    _ type: ICMPv4Type, _ code: UInt8, about packet: borrowing IPv4View, _ linkDestination: MACAddress, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) {
    // From the wire no packet of 127.0.0.0/8 gets this far.
    guard ICMPError.isAllowed(about: packet, linkDestination: linkDestination, toOneself: true),
      stack.ip.isHost(packet.destination), let route = stack.ip.route(to: packet.source), !route.isBroadcast,
      stack.ip.errorBudget.take(now: now)
    else { return }
    let frame = ICMPError.make(
      type, code: code, about: packet, from: packet.destination, identification: stack.ip.nextIdentification(),
      trace: trace, &out)
    stack.ip.send(frame, route, now: now, &out)
  }

  // MARK: Timers of the network below TCP

  mutating func wakeNetwork(now: Instant, _ out: inout Effects) {
    for index in stack.ip.interfaces.indices {
      if let dhcp = stack.ip.interfaces[index].dhcp, dhcp.deadline <= now {
        stack.ip.interfaces[index].wakeDHCP(hostname: configuration.name, &stack.random, now: now, &out)
      }
      guard stack.ip.interfaces[index].neighbours.deadline <= now else { continue }
      let port = stack.ip.interfaces[index].port
      var headers: [[UInt8]] = []
      stack.ip.interfaces[index].neighbours.wake(now: now, &out) { frame, neighbour, out in
        headers.append(Self.head(of: frame))
        out.drop(frame, on: port, .neighbourUnresolved, .address(neighbour.rawValue))
      }
      for header in headers { neighbourFailed(header, now: now, &out) }
    }
    if stack.ip.reassembly.deadline <= now {
      var expired: [[UInt8]] = []
      stack.ip.reassembly.wake(now: now, &out) { frame, _, _ in
        let bytes = frame.bytes
        if let packet = IPv4View(bytes.extracting(14..<bytes.byteCount)), packet.fragmentOffset == 0 {
          expired.append(bytes.array)
        }
      }
      for bytes in expired {
        guard let packet = IPv4View(bytes.span.bytes.extracting(14..<bytes.count)) else { continue }
        sendError(.timeExceeded, 1, about: packet, bytes.span.bytes.mac(0), trace: 0, now: now, &out)
      }
    }
  }

  /// As much of it as names its socket.
  private static func head(of frame: borrowing Frame) -> [UInt8] { frame.bytes.extracting(first: 14 + 28).array }

  /// The sender of a packet that found no neighbour is told at once: host unreachable, from ourselves.
  private mutating func neighbourFailed(_ bytes: [UInt8], now: Instant, _ out: inout Effects) {
    let span = bytes.span.bytes
    guard let packet = IPv4View(quoted: span.extracting(14..<span.byteCount)), packet.payload.byteCount >= 8,
      packet.fragmentOffset == 0
    else { return }
    let transport = packet.payload
    switch packet.protocol {
    case .tcp:
      stack.tcp.neighbourFailed(
        FourTuple(local: packet.source, transport.u16(0), remote: packet.destination, transport.u16(2)))
    case .udp:
      if let owner = stack.datagramOwner(transport.u16(0)) {
        fail(owner, .unreachable(code: ICMPv4UnreachableCode.host, from: nil), now: now, &out)
      }
    case .icmp:
      let identifier = transport.u16(4)
      if transport.u8(0) == ICMPv4Type.echoRequest.rawValue,
        let binding = stack.echoBindings.first(where: { $0.number == identifier })
      {
        fail(binding.owner, .unreachable(code: ICMPv4UnreachableCode.host, from: nil), now: now, &out)
      }
    default: break
    }
  }
}
