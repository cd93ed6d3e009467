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
      counters.expired += 1
    }
    switch at {
    case 0: beginOutside(frame, packet, now: now, &out)
    case 1: beginHost(frame, packet, now: now, &out)
    default: beginInside(frame, packet, on: at, now: now, &out)
    }
  }

  /// Why no session may begin with this packet, wherever it goes.
  func objection(_ packet: Packet, _ frame: borrowing Frame) -> DropReason? {
    // Nothing is picked up in the middle: after a restart connections begin anew.
    if packet.protocolNumber == Proto.tcp, packet.flags.intersection([.syn, .ack, .rst, .fin]) != .syn {
      return .tcpInvalid
    }
    if let reason = packet.brokenChecksum(frame) { return reason }
    if sessions.count >= configuration.tableLimit { return .tableFull }
    return nil
  }

  /// Enters a session and sends its first packet.
  mutating func open(
    _ frame: consuming Frame, _ packet: Packet, original: Tuple, reply: Tuple, flags: Session.Flags,
    mapping: Int? = nil, target: Int? = nil, now: Instant, _ out: inout Effects
  ) {
    guard enter(original: original, reply: reply, flags: flags, mapping: mapping, target: target, now: now) else {
      return out.drop(frame, on: PortIndex(Int(original.port)), .tupleClash, packet.detail)
    }
    let number = sessions.find(original) >> 1
    sessions.entries[number].account(isReply: false, bytes: packet.end - 14)
    let session = sessions.entries[number]
    translate(frame, packet, session, isReply: false, now: now, &out)
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
      counters.expired += 1
    } else if rival >= 0 || original == reply {
      if flags.contains(.holdsMapping), let mapping { mappings.release(mapping) }
      if flags.contains(.holdsTarget), let target { mappings.release(target) }
      return false
    }
    let session = Session(
      original: original, reply: reply, deadline: now + firstTimeout(original.kind),
      state: original.kind == Proto.tcp ? .synSent : .none, flags: flags)
    let number = sessions.insert(session, mapping: mapping.map(UInt32.init) ?? SessionTable.none)
    counters.created += 1
    if flags.contains(.holdsMapping) { addContact(number) }
    return true
  }

  func firstTimeout(_ kind: UInt8) -> Nanoseconds {
    switch kind {
    case Proto.tcp: configuration.timeouts.tcpTransitory
    case Proto.udp: configuration.timeouts.udp
    default: configuration.timeouts.icmp
    }
  }

  /// The mapping that a flow from an inside endpoint goes out with: the one it has (RFC 4787, REQ-1), or a new one.
  /// Nil where no port is left.
  mutating func outboundMapping(_ packet: Packet, on at: Int) -> Int? {
    let kind = packet.tupleKind
    let port = UInt16(at)
    // A forward's endpoint goes out with the forward's port: a static mapping works both ways.
    let common = mappings.find(
      kind, port: port, inside: packet.source, packet.sourcePort, remote: .any, 0)
    if common >= 0 { return common }
    var remote = IPv4Address.any
    var remotePort: UInt16 = 0
    switch configuration.mapping {
    case .endpointIndependent: break
    case .addressDependent: remote = packet.destination
    case .addressAndPortDependent:
      remote = packet.destination
      remotePort = packet.destinationPort
    }
    if remote != .any {
      let own = mappings.find(kind, port: port, inside: packet.source, packet.sourcePort, remote: remote, remotePort)
      if own >= 0 { return own }
    }
    let external = configuration.outside.address
    guard let externalPort = mappings.freePort(kind, external, preferred: packet.sourcePort) else { return nil }
    return mappings.insert(
      Mapping(
        insideAddress: packet.source, externalAddress: external, remoteAddress: remote, holders: 0,
        insidePort: packet.sourcePort, externalPort: externalPort, remotePort: remotePort, port: port, kind: kind,
        owner: .flow))
  }

  /// A mapping made for a session that then wasn't.
  mutating func dropIfUnused(_ mapping: Int) {
    let entry = mappings.entries[mapping]
    if entry.inUse != 0, entry.holders == 0, entry.owner == .flow { mappings.remove(mapping) }
  }

  /// Behind the host's address, to the outside.
  mutating func openOutbound(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      return out.drop(frame, on: PortIndex(at), .unexpectedICMP, packet.detail)
    }
    if let reason = objection(packet, frame) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
    guard let mapping = outboundMapping(packet, on: at) else {
      return refuseNew(frame, packet, .portsExhausted, on: at, now: now, &out)
    }
    let original = packet.tuple(on: at)
    let reply = Tuple(
      source: packet.destination, destination: mappings.entries[mapping].externalAddress,
      sourcePort: packet.destinationPort,
      destinationPort: mappings.entries[mapping].externalPort, port: 0, kind: Tuple.answer(original.kind))
    open(
      frame, packet, original: original, reply: reply, flags: at == 1 ? [.holdsMapping, .local] : .holdsMapping,
      mapping: mapping, now: now, &out)
    dropIfUnused(mapping)
  }

  /// Between the host's stack and a private network: tracked, not translated, except where `to` is another address.
  mutating func openLocal(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, to destination: IPv4Address, port: Int, now: Instant,
    _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      return out.drop(frame, on: PortIndex(at), .unexpectedICMP, packet.detail)
    }
    if let reason = objection(packet, frame) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
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
    if reason == .tableFull { counters.tableFull += 1 }
    if reason == .portsExhausted { counters.portsExhausted += 1 }
    if reason == .tableFull || reason == .portsExhausted, at != 0 {
      answerError(
        .destinationUnreachable, code: ICMPv4UnreachableCode.administrativelyProhibited, about: frame, on: at, now: now,
        &out)
    }
    out.drop(frame, on: PortIndex(at), reason, packet.detail)
  }

  // MARK: Whom a mapping has sent to (address-dependent filtering)

  private func contactKey(_ kind: UInt8, _ externalPort: UInt16, _ remote: IPv4Address) -> UInt64 {
    UInt64(kind) << 48 | UInt64(externalPort) << 32 | UInt64(remote.rawValue)
  }

  mutating func addContact(_ number: Int) {
    guard configuration.filtering == .addressDependent else { return }
    sessions.entries[number].flags.insert(.contact)
    let session = sessions.entries[number]
    countContact(session, up: true)
  }

  mutating func forgetContact(_ session: Session) { countContact(session, up: false) }

  mutating func countContact(_ session: Session, up: Bool) {
    if session.originalPort == 0 {
      count(contactKey(session.kind, session.originalDestinationPort, session.originalSource), up: up)
      return
    }
    count(contactKey(session.kind, session.replyDestinationPort, session.originalDestination), up: up)
    if session.flags.contains(.holdsTarget) {
      count(contactKey(session.kind, session.originalDestinationPort, session.originalDestination), up: up)
    }
  }

  private mutating func count(_ key: UInt64, up: Bool) {
    let value = contacts[key] ?? 0
    contacts[key] = up ? value + 1 : value > 1 ? value - 1 : nil
  }

  /// Whether the filter of a dynamic mapping lets a remote endpoint in (RFC 4787, 5).
  func admits(_ mapping: Int, _ kind: UInt8, from remote: IPv4Address, _ remotePort: UInt16) -> Bool {
    let entry = mappings.entries[mapping]
    switch configuration.filtering {
    case .endpointIndependent: return true
    case .addressDependent: return contacts[contactKey(kind, entry.externalPort, remote)] != nil
    case .addressAndPortDependent:
      return sessions.find(
        Tuple(
          source: remote, destination: entry.externalAddress, sourcePort: remotePort,
          destinationPort: entry.externalPort,
          port: 0, kind: kind)) >= 0
    }
  }
}
