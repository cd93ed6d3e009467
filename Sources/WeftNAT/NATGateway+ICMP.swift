import WeftCore
import WeftIP
import WeftWire

// ICMP errors through the gateway (RFC 5508, 4): they belong to the session of the packet they quote, are translated
// with it and its checksums, and neither make, refresh nor end one (REQ-6).

/// What an error says about the packet it quotes.
private struct Quotation {
  /// The quoted packet turned round: the way the error itself goes.
  var tuple: Tuple
  var protocolNumber: UInt8
  /// In the frame: where the quoted IP and transport headers begin, and the error ends.
  var header: Int
  var transport: Int
  var end: Int

  enum Parsed {
    case quotation(Quotation)
    case bad(DropReason)
  }

  static func read(_ frame: borrowing Frame, icmp: Int, end: Int, on at: Int) -> Parsed {
    let header = icmp + 8
    // Options are stepped over (REQ-3); what follows 128 bytes may be extensions (RFC 4884) and stays as it is.
    guard let ip = IPv4View(quoted: frame.bytes.extracting(header..<end)) else { return .bad(.malformedICMP) }
    guard ip.fragmentOffset == 0 else { return .bad(.fragmentUnsupported) }
    // Errors carry at least eight bytes of it (RFC 792).
    let payload = ip.payload
    guard payload.byteCount >= 8 else { return .bad(.malformedICMP) }
    var tuple = Tuple(
      source: ip.destination, destination: ip.source, sourcePort: 0, destinationPort: 0, port: UInt16(at),
      kind: ip.protocol.rawValue)
    switch ip.protocol {
    case .tcp, .udp:
      tuple.sourcePort = payload.u16(2)
      tuple.destinationPort = payload.u16(0)
    case .icmp:
      switch ICMPv4Type(rawValue: payload.u8(0)) {
      case .echoRequest:
        tuple.kind = Tuple.echoReply
        tuple.destinationPort = payload.u16(4)
      case .echoReply: tuple.sourcePort = payload.u16(4)
      default: return .bad(.noMapping)
      }
    default: return .bad(.protocolUnsupported)
    }
    return .quotation(
      Quotation(
        tuple: tuple, protocolNumber: ip.protocol.rawValue, header: header, transport: header + ip.headerLength,
        end: header + ip.bytes.byteCount))
  }
}

extension NATGateway {
  mutating func receiveError(_ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects)
  {
    let port = PortIndex(at)
    if let reason = errorObjection(packet, on: at) { return out.drop(frame, on: port, reason, packet.detail) }
    // REQ-3a.
    if let reason = packet.brokenChecksum(frame) { return out.drop(frame, on: port, reason, packet.detail) }
    // A redirect is meant for the link it is on; source quench is obsolete (RFC 6633).
    guard packet.icmpType != ICMPv4Type.redirect.rawValue, packet.icmpType != 4 else {
      return out.drop(frame, on: port, .unexpectedICMP, packet.detail)
    }
    let quotation: Quotation
    switch Quotation.read(frame, icmp: packet.transport, end: packet.end, on: at) {
    case .quotation(let read): quotation = read
    case .bad(let reason): return out.drop(frame, on: port, reason, packet.detail)
    }
    let hit = sessions.find(quotation.tuple)
    // REQ-4, 5: without a session it is nobody's.
    guard hit >= 0, sessions.entries[hit >> 1].deadline > now.rawValue,
      !sessions.entries[hit >> 1].flags.contains(.pending), packet.destination == quotation.tuple.destination
    else { return out.drop(frame, on: port, .noMapping, packet.detail) }
    let session = sessions.entries[hit >> 1]
    let other = hit & 1 != 0 ? session.original : session.reply
    let isLocal = session.flags.contains(.local)
    if !isLocal {
      guard configuration.ipForwarding else { return out.drop(frame, on: port, .ipForwardingDisabled, packet.detail) }
      guard packet.timeToLive > 1 else { return out.drop(frame, on: port, .ttlExpired, packet.detail) }
    }
    guard nextHop(other.source, on: Int(other.port)) != nil else {
      return out.drop(frame, on: port, .noRoute, packet.detail)
    }
    if let rule = passes(packet.tuple(on: at), to: other.port, .related, bytes: packet.end - 14) {
      return refuseFiltered(frame, packet, rule: rule, on: at, now: now, &out)
    }
    // From inside it gets the address that the quoted packet was sent to (REQ-5); routers outside keep theirs (REQ-4).
    let source = at == 0 ? packet.source : other.destination
    frame.truncate(to: packet.end)
    sendError(frame, quotation, other, source: source, decrement: !isLocal, now: now, &out)
  }

  private func errorObjection(_ packet: Packet, on at: Int) -> DropReason? {
    let own = configuration.outside.address
    switch at {
    case 0:
      if !isExternal(packet.destination) { return .notForUs }
      if !packet.source.isUsableSource || isExternal(packet.source) { return .martianSource }
      return insidePort(of: packet.source) == nil ? nil : .spoofedSource
    case 1: return packet.source == own ? nil : .spoofedSource
    default:
      let inside = configuration.insides[at - 2]
      if !packet.source.isUsableSource { return .martianSource }
      return inside.prefix.isHost(packet.source) && packet.source != inside.address ? nil : .spoofedSource
    }
  }

