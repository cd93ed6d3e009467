import WeftCore
import WeftSettings
import WeftWire

// Where a first packet may go, by where it comes from. Only looks.

extension NATGateway {
  /// A packet of no session.
  func decideNew(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    if isOverdue(now) { return .overdue(.none) }
    trace.look(.noConnection)
    switch port.side {
    case .outside: return decideOutside(packet, bytes, now: now, &trace)
    case .host: return decideHost(packet, bytes, now: now, &trace)
    case .inside(let network): return decideInside(packet, bytes, network, on: port, now: now, &trace)
    }
  }

  /// Whether something is over by now and still in a table.
  func isOverdue(_ now: Instant) -> Bool { conntrack.wheel.deadline <= now || mappings.ports.held.isDue(now) }

  private func refuse(_ packet: Packet, _ reason: DropReason, _ tell: Refusal.Tell = .nobody) -> Decision {
    .refuse(Refusal(reason: reason, detail: packet.detail, tell: tell))
  }

  /// Of an address that is wrong.
  private func refuse(_ address: IPv4Address, _ reason: DropReason, _ tell: Refusal.Tell = .nobody) -> Decision {
    .refuse(Refusal(reason: reason, detail: .address(address.rawValue), tell: tell))
  }

  /// What is wrong with a destination that nothing here is sent on to.
  private static func misdirected(_ destination: IPv4Address) -> DropReason {
    destination.isLoopback ? .martianDestination : .notForUs
  }

  /// Whether packets for an address are sent on. Linux knows no class E: it routes there as anywhere.
  private func isForwarded(_ destination: IPv4Address) -> Bool {
    destination.isUsableSource
      || configuration.settings.keepsFlows && destination.rawValue >> 28 == 15 && !destination.isBroadcast
  }

  // MARK: From a private network

  private func decideInside(
    _ packet: Packet, _ bytes: RawSpan, _ network: NetworkID, on port: GatewayPort, now: Instant,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    let own = configuration[network]
    let destination = packet.destination
    guard packet.source.isUsableSource else { return refuse(packet.source, .martianSource) }
    guard own.prefix.isHost(packet.source), packet.source != own.address else {
      return refuse(packet.source, .spoofedSource)
    }
    if destination == own.address { return decideGateway(packet, bytes, on: port, now: now, &trace) }
    if isExternal(destination) { return decideExternal(packet, bytes, on: port, now: now, &trace) }
    guard isForwarded(destination), destination != configuration.outside.prefix.broadcast else {
      return refuse(destination, Self.misdirected(destination))
    }
    // Two networks of one host are two networks; and one's own needs no router.
    guard insidePort(of: destination) == nil else { return refuse(destination, .privateDestination) }
    if let refusal = forwardingObjection(packet, &trace) { return .refuse(refusal) }
    return decideOutbound(packet, bytes, on: port, now: now, &trace)
  }

  /// To the gateway's own address: itself for echo, the host for its services.
  private func decideGateway(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    if isHostsOwn(packet) { return decideLocal(packet, bytes, on: port, to: packet.destination, .host, now: now, &trace) }
    if packet.protocolNumber == Proto.icmp { return decideEcho(packet, bytes, on: port, &trace) }
    guard isServed(packet.kind, packet.destinationPort) else {
      return decideUnserved(packet, bytes, .portClosed, on: port, now: now)
    }
    trace.look(.service(service(packet)))
    return decideLocal(packet, bytes, on: port, to: packet.destination, .host, now: now, &trace)
  }

  /// To an external address: the host, or back in through a forward or mapping (RFC 4787, REQ-9).
  private func decideExternal(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    let own = configuration.outside.address
    guard let binding = binding(of: packet, &trace) else {
      if isHostsOwn(packet) { return decideLocal(packet, bytes, on: port, to: own, .host, now: now, &trace) }
      guard packet.protocolNumber == Proto.icmp else {
        return decideUnserved(packet, bytes, .noPortForward, on: port, now: now)
      }
      guard configuration.hasHostPort, packet.destination == own else {
        return decideEcho(packet, bytes, on: port, &trace)
      }
      return decideLocal(packet, bytes, on: port, to: own, .host, now: now, &trace)
    }
    if binding.owner == .service { return decideLocal(packet, bytes, on: port, to: own, .host, now: now, &trace) }
    return decideHairpin(packet, bytes, through: binding, on: port, now: now, &trace)
  }

