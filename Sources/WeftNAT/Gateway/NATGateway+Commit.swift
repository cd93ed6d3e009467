import WeftCore
import WeftWire

// The one place where a packet changes the tables.

extension NATGateway {
  /// Does what was decided, and says where the packet goes; nil where it doesn't go on.
  @inline(__always)
  mutating func commit(
    _ decision: Decision, _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ windows: TCPWindow
  ) -> Translation? {
    switch decision {
    case .pass(let passage): return commit(passage, packet, windows)
    case .passAndRefuse(let passage, let refusal):
      commit(passage, refusal, packet, on: port, now: now, windows)
      return nil
    case .open(let opening): return commit(opening, packet, bytes, on: port, now: now)
    case .openAndRefuse(let opening, let refusal):
      _ = commit(opening, packet, bytes, on: port, now: now)
      commit(refusal, packet, on: port, now: now, windows)
      return nil
    case .refuse(let refusal):
      commit(refusal, packet, on: port, now: now, windows)
      return nil
    case .untracked(let to, let refusal):
      commit(refusal, packet, on: port, now: now, windows)
      if port == .host { mappings.hostPorts.take(packet.kind, packet.sourcePort) }
      return Translation(packet, to: to)
    case .echo(let rule):
      filter.count(rule, bytes: packet.length)
      return nil
    case .overdue: return nil
    }
  }

  /// A packet of a session.
  @inline(__always)
  private mutating func commit(_ passage: Passage, _ packet: Packet, _ windows: TCPWindow) -> Translation {
    let id = passage.session
    let before = conntrack[id]
    filter.count(passage.rule, bytes: packet.length)
    if !passage.changes.isDisjoint(with: [.end, .confirm, .windows]) {
      if passage.changes.contains(.end) {
        end(id)
        return Translation(before, passage.direction)
      }
      if passage.changes.contains(.windows) { conntrack.setWindow(id, windows) }
      if passage.changes.contains(.confirm) { confirm(id) }
    }
    if passage.deadline != 0 { conntrack.setDeadline(id, passage.deadline) }
    conntrack[id].account(passage.direction, bytes: packet.length)
    // One event a packet, told when all of its change is made: state, time left, that it was answered.
    if passage.changes.contains(.tells) {
      change(id, to: passage.state, assures: passage.changes.contains(.assure))
      conntrack.record(.update, id)
    }
    return Translation(before, passage.direction)
  }

  /// A packet of a session that gets no further.
  @inline(never)
  private mutating func commit(
    _ passage: Passage, _ refusal: Refusal, _ packet: Packet, on port: GatewayPort, now: Instant, _ windows: TCPWindow
  ) {
    _ = commit(passage, packet, windows)
    commit(refusal, packet, on: port, now: now, windows)
  }

  private mutating func change(_ id: SessionID, to state: TCPState, assures: Bool) {
    let session = conntrack[id]
    conntrack.change(id, to: state, assures: assures)
    guard assures, !session.flags.contains(.assured) else { return }
    mappings.hosts.becameAssured(HostTable.key(session.originalPort, session.originalSource))
  }

  /// Somebody inside has sent in a session that was begun from outside.
  private mutating func confirm(_ id: SessionID) {
    let session = conntrack[id]
    guard session.flags.contains(.unconfirmed),
      let mapping = mappings.find(session.kind, external: session.originalDestination, session.originalDestinationPort)
    else { return }
    mappings.retain(mapping)
    conntrack.setMapping(id, mapping)
    conntrack[id].flags.insert(.retainsMapping)
    conntrack[id].flags.remove(.unconfirmed)
    openPinhole(id)
  }

  private mutating func openPinhole(_ id: SessionID) {
    guard configuration.settings.filtering == .addressDependent else { return }
    conntrack[id].flags.insert(.pinhole)
    mappings.countPinholes(of: conntrack[id], opens: true)
  }

  // MARK: A new session

