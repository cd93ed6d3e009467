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
    if packet.protocolNumber == Proto.tcp {
      if session.state == .established, packet.flags.isDisjoint(with: [.syn, .fin, .rst]) {
        sessions.entries[number].deadline = (now + configuration.timeouts.tcpEstablished).rawValue
      } else {
        switch track(number, packet, frame, isReply: isReply, now: now) {
        case .pass: break
        case .drop(let reason): return out.drop(frame, on: PortIndex(at), reason, packet.detail)
        case .reopen:
          remove(number)
          return begin(frame, packet, on: at, now: now, &out)
        }
      }
    } else if at != 0 || configuration.timeouts.inboundRefresh {
      // RFC 4787, REQ-6 and RFC 5508, REQ-2: what is sent from inside refreshes.
      let timeout = packet.protocolNumber == Proto.udp ? configuration.timeouts.udp : configuration.timeouts.icmp
      sessions.entries[number].deadline = (now + timeout).rawValue
    }
    sessions.entries[number].account(isReply: isReply, bytes: packet.end &- 14)
    translate(frame, packet, session, isReply: isReply, now: now, &out)
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
    Rewrite.packet(
      &frame, packet, source: source, sourcePort, destination: destination, destinationPort,
      decrement: !session.flags.contains(.local))
    let changesSource = source != packet.source || sourcePort != packet.sourcePort
    let changesDestination = destination != packet.destination || destinationPort != packet.destinationPort
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
  }

  /// Steps a connection's state machine.
  mutating func track(_ number: Int, _ packet: Packet, _ frame: borrowing Frame, isReply: Bool, now: Instant)
    -> Tracking
  {
    let state = sessions.entries[number].state
    let next: TCPState
    switch state.step(packet.flags, isReply: isReply) {
    case .invalid: return .drop(.tcpInvalid)
    // A segment that ends or reopens a connection must be whole; others the receiver checks.
    case .reopen:
      if let reason = packet.brokenChecksum(frame) { return .drop(reason) }
      return .reopen
    case .to(let state): next = state
    }
    if next != state {
      if let reason = packet.brokenChecksum(frame) { return .drop(reason) }
      sessions.entries[number].state = next
      if next == .established { sessions.entries[number].flags.insert(.assured) }
    }
    // Closing connections go their time out; a stray RST or FIN doesn't prolong them.
    if next == .timeWait || next == .closed, next == state { return .pass }
    let timeout = next.isTransitory ? configuration.timeouts.tcpTransitory : configuration.timeouts.tcpEstablished
    sessions.shorten(number, to: (now + timeout).rawValue)
    return .pass
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
      if state == .none { flags.insert(.assured) }
    } else {
      originalPackets &+= 1
      originalBytes &+= UInt64(truncatingIfNeeded: bytes)
    }
  }
}
