import WeftCore
import WeftSettings
import WeftWire

// What becomes of a packet of a known session. All of `decide` only looks: `NATGateway+DecideNew` has the first packets.

extension NATGateway {
  /// What becomes of a packet of a flow. `windows` are those of its connection afterwards, where the decision says so.
  @inline(__always)
  func decide(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ windows: inout TCPWindow,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    guard let hit = conntrack.find(packet.tuple(on: port)) else {
      return decideNew(packet, bytes, on: port, now: now, &trace)
    }
    guard conntrack[hit.session].deadline > now.rawValue else { return .overdue(Packed(hit.session)) }
    return decideKnown(packet, bytes, hit, on: port, now: now, &windows, &trace)
  }

  @inline(__always)
  private func decideKnown(
    _ packet: Packet, _ bytes: RawSpan, _ hit: Hit, on port: GatewayPort, now: Instant, _ windows: inout TCPWindow,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    let session = conntrack[hit.session]
    trace.look(.connection(conntrack.entry(hit.session, now: now), isReply: hit.direction == .reply))
    var passage = Passage(session: hit.session, direction: hit.direction, state: session.state)
    if !session.flags.isDisjoint(with: [.pending, .unconfirmed]) {
      if let refusal = confirmationObjection(packet, hit, session) { return .refuse(refusal) }
      if port != .outside { passage.changes.insert(.confirm) }
    }
    if packet.protocolNumber == Proto.tcp {
      return followConnection(packet, bytes, passage, session, on: port, now: now, &windows, &trace)
    }
    if packet.protocolNumber == Proto.sctp {
      return followAssociation(packet, bytes, passage, session, on: port, now: now, &windows, &trace)
    }
    if let reason = follow(packet, bytes, session, on: port, now: now, &passage) {
      return refuseInvalid(packet, bytes, session, reason, on: port, &trace)
    }
    return letThrough(packet, bytes, passage, session, on: port, &trace)
  }

  /// The way of a packet that its flow's entry has taken in: what keeps it from going on changes nothing about that.
  @inline(__always)
  private func letThrough(
    _ packet: Packet, _ bytes: RawSpan, _ passage: Passage, _ session: Session, on port: GatewayPort,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    var passage = passage
    if !session.flags.contains(.local), let refusal = forwardingObjection(packet, &trace) {
      return .passAndRefuse(passage, refusal)
    }
    let isEstablished = passage.direction == .reply || session.replyPackets > 0
    if filter.judgesEstablished || !isEstablished {
      let to = session.tuple(opposite: passage.direction).port
      let verdict = judge(packet.tuple(on: port), to: to, isEstablished ? .established : .new, &trace)
      if let refusal = filterRefusal(verdict, packet, bytes) { return .passAndRefuse(passage, refusal) }
      passage.rule = verdict.rule
    }
    if session.flags.contains(.unserved), passage.direction == .original {
      return .passAndRefuse(passage, unsolicited(packet, bytes, unservedReason(packet, on: port), on: port))
    }
    return .pass(passage)
  }

  /// Of a known flow and yet not taken in.
  @inline(never)
  private func refuseInvalid(
    _ packet: Packet, _ bytes: RawSpan, _ session: Session, _ reason: DropReason, on port: GatewayPort,
    _ trace: inout some DecisionTrace
  ) -> Decision {
    if let objection = invalidObjection(packet, session, on: port, &trace) { return .refuse(objection) }
    let refusal = Refusal(reason: reason, detail: packet.detail)
    // A stack that speaks it looks at its sum too, and says nothing.
    return packet.kind == .sctp ? stray(packet, bytes, refusal, from: port, to: .host) : .refuse(refusal)
  }