  /// Translates the quoted packet to what its sender sent, the error's own addresses, and sends it.
  private mutating func sendError(
    _ frame: consuming Frame, _ quotation: Quotation, _ other: Tuple, source: IPv4Address, decrement: Bool,
    now: Instant,
    _ out: inout Effects
  ) {
    let old = quotation.tuple
    let to = Int(other.port)
    guard let next = nextHop(other.source, on: to) else { return }
    let outerSource = frame.bytes.ipv4(26)
    let outerDestination = frame.bytes.ipv4(30)
    let icmp = quotation.header - 8
    var span = frame.mutableBytes
    let before = old.turned

    // The quoted transport header, as far as it is there.
    let at = quotation.transport
    switch quotation.protocolNumber {
    case Proto.tcp, Proto.udp:
      let isUDP = quotation.protocolNumber == Proto.udp
      let checksumAt = at + (isUDP ? 6 : 16)
      if checksumAt + 2 <= quotation.end {
        let checksum = span.bytes.u16(checksumAt)
        if !isUDP || checksum != 0 {
          let updated = Rewrite.updated(checksum, from: before, to: other, addresses: true, ports: true)
          Rewrite.quoted(&span, icmp: icmp, at: checksumAt, isUDP && updated == 0 ? 0xffff : updated)
        }
      }
      Rewrite.quoted(&span, icmp: icmp, at: at, other.sourcePort)
      Rewrite.quoted(&span, icmp: icmp, at: at + 2, other.destinationPort)
    default:
      let identifier = other.kind == Tuple.echoReply ? other.destinationPort : other.sourcePort
      let checksum = span.bytes.u16(at + 2)
      // The one of its ports that isn't the identifier is zero on both sides.
      let updated = Rewrite.updated(checksum, from: before, to: other, addresses: false, ports: true)
      Rewrite.quoted(&span, icmp: icmp, at: at + 2, updated)
      Rewrite.quoted(&span, icmp: icmp, at: at + 4, identifier)
    }
    let checksum = span.bytes.u16(quotation.header + 10)
    let updated = Rewrite.updated(checksum, from: before, to: other, addresses: true, ports: false)
    Rewrite.quoted(&span, icmp: icmp, at: quotation.header + 10, updated)
    Rewrite.quoted(&span, icmp: icmp, at: quotation.header + 12, other.source)
    Rewrite.quoted(&span, icmp: icmp, at: quotation.header + 16, other.destination)
    Rewrite.header(&span, source: source, destination: other.source, decrement: decrement)

    let number = quotation.protocolNumber
    let inner =
      old.destination != other.source || old.destinationPort != other.sourcePort
      ? Note(
        .quoted, protocolNumber: number, from: old.destination, old.destinationPort, to: other.source, other.sourcePort)
      : Note(
        .quoted, protocolNumber: number, from: old.source, old.sourcePort, to: other.destination, other.destinationPort)
    if outerDestination != other.source {
      let outer = Note(.dnat, protocolNumber: 1, from: outerDestination, 0, to: other.source, 0)
      neighbours[to].send(frame, to: next, now: now, &out, notes: outer, inner)
    } else if outerSource != source {
      let outer = Note(.snat, protocolNumber: 1, from: outerSource, 0, to: source, 0)
      neighbours[to].send(frame, to: next, now: now, &out, notes: outer, inner)
    } else {
      neighbours[to].send(frame, to: next, now: now, &out)
    }
  }

  /// A packet that waited for a neighbour in vain: its sender is told, in the terms of the packet it sent.
  mutating func reportUnreachable(_ frame: borrowing Frame, on at: Int, now: Instant, _ out: inout Effects) {
    let identification = nextIdentification()
    guard let ip = IPv4View(frame.bytes.extracting(14..<frame.count)),
      ICMPError.isAllowed(about: ip, linkDestination: .zero)
    else { return }
    let error = ICMPError.make(
      .destinationUnreachable, code: ICMPv4UnreachableCode.host, about: ip, from: ownAddress(on: at),
      identification: identification, trace: frame.trace, &out)
    guard case .quotation(let quotation) = Quotation.read(error, icmp: 34, end: error.count, on: at) else { return }
    let hit = sessions.find(quotation.tuple)
    guard hit >= 0, sessions.entries[hit >> 1].deadline > now.rawValue else { return }
    let session = sessions.entries[hit >> 1]
    guard configuration.ipForwarding || session.flags.contains(.local) else { return }
    let other = hit & 1 != 0 ? session.original : session.reply
    let (to, own) = (Int(other.port), ownAddress(on: Int(other.port)))
    let tuple = Self.errorTuple(from: own, to: other.source)
    if let rule = forbids(tuple, .related, on: to, bytes: error.count - 14) {
      return withhold(error, rule: rule, to: nextHop(other.source, on: to) ?? other.source, on: to, &out)
    }
    counters.answered &+= 1
    sendError(error, quotation, other, source: own, decrement: false, now: now, &out)
  }
}
