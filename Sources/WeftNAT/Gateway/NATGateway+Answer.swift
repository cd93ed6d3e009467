import WeftCore
import WeftIP
import WeftSettings
import WeftWire

// What the gateway says itself. It passes its rules as what a Linux box makes passes its OUTPUT chain: echo replies, resets,
// and ICMP errors too. Whoever "turns off ICMP" so makes a path MTU black hole (RFC 2923, 2.1).

extension NATGateway {
  /// What doesn't go on: drops it, and tells its sender where the decision says so; or answers an echo.
  mutating func refuse(
    _ frame: consuming Frame, _ packet: Packet, _ decision: Decision, on port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) {
    switch decision {
    case .refuse(let refusal), .openAndRefuse(_, let refusal), .passAndRefuse(_, let refusal):
      drop(frame, packet, refusal, on: port, now: now, &out)
    case .echo: answerEcho(frame, packet, on: port, now: now, &out)
    case .pass, .open, .untracked, .overdue: preconditionFailure("what goes on isn't refused")
    }
  }

  mutating func drop(
    _ frame: consuming Frame, _ packet: Packet, _ refusal: Refusal, on port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) {
    switch refusal.tell {
    case .nobody: break
    case .error(let type, let code): answerError(type, code: code, about: frame, on: port, now: now, &out)
    case .reset(let state): answerReset(frame, packet, state, on: port, now: now, &out)
    case .later: answers.held.add(frame.share(), now: now)
    }
    out.drop(frame, on: port.portIndex, refusal.reason, refusal.detail)
  }

  /// Tells a packet's sender, on the port it came in on. Only for senders that were checked.
  mutating func answerError(
    _ type: ICMPv4Type, code: UInt8, rest: UInt32 = 0, about frame: borrowing Frame, on port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) {
    let identification = answers.nextIdentification()
    guard let ip = IPv4View(frame.bytes.extracting(14..<frame.count)),
      ICMPError.isAllowed(about: ip, linkDestination: frame.bytes.mac(0)), let next = nextHop(ip.source, on: port)
    else { return }
    // As a host that was asked itself it speaks from the address that was asked (RFC 1122, 3.2.2); as a router from that of the
    // interface (RFC 1812, 4.3.2.4).
    let isOfHost = type == .destinationUnreachable && code == ICMPv4UnreachableCode.port && isExternal(ip.destination)
    let own = isOfHost && port.isInside ? ip.destination : ownAddress(on: port)
    let error = ICMPError.make(
      type, code: code, rest: rest, about: ip, from: own, identification: identification, trace: frame.trace, &out)
    sendOwn(error, Self.errorTuple(from: own, to: ip.source), .related, to: next, on: port, now: now, &out)
  }

  /// As a closed port does.
  private mutating func answerReset(
    _ frame: borrowing Frame, _ packet: Packet, _ state: FilterRule.State, on port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) {
    guard let next = nextHop(packet.source, on: port),
      let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end)),
      let header = Reset.header(
        sourcePort: tcp.sourcePort, destinationPort: tcp.destinationPort, sequence: tcp.sequence,
        acknowledgment: tcp.acknowledgment, flags: tcp.flags, length: tcp.payload.byteCount)
    else { return }
    var reset = out.frame(count: 14 + 20 + 20)
    reset.trace = frame.trace
    var span = reset.mutableBytes
    var ip = span.slice(14..<54)
    var outer = IPv4Header(
      protocol: .tcp, source: packet.destination, destination: packet.source,
      identification: answers.nextIdentification())
    outer.typeOfService = frame.bytes.u8(15) & 0xfc
    outer.write(to: &ip, payloadLength: 20)
    var segment = ip.slice(20..<40)
    header.write(to: &segment, source: packet.destination, destination: packet.source)
    sendOwn(reset, packet.tuple(on: port).turned, state, to: next, on: port, now: now, &out)
  }

  /// Takes in an echo request to one of the gateway's own addresses and answers it.
  private mutating func answerEcho(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    guard let next = nextHop(packet.source, on: port),
      let message = ICMPv4View(frame.bytes.extracting(packet.transport..<packet.end))
    else { return out.drop(frame, on: port.portIndex, .noRoute, .address(packet.source.rawValue)) }
    if frame.trace != 0 {
      out.observe(Observation(.delivered, trace: frame.trace, source: packet.source, sourcePort: 0))
    }
    let reply = Echo.reply(
      to: message, from: packet.destination, to: packet.source, typeOfService: frame.bytes.u8(15),
      identification: answers.nextIdentification(), trace: frame.trace, &out)
    sendOwn(reply, packet.tuple(on: port).turned, .established, to: next, on: port, now: now, &out)
  }

  mutating func answerHeldSYNs(now: Instant, _ out: inout Effects) {
    while let frame = answers.held.next(now: now) {
      var packet = Packet()
      guard case .flow = Packet.read(frame.bytes, mac: links.neighbours[0].mac, &packet) else { continue }
      // A SYN has gone out meanwhile: it was half of a simultaneous open, and is forgotten.
      guard conntrack.find(packet.tuple(on: .outside)) == nil else { continue }
      answerError(
        .destinationUnreachable, code: ICMPv4UnreachableCode.port, about: frame, on: .outside, now: now, &out)
    }
  }

  // MARK: Its own packets and the rules

  /// Sends what was made here, if the rules let it out.
  private mutating func sendOwn(
    _ frame: consuming Frame, _ tuple: Tuple, _ state: FilterRule.State, to next: IPv4Address, on port: GatewayPort,
    now: Instant, _ out: inout Effects
  ) {
    if let rule = forbids(tuple, state, on: port, bytes: frame.count - 14) {
      return withhold(frame, rule, to: next, on: port, &out)
    }
    counters.answered &+= 1
    links.neighbours[port.index].send(frame, to: next, now: now, &out)
  }

  /// The rule that keeps a packet of the gateway's own from leaving on a port. To the host's own stack nothing leaves:
  /// the two are one machine.
  mutating func forbids(_ tuple: Tuple, _ state: FilterRule.State, on port: GatewayPort, bytes: Int) -> RuleNumber? {
    if filter.rules.isEmpty || port == .host { return nil }
    var own = tuple
    own.port = .host
    guard let rule = filter.look(own, to: port, state) else { return nil }
    filter.count(Packed(rule), bytes: bytes)
    return filter.action(rule) == .allow ? nil : rule
  }

  /// Of an ICMP error.
  static func errorTuple(from source: IPv4Address, to destination: IPv4Address) -> Tuple {
    Tuple(
      source: source, destination: destination, sourcePort: 0, destinationPort: 0, port: .host, kind: .echoRequest)
  }

  /// Drops it where it would have left, as a frame that can be looked at.
  mutating func withhold(
    _ frame: consuming Frame, _ rule: RuleNumber, to next: IPv4Address, on port: GatewayPort, _ out: inout Effects
  ) {
    let neighbours = links.neighbours[port.index]
    var span = frame.mutableBytes
    EthernetHeader(destination: neighbours.mac(of: next) ?? .zero, source: neighbours.mac, type: .ipv4).write(to: &span)
    out.drop(frame, on: port.portIndex, .filtered, rule.detail)
  }
}
