import WeftCore
import WeftSettings
import WeftWire

// The machine of RFC 6146, 3.5.2.2 (`TCPState.step`) with windows, and with the ways in which a connection recovers.

extension Conntrack {
  func rfcTrack(
    _ session: Session, _ segment: TCPSegment, _ direction: Direction, _ settings: borrowing NATSettings,
    _ windows: inout TCPWindow, isTracked: Bool
  ) -> Step {
    let state = session.state
    let isReset = segment.kind == .reset
    var next: TCPState
    switch state.step(segment.flags, direction) {
    case .invalid: return Step(verdict: .invalid)
    case .ignore:
      if isTracked { windows.note(segment, direction, state) }
      return Step(verdict: .pass(state, nil), changesWindows: true)
    case .reopen: return Step(verdict: .reopen)
    case .to(let state): next = state
    }
    if isTracked {
      if isReset {
        switch windows.rfcWeigh(segment, direction, state) {
        case .invalid: return Step(verdict: .invalid)
        // The receiver challenges it: the connection is as it was.
        case .challenged: return Step(verdict: .pass(state, nil))
        case .anywhere: return Step(verdict: .pass(next, settings.timeouts.of(next)))
        case .inWindow: break
        }
      }
      if windows.answersSYN(segment, direction) {
        windows.beginAnew()
        next = .synReceived
      }
      let isLiberal = settings.windowTracking == .liberal && !isReset
      switch windows.admit(segment, direction, state: state, always: isLiberal) {
      case .fits: break
      case .passes: return Step(verdict: .pass(state, nil), changesWindows: true)
      case .invalid: return Step(verdict: .invalid, changesWindows: true)
      }
      windows.last.kind = segment.kind
      windows.last.isReply = direction == .reply
    }
    // Closing connections go their time out; a stray RST or FIN doesn't prolong them.
    if next == .timeWait || next == .closed, next == state {
      return Step(verdict: .pass(next, nil), changesWindows: true)
    }
    let timeout = isTracked ? windows.timeout(next, settings) : settings.timeouts.of(next)
    var step = Step(verdict: .pass(next, timeout), changesWindows: true)
    // Packets have gone both ways, and not only to open it.
    step.assures =
      next == .established && (state != .established || direction == .reply) && !session.flags.contains(.assured)
    return step
  }
}

extension TCPWindow {
  fileprivate enum Reset { case invalid, inWindow, anywhere, challenged }

  /// What a RST is worth (RFC 5961, 3.2): only one with exactly the expected number ends an established connection.
  fileprivate func rfcWeigh(_ segment: TCPSegment, _ direction: Direction, _ state: TCPState) -> Reset {
    if state == .synSent { return direction == .original && answersStale(segment) ? .anywhere : .inWindow }
    // It answers a SYN that passed (RFC 9293, 3.10.7.1).
    if last.kind == .syn, last.isReply != (direction == .reply), segment.acknowledgment == last.end { return .anywhere }
    let receiver = direction == .reply ? original : reply
    guard receiver.has(Side.hasAcknowledged) else { return .inWindow }
    if Self.isAfter(receiver.acknowledged, segment.sequence) { return .invalid }
    if state != .established || segment.sequence == receiver.acknowledged || endsTrain(segment, direction) {
      return .inWindow
    }
    // In the window or beyond it.
    var copy = self
    return copy.admit(segment, direction, state: state, always: false) == .invalid ? .invalid : .challenged
  }
}
