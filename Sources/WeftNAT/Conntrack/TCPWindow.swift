import WeftWire

/// Both ends' windows as a machine between them can know them, by the bounds of van Rooij, "Real Stateful TCP Packet
/// Filtering in IP Filter" (2001), which netfilter follows. 56 bytes.
struct TCPWindow: BitwiseCopyable {
  struct Side: BitwiseCopyable {
    /// After the last it has sent.
    var end: UInt32 = 0
    /// After the last it may send, by what the other side acknowledged and offered.
    var limit: UInt32 = 0
    /// The largest window it has offered; 0 until it has sent anything.
    var window: UInt32 = 0
    /// The last it has acknowledged.
    var acknowledged: UInt32 = 0
    var scale: UInt8 = 0
    var flags: UInt8 = 0

    static let scales: UInt8 = 1
    static let hasAcknowledged: UInt8 = 2
    static let unacknowledged: UInt8 = 4
    /// Met in fragments: where its segments end isn't known.
    static let lenient: UInt8 = 8
    /// Met in the middle of its connection: what doesn't fit passes, and nothing is learnt from it.
    static let pickedUp: UInt8 = 16
    /// It was the first to close.
    static let closedFirst: UInt8 = 32

    @inline(__always)
    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
  }

  /// The last segment: its numbers where it had an ACK and no SYN, FIN or RST (more like it are retransmissions), or was let
  /// by unjudged; of others that they were there.
  struct Last: BitwiseCopyable {
    var sequence: UInt32 = 0
    var acknowledgment: UInt32 = 0
    var end: UInt32 = 0
    var window: UInt16 = 0
    var isReply = false
    var kind = TCPSegment.Kind.none
  }

