import WeftCore
import WeftIP
import WeftWire

/// What came of a frame.
public enum Reception {
  /// Taken in. `poll` and `notices` say what happened to sockets.
  case accepted
  case dropped(DropReason, DropDetail)
  /// A datagram for a socket; its payload lies in the frame.
  case datagram(tag: UInt64, DatagramInfo, payload: Range<Int>)
  /// The same, put together from fragments, whose last the frame was; its payload lies in what `takeWhole` gives.
  case whole(tag: UInt64, DatagramInfo, payload: Range<Int>)
  case echoReply(tag: UInt64, EchoReply)
}

/// A datagram's head, copied off the frame.
public struct DatagramInfo: Codable, Hashable, Sendable {
  public var source: IPv4Address
  public var sourcePort: UInt16
  public var destination: IPv4Address
  public var destinationPort: UInt16
  /// Whether it was sent to everyone, or a group: then the answer's source is the interface's address.
  public var isBroadcast: Bool
  public var trace: UInt32
}

public struct EchoReply: Codable, Hashable, Sendable {
  public var source: IPv4Address
  public var sequence: UInt16
  /// Bytes of data.
  public var size: Int
}

/// What becomes of a packet after it was looked at. A payload's range counts from the IP header.
enum Disposition {
  case accepted
  case dropped(DropReason, DropDetail)
  case datagram(tag: UInt64, DatagramInfo, payload: Range<Int>)
  case echoReply(tag: UInt64, EchoReply)
  /// A fragment, whole in itself.
  case fragment
}

extension Stack {
  /// Takes in a frame from a port. It stays the caller's, to be dropped as it came in where that is what came of it.
  public mutating func receive(
    _ frame: borrowing Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) -> Reception {
    guard port.index < ip.interfaces.count else { return .dropped(.noLink, .none) }
    if let plain = receivePlain(frame, on: port, now: now, &out) { return plain }
    return receive(frame, on: port, isLoopback: false, now: now, &out)
  }

  /// Takes in what `takeLoopback` gave; the port to drop it on beside what came of it.
  public mutating func receiveLoopback(
    _ frame: borrowing Frame, now: Instant, _ out: inout Effects
  ) -> (port: PortIndex, reception: Reception) {
    let mac = frame.bytes.mac(0)
    guard let index = ip.interfaces.firstIndex(where: { $0.mac == mac }) else { return (PortIndex(0), .accepted) }
    let port = ip.interfaces[index].port
    return (port, receive(frame, on: port, isLoopback: true, now: now, &out))
  }

  @inline(__always)
  private mutating func receive(
    _ frame: borrowing Frame, on port: PortIndex, isLoopback: Bool, now: Instant, _ out: inout Effects
  ) -> Reception {
    switch inspect(frame, on: port, isLoopback: isLoopback, now: now, &out) {
    case .accepted: .accepted
    case .dropped(let reason, let detail): .dropped(reason, detail)
    case .datagram(let tag, let info, let payload):
      .datagram(tag: tag, info, payload: IPLayer.link + payload.lowerBound..<IPLayer.link + payload.upperBound)
    case .echoReply(let tag, let reply): .echoReply(tag: tag, reply)
    case .fragment: receiveFragment(frame, on: port, now: now, &out)
    }
  }