  private func decideHairpin(
    _ packet: Packet, _ bytes: RawSpan, through binding: Binding, on port: GatewayPort, now: Instant,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    let hairpin = configuration.settings.hairpin
    trace.look(.hairpin(hairpin))
    guard hairpin != .off else {
      // Where no rule turns it round it is for the box itself, as any packet to its address.
      if configuration.settings.keepsFlows { return decideUnserved(packet, bytes, .hairpinDisabled, on: port, now: now) }
      return refuse(packet, .hairpinDisabled)
    }
    if let refusal = forwardingObjection(packet, &trace) { return .refuse(refusal) }
    // A flow of the host's own stack is not for the machines behind it: it would see its own address as the sender.
    guard binding.port != .host else { return .refuse(unsolicited(packet, bytes, .filtered, on: port)) }
    if let reason = objection(packet, bytes, on: port) { return .refuse(refusalOfNew(packet, bytes, reason, on: port, &trace)) }
    var external = ExternalEndpoint(address: packet.source, port: packet.sourcePort)
    if hairpin == .externalSource || binding.owner == .flow {
      switch externalEndpoint(packet, bytes, on: port, &trace) {
      case .success(let found): external = found
      case .failure(let lack): return .refuse(refusalOfNew(packet, bytes, lack.reason, on: port, &trace))
      }
    }
    let original = packet.tuple(on: port)
    // Filters know external endpoints, whatever source the other side is to see.
    guard admits(binding, packet, from: external.address, external.port, &trace) else {
      let refusal = unsolicited(packet, bytes, .filtered, on: port)
      guard packet.protocolNumber != Proto.icmp else { return .refuse(refusal) }
      // What the other side of the wire would see: us, from our external endpoint (REQ-9a).
      let seen = Tuple(
        source: packet.destination, destination: external.address, sourcePort: packet.destinationPort,
        destinationPort: external.port, port: .outside, kind: original.kind)
      guard !clashes(original, seen, now: now) else { return .refuse(refusal) }
      var opening = Opening(reply: seen, flags: .pending)
      opening.leave(by: external)
      return .openAndRefuse(opening, refusal)
    }
    let showsInside = hairpin == .internalSource
    let reply = Tuple(
      source: binding.address, destination: showsInside ? packet.source : external.address,
      sourcePort: packet.protocolNumber == Proto.icmp ? 0 : binding.portNumber,
      destinationPort: showsInside ? packet.sourcePort : external.port, port: binding.port,
      kind: original.kind.answer)
    var opening = Opening(reply: reply, flags: [])
    opening.leave(by: external)
    if binding.owner == .flow {
      opening.flags.insert(.retainsTarget)
      opening.target = Packed(binding.mapping)
    }
    // The other side punched a hole for us: its half becomes this session's reply direction.
    if let half = conntrack.find(reply), conntrack[half.session].flags.contains(.pending) {
      opening.displaced = Packed(half.session)
    }
    return open(opening, packet, bytes, original, now: now, &trace)
  }

  // MARK: From outside