  /// What is invalid isn't translated: from outside it would go no further anyway.
  private func invalidObjection(
    _ packet: Packet, _ session: Session, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Refusal? {
    port.isInside && !session.flags.contains(.local) ? forwardingObjection(packet, &trace) : nil
  }

  // MARK: Datagrams

  /// What a packet without states does to its flow's entry; the reason if it is broken and would change what the entry says.
  @inline(__always)
  private func follow(
    _ packet: Packet, _ bytes: RawSpan, _ session: Session, on port: GatewayPort, now: Instant, _ passage: inout Passage
  ) -> DropReason? {
    var isStream = true
    if !session.flags.contains(.assured) {
      isStream = isStreamByNow(packet, session, passage, now: now)
      if isStream || passage.direction == .reply && session.replyPackets == 0 {
        if !packet.isFragment, let reason = packet.brokenChecksum(bytes) { return reason }
        passage.changes.insert(.tells)
        if isStream { passage.changes.insert(.assure) }
      }
    }
    if port != .outside || configuration.settings.inboundRefresh {
      // RFC 4787, REQ-6 and RFC 5508, REQ-2: what is sent from inside refreshes.
      passage.deadline = (now + timeout(session.kind, isStream: isStream)).rawValue
    }
    return nil
  }

  /// Whether a flow's packets have gone both ways, and as long as it takes.
  private func isStreamByNow(_ packet: Packet, _ session: Session, _ passage: Passage, now: Instant) -> Bool {
    guard configuration.settings.assuresLate else { return passage.direction == .reply }
    guard session.replyPackets > 0 else { return false }
    return packet.protocolNumber == Proto.udp && conntrack.isOld(passage.session, now: now)
      || packet.protocolNumber == Proto.gre || packet.protocolNumber == Proto.udpLite
  }

  @inline(__always)
  private func timeout(_ kind: FlowKind, isStream: Bool) -> Nanoseconds {
    if isStream, kind == .udp || kind == .udpLite, let stream = configuration.settings.timeouts.udpStream { return stream }
    if isStream, kind == .gre, let stream = configuration.settings.timeouts.greStream { return stream }
    return firstTimeout(kind)
  }

  func firstTimeout(_ kind: FlowKind) -> Nanoseconds {
    switch kind {
    case .tcp: configuration.settings.timeouts.tcpSynSent
    case .udp, .udpLite: configuration.settings.timeouts.udp
    case .sctp: configuration.settings.timeouts.sctpClosed
    case .gre: configuration.settings.timeouts.gre ?? configuration.settings.timeouts.generic
    case .echoRequest, .echoReply: configuration.settings.timeouts.icmp
    // Any other protocol: numbers, not a list of ours.
    default: configuration.settings.timeouts.generic
    }
  }

  /// A session that someone outside began, or that only waits at a filter: why its packets don't pass.
  private func confirmationObjection(_ packet: Packet, _ hit: Hit, _ session: Session) -> Refusal? {
    var refusal = Refusal(reason: .filtered, detail: packet.detail, session: Packed(hit.session))
    if session.flags.contains(.pending) {
      refusal.change = .refresh
      return refusal
    }
    // Over when its mapping is: packets from outside keep nothing alive (RFC 4787, REQ-6).
    if let mapping = mappings.find(session.kind, external: session.originalDestination, session.originalDestinationPort),
      mappings.isInside(mapping, session.reply)
    {
      return nil
    }
    refusal.change = .end
    return refusal
  }

  // MARK: TCP

  private func followConnection(
    _ packet: Packet, _ bytes: RawSpan, _ passage: Passage, _ session: Session, on port: GatewayPort, now: Instant,
    _ windows: inout TCPWindow, _ trace: inout some DecisionTrace
  ) -> Decision {
    var passage = passage
    let step = conntrack.follow(
      passage.session, packet, bytes, passage.direction, now: now, configuration.settings, &windows)
    if step.changesWindows { passage.changes.insert(.windows) }
    if step.tells { passage.changes.insert(.tells) }
    if step.assures { passage.changes.insert(.assure) }
    switch step.verdict {
    case .pass(let state, let timeout):
      passage.state = state
      if let timeout { passage.deadline = (now + timeout).rawValue }
    case .last: passage.changes = .end
    case .reopen: return .overdue(Packed(passage.session))
    case .drop(let reason): return refuseInvalid(packet, bytes, session, reason, on: port, &trace)
    case .invalid: return refuseInvalid(packet, bytes, passage, session, step, on: port, &trace)
    }
    return letThrough(packet, bytes, passage, session, on: port, &trace)
  }

  // MARK: SCTP

  @inline(never)
  private func followAssociation(
    _ packet: Packet, _ bytes: RawSpan, _ passage: Passage, _ session: Session, on port: GatewayPort, now: Instant,
    _ windows: inout TCPWindow, _ trace: inout some DecisionTrace
  ) -> Decision {
    // All of it is read again for the sum that its new ports need: what is broken must not leave with a right one.
    if let reason = packet.brokenChecksum(bytes) { return refuseInvalid(packet, bytes, session, reason, on: port, &trace) }
    guard let own = conntrack.window(passage.session)?.association,
      let sctp = SCTPView(bytes.extracting(packet.transport..<packet.end))
    else { return refuseInvalid(packet, bytes, session, .sctpInvalid, on: port, &trace) }
    var passage = passage
    var association = own
    let verdict = association.follow(sctp, passage.direction)
    let step = Conntrack.Step(verdict: .invalid, changesWindows: association != own)
    windows = TCPWindow(association)
    guard case .passes(let refreshes, let establishes) = verdict else {
      return refuseInvalid(packet, bytes, passage, session, step, .sctpInvalid, on: port, &trace)
    }
    if step.changesWindows { passage.changes.insert(.windows) }
    if refreshes { passage.deadline = (now + configuration.settings.timeouts.of(association.state)).rawValue }
    let isFirstAnswer = passage.direction == .reply && session.replyPackets == 0
    if association.state != own.state || isFirstAnswer { passage.changes.insert(.tells) }
    if establishes { passage.changes.insert([.assure, .tells]) }
    return letThrough(packet, bytes, passage, session, on: port, &trace)
  }

  private func refuseInvalid(
    _ packet: Packet, _ bytes: RawSpan, _ passage: Passage, _ session: Session, _ step: Conntrack.Step,
    _ reason: DropReason = .tcpInvalid, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Decision {
    var refusal: Refusal
    let to = isStray(packet, on: port) ? .host : session.tuple(opposite: passage.direction).port
    if let objection = invalidObjection(packet, session, on: port, &trace) {
      refusal = objection
    } else {
      let verdict = judge(packet.tuple(on: port), to: to, .invalid, &trace)
      refusal =
        filterRefusal(verdict, packet, bytes)
        ?? Refusal(reason: reason, detail: packet.detail, rule: verdict.rule)
    }
    refusal.isInvalid = true
    if step.changesWindows {
      refusal.change = step.shortens ? .shorten : .windows
      refusal.session = Packed(passage.session)
    }
    return refusal.reason == reason ? stray(packet, bytes, refusal, from: port, to: to) : .refuse(refusal)
  }

  // MARK: What all have in common

  /// Why a packet isn't forwarded, wherever to.
  @inline(__always)
  func forwardingObjection(_ packet: Packet, _ trace: inout some DecisionTrace) -> Refusal? {
    trace.look(.ipForwarding(configuration.ipForwarding))
    if configuration.ipForwarding, packet.timeToLive > 1 { return nil }
    // A host that doesn't forward says nothing either.
    if !configuration.ipForwarding { return Refusal(reason: .ipForwardingDisabled, detail: packet.detail) }
    // RFC 1812, 5.3.1.
    return Refusal(reason: .ttlExpired, detail: packet.detail, tell: .error(.timeExceeded, code: 0))
  }

  /// What the filter says: the rule that matched, and its action.
  struct Judgement {
    var rule = Packed<RuleNumber>.none
    var action = FilterRule.Action.allow
  }

  @inline(__always)
  func judge(
    _ tuple: Tuple, to port: GatewayPort, _ state: FilterRule.State, _ trace: inout some DecisionTrace
  ) -> Judgement {
    if filter.rules.isEmpty { return Judgement() }
    guard let rule = filter.look(tuple, to: port, state) else {
      trace.look(.noFilterRule(of: filter.rules.count))
      return Judgement()
    }
    trace.look(.filterRule(rule.index, filter.rules[rule.index]))
    return Judgement(rule: Packed(rule), action: filter.action(rule))
  }

  /// Nil where the packet passes. Names the rule, and tells the sender where the rule says so.
  @inline(__always)
  func filterRefusal(_ verdict: Judgement, _ packet: Packet, _ bytes: RawSpan) -> Refusal? {
    if verdict.action == .allow { return nil }
    return filterRefusal(forbidden: verdict, packet, bytes)
  }

  private func filterRefusal(forbidden verdict: Judgement, _ packet: Packet, _ bytes: RawSpan) -> Refusal {
    var refusal = Refusal(reason: .filtered, detail: verdict.rule.id?.detail ?? .none, rule: verdict.rule)
    switch verdict.action {
    case .allow, .deny: break
    case .reject, .reset:
      guard packet.isFragment || packet.brokenChecksum(bytes) == nil else { break }
      if verdict.action == .reset, packet.protocolNumber == Proto.tcp {
        if !packet.isFragment { refusal.tell = .reset(.related) }
      } else {
        refusal.tell = .error(.destinationUnreachable, code: ICMPv4UnreachableCode.administrativelyProhibited)
      }
    }
    return refusal
  }

  /// The axis is about outside: who asks from inside is told, as by any box that he shares a link with.
  func unsolicitedAnswer(_ reason: DropReason, on port: GatewayPort) -> NATSettings.Unsolicited {
    let isInside = port != .outside && reason == .portClosed && configuration.settings.unsolicited == .drop
    return isInside ? .refuse : configuration.settings.unsolicited
  }

  /// Of what nobody asked for; its sender is told where that is wanted.
  func unsolicited(_ packet: Packet, _ bytes: RawSpan, _ reason: DropReason, on port: GatewayPort) -> Refusal {
    var refusal = Refusal(reason: reason, detail: packet.detail)
    let answer = unsolicitedAnswer(reason, on: port)
    guard answer != .drop, !packet.isFragment, packet.brokenChecksum(bytes) == nil else { return refusal }
    if packet.protocolNumber == Proto.udp {
      refusal.tell = .error(.destinationUnreachable, code: ICMPv4UnreachableCode.port)
    } else if packet.protocolNumber == Proto.tcp {
      if answer == .refuseLate, port == .outside {
        if packet.flags.contains(.syn), !packet.flags.contains(.ack) { refusal.tell = .later }
      } else {
        refusal.tell = .reset(.established)
      }
    } else if packet.protocolNumber != Proto.icmp, packet.protocolNumber != Proto.igmp {
      // RFC 1122, 3.2.2.1.
      refusal.tell = .error(.destinationUnreachable, code: ICMPv4UnreachableCode.protocol)
    }
    return refusal
  }
}
