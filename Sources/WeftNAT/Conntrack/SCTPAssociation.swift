import WeftWire

/// What a machine between its ends knows of an SCTP association: its state, and the tags that its packets must bear
/// (RFC 9260, 8.5; netfilter's rules for the exceptions).
struct SCTPAssociation: BitwiseCopyable, Equatable {
  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// An INIT was seen in this direction.
    static let initiatedOriginal = Marks(rawValue: 1)
    static let initiatedReply = Marks(rawValue: 2)
    /// A HEARTBEAT had a wrong tag: its sender was restarted, if the answer says so.
    static let heartbeatFailed = Marks(rawValue: 4)
    /// … and came in the reply direction.
    static let failedInReply = Marks(rawValue: 8)

    static func initiated(_ direction: Direction) -> Marks { direction == .original ? .initiatedOriginal : .initiatedReply }
  }

  var state = SCTPState.none
  /// Of packets in the original direction; 0: not known.
  var originalTag: UInt32 = 0
  var replyTag: UInt32 = 0
  var marks = Marks()

  subscript(direction: Direction) -> UInt32 {
    get { direction == .original ? originalTag : replyTag }
    set { if direction == .original { originalTag = newValue } else { replyTag = newValue } }
  }

  enum Verdict {
    case invalid
    /// It passes; whether it keeps the association alive, and has established it, be it for a moment.
    case passes(refreshes: Bool, establishes: Bool)
  }
}

extension SCTPAssociation {
  /// What all chunks of a packet say; nil where they can't stand together.
  private static func types(_ packet: borrowing SCTPView) -> Set256? {
    var types = Set256()
    var isAlone = false
    var offset = 12
    var count = 0
    while let chunk = packet.chunk(at: offset) {
      let type = SCTPChunk(rawValue: chunk.type)
      if type == .initiation || type == .initiationAck || type == .shutdownComplete { isAlone = true }
      if (type == .cookieAck || type == .cookieEcho || isAlone) && count != 0 || chunk.length == 0 { return nil }
      types.insert(chunk.type)
      offset = chunk.end
      count += 1
    }
    return count == 0 ? nil : types
  }

  /// The association that a packet begins; nil where it begins none.
  init?(beginning packet: borrowing SCTPView) {
    self.init()
    guard let types = Self.types(packet), !types.contains(.abort), !types.contains(.shutdownComplete),
      !types.contains(.cookieAck)
    else { return nil }
    var offset = 12
    while let chunk = packet.chunk(at: offset) {
      offset = chunk.end
      guard let type = SCTPChunk(rawValue: chunk.type), type != .data else { return nil }
      if type == .initiation {
        guard packet.verificationTag == 0, let tag = packet.initiateTag(chunk) else { return nil }
        replyTag = tag
      } else if type == .heartbeat || type == .heartbeatAck {
        originalTag = packet.verificationTag
      } else {
        replyTag = packet.verificationTag
      }
    }
    guard case .passes = follow(packet, .original) else { return nil }
  }

  /// Takes in what a packet says, as far as it is right.
  mutating func follow(_ packet: borrowing SCTPView, _ direction: Direction) -> Verdict {
    guard let types = Self.types(packet) else { return .invalid }
    let other = direction.other
    let tag = packet.verificationTag
    if !types.hasExempt, tag != self[direction] { return .invalid }
    var isQuiet = false
    var establishes = false
    var offset = 12
    while let chunk = packet.chunk(at: offset) {
      offset = chunk.end
      let type = SCTPChunk(rawValue: chunk.type)
      switch type {
      case .initiation:
        if tag != 0 { return .invalid }
      case .abort, .shutdownComplete:
        // With the T bit it is the sender's own (RFC 9260, 8.5.1).
        if tag != self[chunk.flags & 1 == 0 ? direction : other] { return .invalid }
      case .cookieEcho:
        if tag != self[direction] { return .invalid }
      case .cookieAck: marks.subtract([.initiatedOriginal, .initiatedReply])
      case .heartbeat, .heartbeatAck:
        switch hear(tag, direction, isAnswer: type == .heartbeatAck, isQuiet, hasData: types.contains(.data)) {
        case .goesOn: break
        case .isLeftAlone:
          isQuiet = true
          continue
        case .isInvalid: return .invalid
        }
      case .data, .initiationAck, .shutdown, .shutdownAck, .error, nil: break
      }
      guard let next = type.map({ state.after($0, direction) }) ?? state else { return .invalid }
      if type == .initiation {
        guard let own = packet.initiateTag(chunk) else { return .invalid }
        if marks.isSuperset(of: [.initiatedOriginal, .initiatedReply]) { marks.remove(.initiated(other)) }
        marks.insert(.initiated(direction))
        self[other] = own
        // An INIT sent again keeps nothing alive: its port may be another's by now.
        if state == .closed, next == .closed { isQuiet = true }
      } else if type == .initiationAck {
        guard let own = packet.initiateTag(chunk) else { return .invalid }
        if !marks.contains(.initiated(other)), self[other] != 0, self[other] != own { return .invalid }
        if marks.isSuperset(of: [.initiatedOriginal, .initiatedReply]), self[other] != own { return .invalid }
        self[other] = own
      }
      if next == .established, state != .established { establishes = true }
      state = next
    }
    return .passes(refreshes: !isQuiet, establishes: establishes)
  }

  private enum Hearing { case goesOn, isLeftAlone, isInvalid }

  /// A HEARTBEAT, or its answer.
  private mutating func hear(
    _ tag: UInt32, _ direction: Direction, isAnswer: Bool, _ isQuiet: Bool, hasData: Bool
  ) -> Hearing {
    if self[direction] == 0 {
      self[direction] = tag
      return .goesOn
    }
    guard tag != self[direction] else {
      marks.remove(.heartbeatFailed)
      return .goesOn
    }
    if hasData || isQuiet { return .isInvalid }
    guard isAnswer else {
      marks.insert(.heartbeatFailed)
      if direction == .reply { marks.insert(.failedInReply) } else { marks.remove(.failedInReply) }
      return .isLeftAlone
    }
    guard marks.contains(.heartbeatFailed), marks.contains(.failedInReply) != (direction == .reply) else { return .isInvalid }
    marks.remove(.heartbeatFailed)
    self[direction] = tag
    self[direction.other] = 0
    return .goesOn
  }

  /// Chunk types of a packet.
  private struct Set256 {
    private var words = InlineArray<4, UInt64>(repeating: 0)
    mutating func insert(_ type: UInt8) { words[Int(type >> 6)] |= 1 << UInt64(type & 63) }
    func contains(_ type: SCTPChunk) -> Bool { words[0] >> UInt64(type.rawValue) & 1 == 1 }

    /// Whether one of them has a rule of its own for its packet's tag.
    var hasExempt: Bool {
      contains(.initiation) || contains(.shutdownComplete) || contains(.cookieEcho) || contains(.abort)
        || contains(.shutdownAck) || contains(.heartbeat) || contains(.heartbeatAck)
    }
  }
}

// MARK: - Beside its session

/// The table of windows has a place for each association too; it needs less of it.
extension TCPWindow {
  init(_ association: SCTPAssociation) {
    original.end = association.originalTag
    reply.end = association.replyTag
    original.flags = association.marks.rawValue
    retransmissions = association.state.rawValue
  }

  var association: SCTPAssociation {
    SCTPAssociation(
      state: SCTPState(rawValue: retransmissions) ?? .none, originalTag: original.end, replyTag: reply.end,
      marks: SCTPAssociation.Marks(rawValue: original.flags))
  }
}