  private func decideOutside(
    _ packet: Packet, _ bytes: RawSpan, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    guard isExternal(packet.destination) else {
      return refuse(packet.destination, Self.misdirected(packet.destination))
    }
    guard packet.source.isUsableSource, !isExternal(packet.source) else {
      return refuse(packet.source, .martianSource)
    }
    guard insidePort(of: packet.source) == nil else { return refuse(packet.source, .spoofedSource) }
    if packet.kind == .echoReply {
      let mapping = mappings.find(.echoRequest, external: packet.destination, packet.destinationPort)
      return refuse(packet, mapping == nil ? .noMapping : .filtered)
    }
    let own = configuration.outside.address
    guard let binding = binding(of: packet, &trace) else {
      if isHostsOwn(packet) { return decideLocal(packet, bytes, on: .outside, to: own, .host, now: now, &trace) }
      guard packet.protocolNumber == Proto.icmp else {
        return decideUnserved(packet, bytes, .noPortForward, on: .outside, now: now)
      }
      guard configuration.hasHostPort, packet.destination == own else {
        return decideEcho(packet, bytes, on: .outside, &trace)
      }
      return decideLocal(packet, bytes, on: .outside, to: own, .host, now: now, &trace)
    }
    guard admits(binding, packet, from: packet.source, packet.sourcePort, &trace) else {
      return .refuse(unsolicited(packet, bytes, .filtered, on: .outside))
    }
    if let reason = objection(packet, bytes, on: .outside) {
      return turnAway(packet, bytes, reason, on: .outside, to: binding.port, &trace)
    }
    if binding.port != .host, let refusal = forwardingObjection(packet, &trace) { return .refuse(refusal) }
    let original = packet.tuple(on: .outside)
    var reply = Tuple(
      source: binding.address, destination: packet.source,
      sourcePort: packet.protocolNumber == Proto.icmp ? 0 : binding.portNumber, destinationPort: packet.sourcePort,
      port: binding.port, kind: original.kind.answer)
    if showsFreePorts(original), clashes(original, reply, now: now) { showFreePort(of: &reply, original, now: now) }
    var flags: Session.Flags = binding.port == .host ? .local : []
    if binding.owner == .flow { flags.insert(.unconfirmed) }
    return open(Opening(reply: reply, flags: flags), packet, bytes, original, now: now, &trace)
  }

  private func showsFreePorts(_ original: Tuple) -> Bool {
    configuration.settings.keepsFlows && original.kind.hasPorts && !original.kind.isEcho
  }

  /// The inside end, or the host, has a flow of its own to that very remote end: it sees this one come from another port (netfilter's null
  /// binding). Left as it is where there is none.
  private func showFreePort(of reply: inout Tuple, _ original: Tuple, now: Instant) {
    var shown = reply
    let range = Ports.range(original.kind, original.sourcePort, in: 1...65535)
    // Anywhere, and the same for the same flow.
    let start = original.hash
    for offset in 0..<512 as Range<UInt64> {
      shown.destinationPort = range.lowerBound + UInt16((start &+ offset) % UInt64(range.count))
      if !clashes(original, shown, now: now) {
        reply = shown
        return
      }
    }
  }

  /// What comes for a port of the host that nobody serves. A gateway that looks its rules up for a flow's first packet alone
  /// remembers the flow: a forward that is added later isn't for it. A RST, which answers TCP, ends it at once.
  private func decideUnserved(
    _ packet: Packet, _ bytes: RawSpan, _ reason: DropReason, on port: GatewayPort, now: Instant
  ) -> Decision {
    let refusal = unsolicited(packet, bytes, reason, on: port)
    guard configuration.settings.keepsFlows, packet.protocolNumber == Proto.udp,
      isHosts(packet.destination), configuration.hasHostPort, unsolicitedAnswer(reason, on: port) != .drop,
      objection(packet, bytes, on: port) == nil
    else { return .refuse(refusal) }
    let original = packet.tuple(on: port)
    var reply = original.turned
    reply.port = .host
    if clashes(original, reply, now: now) { return .refuse(refusal) }
    return .openAndRefuse(Opening(reply: reply, flags: [.local, .unserved]), refusal)
  }

  // MARK: From the host's own stack

