import WeftCore
import WeftIP
import WeftWire

// ICMP errors through the gateway (RFC 5508, 4): they belong to the session of the packet they quote, are translated
// with it and its checksums, and neither make, refresh nor end one (REQ-6).

/// What becomes of an ICMP error.
enum ErrorDecision {
  /// It goes to the end that the quoted packet came from.
  case pass(RelatedPassage)
  /// The host's own, about what belongs to no flow: it leaves as it is.
  case untracked(Translation, rule: Packed<RuleNumber>)
  case refuse(Refusal)
}

struct RelatedPassage {
  var quotation: Quotation
  /// How the session's packets of the quoted direction came in.
  var other: Tuple
  /// Its own address from then on.
  var source: IPv4Address
  var decrements: Bool
  var rule: Packed<RuleNumber>
}

extension NATGateway {
  mutating func receiveError(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    var trace = NoTrace()
    switch decideError(packet, frame.bytes, on: port, now: now, &trace) {
    case .refuse(let refusal):
      filter.count(refusal.rule, bytes: packet.length)
      drop(frame, packet, refusal, on: port, now: now, &out)
    case .untracked(let way, let rule):
      filter.count(rule, bytes: packet.length)
      _ = translate(frame, packet, way, from: port, now: now, &out)
    case .pass(let passage):
      filter.count(passage.rule, bytes: packet.length)
      frame.truncate(to: packet.end)
      sendError(
        frame, passage.quotation, passage.other, source: passage.source, decrement: passage.decrements, now: now, &out)
    }
  }

  func decideError(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout some DecisionTrace
  ) -> ErrorDecision {
    func refuse(_ reason: DropReason) -> ErrorDecision { .refuse(Refusal(reason: reason, detail: packet.detail)) }
    if let reason = errorObjection(packet, on: port) { return refuse(reason) }
    // REQ-3a.
    if let reason = packet.brokenChecksum(bytes) { return refuse(reason) }
    // A redirect is meant for the link it is on; source quench is obsolete (RFC 6633), and netfilter hands it on.
    guard packet.icmpType != ICMPv4Type.redirect.rawValue, packet.icmpType != 4 || configuration.settings.keepsFlows else {
      return refuse(.unexpectedICMP)
    }
    let quotation: Quotation
    switch Quotation.read(bytes, icmp: packet.transport, end: packet.end, on: port) {
    case .quotation(let read): quotation = read
    case .bad(let reason): return refuse(reason)
    }
    if !quotation.tuple.kind.hasPorts, !quotation.tuple.kind.isEcho, !configuration.settings.tracksOtherProtocols {
      return refuse(.protocolUnsupported)
    }
    // REQ-4, 5: without a session it is nobody's.
    guard let hit = conntrack.find(quotation.tuple), conntrack[hit.session].deadline > now.rawValue,
      !conntrack[hit.session].flags.contains(.pending), packet.destination == quotation.tuple.destination
    else {
      trace.look(.noConnection)
      guard let way = untrackedWay(packet, on: port) else { return refuse(.noMapping) }
      let verdict = judge(packet.tuple(on: port), to: way.to, .invalid, &trace)
      return filterRefusal(verdict, packet, bytes).map { .refuse($0) } ?? .untracked(way, rule: verdict.rule)
    }
    trace.look(.connection(conntrack.entry(hit.session, now: now), isReply: hit.direction == .reply))
    let session = conntrack[hit.session]
    let other = session.tuple(opposite: hit.direction)
    let isLocal = session.flags.contains(.local)
    if !isLocal {
      trace.look(.ipForwarding(configuration.ipForwarding))
      // Nobody is told by an error about an error (RFC 1122, 3.2.2).
      guard configuration.ipForwarding else { return refuse(.ipForwardingDisabled) }
      guard packet.timeToLive > 1 else { return refuse(.ttlExpired) }
    }
    guard nextHop(other.source, on: other.port) != nil else { return refuse(.noRoute) }
    let verdict = judge(packet.tuple(on: port), to: other.port, .related, &trace)
    if let refusal = filterRefusal(verdict, packet, bytes) { return .refuse(refusal) }
    // From inside it gets the address that the quoted packet was sent to (REQ-5); routers outside keep theirs (REQ-4).
    return .pass(
      RelatedPassage(
        quotation: quotation, other: other, source: port == .outside ? packet.source : other.destination,
        decrements: !isLocal, rule: verdict.rule))
  }

  private func errorObjection(_ packet: Packet, on port: GatewayPort) -> DropReason? {
    switch port.side {
    case .outside:
      if !isExternal(packet.destination) { return .notForUs }
      if !packet.source.isUsableSource || isExternal(packet.source) { return .martianSource }
      return insidePort(of: packet.source) == nil ? nil : .spoofedSource
    case .host: return isHosts(packet.source) ? nil : .spoofedSource
    case .inside(let network):
      if !packet.source.isUsableSource { return .martianSource }
      return isMachine(packet.source, of: network) ? nil : .spoofedSource
    }
  }

