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
    /// The connection has been established.
    var assures = false
    /// State, `[UNREPLIED]` or `[ASSURED]` are others now.
    var tells = false
    /// Invalid, and what it has left is cut to `tcp-unacknowledged`.
    var shortens = false
  }

  /// Steps a connection's state machine. `windows` become the connection's afterwards.
  @inline(__always)
  func follow(
    _ id: SessionID, _ packet: Packet, _ bytes: RawSpan, _ direction: Direction, now: Instant,
    _ settings: borrowing NATSettings, _ windows: inout TCPWindow
  ) -> Step {
    guard self[id].state == .established, self[id].flags.contains(.assured),
      packet.flags.isDisjoint(with: [.syn, .fin, .rst])
    else { return track(id, packet, bytes, direction, now: now, settings, &windows) }
    guard let own = window(id) else { return Step(verdict: .pass(.established, settings.timeouts.tcpEstablished)) }
    // Its length was looked at when the packet was read.
    guard let tcp = TCPView(bytes.extracting(packet.transport..<packet.end)) else { return Step(verdict: .invalid) }
    windows = own
    switch windows.admit(
      TCPSegment(tcp, isCutShort: packet.isFragment), direction, state: .established,
      always: settings.windowTracking == .liberal)
    {
    case .fits:
      return Step(verdict: .pass(.established, windows.timeout(.established, settings)), changesWindows: true)
    case .passes: return Step(verdict: .pass(.established, nil), changesWindows: true)
    case .invalid: return Step(verdict: .invalid, changesWindows: true)
    }
  }

  /// A segment that changes the state, or of a connection that isn't established.
  private func track(
    _ id: SessionID, _ packet: Packet, _ bytes: RawSpan, _ direction: Direction, now: Instant,
    _ settings: borrowing NATSettings, _ windows: inout TCPWindow
  ) -> Step {
    guard let tcp = TCPView(bytes.extracting(packet.transport..<packet.end)) else { return Step(verdict: .invalid) }
    let session = self[id]
    let segment = TCPSegment(tcp, isCutShort: packet.isFragment)
    let own = window(id)
    if let own { windows = own }
    var step: Step
    switch settings.tcpMachine {
    case .netfilter:
      step = netfilterTrack(session, segment, direction, now: now, settings, &windows, isTracked: own != nil)
    case .rfc6146: step = rfcTrack(session, segment, direction, settings, &windows, isTracked: own != nil)
    }
    if own == nil { step.changesWindows = false }
    step.tells = step.changesTable(session, direction)
    // What changes more than the windows must be whole; others the receiver checks.
    if !packet.isFragment, step.isWeighty(segment.kind), let reason = packet.brokenChecksum(bytes) {
      return Step(verdict: .drop(reason))
    }
    return step
  }
}

extension Conntrack.Step {
  fileprivate func changesTable(_ session: Session, _ direction: Direction) -> Bool {
    guard case .pass(let next, _) = verdict else { return false }
    return next != session.state || assures || direction == .reply && session.replyPackets == 0
  }

  fileprivate func isWeighty(_ kind: TCPSegment.Kind) -> Bool {
    switch verdict {
    case .pass: tells || kind != .ack
    case .last, .reopen: true
    case .invalid: changesWindows && kind != .ack
    case .drop: false
    }
  }
}

extension TCPWindow {
  /// Of a state, less where the connection doesn't get on: the first of netfilter's reasons that holds.
  @inline(__always)
  func timeout(_ state: TCPState, isReset: Bool = false, _ settings: borrowing NATSettings) -> Nanoseconds {
    let timeout = settings.timeouts.of(state)
    if let most = settings.timeouts.tcpMaxRetrans, retransmissions >= 3, most < timeout { return most }
    if isReset { return settings.timeouts.tcpClose }
    if let most = settings.timeouts.tcpUnacknowledged, hasUnacknowledged, most < timeout { return most }
    // A receiver that takes nothing more.
    if let most = settings.timeouts.tcpMaxRetrans, last.window == 0, most < timeout { return most }
    return timeout
  }

  /// Data is on its way that nobody has acknowledged.
  @inline(__always)
  private var hasUnacknowledged: Bool { (original.flags | reply.flags) & Side.unacknowledged != 0 }
}