  private func decideHost(
    _ packet: Packet, _ bytes: RawSpan, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    let destination = packet.destination
    guard isHosts(packet.source) else { return refuse(packet.source, .spoofedSource) }
    guard !isExternal(destination), isForwarded(destination),
      destination != configuration.outside.prefix.broadcast
    else { return refuse(destination, Self.misdirected(destination)) }
    guard let network = insidePort(of: destination) else {
      return decideOutbound(packet, bytes, on: .host, now: now, &trace)
    }
    guard isInsideAddress(destination) else {
      return decideLocal(packet, bytes, on: .host, to: destination, network, now: now, &trace)
    }
    guard packet.protocolNumber == Proto.icmp else { return .refuse(unsolicited(packet, bytes, .portClosed, on: .host)) }
    return decideEcho(packet, bytes, on: .host, &trace)
  }

  // MARK: The ways on

  /// Behind the host's address, to the outside.
  private func decideOutbound(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    guard nextHop(packet.destination, on: .outside) != nil else {
      return refuse(
        packet.destination, .noRoute, .error(.destinationUnreachable, code: ICMPv4UnreachableCode.network))
    }
    guard packet.kind != .echoReply else { return refuse(packet, .unexpectedICMP) }
    if let reason = objection(packet, bytes, on: port) {
      return turnAway(packet, bytes, reason, on: port, to: .outside, &trace)
    }
    let external: ExternalEndpoint
    switch externalEndpoint(packet, bytes, on: port, &trace) {
    case .success(let found): external = found
    case .failure(let lack): return .refuse(refusalOfNew(packet, bytes, lack.reason, on: port, &trace))
    }
    let original = packet.tuple(on: port)
    let reply = Tuple(
      source: packet.destination, destination: external.address, sourcePort: packet.destinationPort,
      destinationPort: external.port, port: .outside, kind: original.kind.answer)
    var opening = Opening(reply: reply, flags: port == .host ? .local : [])
    opening.leave(by: external)
    return open(opening, packet, bytes, original, now: now, &trace)
  }

  /// Between the host's stack and a private network: tracked, not translated, except where `to` is another address.
  private func decideLocal(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, to destination: IPv4Address, _ to: GatewayPort,
    now: Instant, _ trace: inout some DecisionTrace
  ) -> Decision {
    guard packet.kind != .echoReply else { return refuse(packet, .unexpectedICMP) }
    if let reason = objection(packet, bytes, on: port) { return turnAway(packet, bytes, reason, on: port, to: to, &trace) }
    let original = packet.tuple(on: port)
    var reply = Tuple(
      source: destination, destination: packet.source, sourcePort: packet.destinationPort,
      destinationPort: packet.sourcePort, port: to, kind: original.kind.answer)
    if to == .host, showsFreePorts(original), clashes(original, reply, now: now) { showFreePort(of: &reply, original, now: now) }
    return open(Opening(reply: reply, flags: .local), packet, bytes, original, now: now, &trace)
  }

