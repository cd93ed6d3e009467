import WeftCore
import WeftStack
import WeftWire

/// What uses a machine's sockets: a program of the machine, or a probe of the lab. It is a state machine and a value: it is
/// told of what happens to its sockets and of its own deadline, and does what it wants through the stack. It reads no clock,
/// and all its state is in itself and coded with the world.
public protocol Activity: Codable {
  /// When it wants to be woken, its start included. Read after every call.
  var deadline: Instant { get }
  /// Its deadline has come; afterwards the deadline must lie later.
  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// Something happened to one of its connections.
  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// A datagram came for a port that it has bound.
  mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  mutating func echoReply(_ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// ICMP told, or ARP did, that a datagram or echo request didn't arrive.
  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// It has had the time of a cpu that it asked for.
  mutating func burnt(now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// Of a decoded one: whether it can go on from where it is.
  var isConsistent: Bool { get }
}

extension Activity {
  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {}
  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {}
  public mutating func echoReply(_ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects) {}
  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {}
  public mutating func burnt(now: Instant, _ stack: inout Stack, _ out: inout Effects) {}
  public var isConsistent: Bool { true }
}

/// How often an activity without an address, its own or its target's, looks again.
public let resolveInterval = Nanoseconds.milliseconds(50)

extension SocketError {
  /// For a report's `failed`.
  public var text: String {
    switch self {
    case .refused: "refused"
    case .reset: "reset"
    case .unreachable(let code, _): "unreachable, code \(code)"
    case .ttlExceeded: "TTL exceeded"
    case .timedOut: "timed out"
    }
  }
}