  private mutating func commit(
    _ opening: Opening, _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant
  ) -> Translation {
    let original = packet.tuple(on: port)
    filter.count(opening.rule, bytes: packet.length)
    let mapping = take(opening, packet, on: port)
    // Retained first: what ends below must not take them along.
    if let mapping { mappings.retain(mapping) }
    if let target = opening.target.id { mappings.retain(target) }
    if let displaced = opening.displaced.id { end(displaced) }
    if let rival = conntrack.find(opening.reply) {
      end(rival.session)
      counters.expired &+= 1
    }
    if conntrack.count >= configuration.limits.table { evict() }
    let isTCP = original.kind == .tcp
    let session = Session(
      original: original, reply: opening.reply, deadline: now + firstTimeout(original.kind),
      state: isTCP ? .synSent : .none, flags: opening.flags)
    let id = conntrack.insert(session, mapping: mapping, began: now)
    mappings.hosts.began(HostTable.key(port, packet.source))
    if port == .host, configuration.settings.keepsFlows { mappings.hostPorts.take(original.kind, packet.sourcePort) }
    counters.created &+= 1
    if conntrack.count > counters.most { (counters.most, counters.mostAt) = (UInt64(conntrack.count), conntrack.now) }
    if opening.flags.contains(.retainsMapping) || port.isInside && !opening.flags.contains(.local) { openPinhole(id) }
    // Of one that only opens the sender's own filter nothing has gone on.
    if !opening.flags.contains(.pending) {
      if isTCP { beginConnection(id, packet, bytes, now: now) }
      if original.kind == .sctp { beginAssociation(id, packet, bytes, now: now) }
      conntrack[id].account(.original, bytes: packet.length)
    }
    if opening.source == .shared, port.isInside {
      conntrack.sources.add(id, original, isChanged: opening.port != packet.sourcePort)
    }
    conntrack.record(.new, id)
    return Translation(conntrack[id], .original)
  }

  /// Takes the external endpoint that was chosen; gives the mapping to retain, if it is one.
  private mutating func take(_ opening: Opening, _ packet: Packet, on port: GatewayPort) -> MappingID? {
    let address = Int(opening.address)
    let host = HostTable.key(port, packet.source)
    switch opening.source {
    case .given: return opening.mapping.id
    case .binding:
      mappings.bindings[address] = host
      return nil
    case .shared:
      takePort(opening, packet, host, on: port)
      return nil
    case .newMapping:
      takePort(opening, packet, host, on: port)
      let remote = remoteKey(packet)
      let mapping = mappings.insert(
        Mapping(
          insideAddress: packet.source, externalAddress: mappings.ports.addresses[address],
          remoteAddress: remote.address, insidePort: packet.sourcePort, externalPort: opening.port,
          remotePort: remote.port, port: port, kind: packet.kind, owner: .flow))
      if port.isInside { mappings.hosts.mapped(host) }
      return mapping
    }
  }

  private mutating func takePort(_ opening: Opening, _ packet: Packet, _ host: UInt64, on port: GatewayPort) {
    let settings = configuration.settings
    let address = Int(opening.address)
    if port.isInside {
      if settings.ports == .block, packet.kind.hasPorts, let block = portBlock(of: host, at: address) {
        mappings.hosts.take(
          address, host, of: mappings.ports.addresses.count, paired: settings.pooling == .paired)
        mappings.hosts.take(block: block.number, host, at: address)
      } else {
        mappings.hosts.take(
          address, host, of: mappings.ports.addresses.count, paired: settings.pooling == .paired)
      }
    }
    mappings.ports.take(
      Ports.Choice(port: opening.port, chance: opening.chance), packet.kind, address: address, settings.ports)
  }

  /// What a connection's first segment says.
  private mutating func beginConnection(_ id: SessionID, _ packet: Packet, _ bytes: RawSpan, now: Instant) {
    let isPickedUp = !packet.flags.contains(.syn)
    if isPickedUp {
      conntrack[id].state = .established
      // As long as nobody answers (netfilter).
      let timeouts = configuration.settings.timeouts
      let timeout = min(timeouts.tcpUnacknowledged ?? timeouts.tcpEstablished, timeouts.tcpEstablished)
      conntrack.setDeadline(id, (now + timeout).rawValue)
    }
    guard configuration.settings.windowTracking != .off,
      let tcp = TCPView(bytes.extracting(packet.transport..<packet.end))
    else { return }
    let segment = TCPSegment(tcp, isCutShort: packet.isFragment)
    var window = TCPWindow()
    if isPickedUp { window.pickUp(segment) }
    _ = window.admit(segment, .original, state: .none, always: !isPickedUp)
    window.last.kind = segment.kind
    conntrack.addWindow(id, window)
  }

  private mutating func beginAssociation(_ id: SessionID, _ packet: Packet, _ bytes: RawSpan, now: Instant) {
    guard let association = association(begunBy: packet, bytes) else { return }
    conntrack.addWindow(id, TCPWindow(association))
    conntrack.setDeadline(id, (now + configuration.settings.timeouts.of(association.state)).rawValue)
  }

