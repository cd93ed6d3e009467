import WeftCore
import WeftIP
import WeftWire

// The way of a packet whose session is known: one look at the table, a rewrite in place, out.

extension NATGateway {
  @inline(__always)
  mutating func forward(
    _ frame: consuming Frame, _ packet: Packet, _ hit: SessionTable.Hit, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    let number = hit >> 1
    let isReply = hit & 1 != 0
    let session = sessions.entries[number]
    let isLocal = session.flags.contains(.local)
    if !isLocal {
      guard configuration.ipForwarding else {
        return out.drop(frame, on: PortIndex(at), .ipForwardingDisabled, packet.detail)
      }
      guard packet.timeToLive > 1 else { return expireInTransit(frame, packet, on: at, now: now, &out) }
    }
    if !session.flags.isDisjoint(with: [.pending, .unconfirmed]), !confirm(number, packet, on: at, now: now) {
      return out.drop(frame, on: PortIndex(at), .filtered, packet.detail)
    }
    let isEstablished = isReply || session.replyPackets > 0
    if filter.judgesEstablished || !isEstablished,
      let rule = passes(
        packet.tuple(on: at), to: isReply ? session.originalPort : session.replyPort,
        isEstablished ? .established : .new, bytes: packet.end &- 14)
    {
      return refuseFiltered(frame, packet, rule: rule, on: at, now: now, &out)
    }
    if session.flags.contains(.unserved), !isReply { return refuseAgain(frame, packet, number, now: now, &out) }
    if packet.protocolNumber == Proto.tcp {
      if session.state == .established, packet.flags.isDisjoint(with: [.syn, .fin, .rst]) {
        guard admitSegment(number, packet, frame, isReply: isReply, now: now) else {
          return refuseInvalid(frame, packet, session, isReply: isReply, on: at, now: now, &out)
        }
      } else {
        switch track(number, packet, frame, isReply: isReply, now: now) {
        case .pass: break
        case .drop(.tcpInvalid):
          return refuseInvalid(frame, packet, session, isReply: isReply, on: at, now: now, &out)
        case .drop(let reason): return out.drop(frame, on: PortIndex(at), reason, packet.detail)
        case .reopen:
          remove(number)
          return begin(frame, packet, on: at, now: now, &out)
        case .last:
          remove(number)
          return translate(frame, packet, session, isReply: isReply, now: now, &out)
        }
      }
    } else if at != 0 || configuration.settings.inboundRefresh {
      // RFC 4787, REQ-6 and RFC 5508, REQ-2: what is sent from inside refreshes.
      let isStream = isReply || session.flags.contains(.assured)
      let timeout =
        packet.protocolNumber == Proto.udp
        ? datagramTimeout(isStream: isStream)
        : firstTimeout(packet.protocolNumber)
      let deadline = (now + timeout).rawValue
      if deadline >= session.deadline {
        sessions.entries[number].deadline = deadline
      } else {
        sessions.shorten(number, to: deadline)
      }
    }
    sessions.entries[number].account(isReply: isReply, bytes: packet.end &- 14)
    // One event a packet, told when all of its change is made: state, time left, that it was answered.
    if isReply, session.replyPackets == 0 {
      firstReply(number, now: now)
    } else if sessions.entries[number].state != session.state {
      record(.update, number, now: now)
    }
    translate(frame, packet, session, isReply: isReply, now: now, &out)
  }

  @inline(__always)
  private func datagramTimeout(isStream: Bool) -> Nanoseconds {
    if isStream, let stream = configuration.settings.timeouts.udpStream { return stream }
    return configuration.settings.timeouts.udp
  }

  /// Packets have gone both ways.
  private mutating func firstReply(_ number: Int, now: Instant) {
    if sessions.entries[number].state == .none || sessions.entries[number].state == .established { assure(number) }
    record(.update, number, now: now)
  }

  mutating func assure(_ number: Int) {
    let session = sessions.entries[number]
    guard !session.flags.contains(.assured) else { return }
    sessions.assure(number)
    hosts.becameAssured(HostTable.key(session.originalPort, session.originalSource))
  }

  /// A segment that fits no state or window.
  private mutating func refuseInvalid(
    _ frame: consuming Frame, _ packet: Packet, _ session: Session, isReply: Bool, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    counters.invalid &+= 1
    let to = isReply ? session.originalPort : session.replyPort
    if let rule = passes(packet.tuple(on: at), to: to, .invalid, bytes: packet.end - 14) {
      return refuseFiltered(frame, packet, rule: rule, on: at, now: now, &out)
    }
    out.drop(frame, on: PortIndex(at), .tcpInvalid, packet.detail)
  }

