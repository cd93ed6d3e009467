import WeftCore
import WeftSettings
import WeftWire

// netfilter's machine, as nf_conntrack_proto_tcp.c of Linux 6.18 behaves: FINs of either side lead the same way, a RST ends
// it, and what may be right for a connection that only the two ends know passes unjudged and is remembered, for the answer.

extension TCPState {
  /// What a segment does by its kind alone.
  func netfilterStep(_ kind: TCPSegment.Kind, isReply: Bool) -> Step {
    let isOpening = self == .synSent || self == .synSent2
    switch kind {
    case .none: return .invalid
    case .reset: return .to(.closed)
    case .synACK:
      switch self {
      case .synSent: return isReply ? .to(.synReceived) : .invalid
      case .synSent2: return .to(.synReceived)
      case .synReceived where !isReply: return .to(.synReceived)
      default: return isReply ? .ignore : .invalid
      }
    case .syn:
      switch self {
      case .synSent: return .to(isReply ? .synSent2 : .synSent)
      case .synSent2: return .to(.synSent2)
      case .timeWait: return .reopen
      case .closed: return isReply ? .invalid : .reopen
      default: return isReply ? .invalid : .ignore
      }
    case .fin:
      switch self {
      case _ where isOpening: return .invalid
      case .synReceived, .established: return .to(.finWait)
      case .finWait, .closeWait, .lastAck: return .to(.lastAck)
      default: return .to(self)
      }
    case .ack:
      switch self {
      // The answer to half of an old connection: the receiver's RST clears it up.
      case _ where isOpening: return isReply ? .ignore : .invalid
      case .synReceived: return .to(isReply ? .synReceived : .established)
      case .finWait, .closeWait: return .to(.closeWait)
      case .lastAck: return .to(.timeWait)
      default: return .to(self)
      }
    }
  }
}

extension Conntrack {
  func netfilterTrack(
    _ session: Session, _ segment: TCPSegment, _ direction: Direction, now: Instant, _ settings: borrowing NATSettings,
    _ windows: inout TCPWindow, isTracked: Bool
  ) -> Step {
    let kind = segment.kind
    let isReply = direction == .reply
    let state = session.state
    var next: TCPState
    switch state.netfilterStep(kind, isReply: isReply) {
    case .invalid: return Step(verdict: .invalid)
    case .reopen where !isTracked || windows.isOver(for: direction): return Step(verdict: .reopen)
    case .reopen, .ignore:
      guard isTracked else { return Step(verdict: .pass(state, nil)) }
      guard windows.answersSYN(segment, direction) else {
        windows.note(segment, direction, state)
        return Step(verdict: .pass(state, nil), changesWindows: true)
      }
      windows.beginAnew()
      next = .synReceived
    case .to(let to):
      next = to
      if kind == .ack, windows.marks.contains(.simultaneousOpen), to == .synReceived { next = .established }
    }
    guard isTracked else { return session.netfilterStep(to: next, kind, settings.timeouts.of(next), settings) }
    if next == .timeWait, state == .lastAck, kind == .ack, windows.isChallenge(direction) {
      windows.marks.remove(.awaitsChallenge)
      return Step(verdict: .pass(state, nil), changesWindows: true)
    }
    if next == .synSent2 { windows.marks.insert(.simultaneousOpen) }

    var mayBeAnywhere = false
    if kind == .reset {
      switch windows.netfilterWeigh(segment, direction, session) {
      case .invalid: return Step(verdict: .invalid)
      case .anywhere: mayBeAnywhere = true
      case .inWindow: break
      case .challenged: next = state
      case .challengedAnywhere:
        next = state
        mayBeAnywhere = true
      }
    }
    if !mayBeAnywhere {
      let isLiberal = settings.windowTracking == .liberal && kind != .reset
      switch windows.admit(segment, direction, state: state, always: isLiberal) {
      case .fits: break
      case .passes: return Step(verdict: .pass(state, nil), changesWindows: true)
      case .invalid:
        var step = Step(verdict: .invalid, changesWindows: true)
        step.shortens = windows.isAnswered(kind, direction, session, now: now)
        return step
      }
    }
    windows.last.kind = kind
    windows.last.isReply = isReply
    if next == .finWait, state != .finWait { windows.markClosedFirst(direction) }
    return session.netfilterStep(to: next, kind, windows.timeout(next, isReset: kind == .reset, settings), settings)
  }
}