  /// Whether an address may be a machine's of a private network.
  func isMachine(_ address: IPv4Address, of network: NetworkID) -> Bool {
    configuration[network].prefix.isHost(address) && address != configuration[network].address
  }

  /// Translates the quoted packet to what its sender sent, the error's own addresses, and sends it.
  private mutating func sendError(
    _ frame: consuming Frame, _ quotation: Quotation, _ other: Tuple, source: IPv4Address, decrement: Bool,
    now: Instant, _ out: inout Effects
  ) {
    let old = quotation.tuple
    guard let next = nextHop(other.source, on: other.port) else { return }
    let outerSource = frame.bytes.ipv4(26)
    let outerDestination = frame.bytes.ipv4(30)
    let header = Int(quotation.header)
    let icmp = header - 8
    var span = frame.mutableBytes
    let before = old.turned

    // The quoted transport header, as far as it is there.
    let transport = Int(quotation.transport)
    switch quotation.protocolNumber {
    case Proto.tcp, Proto.udp, Proto.udpLite:
      let isUDP = quotation.protocolNumber != Proto.tcp
      let checksumAt = transport + (isUDP ? 6 : 16)
      if checksumAt + 2 <= Int(quotation.end) {
        let checksum = span.bytes.u16(checksumAt)
        if !isUDP || checksum != 0 {
          let updated = Rewrite.updated(checksum, from: before, to: other, addresses: true, ports: true)
          Rewrite.quoted(&span, icmp: icmp, at: checksumAt, isUDP && updated == 0 ? 0xffff : updated)
        }
      }
      Rewrite.quoted(&span, icmp: icmp, at: transport, other.sourcePort)
      Rewrite.quoted(&span, icmp: icmp, at: transport + 2, other.destinationPort)
    case Proto.icmp:
      let identifier = other.kind == .echoReply ? other.destinationPort : other.sourcePort
      let checksum = span.bytes.u16(transport + 2)
      // The one of its ports that isn't the identifier is zero on both sides.
      let updated = Rewrite.updated(checksum, from: before, to: other, addresses: false, ports: true)
      Rewrite.quoted(&span, icmp: icmp, at: transport + 2, updated)
      Rewrite.quoted(&span, icmp: icmp, at: transport + 4, identifier)
    // What is quoted of it has no sum that could be made right.
    case Proto.sctp:
      Rewrite.quoted(&span, icmp: icmp, at: transport, other.sourcePort)
      Rewrite.quoted(&span, icmp: icmp, at: transport + 2, other.destinationPort)
    // Without ports there is nothing to translate in it.
    default: break
    }
    let checksum = span.bytes.u16(header + 10)
    let updated = Rewrite.updated(checksum, from: before, to: other, addresses: true, ports: false)
    Rewrite.quoted(&span, icmp: icmp, at: header + 10, updated)
    Rewrite.quoted(&span, icmp: icmp, at: header + 12, other.source)
    Rewrite.quoted(&span, icmp: icmp, at: header + 16, other.destination)
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
      links.neighbours[other.port.index].send(frame, to: next, now: now, &out, notes: outer, inner)
    } else if outerSource != source {
      let outer = Note(.snat, protocolNumber: 1, from: outerSource, 0, to: source, 0)
      links.neighbours[other.port.index].send(frame, to: next, now: now, &out, notes: outer, inner)
    } else {
      links.neighbours[other.port.index].send(frame, to: next, now: now, &out)
    }
  }

  /// A packet that waited for a neighbour in vain: its sender is told, in the terms of the packet it sent.
  mutating func reportUnreachable(
    _ frame: borrowing Frame, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    let identification = answers.nextIdentification()
    guard let ip = IPv4View(frame.bytes.extracting(14..<frame.count)),
      ICMPError.isAllowed(about: ip, linkDestination: .zero)
    else { return }
    let error = ICMPError.make(
      .destinationUnreachable, code: ICMPv4UnreachableCode.host, about: ip, from: ownAddress(on: port),
      identification: identification, trace: frame.trace, &out)
    guard case .quotation(let quotation) = Quotation.read(error, on: port),
      let hit = conntrack.find(quotation.tuple), conntrack[hit.session].deadline > now.rawValue
    else { return }
    let session = conntrack[hit.session]
    guard configuration.ipForwarding || session.flags.contains(.local) else { return }
    let other = session.tuple(opposite: hit.direction)
    let own = ownAddress(on: other.port)
    let tuple = Self.errorTuple(from: own, to: other.source)
    if let rule = forbids(tuple, .related, on: other.port, bytes: error.count - 14) {
      return withhold(error, rule, to: nextHop(other.source, on: other.port) ?? other.source, on: other.port, &out)
    }
    counters.answered &+= 1
    sendError(error, quotation, other, source: own, decrement: false, now: now, &out)
  }
}