  /// Sends a packet of a session on with the other direction's tuple, turned round.
  @inline(__always)
  mutating func translate(
    _ frame: consuming Frame, _ packet: Packet, _ session: Session, isReply: Bool, now: Instant,
    _ out: inout Effects
  ) {
    let source = isReply ? session.originalDestination : session.replyDestination
    let sourcePort = isReply ? session.originalDestinationPort : session.replyDestinationPort
    let destination = isReply ? session.originalSource : session.replySource
    let destinationPort = isReply ? session.originalSourcePort : session.replySourcePort
    let to = Int(isReply ? session.originalPort : session.replyPort)
    guard let next = nextHop(destination, on: to) else {
      return out.drop(
        frame, on: PortIndex(Int(isReply ? session.replyPort : session.originalPort)), .noRoute, packet.detail)
    }
    var isTooBig = false
    if packet.end &- 14 > smallestMTU {
      let from = Int(isReply ? session.replyPort : session.originalPort)
      switch fit(frame, packet, from: from, to: to, next, now: now, &out) {
      case .whole: break
      case .inPieces: isTooBig = true
      case .not: return out.drop(frame, on: PortIndex(from), .fragmentationNeeded, packet.detail)
      }
    }
    if packet.isFragment {
      lastWay = FragmentTable.Way(
        source: source, destination: destination, to: to, decrement: !session.flags.contains(.local))
    }
    if packet.flags.contains(.syn), configuration.settings.mssClamp {
      clampMSS(&frame, packet, from: Int(isReply ? session.replyPort : session.originalPort), to: to, next)
    }
    // What Ethernet padded the packet with stays on its link.
    if frame.count > packet.end { frame.truncate(to: packet.end) }
    Rewrite.packet(
      &frame, packet, source: source, sourcePort, destination: destination, destinationPort,
      decrement: !session.flags.contains(.local))
    let changesSource = source != packet.source || sourcePort != packet.sourcePort
    let changesDestination = destination != packet.destination || destinationPort != packet.destinationPort
    if isTooBig {
      let note =
        changesSource
        ? Note(
          .snat, protocolNumber: packet.protocolNumber, from: packet.source, packet.sourcePort, to: source, sourcePort)
        : Note(
          .dnat, protocolNumber: packet.protocolNumber, from: packet.destination, packet.destinationPort,
          to: destination, destinationPort)
      counters.translated &+= 1
      return sendInPieces(frame, packet, note: note, to: to, next, now: now, &out)
    }
    if changesSource {
      counters.translated &+= 1
      let note = Note(
        .snat, protocolNumber: packet.protocolNumber, from: packet.source, packet.sourcePort, to: source, sourcePort)
      if changesDestination {
        let second = Note(
          .dnat, protocolNumber: packet.protocolNumber, from: packet.destination, packet.destinationPort,
          to: destination,
          destinationPort)
        neighbours[to].send(frame, to: next, now: now, &out, notes: note, second)
      } else {
        neighbours[to].send(frame, to: next, now: now, &out, note: note)
      }
    } else if changesDestination {
      counters.translated &+= 1
      let note = Note(
        .dnat, protocolNumber: packet.protocolNumber, from: packet.destination, packet.destinationPort, to: destination,
        destinationPort)
      neighbours[to].send(frame, to: next, now: now, &out, note: note)
    } else {
      counters.passed &+= 1
      neighbours[to].send(frame, to: next, now: now, &out)
    }
  }

  enum Tracking {
    case pass
    case drop(DropReason)
    case reopen
    /// It passes, and ends the session.
    case last
  }

  /// A segment of an established connection that changes no state: whether it fits its windows.
  @inline(__always)
  mutating func admitSegment(
    _ number: Int, _ packet: Packet, _ frame: borrowing Frame, isReply: Bool, now: Instant
  ) -> Bool {
    let window = sessions.links[number].window
    if window == SessionTable.none {
      sessions.entries[number].deadline = (now + configuration.settings.timeouts.tcpEstablished).rawValue
      return true
    }
    return admitSegment(number, window: Int(window), packet, frame, isReply: isReply, now: now)
  }