  /// An echo message to one of the gateway's own addresses (RFC 1122, 3.2.2.6).
  private func decideEcho(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Decision {
    // It would have to be put together first.
    if packet.isFragment { return refuse(packet, .fragmentUnsupported) }
    if let reason = packet.brokenChecksum(bytes) { return refuse(packet, reason) }
    guard packet.kind != .echoReply else { return refuse(packet, .unexpectedICMP) }
    let verdict = judge(packet.tuple(on: port), to: .host, .new, &trace)
    if let refusal = filterRefusal(verdict, packet, bytes) { return .refuse(refusal) }
    guard nextHop(packet.source, on: port) != nil else { return refuse(packet.source, .noRoute) }
    return .echo(rule: verdict.rule)
  }

  /// The filter's word on a session, and whether its answers would look like another's.
  private func open(
    _ opening: Opening, _ packet: Packet, _ bytes: RawSpan, _ original: Tuple, now: Instant,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    let verdict = judge(original, to: opening.reply.port, .new, &trace)
    if let refusal = filterRefusal(verdict, packet, bytes) { return .refuse(refusal) }
    if opening.displaced == .none, clashes(original, opening.reply, now: now) {
      return .refuse(Refusal(reason: .tupleClash, detail: packet.detail, rule: verdict.rule))
    }
    var opening = opening
    opening.rule = verdict.rule
    return .open(opening)
  }

  private func clashes(_ original: Tuple, _ reply: Tuple, now: Instant) -> Bool {
    if original == reply { return true }
    guard let rival = conntrack.find(reply) else { return false }
    return conntrack[rival.session].deadline > now.rawValue
  }

  // MARK: Objections

  /// Why no session may begin with this packet, wherever it goes.
  private func objection(_ packet: Packet, _ bytes: RawSpan, on port: GatewayPort) -> DropReason? {
    if packet.protocolNumber == Proto.tcp, packet.flags.intersection([.syn, .ack, .rst, .fin]) != .syn {
      // By default nothing is picked up in the middle: after a restart connections begin anew.
      guard configuration.settings.loose, packet.flags.intersection([.syn, .ack, .rst, .fin]) == .ack else {
        return .tcpInvalid
      }
    }
    // Of a first fragment the rest, and with it the sum, isn't here.
    if !packet.isFragment, let reason = packet.brokenChecksum(bytes) { return reason }
    if packet.protocolNumber == Proto.sctp, association(begunBy: packet, bytes) == nil { return .sctpInvalid }
    if port.isInside, let limit = configuration.limits.sessionsPerVM,
      Int(mappings.hosts[HostTable.key(port, packet.source)].sessions) >= limit
    {
      return .hostLimit
    }
    let isFull = conntrack.count >= configuration.limits.table
    return isFull && !(configuration.limits.earlyDrop && conntrack.hasVictims) ? .tableFull : nil
  }

  /// The SCTP association that a packet begins.
  func association(begunBy packet: Packet, _ bytes: RawSpan) -> SCTPAssociation? {
    guard let sctp = SCTPView(bytes.extracting(packet.transport..<packet.end)) else { return nil }
    return SCTPAssociation(beginning: sctp)
  }

  /// Turns a new flow away, but what the host itself sends though it begins none: no rule stands in its way.
  private func turnAway(
    _ packet: Packet, _ bytes: RawSpan, _ reason: DropReason, on port: GatewayPort, to: GatewayPort,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    let refusal = refusalOfNew(packet, bytes, reason, on: port, &trace)
    return refusal.isInvalid && refusal.reason == reason ? stray(packet, bytes, refusal, from: port, to: to) : .refuse(refusal)
  }

  /// Turns a new flow away. Without room or ports its sender is told (RFC 5508, REQ-8).
  private func refusalOfNew(
    _ packet: Packet, _ bytes: RawSpan, _ reason: DropReason, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Refusal {
    var refusal = Refusal(reason: reason, detail: packet.detail)
    if reason == .tcpInvalid || reason == .sctpInvalid {
      refusal.isInvalid = true
      let verdict = judge(packet.tuple(on: port), to: wayOut(packet, on: port), .invalid, &trace)
      if let filtered = filterRefusal(verdict, packet, bytes) { return filtered }
      refusal.rule = verdict.rule
    }
    let isForWant = reason == .tableFull || reason == .portsExhausted || reason == .hostLimit
    if isForWant, port != .outside, configuration.settings.reportExhaustion {
      refusal.tell = .error(.destinationUnreachable, code: ICMPv4UnreachableCode.administrativelyProhibited)
    }
    return refusal
  }

  /// Where a packet that belongs to no flow would go, as far as its addresses tell.
  private func wayOut(_ packet: Packet, on port: GatewayPort) -> GatewayPort {
    if isExternal(packet.destination) || isInsideAddress(packet.destination) {
      return binding(packet.kind, packet.destination, packet.destinationPort)?.port ?? .host
    }
    return insidePort(of: packet.destination) ?? (port == .outside ? .host : .outside)
  }
}

extension Opening {
  /// Its external endpoint.
  mutating func leave(by external: ExternalEndpoint) {
    source = external.source
    address = external.ordinal
    chance = external.chance
    port = external.port
    mapping = Packed(external.mapping)
    if external.mapping != nil || external.source == .newMapping { flags.insert(.retainsMapping) }
    if let other = external.displaced { displaced = Packed(other) }
  }
}
