import WeftCore
import WeftSettings
import WeftWire

// The way of a connection: which state and which windows a segment leaves behind. Only looks.

extension Conntrack {
  enum Verdict {
    /// Into this state; with a timeout it keeps the session alive so long.
    case pass(TCPState, Nanoseconds?)
    /// It passes, and ends the session.
    case last
    /// A new connection on the ends of one that is over.
    case reopen
    /// It fits no state or window.
    case invalid
    case drop(DropReason)
  }

  struct Step {
    var verdict: Verdict
    /// Whether the windows are others now.
    var changesWindows = false
  }

  /// Steps a connection's state machine. `windows` become the connection's afterwards.
  @inline(__always)
  func follow(
    _ id: SessionID, _ packet: Packet, _ bytes: RawSpan, _ direction: Direction, _ settings: borrowing NATSettings,
    _ windows: inout TCPWindow
  ) -> Step {
    guard self[id].state == .established, packet.flags.isDisjoint(with: [.syn, .fin, .rst]) else {
      return track(id, packet, bytes, direction, settings, &windows)
    }
    guard let own = window(id) else { return Step(verdict: .pass(.established, settings.timeouts.tcpEstablished)) }
    // Its length was looked at when the packet was read.
    guard let tcp = TCPView(bytes.extracting(packet.transport..<packet.end)) else { return Step(verdict: .invalid) }
    windows = own
    switch windows.admit(
      TCPSegment(tcp, isCutShort: packet.isFragment), direction, state: .established,
      always: settings.windowTracking == .liberal)
    {
    case .fits: return Step(verdict: .pass(.established, windows.timeout(.established, settings)), changesWindows: true)
    case .passes: return Step(verdict: .pass(.established, nil), changesWindows: true)
    case .invalid: return Step(verdict: .invalid, changesWindows: true)
    }
  }

  /// A segment that changes the state, or of a connection that isn't established.
  private func track(
    _ id: SessionID, _ packet: Packet, _ bytes: RawSpan, _ direction: Direction, _ settings: borrowing NATSettings,
    _ windows: inout TCPWindow
  ) -> Step {
    let session = self[id]
    let state = session.state
    var next: TCPState
    let step =
      settings.tcpMachine == .netfilter
      ? state.netfilterStep(packet.flags, direction) : state.step(packet.flags, direction)
    switch step {
    case .invalid: return Step(verdict: .invalid)
    case .ignore:
      guard direction == .reply, state == .synSent || state == .synSent2 else { return Step(verdict: .pass(state, nil)) }
      return Step(verdict: .pass(state, nil), changesWindows: noteStale(id, packet, bytes, &windows))
    // A segment that ends or reopens a connection must be whole; others the receiver checks.
    case .reopen:
      if !packet.isFragment, let reason = packet.brokenChecksum(bytes) { return Step(verdict: .drop(reason)) }
      return Step(verdict: .reopen)
    case .to(let state): next = state
    }
    if next != state, !packet.isFragment, let reason = packet.brokenChecksum(bytes) { return Step(verdict: .drop(reason)) }
    let own = window(id)
    if let own, let tcp = TCPView(bytes.extracting(packet.transport..<packet.end)) {
      windows = own
      let segment = TCPSegment(tcp, isCutShort: packet.isFragment)
      let isReset = segment.flags.contains(.rst)
      if isReset, direction == .original, windows.answersStale(segment) {
        return Step(verdict: .pass(next, settings.timeouts.of(next)))
      }
      if isReset, state != .synSent, state != .synSent2 {
        switch windows.weigh(resetAt: segment.sequence, direction) {
        case .stale: return Step(verdict: .invalid)
        case .inWindow: if state == .established { next = state }
        case .exact: break
        }
      }
      let isLiberal = settings.windowTracking == .liberal && !isReset
      switch windows.admit(segment, direction, state: state, always: isLiberal) {
      case .fits: break
      case .passes: return Step(verdict: .pass(state, nil), changesWindows: true)
      case .invalid: return Step(verdict: .invalid, changesWindows: true)
      }
    }
    // Nothing was established: netfilter forgets it, so that the next SYN begins anew.
    if settings.tcpMachine == .netfilter, next == .closed, session.replyPackets == 0 { return Step(verdict: .last) }
    let hasWindows = own != nil
    // Closing connections go their time out; a stray RST or FIN doesn't prolong them.
    if next == .timeWait || next == .closed, next == state {
      return Step(verdict: .pass(next, nil), changesWindows: hasWindows)
    }
    let timeout = hasWindows ? windows.timeout(next, settings) : settings.timeouts.of(next)
    return Step(verdict: .pass(next, timeout), changesWindows: hasWindows)
  }

  /// Remembers what an ACK that answers a SYN acknowledged: the RST for it will have that number.
  private func noteStale(_ id: SessionID, _ packet: Packet, _ bytes: RawSpan, _ windows: inout TCPWindow) -> Bool {
    guard let own = window(id), packet.flags.contains(.ack),
      let tcp = TCPView(bytes.extracting(packet.transport..<packet.end))
    else { return false }
    windows = own
    windows.noteStale(tcp.acknowledgment)
    return true
  }
}

extension TCPWindow {
  /// Of a state, less where the connection doesn't get on (netfilter's max_retrans and unacknowledged).
  @inline(__always)
  func timeout(_ state: TCPState, _ settings: borrowing NATSettings) -> Nanoseconds {
    var timeout = settings.timeouts.of(state)
    if let most = settings.timeouts.tcpMaxRetrans, isStuck { timeout = min(timeout, most) }
    if let most = settings.timeouts.tcpUnacknowledged, hasUnacknowledged { timeout = min(timeout, most) }
    return timeout
  }
}
