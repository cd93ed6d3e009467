import WeftWire

/// What a segment says about sequence space, read once. Sequence numbers are never translated: they are the ends' own.
struct TCPSegment {
  var sequence: UInt32 = 0
  var acknowledgment: UInt32 = 0
  var window: UInt32 = 0
  /// Of data.
  var length: UInt32 = 0
  var flags = TCPFlags(rawValue: 0)
  /// Of a SYN; nil without the option.
  var scale: UInt8?
  /// Only its first fragment is here: where it ends isn't known.
  var isCutShort = false

  /// The sequence number after it.
  @inline(__always)
  var end: UInt32 {
    sequence &+ length
      &+ (flags.isDisjoint(with: [.syn, .fin]) ? 0 : flags.contains(.syn) && flags.contains(.fin) ? 2 : 1)
  }

  init() {}

  @inline(__always)
  init(_ tcp: borrowing TCPView, isCutShort: Bool) {
    sequence = tcp.sequence
    acknowledgment = tcp.acknowledgment
    window = UInt32(tcp.window)
    flags = tcp.flags
    length = UInt32(truncatingIfNeeded: tcp.bytes.byteCount &- tcp.headerLength)
    self.isCutShort = isCutShort
    if flags.contains(.syn), tcp.headerLength > 20 { scale = TCPOptions(tcp.options)?.windowScale }
  }
}

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
    /// Met in the middle or in fragments: bounds are not known.
    static let lenient: UInt8 = 8
    /// It has acknowledged something that isn't of this connection, and sent nothing else.
    static let stale: UInt8 = 16

    @inline(__always)
    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
  }

  /// The last segment that had an ACK and no SYN, FIN or RST: more like it are retransmissions.
  struct Last: BitwiseCopyable {
    var sequence: UInt32 = 0
    var acknowledgment: UInt32 = 0
    var end: UInt32 = 0
    var window: UInt16 = 0
    var isReply = false
    var retransmissions: UInt8 = 0
  }

  var original = Side()
  var reply = Side()
  var last = Last()

  /// netfilter's MAXACKWINCONST: how far behind an acknowledgment may lie where windows are small.
  private static let slack: UInt32 = 66000

  @inline(__always)
  private static func isAfter(_ a: UInt32, _ b: UInt32) -> Bool { Int32(bitPattern: a &- b) > 0 }

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
    case .original: Self.admit(segment, &original, &reply, state, always, isReply: false, &last)
    case .reply: Self.admit(segment, &reply, &original, state, always, isReply: true, &last)
    }
  }

  private static func admit(
    _ segment: TCPSegment, _ sender: inout Side, _ receiver: inout Side, _ state: TCPState, _ always: Bool,
    isReply: Bool, _ last: inout Last
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
        // Both must offer scaling, or neither has it (RFC 7323, 2.2).
        if hasACK, !sender.has(Side.scales) || !receiver.has(Side.scales) {
          sender.scale = 0
          receiver.scale = 0
        }
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
    } else if isSYN, isAfter(end, sender.end), isReply ? state == .synReceived : state == .synSent {
      // A SYN with a new initial number replaces the one before (RFC 9293, 3.8.1: it was sent anew).
      sender.open(segment, end)
      if isReply, !sender.has(Side.scales) || !receiver.has(Side.scales) {
        sender.scale = 0
        receiver.scale = 0
      }
    }

    // A RST needs no ACK, and some stacks send it with a zero one.
    let acknowledgment =
      !hasACK || (isReset && segment.acknowledgment == 0) ? receiver.end : segment.acknowledgment
    if isReset, sequence == 0, state == .synSent || state == .synSent2 {
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
      guard isBeyond else { return isAhead ? .invalid : .passes }
      guard !isAhead, !isOld, end &- sender.limit < receiver.window else { return .invalid }
      sender.end = end
      sender.flags |= Side.unacknowledged
      return .passes
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
        if last.retransmissions < .max { last.retransmissions += 1 }
      } else {
        last = Last(
          sequence: sequence, acknowledgment: acknowledgment, end: end,
          window: UInt16(truncatingIfNeeded: segment.window), isReply: isReply, retransmissions: 0)
      }
    }
    return .fits
  }

  /// Data is on its way that nobody has acknowledged.
  @inline(__always)
  var hasUnacknowledged: Bool { (original.flags | reply.flags) & Side.unacknowledged != 0 }
  /// Three retransmissions of one segment, or a receiver that takes nothing more.
  @inline(__always)
  var isStuck: Bool { last.retransmissions >= 3 || last.window == 0 && last.end != 0 }

  /// What a RST is worth (netfilter; RFC 5961, 3.2): only one with exactly the expected number ends a connection. One
  /// in the window may be a blind guess: the receiver challenges it, and the connection is as it was.
  enum Reset { case stale, exact, inWindow }

  func weigh(resetAt sequence: UInt32, _ direction: Direction) -> Reset {
    let receiver = direction == .reply ? original : reply
    guard receiver.has(Side.hasAcknowledged) else { return .exact }
    if Self.isAfter(receiver.acknowledged, sequence) { return .stale }
    return receiver.acknowledged == sequence ? .exact : .inWindow
  }

  /// The server still has an older connection between the same ports and answers its SYN with an ACK for that one. The
  /// opener's answer is <SEQ=SEG.ACK><CTL=RST> (RFC 9293, 3.10.7.3), far from its own numbers: without it the server
  /// never forgets (RFC 5382, REQ-2 asks for every way in which a connection opens).
  mutating func noteStale(_ acknowledgment: UInt32) {
    guard reply.window == 0 else { return }
    reply.acknowledged = acknowledgment
    reply.flags |= Side.stale
  }

  func answersStale(_ segment: TCPSegment) -> Bool {
    reply.window == 0 && reply.has(Side.stale) && segment.sequence == reply.acknowledged
  }

  /// Its windows are not known (a connection that was taken up in the middle).
  mutating func makeLenient() {
    original.flags |= Side.lenient
    reply.flags |= Side.lenient
  }
}

