import WeftCore
import WeftIP
import WeftWire

// New sessions: what all directions have in common.

extension NATGateway {
  /// A packet of no session, or of one that is over.
  mutating func begin(_ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects) {
    expire(now: now)
    let stale = sessions.find(packet.tuple(on: at))
    if stale >= 0 {
      remove(stale >> 1)
      counters.expired &+= 1
    }
    switch at {
    case 0: beginOutside(frame, packet, now: now, &out)
    case 1: beginHost(frame, packet, now: now, &out)
    default: beginInside(frame, packet, on: at, now: now, &out)
    }
  }

  /// Why no session may begin with this packet, wherever it goes.
  func objection(_ packet: Packet, _ frame: borrowing Frame, on at: Int) -> DropReason? {
    if packet.protocolNumber == Proto.tcp, packet.flags.intersection([.syn, .ack, .rst, .fin]) != .syn {
      // By default nothing is picked up in the middle: after a restart connections begin anew.
      guard configuration.settings.loose,
        packet.flags.intersection([.syn, .ack, .rst, .fin]) == .ack
      else { return .tcpInvalid }
    }
    // Of a first fragment the rest, and with it the sum, isn't here.
    if !packet.isFragment, let reason = packet.brokenChecksum(frame) { return reason }
    if at >= 2, let limit = configuration.limits.sessionsPerVM,
      Int(hosts[HostTable.key(UInt16(at), packet.source)].sessions) >= limit
    {
      return .hostLimit
    }
    if sessions.count >= configuration.limits.table,
      !configuration.limits.earlyDrop || sessions.oldest == SessionTable.none
    {
      return .tableFull
    }
    return nil
  }

  /// Enters a session and sends its first packet, if the filter has nothing against it.
  mutating func open(
    _ frame: consuming Frame, _ packet: Packet, original: Tuple, reply: Tuple, flags: Session.Flags,
    mapping: Int? = nil, target: Int? = nil, now: Instant, _ out: inout Effects
  ) {
    if let rule = passes(original, to: reply.port, .new, bytes: packet.end - 14) {
      return refuseFiltered(frame, packet, rule: rule, on: Int(original.port), now: now, &out)
    }
    guard enter(original: original, reply: reply, flags: flags, mapping: mapping, target: target, now: now) else {
      return out.drop(frame, on: PortIndex(Int(original.port)), .tupleClash, packet.detail)
    }
    let number = sessions.find(original) >> 1
    if original.kind == Proto.tcp { beginConnection(number, packet, frame, now: now) }
    sessions.entries[number].account(isReply: false, bytes: packet.end - 14)
    record(.new, number, now: now)
    let session = sessions.entries[number]
    translate(frame, packet, session, isReply: false, now: now, &out)
  }

