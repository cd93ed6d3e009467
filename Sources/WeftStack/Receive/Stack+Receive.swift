import WeftCore
import WeftIP
import WeftWire

/// What becomes of a packet after it was looked at.
enum Disposition {
  case accepted
  case dropped(DropReason, DropDetail)
  /// A fragment, whole in itself.
  case fragment
}

extension Guest {
  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard isBooted else {
      out.drop(frame, on: port, .machineStopped)
      return
    }
    guard port.index < stack.ip.interfaces.count else {
      out.drop(frame, on: port, .noLink)
      return
    }
    switch inspect(frame, on: port, now: now, &out) {
    case .accepted: break
    case .dropped(let reason, let detail): out.drop(frame, on: port, reason, detail)
    case .fragment: receiveFragment(frame, on: port, now: now, &out)
    }
    settle(now: now, &out)
  }

  /// A packet that the guest sent to itself.
  mutating func receiveLoopback(_ frame: consuming Frame, now: Instant, _ out: inout Effects) {
    guard let interface = Self.loopbackInterface(frame, stack.ip) else { return }
    let port = stack.ip.interfaces[interface].port
    switch inspect(frame, on: port, isLoopback: true, now: now, &out) {
    case .accepted: break
    case .dropped(let reason, let detail): out.drop(frame, on: port, reason, detail)
    case .fragment: receiveFragment(frame, on: port, now: now, &out)
    }
  }

  private static func loopbackInterface(_ frame: borrowing Frame, _ ip: borrowing IPLayer) -> Int? {
    let mac = frame.bytes.mac(0)
    return ip.interfaces.firstIndex { $0.mac == mac }
  }

  /// The frame stays the caller's: it is dropped as it came in.
  private mutating func inspect(
    _ frame: borrowing Frame, on port: PortIndex, isLoopback: Bool = false, now: Instant, _ out: inout Effects
  ) -> Disposition {
    let bytes = frame.bytes
    guard bytes.byteCount >= 14 else { return .dropped(.malformedEthernet, .none) }
    let destination = bytes.mac(0)
    guard
      destination == stack.ip.interfaces[port.index].mac || destination.isBroadcast
        || destination.isIPv4Group && !stack.datagramBindings.isEmpty
    else { return .dropped(.notForUs, .none) }
    guard !bytes.mac(6).isGroup else { return .dropped(.sourceIsGroup, .none) }
    let type = bytes.u16(12)
    let payload = bytes.extracting(unchecked: 14..<bytes.byteCount)
    if type == EtherType.ipv4.rawValue {
      guard let packet = IPv4View(payload) else { return .dropped(.malformedIPv4, .none) }
      return receive(
        packet, destination, on: port, isLoopback: isLoopback, isSound: frame.isSound, trace: frame.trace, now: now, &out)
    }
    if type == EtherType.arp.rawValue {
      guard let packet = ARPPacket(payload) else { return .dropped(.malformedARP, .none) }
      stack.ip.interfaces[port.index].neighbours.receive(packet, now: now, &out)
      return .accepted
    }
    return .dropped(type < 0x600 ? .malformedEthernet : .unknownEtherType, .number(UInt32(type)))
  }

  private mutating func receive(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, on port: PortIndex, isLoopback: Bool, isSound: Bool,
    trace: UInt32, now: Instant, _ out: inout Effects
  ) -> Disposition {
    guard isSound || packet.hasValidChecksum else { return .dropped(.badIPv4Checksum, .none) }
    if packet.headerLength > 20 {
      guard IPv4Option.areWellFormed(packet.options), !IPv4Option.hasSourceRoute(packet.options) else {
        return .dropped(.badIPv4Options, .none)
      }
    }
    let source = packet.source
    let destination = packet.destination
    if !stack.ip.isLocal(destination, on: port.index) {
      if let refusal = refusal(packet, linkDestination, on: port, isLoopback: isLoopback) { return refusal }
    } else if linkDestination.isIPv4Group {
      // A group's frame with one machine's packet (RFC 1122, 3.3.6).
      return .dropped(.notForUs, .address(destination.rawValue))
    }
    // 0.0.0.0 is a host that has no address yet: only broadcasts may come from it.
    guard
      source.isUsableSource || source.isUnspecified && destination.isBroadcast || isLoopback && source.isLoopback
    else { return .dropped(.martianSource, .address(source.rawValue)) }
    if source == stack.ip.interfaces[port.index].address, !source.isUnspecified, !isLoopback {
      return .dropped(.martianSource, .address(source.rawValue))
    }
    if packet.isFragment { return .fragment }
    return deliver(packet, linkDestination, on: port, isSound: isSound, trace: trace, now: now, &out)
  }

  /// Why a packet for none of the interfaces' addresses isn't for us after all; nil where it is.
  private func refusal(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, on port: PortIndex, isLoopback: Bool
  ) -> Disposition? {
    let destination = packet.destination
    let detail = DropDetail.address(destination.rawValue)
    if destination.isLoopback { return isLoopback ? nil : .dropped(.martianDestination, detail) }
    if destination.isMulticast {
      return packet.protocol == .udp && (linkDestination.isGroup || isLoopback) ? nil : .dropped(.notForUs, detail)
    }
    // A DHCP server may answer to the address it is about to give (RFC 2131, 4.1).
    guard stack.ip.interfaces[port.index].dhcp != nil, packet.protocol == .udp, !packet.isFragment,
      let datagram = UDPView(packet.payload), datagram.destinationPort == DHCPMessage.clientPort
    else { return .dropped(.notForUs, detail) }
    return nil
  }

  /// A whole packet for us. `isSound`: its checksums are known to be right.
  private mutating func deliver(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, on port: PortIndex, isSound: Bool, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) -> Disposition {
    switch packet.protocol {
    case .udp: return receiveDatagram(packet, linkDestination, on: port, isSound: isSound, trace: trace, now: now, &out)
    case .tcp: return receiveSegment(packet, linkDestination, on: port, isSound: isSound, trace: trace, now: now, &out)
    case .icmp: return receiveICMP(packet, on: port, trace: trace, now: now, &out)
    default:
      sendError(
        .destinationUnreachable, ICMPv4UnreachableCode.protocol, about: packet, linkDestination, trace: trace, now: now,
        &out)
      return .dropped(.unknownProtocol, .number(UInt32(packet.protocol.rawValue)))
    }
  }

  private mutating func receiveFragment(
    _ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) {
    let linkDestination = frame.bytes.mac(0)
    // Kept for the record, should the whole turn out to be wrong: the last fragment stands for it.
    let last = frame.share()
    guard case .complete(let bytes, let trace) = stack.ip.reassembly.receive(frame, on: port, now: now, &out),
      let packet = IPv4View(bytes.span.bytes)
    else { return }
    let disposition = deliver(packet, linkDestination, on: port, isSound: false, trace: trace, now: now, &out)
    if case .dropped(let reason, let detail) = disposition { out.drop(last, on: port, reason, detail) }
  }

  // MARK: TCP

  private mutating func receiveSegment(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, on port: PortIndex, isSound: Bool, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) -> Disposition {
    let bytes = packet.payload
    guard let view = TCPView(bytes) else { return .dropped(.malformedTCP, .none) }
    guard isSound || InternetChecksum.checksum(bytes, initial: packet.pseudoHeader) == 0 else {
      return .dropped(.badTCPChecksum, .none)
    }
    let header = view.headerLength
    let flags = view.flags
    // SYN with FIN or RST, or nothing at all: no stack sends these.
    if flags.isEmpty || flags.isSuperset(of: [.syn, .fin]) || flags.isSuperset(of: [.syn, .rst]) {
      return .dropped(.badTCPFlags, .transport(6, port: view.destinationPort))
    }
    var options = TCPOptions()
    if header > 20 {
      guard let parsed = TCPOptions(view.options) else { return .dropped(.malformedTCP, .none) }
      options = parsed
    }
    let segment = Segment(
      source: packet.source, destination: packet.destination, sourcePort: view.sourcePort,
      destinationPort: view.destinationPort, sequence: view.sequence, acknowledgment: view.acknowledgment, flags: flags,
      window: view.window, length: bytes.byteCount &- header, trace: trace)
    // A connection has two ends (RFC 1122, 4.2.3.10).
    if linkDestination.isGroup || stack.ip.interfaces[port.index].isBroadcast(segment.destination) {
      return .dropped(.notForUs, .address(segment.destination.rawValue))
    }
    let detail = DropDetail.transport(6, port: segment.destinationPort)
    switch stack.tcp.receive(
      segment, options, payload: bytes.extracting(unchecked: header..<bytes.byteCount), &stack.random, now: now,
      &stack.ip, &out)
    {
    case .accepted: return .accepted
    case .dropped(let reason): return .dropped(reason, detail)
    case .reset(let reason):
      if segment.trace != 0, let index = probe(segment.trace) {
        probes[index].strayed(from: segment.source, segment.sourcePort, to: segment.destinationPort)
      }
      sendReset(segment, now: now, &out)
      return .dropped(reason, detail)
    }
  }

  /// In answer to a segment that no connection has use for (RFC 9293, 3.10.7.1).
  private mutating func sendReset(_ segment: Segment, now: Instant, _ out: inout Effects) {
    guard !segment.flags.contains(.rst), let route = stack.ip.route(to: segment.source) else { return }
    let isAnswer = segment.flags.contains(.ack)
    let header = TCPHeader(
      sourcePort: segment.destinationPort, destinationPort: segment.sourcePort,
      sequence: isAnswer ? segment.acknowledgment : 0,
      acknowledgment: isAnswer ? 0 : segment.sequence &+ segment.span, flags: isAnswer ? .rst : [.rst, .ack], window: 0)
    var frame = stack.ip.packet(
      .tcp, from: segment.destination, to: segment.source, length: 20, trace: segment.trace, &out)
    var span = frame.mutableBytes
    var part = span.slice(34..<54)
    header.write(to: &part, source: segment.destination, destination: segment.source)
    stack.ip.send(frame, route, now: now, &out)
  }

  // MARK: UDP

  @inline(__always)
  private mutating func receiveDatagram(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, on port: PortIndex, isSound: Bool, trace: UInt32,
    now: Instant, _ out: inout Effects
  ) -> Disposition {
    guard let datagram = UDPView(packet.payload) else { return .dropped(.malformedUDP, .none) }
    var source = packet.source
    let destination = packet.destination
    guard isSound || datagram.hasValidChecksum(source: source, destination: destination) else {
      return .dropped(.badUDPChecksum, .none)
    }
    var sourcePort = datagram.sourcePort
    let destinationPort = datagram.destinationPort
    if destinationPort == DHCPMessage.clientPort, stack.ip.interfaces[port.index].dhcp != nil {
      guard let message = DHCPMessage(datagram.payload) else { return .dropped(.dhcpMalformed, .none) }
      let isOurs = stack.ip.interfaces[port.index].receiveDHCP(
        message, hostname: configuration.name, &stack.random, now: now, &out)
      return isOurs ? .accepted : .dropped(.dhcpNotForUs, .none)
    }
    let isGroup = destination.isMulticast
    if isGroup, !stack.hearsGroups(destinationPort) { return .dropped(.notForUs, .address(destination.rawValue)) }
    guard let owner = stack.datagramOwner(destinationPort), !source.isUnspecified else {
      sendError(
        .destinationUnreachable, ICMPv4UnreachableCode.port, about: packet, linkDestination, trace: trace, now: now,
        &out)
      return .dropped(.portClosed, .transport(17, port: destinationPort))
    }
    if !stack.redirected.isEmpty {
      let asked = stack.asked(TransportAddress(source, sourcePort), by: destinationPort)
      (source, sourcePort) = (asked.address, asked.port)
    }
    if owner.kind == .probe, let index = probe(owner.index),
      !probes[index].takes(
        from: source, sourcePort, group: stack.ip.interfaces[port.index].isBroadcast(probes[index].result.remoteAddress ?? .any))
    {
      // No socket has this pair of ends.
      sendError(
        .destinationUnreachable, ICMPv4UnreachableCode.port, about: packet, linkDestination, trace: trace, now: now,
        &out)
      return .dropped(.portClosed, .transport(17, port: destinationPort))
    }
    // What comes back to the probe's own socket isn't news.
    if trace != 0, owner.kind != .probe {
      out.observe(Observation(.delivered, trace: trace, source: source, sourcePort: sourcePort))
    }
    switch owner.kind {
    case .sink: programs.sinks[Int(owner.index)].datagram(datagram.length &- 8, now: now)
    case .udpEcho:
      let info = DatagramInfo(
        source: source, sourcePort: sourcePort, destination: destination, destinationPort: destinationPort,
        isBroadcast: isGroup || stack.ip.interfaces[port.index].isBroadcast(destination), trace: trace)
      programs.udpEchos[Int(owner.index)].datagram(info, datagram.payload, now: now, &stack, &out)
      programs.hasten(programs.udpEchos[Int(owner.index)].deadline)
    case .udpRate: programs.udpRates[Int(owner.index)].datagram(datagram.length &- 8)
    case .probe:
      let info = DatagramInfo(
        source: source, sourcePort: sourcePort, destination: destination, destinationPort: destinationPort,
        isBroadcast: false, trace: trace)
      if let probe = probe(owner.index) {
        probes[probe].datagram(info, datagram.payload, now: now, &stack, &out)
      }
    case .stunServer, .natProbe, .rendezvous:
      let info = DatagramInfo(
        source: source, sourcePort: sourcePort, destination: destination, destinationPort: destinationPort,
        isBroadcast: stack.ip.interfaces[port.index].isBroadcast(destination), trace: trace)
      programs.datagram(owner, info, datagram.payload, now: now, &stack, &out)
    default: break
    }
    return .accepted
  }
}
