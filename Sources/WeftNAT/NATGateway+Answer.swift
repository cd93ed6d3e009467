import WeftCore
import WeftIP
import WeftSettings
import WeftWire

// What the gateway says itself.

extension NATGateway {
  mutating func nextIdentification() -> UInt16 {
    identification &+= 1
    return identification
  }

  /// Tells a packet's sender, on the port it came in on. Only for senders that were checked.
  mutating func answerError(
    _ type: ICMPv4Type, code: UInt8, rest: UInt32 = 0, about frame: borrowing Frame, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    let own = ownAddress(on: at)
    let identification = nextIdentification()
    guard let ip = IPv4View(frame.bytes.extracting(14..<frame.count)),
      ICMPError.isAllowed(about: ip, linkDestination: frame.bytes.mac(0)), let next = nextHop(ip.source, on: at)
    else { return }
    let error = ICMPError.make(
      type, code: code, rest: rest, about: ip, from: own, identification: identification, trace: frame.trace, &out)
    sendOwn(error, Self.errorTuple(from: own, to: ip.source), .related, to: next, on: at, now: now, &out)
  }

  /// RFC 1812, 5.3.1.
  mutating func expireInTransit(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    answerError(.timeExceeded, code: 0, about: frame, on: at, now: now, &out)
    out.drop(frame, on: PortIndex(at), .ttlExpired, packet.detail)
  }

  /// Drops what nobody asked for, and says so where that is wanted.
  mutating func unsolicited(
    _ frame: consuming Frame, _ packet: Packet, _ reason: DropReason, on at: Int, now: Instant, _ out: inout Effects
  ) {
    // The axis is about outside: who asks from inside is told, as by any box that he shares a link with.
    let isInside = at != 0 && reason == .portClosed && configuration.settings.unsolicited == .drop
    let answer = isInside ? .refuse : configuration.settings.unsolicited
    if answer != .drop, !packet.isFragment, packet.brokenChecksum(frame) == nil {
      if answer == .refuseLate, at == 0, packet.protocolNumber == Proto.tcp {
        if packet.flags.contains(.syn), !packet.flags.contains(.ack) { heldSYNs.hold(frame.share(), now: now) }
      } else if packet.protocolNumber == Proto.tcp {
        answerReset(frame, packet, .established, on: at, now: now, &out)
      } else if packet.protocolNumber == Proto.udp {
        answerError(.destinationUnreachable, code: ICMPv4UnreachableCode.port, about: frame, on: at, now: now, &out)
      }
    }
    out.drop(frame, on: PortIndex(at), reason, packet.detail)
  }

  /// What comes from outside for a port of the host that nobody serves. A gateway that looks its rules up for a flow's
  /// first packet alone remembers the flow: a forward that is added later isn't for it.
  mutating func unserved(_ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects) {
    let own = configuration.outside.address
    if configuration.settings.keepsFlows, packet.protocolNumber == Proto.udp, packet.destination == own,
      configuration.hasHostPort, configuration.settings.unsolicited != .drop,
      objection(packet, frame, on: 0) == nil
    {
      let original = packet.tuple(on: 0)
      var reply = original.turned
      reply.port = 1
      if enter(original: original, reply: reply, flags: [.local, .unserved], mapping: nil, target: nil, now: now) {
        let number = sessions.find(original) >> 1
        sessions.entries[number].account(isReply: false, bytes: packet.end - 14)
        record(.new, number, now: now)
      }
    }
    unsolicited(frame, packet, .noPortForward, on: 0, now: now, &out)
  }

  mutating func refuseAgain(
    _ frame: consuming Frame, _ packet: Packet, _ number: Int, now: Instant, _ out: inout Effects
  ) {
    sessions.shorten(number, to: (now + firstTimeout(packet.protocolNumber)).rawValue)
    sessions.entries[number].account(isReply: false, bytes: packet.end - 14)
    unsolicited(frame, packet, .noPortForward, on: 0, now: now, &out)
  }

  /// As a closed port does (RFC 9293, 3.10.7.1).
  mutating func answerReset(
    _ frame: borrowing Frame, _ packet: Packet, _ state: FilterRule.State, on at: Int, now: Instant, _ out: inout Effects
  ) {
    guard !packet.flags.contains(.rst), let next = nextHop(packet.source, on: at),
      let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end))
    else { return }
    let header: TCPHeader
    if tcp.flags.contains(.ack) {
      header = TCPHeader(
        sourcePort: tcp.destinationPort, destinationPort: tcp.sourcePort, sequence: tcp.acknowledgment,
        acknowledgment: 0,
        flags: .rst, window: 0)
    } else {
      let flags = tcp.flags
      let length = tcp.payload.byteCount + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
      header = TCPHeader(
        sourcePort: tcp.destinationPort, destinationPort: tcp.sourcePort, sequence: 0,
        acknowledgment: tcp.sequence &+ UInt32(length), flags: [.rst, .ack], window: 0)
    }
    var reset = out.frame(count: 14 + 20 + 20)
    reset.trace = frame.trace
    var span = reset.mutableBytes
    var ip = span.slice(14..<54)
    var outer = IPv4Header(
      protocol: .tcp, source: packet.destination, destination: packet.source, identification: nextIdentification())
    outer.typeOfService = frame.bytes.u8(15) & 0xfc
    outer.write(to: &ip, payloadLength: 20)
    var segment = ip.slice(20..<40)
    header.write(to: &segment, source: packet.destination, destination: packet.source)
    sendOwn(reset, packet.tuple(on: at).turned, state, to: next, on: at, now: now, &out)
  }

  /// Takes in an echo message to one of the gateway's own addresses and answers a request (RFC 1122, 3.2.2.6).
  mutating func takeEcho(_ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects) {
    // It would have to be put together first.
    if packet.isFragment { return out.drop(frame, on: PortIndex(at), .fragmentUnsupported, packet.detail) }
    if let reason = packet.brokenChecksum(frame) { return out.drop(frame, on: PortIndex(at), reason, packet.detail) }
    guard packet.tupleKind != Tuple.echoReply else {
      return out.drop(frame, on: PortIndex(at), .unexpectedICMP, packet.detail)
    }
    if let rule = passes(packet.tuple(on: at), to: 1, .new, bytes: packet.end - 14) {
      return refuseFiltered(frame, packet, rule: rule, on: at, now: now, &out)
    }
    guard let next = nextHop(packet.source, on: at) else {
      return out.drop(frame, on: PortIndex(at), .noRoute, .address(packet.source.rawValue))
    }
    if frame.trace != 0 {
      out.observe(Observation(.delivered, trace: frame.trace, source: packet.source, sourcePort: 0))
    }
    let length = packet.end - packet.transport
    var reply = out.frame(count: 14 + 20 + length)
    reply.trace = frame.trace
    var span = reply.mutableBytes
    span.put(frame.bytes.extracting(packet.transport..<packet.end), at: 34)
    var ip = span.slice(14..<34 + length)
    // A reply is sent as its request was (RFC 1349, 5.1).
    var outer = IPv4Header(
      protocol: .icmp, source: packet.destination, destination: packet.source, identification: nextIdentification(),
      dontFragment: false)
    outer.typeOfService = frame.bytes.u8(15)
    outer.write(to: &ip, payloadLength: length)
    var message = ip.slice(20..<20 + length)
    ICMPv4Header(type: .echoReply, code: packet.icmpCode, rest: frame.bytes.u32(packet.transport + 4)).write(
      to: &message)
    sendOwn(reply, packet.tuple(on: at).turned, .established, to: next, on: at, now: now, &out)
  }
}