extension Session {
  /// Of a segment that fits.
  fileprivate func netfilterStep(
    to next: TCPState, _ kind: TCPSegment.Kind, _ timeout: Nanoseconds, _ settings: borrowing NATSettings
  ) -> Conntrack.Step {
    var step = Conntrack.Step(verdict: .pass(next, timeout), changesWindows: true)
    if replyPackets > 0 {
      let wasOpen = state == .synReceived || state == .established
      step.assures = wasOpen && next == .established && !flags.contains(.assured)
      return step
    }
    // Nothing was established: it is forgotten, so that the next SYN begins anew.
    if kind == .reset { step.verdict = .last }
    // A SYN that is sent again doesn't keep alive what nobody answers.
    if kind == .syn, state == .synSent { step.verdict = .pass(next, nil) }
    if next == .established, let most = settings.timeouts.tcpUnacknowledged { step.verdict = .pass(next, min(timeout, most)) }
    return step
  }
}

extension TCPWindow {
  /// What a RST is worth.
  fileprivate enum NetfilterReset {
    case invalid
    /// Its number is that of the window, or …
    case inWindow
    /// … doesn't matter.
    case anywhere
    /// In the window, and not exactly what is expected: a blind guess perhaps, which the receiver challenges (RFC 5961, 3.2).
    case challenged
    case challengedAnywhere
  }

  fileprivate func netfilterWeigh(
    _ segment: TCPSegment, _ direction: Direction, _ session: Session
  ) -> NetfilterReset {
    // The ends may have begun anew on the same ports.
    if session.state.isClosing { return .anywhere }
    let isReply = direction == .reply
    let receiver = isReply ? original : reply
    let isAssured = session.flags.contains(.assured)
    let isEstablished = session.state == .established && isAssured
    var isChallenged = false
    // What was acknowledged is out of date once a SYN was let by.
    if receiver.has(Side.hasAcknowledged), last.kind != .syn {
      // It answers such a SYN.
      if segment.sequence == 0, !isEstablished { return .inWindow }
      if Self.isAfter(receiver.acknowledged, segment.sequence) { return .invalid }
      if !isEstablished || segment.sequence == receiver.acknowledged || endsTrain(segment, direction) { return .inWindow }
      isChallenged = true
    }
    // It answers a SYN or an ACK that was let by.
    let hasReply = session.replyPackets > 0
    if hasReply && last.kind == .syn && last.isReply != isReply || !isAssured && last.kind == .ack,
      segment.acknowledgment == last.end
    {
      return isChallenged ? .challengedAnywhere : .anywhere
    }
    if session.state == .synSent, answersStale(segment) { return isChallenged ? .challengedAnywhere : .anywhere }
    return isChallenged ? .challenged : .inWindow
  }

  /// Whether a FIN or RST that doesn't fit answers one of the other side: they agree that it is over, and what is known here is
  /// out of step. Else it is noted. Of a connection with less than two minutes nothing is taken.
  fileprivate mutating func isAnswered(
    _ kind: TCPSegment.Kind, _ direction: Direction, _ session: Session, now: Instant
  ) -> Bool {
    guard session.flags.contains(.assured), kind == .fin || kind == .reset else { return false }
    if last.isReply != (direction == .reply), last.kind == .fin || last.kind == .reset {
      return session.deadline - now.rawValue >= Nanoseconds.seconds(120).rawValue
    }
    last.kind = kind
    last.isReply = direction == .reply
    return false
  }

  /// Whether a SYN may forget it: it was closed in order, or its sender has reset it.
  fileprivate func isOver(for direction: Direction) -> Bool {
    (original.flags | reply.flags) & Side.closedFirst != 0 || last.kind == .reset && last.isReply == (direction == .reply)
  }

  fileprivate mutating func markClosedFirst(_ direction: Direction) {
    switch direction {
    case .original: original.flags |= Side.closedFirst
    case .reply: reply.flags |= Side.closedFirst
    }
  }

  /// Whether an ACK answers a SYN that was let by, and not the FIN (RFC 5961, 4).
  fileprivate func isChallenge(_ direction: Direction) -> Bool {
    marks.contains(.awaitsChallenge) && last.kind == .syn && last.isReply != (direction == .reply)
  }
}