  private mutating func inspect(
    _ frame: borrowing Frame, on port: PortIndex, isLoopback: Bool, now: Instant, _ out: inout Effects
  ) -> Disposition {
    let bytes = frame.bytes
    guard bytes.byteCount >= 14 else { return .dropped(.malformedEthernet, .none) }
    let destination = bytes.mac(0)
    guard
      destination == ip.interfaces[port.index].mac || destination.isBroadcast
        || destination.isIPv4Group && !datagramBindings.isEmpty
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
      ip.interfaces[port.index].neighbours.receive(packet, now: now, &out)
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
    if !ip.isLocal(destination, on: port.index) {
      if let refusal = refusal(packet, linkDestination, on: port, isLoopback: isLoopback) { return refusal }
    } else if linkDestination.isIPv4Group {
      // A group's frame with one machine's packet (RFC 1122, 3.3.6).
      return .dropped(.notForUs, .address(destination.rawValue))
    }
    // 0.0.0.0 is a host that has no address yet: only broadcasts may come from it.
    guard
      source.isUsableSource || source.isUnspecified && destination.isBroadcast || isLoopback && source.isLoopback
    else { return .dropped(.martianSource, .address(source.rawValue)) }
    if source == ip.interfaces[port.index].address, !source.isUnspecified, !isLoopback {
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
    guard ip.interfaces[port.index].dhcp != nil, packet.protocol == .udp, !packet.isFragment,
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

  @inline(never)
  private mutating func receiveFragment(
    _ frame: borrowing Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) -> Reception {
    let linkDestination = frame.bytes.mac(0)
    guard
      case .complete(let bytes, let trace) = ip.reassembly.receive(frame.share(), on: port, now: now, &out),
      let packet = IPv4View(bytes.span.bytes)
    else { return .accepted }
    // Should the whole turn out to be wrong, the last fragment stands for it.
    switch deliver(packet, linkDestination, on: port, isSound: false, trace: trace, now: now, &out) {
    case .accepted, .fragment: return .accepted
    case .dropped(let reason, let detail): return .dropped(reason, detail)
    case .datagram(let tag, let info, let payload):
      ip.whole = bytes
      return .whole(tag: tag, info, payload: payload)
    case .echoReply(let tag, let reply): return .echoReply(tag: tag, reply)
    }
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
    if linkDestination.isGroup || ip.interfaces[port.index].isBroadcast(segment.destination) {
      return .dropped(.notForUs, .address(segment.destination.rawValue))
    }
    let verdict = tcp.receive(
      segment, options, payload: bytes.extracting(unchecked: header..<bytes.byteCount), &random, now: now, &ip, &out)
    guard let reason = answer(verdict, segment, now: now, &out) else { return .accepted }
    return .dropped(reason, .transport(6, port: segment.destinationPort))
  }

  /// Why the segment is dropped, if it is.
  @inline(__always)
  mutating func answer(
    _ verdict: SegmentVerdict, _ segment: Segment, now: Instant, _ out: inout Effects
  ) -> DropReason? {
    switch verdict {
    case .accepted: return nil
    case .dropped(let reason): return reason
    case .reset(let reason):
      if segment.trace != 0 {
        notices.append(
          .stray(
            trace: segment.trace, from: TransportAddress(segment.source, segment.sourcePort),
            toPort: segment.destinationPort))
      }
      sendReset(segment, now: now, &out)
      return reason
    }
  }

  /// In answer to a segment that no connection has use for (RFC 9293, 3.10.7.1).
  private mutating func sendReset(_ segment: Segment, now: Instant, _ out: inout Effects) {
    guard !segment.flags.contains(.rst), let route = ip.route(to: segment.source) else { return }
    let isAnswer = segment.flags.contains(.ack)
    let header = TCPHeader(
      sourcePort: segment.destinationPort, destinationPort: segment.sourcePort,
      sequence: isAnswer ? segment.acknowledgment : 0,
      acknowledgment: isAnswer ? 0 : segment.sequence &+ segment.span, flags: isAnswer ? .rst : [.rst, .ack], window: 0)
    var frame = ip.packet(
      .tcp, from: segment.destination, to: segment.source, length: 20, trace: segment.trace, &out)
    var span = frame.mutableBytes
    var part = span.slice(34..<54)
    header.write(to: &part, source: segment.destination, destination: segment.source)
    ip.send(frame, route, now: now, &out)
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
    if destinationPort == DHCPMessage.clientPort, ip.interfaces[port.index].dhcp != nil {
      guard let message = DHCPMessage(datagram.payload) else { return .dropped(.dhcpMalformed, .none) }
      let isOurs = ip.interfaces[port.index].receiveDHCP(
        message, hostname: configuration.hostName, &random, now: now, &out)
      return isOurs ? .accepted : .dropped(.dhcpNotForUs, .none)
    }
    let isGroup = destination.isMulticast
    if isGroup, !hearsGroups(destinationPort) { return .dropped(.notForUs, .address(destination.rawValue)) }
    // Of those without an address only a DHCP server's socket hears.
    guard let binding = datagramBinding(destinationPort), !source.isUnspecified || destinationPort == DHCPMessage.serverPort
    else {
      return refuse(packet, linkDestination, port: destinationPort, trace: trace, now: now, &out)
    }
    if !redirected.isEmpty {
      let asked = asked(TransportAddress(source, sourcePort), by: destinationPort)
      (source, sourcePort) = (asked.address, asked.port)
    }
    let tag = datagramBindings[binding].tag
    if let peer = datagramBindings[binding].peer, peer.address != source || peer.port != sourcePort {
      // No socket has this pair of ends.
      notices.append(.foreign(tag: tag, from: TransportAddress(source, sourcePort)))
      return refuse(packet, linkDestination, port: destinationPort, trace: trace, now: now, &out)
    }
    // What comes back to the probe's own socket isn't news.
    if trace != 0, trace != datagramBindings[binding].trace {
      out.observe(Observation(.delivered, trace: trace, source: source, sourcePort: sourcePort))
    }
    let info = DatagramInfo(
      source: source, sourcePort: sourcePort, destination: destination, destinationPort: destinationPort,
      isBroadcast: isGroup || ip.interfaces[port.index].isBroadcast(destination), trace: trace)
    let start = packet.headerLength &+ 8
    return .datagram(tag: tag, info, payload: start..<start &+ datagram.payload.byteCount)
  }

  /// In answer to a datagram that no socket has use for.
  @inline(never)
  private mutating func refuse(
    _ packet: borrowing IPv4View, _ linkDestination: MACAddress, port: UInt16, trace: UInt32, now: Instant,
    _ out: inout Effects
  ) -> Disposition {
    sendError(
      .destinationUnreachable, ICMPv4UnreachableCode.port, about: packet, linkDestination, trace: trace, now: now, &out)
    return .dropped(.portClosed, .transport(17, port: port))
  }
}