  /// What else is known of the connection.
  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// Both ends have sent a SYN of their own.
    static let simultaneousOpen = Marks(rawValue: 1)
    /// The SYN that was let by offers scaling …
    static let scales = Marks(rawValue: 2)
    /// … and may be answered with an ACK that isn't for the FIN before it (RFC 5961, 4).
    static let awaitsChallenge = Marks(rawValue: 4)
  }

  var original = Side()
  /// Of the last segment that had an ACK and no SYN, FIN or RST.
  var retransmissions: UInt8 = 0
  var marks = Marks()
  var reply = Side()
  /// That the SYN offers that was let by.
  var scale: UInt8 = 0
  var last = Last()

  /// netfilter's MAXACKWINCONST: how far behind an acknowledgment may lie where windows are small.
  private static let slack: UInt32 = 66000

  @inline(__always)
  static func isAfter(_ a: UInt32, _ b: UInt32) -> Bool { Int32(bitPattern: a &- b) > 0 }

  enum Admission {
    case fits
    /// It passes and keeps nothing alive. What is old its receiver answers (RFC 9293, 3.10.7.4); and some senders send
    /// more than they were offered, up to as much again, whose acknowledgment must not be held against the receiver.
    case passes
    /// Beyond what was offered or sent.
    case invalid
  }

  /// Whether the segment fits; takes in what it says if so, or if `always`.
  @inline(__always)
  mutating func admit(_ segment: TCPSegment, _ direction: Direction, state: TCPState, always: Bool) -> Admission {
    switch direction {
    case .original: Self.admit(segment, &original, &reply, state, always, isReply: false, &last, &retransmissions)
    case .reply: Self.admit(segment, &reply, &original, state, always, isReply: true, &last, &retransmissions)
    }
  }

  private static func admit(
    _ segment: TCPSegment, _ sender: inout Side, _ receiver: inout Side, _ state: TCPState, _ always: Bool,
    isReply: Bool, _ last: inout Last, _ retransmissions: inout UInt8
  ) -> Admission {
    let isSYN = segment.flags.contains(.syn)
    let hasACK = segment.flags.contains(.ack)
    let isReset = segment.flags.contains(.rst)
    var sequence = segment.sequence
    var end = segment.end
    if segment.isCutShort {
      sender.flags |= Side.lenient
      receiver.flags |= Side.lenient
    }
    if sender.window == 0 {
      if isSYN {
        sender.open(segment, end)
        if isReply { sender.agree(&receiver) }
        if !hasACK { return .fits }
      } else {
        // Met in the middle: this much is certain.
        sender.end = end
        sender.window = max(segment.window << UInt32(sender.scale), 1)
        sender.limit = end &+ sender.window
        if receiver.window == 0 {
          receiver.end = segment.acknowledgment
          receiver.limit = segment.acknowledgment
        } else if hasACK, segment.acknowledgment == receiver.end &+ 1 {
          // An answer to a keepalive that was met first.
          receiver.end &+= 1
        }
      }
    } else if isSYN, isAfter(end, sender.end), state == .synSent || state == .synReceived {
      // A SYN with a new initial number replaces the one before (RFC 9293, 3.8.1: it was sent anew).
      sender.open(segment, end)
      if isReply { sender.agree(&receiver) }
      if isReply, !hasACK { return .fits }
    }

    // A RST needs no ACK, and some stacks send it with a zero one.
    let acknowledgment =
      !hasACK || (isReset && segment.acknowledgment == 0) ? receiver.end : segment.acknowledgment
    if isReset, sequence == 0, state == .synSent {
      // It answers a SYN, and has no number of its own yet (RFC 9293, 3.10.7.1).
      sequence = sender.end
      end = sender.end
    }

    let isBeyond = isAfter(sequence, sender.limit)
    let isAhead = isAfter(acknowledgment, receiver.end)
    let isOld =
      receiver.window != 0 && isAfter(sender.end &- receiver.window, end)
      || isAfter(receiver.end &- max(sender.window, slack), acknowledgment)
    if isBeyond || isAhead || isOld, !always, (sender.flags | receiver.flags) & Side.lenient == 0 || isReset {
      let overshoots = isBeyond && !isAhead && !isOld && end &- sender.limit < receiver.window
      if overshoots {
        sender.end = end
        sender.flags |= Side.unacknowledged
      }
      if sender.has(Side.pickedUp) { return .fits }
      return overshoots || !isBeyond && !isAhead ? .passes : .invalid
    }

    let window = segment.window << (isSYN ? 0 : UInt32(sender.scale))
    sender.window = max(sender.window, window)
    if isAfter(end, sender.end) {
      sender.end = end
      sender.flags |= Side.unacknowledged
    }
    if hasACK {
      if !sender.has(Side.hasAcknowledged) || isAfter(acknowledgment, sender.acknowledged) {
        sender.acknowledged = acknowledgment
        sender.flags |= Side.hasAcknowledged
      }
      // Beyond what was seen: the other way's segments were cut short, or went elsewhere.
      if receiver.has(Side.lenient), isAfter(acknowledgment, receiver.end) { receiver.end = acknowledgment }
    }
    if receiver.window != 0, isAfter(end, sender.limit) { receiver.window &+= end &- sender.limit }
    if !isAfter(receiver.limit, acknowledgment &+ window) {
      // A window of zero may be probed with one byte (RFC 9293, 3.8.6.1).
      receiver.limit = acknowledgment &+ (window == 0 ? 1 : window)
    }
    if acknowledgment == receiver.end { receiver.flags &= ~Side.unacknowledged }

    if hasACK, segment.flags.isDisjoint(with: [.syn, .fin, .rst]) {
      if last.isReply == isReply, last.sequence == sequence, last.acknowledgment == acknowledgment, last.end == end,
        last.window == UInt16(truncatingIfNeeded: segment.window)
      {
        if retransmissions < .max { retransmissions += 1 }
        last.kind = .ack
      } else {
        last = Last(
          sequence: sequence, acknowledgment: acknowledgment, end: end,
          window: UInt16(truncatingIfNeeded: segment.window), isReply: isReply, kind: .ack)
        retransmissions = 0
      }
    }
    return .fits
  }
}

extension TCPWindow.Side {
  /// The sender's first SYN, or a new one. As with netfilter, one without options leaves agreed what was.
  mutating func open(_ segment: TCPSegment, _ end: UInt32) {
    self.end = end
    limit = end
    window = max(segment.window, 1)
    guard segment.hasOptions else { return }
    flags = flags & Self.pickedUp | (segment.scale == nil ? 0 : Self.scales)
    scale = segment.scale ?? 0
  }

  /// Both must offer scaling, or neither has it (RFC 7323, 2.2).
  mutating func agree(_ other: inout Self) {
    if has(Self.scales), other.has(Self.scales) { return }
    scale = 0
    other.scale = 0
  }
}