  private mutating func admitSegment(
    _ number: Int, window: Int, _ packet: Packet, _ frame: borrowing Frame, isReply: Bool, now: Instant
  ) -> Bool {
    // Its length was looked at when the packet was read.
    guard let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end)) else { return false }
    let isLiberal = configuration.settings.windowTracking == .liberal
    switch sessions.windows[window].admit(
      TCPSegment(tcp, isCutShort: packet.isFragment), isReply: isReply, state: .established, always: isLiberal)
    {
    case .fits: break
    case .passes: return true
    case .invalid: return false
    }
    let deadline = (now + timeout(.established, window: window)).rawValue
    if deadline >= sessions.entries[number].deadline {
      sessions.entries[number].deadline = deadline
    } else {
      sessions.shorten(number, to: deadline)
    }
    return true
  }

  /// Of a state, less where the connection doesn't get on (netfilter's max_retrans and unacknowledged).
  @inline(__always)
  private func timeout(_ state: TCPState, window: Int) -> Nanoseconds {
    var timeout = configuration.settings.timeouts.of(state)
    if let most = configuration.settings.timeouts.tcpMaxRetrans, sessions.windows[window].isStuck {
      timeout = min(timeout, most)
    }
    if let most = configuration.settings.timeouts.tcpUnacknowledged, sessions.windows[window].hasUnacknowledged {
      timeout = min(timeout, most)
    }
    return timeout
  }

  /// Steps a connection's state machine.
  mutating func track(_ number: Int, _ packet: Packet, _ frame: borrowing Frame, isReply: Bool, now: Instant)
    -> Tracking
  {
    let state = sessions.entries[number].state
    var next: TCPState
    let step =
      configuration.settings.tcpMachine == .netfilter
      ? state.netfilterStep(packet.flags, isReply: isReply) : state.step(packet.flags, isReply: isReply)
    switch step {
    case .invalid: return .drop(.tcpInvalid)
    case .ignore:
      if isReply, state == .synSent || state == .synSent2 { noteStale(number, packet, frame) }
      return .pass
    // A segment that ends or reopens a connection must be whole; others the receiver checks.
    case .reopen:
      if !packet.isFragment, let reason = packet.brokenChecksum(frame) { return .drop(reason) }
      return .reopen
    case .to(let state): next = state
    }
    if next != state, !packet.isFragment, let reason = packet.brokenChecksum(frame) { return .drop(reason) }
    let window = Int(sessions.links[number].window)
    if window != Int(SessionTable.none), let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end)) {
      let segment = TCPSegment(tcp, isCutShort: packet.isFragment)
      let isReset = segment.flags.contains(.rst)
      if isReset, !isReply, sessions.windows[window].answersStale(segment) {
        sessions.entries[number].state = next
        sessions.shorten(number, to: (now + configuration.settings.timeouts.of(next)).rawValue)
        return .pass
      }
      let isLiberal = configuration.settings.windowTracking == .liberal && !isReset
      if isReset, state != .synSent, state != .synSent2 {
        switch sessions.windows[window].weigh(resetAt: segment.sequence, isReply: isReply) {
        case .stale: return .drop(.tcpInvalid)
        case .inWindow: if state == .established { next = state }
        case .exact: break
        }
      }
      switch sessions.windows[window].admit(segment, isReply: isReply, state: state, always: isLiberal) {
      case .fits: break
      case .passes: return .pass
      case .invalid: return .drop(.tcpInvalid)
      }
    }
    // Nothing was established: netfilter forgets it, so that the next SYN begins anew.
    if configuration.settings.tcpMachine == .netfilter, next == .closed, sessions.entries[number].replyPackets == 0 {
      return .last
    }
    if next != state {
      sessions.entries[number].state = next
      if next == .established { assure(number) }
    }
    // Closing connections go their time out; a stray RST or FIN doesn't prolong them.
    if next == .timeWait || next == .closed, next == state { return .pass }
    let timeout =
      window == Int(SessionTable.none)
      ? configuration.settings.timeouts.of(next) : timeout(next, window: window)
    sessions.shorten(number, to: (now + timeout).rawValue)
    return .pass
  }

  /// Remembers what an ACK that answers a SYN acknowledged: the RST for it will have that number.
  private mutating func noteStale(_ number: Int, _ packet: Packet, _ frame: borrowing Frame) {
    let window = Int(sessions.links[number].window)
    guard window != Int(SessionTable.none), packet.flags.contains(.ack),
      let tcp = TCPView(frame.bytes.extracting(packet.transport..<packet.end))
    else { return }
    sessions.windows[window].noteStale(tcp.acknowledgment)
  }

  /// The first packets of a session that someone outside began, or that only waits at a filter: whether they may pass.
  private mutating func confirm(_ number: Int, _ packet: Packet, on at: Int, now: Instant) -> Bool {
    let session = sessions.entries[number]
    if session.flags.contains(.pending) {
      sessions.shorten(number, to: (now + firstTimeout(session.kind)).rawValue)
      return false
    }
    let mapping = mappings.find(
      session.kind, external: session.originalDestination, session.originalDestinationPort)
    // Over when its mapping is: packets from outside keep nothing alive (RFC 4787, REQ-6).
    guard mapping >= 0, mappings.isInside(mapping, session.reply) else {
      remove(number)
      return false
    }
    if at != 0 {
      mappings.hold(mapping)
      sessions.links[number].mapping = UInt32(mapping)
      sessions.entries[number].flags.insert(.holdsMapping)
      sessions.entries[number].flags.remove(.unconfirmed)
      addContact(number)
    }
    return true
  }
}

extension Session {
  @inline(__always)
  mutating func account(isReply: Bool, bytes: Int) {
    if isReply {
      replyPackets &+= 1
      replyBytes &+= UInt64(truncatingIfNeeded: bytes)
    } else {
      originalPackets &+= 1
      originalBytes &+= UInt64(truncatingIfNeeded: bytes)
    }
  }
}
