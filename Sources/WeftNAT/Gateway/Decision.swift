import WeftCore
import WeftSettings
import WeftWire

/// What becomes of a packet: looked up and weighed, nothing changed yet. `NATGateway.decide` makes it, `commit` does what
/// it says, and an explanation is what it found on its way. Small, so that it goes by registers: 64 bytes at most.
enum Decision {
  /// Of a known session: translated.
  case pass(Passage)
  /// Of a known session, which takes it in; but it doesn't go on.
  case passAndRefuse(Passage, Refusal)
  /// The first of a new one.
  case open(Opening)
  /// It is dropped, and a session entered all the same: a hole punched, or a flow to a port that nothing serves.
  case openAndRefuse(Opening, Refusal)
  /// The host's own, and of no flow (netfilter's OUTPUT lets out what conntrack calls invalid): it leaves as it is,
  /// and what it would change if it were dropped it changes.
  case untracked(GatewayPort, Refusal)
  /// An echo request to one of the gateway's own addresses.
  case echo(rule: Packed<RuleNumber>)
  case refuse(Refusal)
  /// What is over by now stands in the way, or this very session: it goes first, and then the packet is decided.
  case overdue(Packed<SessionID>)
}

/// What a packet of a session changes.
struct Passage {
  struct Changes: OptionSet {
    let rawValue: UInt8
    /// The windows are those that `decide` left.
    static let windows = Changes(rawValue: 1)
    /// It is the last: the session ends.
    static let end = Changes(rawValue: 2)
    /// Somebody inside has answered: the session keeps the mapping that it came in by.
    static let confirm = Changes(rawValue: 4)
    /// The session is one that a full table keeps.
    static let assure = Changes(rawValue: 8)
    /// What the table says of the session is something else now: an event.
    static let tells = Changes(rawValue: 16)
  }

  var session: SessionID
  var direction: Direction
  var changes: Changes = []
  /// Afterwards.
  var state: TCPState
  /// That let it through.
  var rule: Packed<RuleNumber> = .none
  /// From now on; 0: as it is.
  var deadline: UInt64 = 0
}

/// A session to be entered, and what it takes.
struct Opening {
  /// Where its external endpoint is from.
  enum Source: UInt8 {
    /// It leaves as it is, or by what it retains.
    case given
    case newMapping
    /// A port shared with flows whose remote ends differ.
    case shared
    /// A whole address (one-to-one).
    case binding
  }

  var reply: Tuple
  var flags: Session.Flags
  var source = Source.given
  /// Ordinal of the external address.
  var address: UInt16 = 0
  /// See `Ports.Choice`; the port is in `reply`, or `port` where the other side doesn't see it.
  var chance: UInt32 = 0
  var port: UInt16 = 0
  /// It goes out by this one.
  var mapping: Packed<MappingID> = .none
  /// Hairpin: it leads in by this one.
  var target: Packed<MappingID> = .none
  /// What it takes the place of. Hairpin: the half of it that the other side began; a connection that is over, whose port it
  /// takes.
  var displaced: Packed<SessionID> = .none
  var rule: Packed<RuleNumber> = .none
}

/// Why a packet is dropped, who is told, and what it changes all the same.
struct Refusal {
  enum Tell {
    case nobody
    /// Its sender, by ICMP. Only for senders that were checked.
    case error(ICMPv4Type, code: UInt8)
    /// Its sender, by a RST that rules see as of this state.
    case reset(FilterRule.State)
    /// Its sender, in six seconds, unless the other half of a simultaneous open comes (RFC 5382, REQ-4).
    case later
  }

  enum Change: UInt8 {
    case none
    /// The session has a new deadline (`firstTimeout`).
    case refresh
    /// … is over.
    case end
    /// … has the windows that `decide` left.
    case windows
    /// … and not more than `tcp-unacknowledged` left.
    case shorten
  }

  var reason: DropReason
  var detail: DropDetail
  var tell = Tell.nobody
  var change = Change.none
  /// It fits no state or window of its session.
  var isInvalid = false
  var session: Packed<SessionID> = .none
  /// That was met, whether it forbade or let through.
  var rule: Packed<RuleNumber> = .none
}

/// What is looked at on the way to a decision, for those who want to know.
protocol DecisionTrace {
  mutating func look(_ step: @autoclosure () -> ExplainStep)
}

/// Nobody wants to know: costs nothing.
struct NoTrace: DecisionTrace {
  @inline(__always)
  mutating func look(_ step: @autoclosure () -> ExplainStep) {}
}

struct ExplainTrace: DecisionTrace {
  var steps: [ExplainStep] = []
  mutating func look(_ step: @autoclosure () -> ExplainStep) { steps.append(step()) }
}