  /// What a connection's first segment says.
  private mutating func beginConnection(_ number: Int, _ packet: Packet, _ frame: borrowing Frame, now: Instant) {
    let isPickedUp = !packet.flags.contains(.syn)
    if isPickedUp {
      sessions.entries[number].state = .established
      // As long as nobody answers (netfilter).
      let timeouts = configuration.settings.timeouts
      sessions.shorten(
        number, to: (now + min(timeouts.tcpUnacknowledged ?? timeouts.tcpEstablished, timeouts.tcpEstablished)).rawValue
      )
    }
    guard configuration.settings.windowTracking != .off,
      let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end))
    else { return }
    var window = TCPWindow()
    if isPickedUp { window.makeLenient() }
    _ = window.admit(
      TCPSegment(tcp, isCutShort: packet.isFragment), isReply: false, state: sessions.entries[number].state,
      always: true)
    sessions.addWindow(number, window)
  }

  /// False where the session's answers would look like another's.
  mutating func enter(
    original: Tuple, reply: Tuple, flags: Session.Flags, mapping: Int?, target: Int?, now: Instant
  ) -> Bool {
    // Held first: what ends below must not take them along.
    if flags.contains(.holdsMapping), let mapping { mappings.hold(mapping) }
    if flags.contains(.holdsTarget), let target { mappings.hold(target) }
    let rival = sessions.find(reply)
    if rival >= 0, sessions.entries[rival >> 1].deadline <= now.rawValue {
      remove(rival >> 1)
      counters.expired &+= 1
    } else if rival >= 0 || original == reply {
      if flags.contains(.holdsMapping), let mapping { letGo(mapping) }
      if flags.contains(.holdsTarget), let target { letGo(target) }
      return false
    }
    if sessions.count >= configuration.limits.table { evict() }
    let session = Session(
      original: original, reply: reply, deadline: now + firstTimeout(original.kind),
      state: original.kind == Proto.tcp ? .synSent : .none, flags: flags)
    let number = sessions.insert(session, mapping: mapping.map(UInt32.init) ?? SessionTable.none)
    hosts.began(HostTable.key(original.port, original.source))
    counters.created &+= 1
    if flags.contains(.holdsMapping) || original.port >= 2 && !flags.contains(.local) { addContact(number) }
    return true
  }

  /// Gives up an unassured session for a new one: the oldest of the first eight whose host has more of them than is
  /// fair, else the oldest. A flood so takes its own entries' room and not that of others.
  private mutating func evict() {
    guard sessions.oldest != SessionTable.none else { return }
    var victim = Int(sessions.oldest)
    let share = UInt32(max(configuration.limits.table / 8, 1))
    var candidate = sessions.oldest
    for _ in 0..<8 where candidate != SessionTable.none {
      let entry = sessions.entries[Int(candidate)]
      if hosts[HostTable.key(entry.originalPort, entry.originalSource)].unassured > share {
        victim = Int(candidate)
        break
      }
      candidate = sessions.links[Int(candidate)].newer
    }
    counters.evicted &+= 1
    remove(victim)
  }

  func firstTimeout(_ kind: UInt8) -> Nanoseconds {
    let timeouts = configuration.settings.timeouts
    switch kind {
    case Proto.tcp: return timeouts.tcpSynSent
    case Proto.udp: return timeouts.udp
    case Proto.icmp: return timeouts.icmp
    default: return timeouts.generic
    }
  }

  /// A mapping made for a session that then wasn't.
  mutating func dropIfUnused(_ mapping: Int) {
    guard mapping >= 0 else { return }
    let entry = mappings.entries[mapping]
    if entry.inUse != 0, entry.holders == 0, entry.owner == .flow { removeMapping(mapping, isHeldDown: false) }
  }

  /// One holder less; ends a dynamic one with its last.
  mutating func letGo(_ mapping: Int) {
    if mappings.release(mapping) { removeMapping(mapping, isHeldDown: true) }
  }

  private mutating func removeMapping(_ mapping: Int, isHeldDown: Bool) {
    let entry = mappings.entries[mapping]
    let holdDown = configuration.limits.holdDown
    mappings.remove(mapping, heldUntil: isHeldDown && holdDown > .zero ? moment + holdDown : nil)
    if entry.port >= 2 { hosts.unmapped(HostTable.key(entry.port, entry.insideAddress)) }
  }

  /// Behind the host's address, to the outside.
  mutating func openOutbound(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      return out.drop(frame, on: PortIndex(at), .unexpectedICMP, packet.detail)
    }
    if let reason = objection(packet, frame, on: at) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
    let external: ExternalEndpoint
    switch externalEndpoint(packet, on: at, to: packet.destination, packet.destinationPort) {
    case .success(let found): external = found
    case .failure(let refusal): return refuseNew(frame, packet, refusal.reason, on: at, now: now, &out)
    }
    let original = packet.tuple(on: at)
    let reply = Tuple(
      source: packet.destination, destination: external.address, sourcePort: packet.destinationPort,
      destinationPort: external.port, port: 0, kind: Tuple.answer(original.kind))
    var flags: Session.Flags = at == 1 ? .local : []
    if external.mapping >= 0 { flags.insert(.holdsMapping) }
    open(
      frame, packet, original: original, reply: reply, flags: flags,
      mapping: external.mapping >= 0 ? external.mapping : nil, now: now, &out)
    dropIfUnused(external.mapping)
    // Its block of ports, or its external address, if no session came of it.
    if external.mapping < 0, at >= 2 { hosts.forgetIfUnused(HostTable.key(UInt16(at), packet.source)) }
  }

  /// Between the host's stack and a private network: tracked, not translated, except where `to` is another address.
  mutating func openLocal(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, to destination: IPv4Address, port: Int, now: Instant,
    _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      return out.drop(frame, on: PortIndex(at), .unexpectedICMP, packet.detail)
    }
    if let reason = objection(packet, frame, on: at) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
    let original = packet.tuple(on: at)
    let reply = Tuple(
      source: destination, destination: packet.source, sourcePort: packet.destinationPort,
      destinationPort: packet.sourcePort, port: UInt16(port), kind: Tuple.answer(original.kind))
    open(frame, packet, original: original, reply: reply, flags: .local, now: now, &out)
  }

  /// Turns a new flow away. Without room or ports its sender is told (RFC 5508, REQ-8).
  mutating func refuseNew(
    _ frame: consuming Frame, _ packet: Packet, _ reason: DropReason, on at: Int, now: Instant, _ out: inout Effects
  ) {
    if reason == .tableFull { counters.tableFull &+= 1 }
    if reason == .portsExhausted { counters.portsExhausted &+= 1 }
    let isForWant = reason == .tableFull || reason == .portsExhausted || reason == .hostLimit
    if isForWant, at != 0, configuration.settings.reportExhaustion {
      answerError(
        .destinationUnreachable, code: ICMPv4UnreachableCode.administrativelyProhibited, about: frame, on: at, now: now,
        &out)
    }
    if reason == .tcpInvalid, 
      let rule = passes(packet.tuple(on: at), to: wayOut(packet, on: at), .invalid, bytes: packet.end - 14)
    {
      return refuseFiltered(frame, packet, rule: rule, on: at, now: now, &out)
    }
    out.drop(frame, on: PortIndex(at), reason, packet.detail)
  }
}