extension TCPWindow.Side {
  /// The sender's first SYN, or a new one.
  mutating func open(_ segment: TCPSegment, _ end: UInt32) {
    self.end = end
    limit = end
    window = max(segment.window, 1)
    flags = segment.scale == nil ? 0 : Self.scales
    scale = segment.scale ?? 0
  }

  var words: [UInt64] {
    [
      UInt64(end) << 32 | UInt64(limit), UInt64(window) << 32 | UInt64(acknowledged),
      UInt64(scale) << 8 | UInt64(flags),
    ]
  }

  init?(_ w: ArraySlice<UInt64>) {
    let a = w.startIndex
    self.init()
    end = UInt32(w[a] >> 32)
    limit = UInt32(truncatingIfNeeded: w[a])
    window = UInt32(w[a + 1] >> 32)
    acknowledged = UInt32(truncatingIfNeeded: w[a + 1])
    scale = UInt8(truncatingIfNeeded: w[a + 2] >> 8)
    flags = UInt8(truncatingIfNeeded: w[a + 2])
    if scale > 14 { return nil }
  }
}

extension TCPWindow {
  static let wordCount = 8

  /// For a checkpoint.
  var words: [UInt64] {
    original.words + reply.words + [
      UInt64(last.sequence) << 32 | UInt64(last.acknowledgment),
      UInt64(last.end) << 32 | UInt64(last.window) << 16 | (last.isReply ? 1 << 8 : 0) | UInt64(last.retransmissions),
    ]
  }

  init?(_ w: ArraySlice<UInt64>) {
    let a = w.startIndex
    guard let original = Side(w[a..<a + 3]), let reply = Side(w[a + 3..<a + 6]) else { return nil }
    self.original = original
    self.reply = reply
    last = Last(
      sequence: UInt32(w[a + 6] >> 32), acknowledgment: UInt32(truncatingIfNeeded: w[a + 6]),
      end: UInt32(w[a + 7] >> 32), window: UInt16(truncatingIfNeeded: w[a + 7] >> 16),
      isReply: w[a + 7] >> 8 & 1 != 0, retransmissions: UInt8(truncatingIfNeeded: w[a + 7]))
  }
}
