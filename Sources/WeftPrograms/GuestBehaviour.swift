import WeftCore
import WeftWire

/// A program of a guest: a state machine over the sockets. It is told of what happens to its sockets and of its own
/// deadline, and does what it wants through the stack. Another program is another such type in `ProgramTable`.
protocol GuestBehaviour: Codable {
  var report: ProgramReport { get set }
  /// When it wants to be woken, its start included.
  var deadline: Instant { get }
  /// Its deadline has come; afterwards the deadline must lie later.
  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects)
  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// ICMP told, or ARP did, that a datagram or echo request didn't arrive.
  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// Whether it comes to an end by itself and hasn't yet.
  var isUnfinished: Bool { get }
}

extension GuestBehaviour {
  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {}
  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {}
  var isUnfinished: Bool { false }
}

/// How often a program without an address, its own or its target's, looks again.
let resolveInterval = Nanoseconds.milliseconds(50)

/// A datagram's head, copied off the frame.
struct DatagramInfo {
  var source: IPv4Address
  var sourcePort: UInt16
  var destination: IPv4Address
  var destinationPort: UInt16
  /// Whether it was sent to everyone: then the answer's source is the interface's address.
  var isBroadcast: Bool
  var trace: UInt32
}

extension SocketError {
  /// For a report's `failed`.
  var text: String {
    switch self {
    case .refused: "refused"
    case .reset: "reset"
    case .unreachable(let code, _): "unreachable, code \(code)"
    case .ttlExceeded: "TTL exceeded"
    case .timedOut: "timed out"
    }
  }
}