  /// Gives up a session for a new one: of the unassured the oldest of the first eight whose host has more of them than is
  /// fair, else the oldest, else the oldest connection that is closing. A flood so takes its own entries' room and not that of others.
  private mutating func evict() {
    let share = UInt32(max(configuration.limits.table / 8, 1))
    let victim = conntrack.victim(among: 8) {
      mappings.hosts[HostTable.key($0.originalPort, $0.originalSource)].unassured > share
    }
    guard let victim else { return }
    counters.evicted &+= 1
    end(victim)
  }

  // MARK: A refusal

  private mutating func commit(
    _ refusal: Refusal, _ packet: Packet, on port: GatewayPort, now: Instant, _ windows: TCPWindow
  ) {
    filter.count(refusal.rule, bytes: packet.length)
    if refusal.isInvalid { counters.invalid &+= 1 }
    if refusal.reason == .tableFull { counters.tableFull &+= 1 }
    if refusal.reason == .portsExhausted {
      counters.portsExhausted &+= 1
      rememberFull(packet, on: port)
    }
    guard let id = refusal.session.id else { return }
    switch refusal.change {
    case .none: break
    case .windows: conntrack.setWindow(id, windows)
    case .end: end(id)
    case .refresh: conntrack.setDeadline(id, (now + firstTimeout(conntrack[id].kind)).rawValue)
    case .shorten:
      conntrack.setWindow(id, windows)
      guard let most = configuration.settings.timeouts.tcpUnacknowledged else { break }
      conntrack.setDeadline(id, min(conntrack[id].deadline, (now + most).rawValue))
    }
  }

  /// A flow found all ports that it might have shared in use: the next like it needn't look.
  private mutating func rememberFull(_ packet: Packet, on port: GatewayPort) {
    guard configuration.settings.overloads, port != .outside,
      let (search, _, _) = sharedRange(packet, HostTable.key(port, packet.source), on: port)
    else { return }
    mappings.ports.remember(full: search, removals: conntrack.removals)
  }

  // MARK: Sessions that are over

  /// Takes out what is over by now: a session that a packet met among them, or this very one where a new connection takes
  /// its ends.
  mutating func clear(_ session: SessionID?, now: Instant) {
    if let session, conntrack[session].deadline > now.rawValue {
      end(session)
      return
    }
    expire(now: now)
    mappings.ports.releaseHeld(now: now)
    if let session, conntrack.holds(session) {
      end(session)
      counters.expired &+= 1
    }
  }

  mutating func expire(now: Instant) {
    // Where their order shows, it is that of their deadlines: the wheel's own owes something to its history.
    guard conntrack.events.limit > 0 || configuration.limits.holdDown > .zero else {
      while let id = conntrack.nextExpired(now: now) {
        end(id)
        counters.expired &+= 1
      }
      return
    }
    var over: [SessionID] = []
    while let id = conntrack.nextExpired(now: now) { over.append(id) }
    over.sort {
      let (a, b) = (ExpiryWheel.tick(conntrack[$0].deadline), ExpiryWheel.tick(conntrack[$1].deadline))
      return (a, conntrack.sequence($0)) < (b, conntrack.sequence($1))
    }
    for id in over { end(id) }
    counters.expired &+= UInt64(over.count)
  }

  /// Ends a session, and its mapping with the last of them.
  mutating func end(_ id: SessionID) {
    let session = conntrack[id]
    conntrack.record(.destroy, id)
    if session.flags.contains(.pinhole) { mappings.countPinholes(of: session, opens: false) }
    let mapping = session.flags.contains(.retainsMapping) ? conntrack.mapping(id) : nil
    if session.flags.contains(.retainsTarget),
      let target = mappings.find(session.kind, external: session.originalDestination, session.originalDestinationPort)
    {
      release(target)
    }
    if let mapping { release(mapping) }
    mappings.hosts.ended(
      HostTable.key(session.originalPort, session.originalSource), wasAssured: session.flags.contains(.assured))
    conntrack.remove(id)
  }

  /// One user less; ends a dynamic one with its last.
  mutating func release(_ mapping: MappingID) {
    guard mappings.release(mapping) else { return }
    let entry = mappings[mapping]
    let holdDown = configuration.limits.holdDown
    mappings.remove(mapping, heldUntil: holdDown > .zero ? conntrack.now + holdDown : nil)
    if entry.port.isInside { mappings.hosts.unmapped(HostTable.key(entry.port, entry.insideAddress)) }
  }
}
