import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// How a probe ended, and what it saw.
public struct ProbeResult: Codable, Sendable, Hashable {
  public enum Outcome: Codable, Sendable, Hashable {
    case open
    /// A reset, or ICMP port unreachable.
    case refused
    /// Another ICMP "destination unreachable" with this code. Without `icmpFrom` the machine itself says so: 0, it has
    /// addresses but no route there (nothing was sent); 1, no neighbour answered ARP.
    case unreachable(code: UInt8)
    case ttlExceeded
    /// No answer in time.
    case timedOut
    /// The connection was open and was then reset or closed too early.
    case reset
    /// Answered, but not with what the kind calls an answer.
    case badResponse
    /// Nothing ever left: the target or the machine itself had no address in time.
    case notSent
    /// The machine lost its power under it.
    case stopped
    /// It came to something else, in words.
    case otherwise(String)

    public init(_ error: SocketError?) {
      self =
        switch error {
        case .refused: .refused
        case .unreachable(let code, _): .unreachable(code: code)
        case .ttlExceeded: .ttlExceeded
        case .timedOut: .timedOut
        case .reset, nil: .reset
        }
    }
  }

  public var trace: UInt32
  /// Nil while it is under way.
  public var outcome: Outcome?
  public var startedAt: Instant
  public var finishedAt: Instant
  /// Connect and throughput: from opening to the handshake's end, ARP and lost SYNs included; UDP and ping: request to
  /// reply, ARP included; HTTP: request to the response's first byte.
  public var rtt: Nanoseconds?
  public var httpStatus: Int?
  /// Its first 4 KiB.
  public var httpBody: [UInt8]?
  /// Whether the body contains what was looked for.
  public var bodyFound = false
  /// The handshake was done.
  public var isConnected = false
  /// Something of what was asked for came: a byte of the response, payload acknowledged, the other's hello, a STUN answer.
  public var hasAnswer = false
  /// When the handshake was done, or something came last.
  public var progressAt: Instant?
  /// Whose answer the socket didn't take, since it is connected to another.
  public var foreignAnswer: TransportAddress?
  /// Tests of a NAT whose finding rests on nothing having come.
  public var silentTests: [SilentTest] = []
  /// Of payload: received (http: the whole body, udp, ping) or acknowledged (throughput).
  public var bytes: UInt64 = 0
  /// Payload bits per second between the handshake and the last acknowledgment.
  public var throughput: UInt64?
  public var localPort: UInt16 = 0
  public var localAddress: IPv4Address?
  /// Who answered, or whom it was sent to.
  public var remoteAddress: IPv4Address?
  public var icmpFrom: IPv4Address?
  public var nat: NATFindings?
  /// What an open one found, in words.
  public var note: String?

  public init(trace: UInt32, startedAt: Instant) {
    self.trace = trace
    self.startedAt = startedAt
    finishedAt = startedAt
  }

  /// Notes that something came, if it did.
  mutating func progress(_ bytes: UInt64, isConnected: Bool = false, _ hasAnswer: Bool, now: Instant) {
    if bytes > self.bytes || isConnected && !self.isConnected || hasAnswer && !self.hasAnswer { progressAt = now }
    self.bytes = bytes
    if isConnected { self.isConnected = true }
    if hasAnswer { self.hasAnswer = true }
  }

  /// What an error says of the way, and from whom it came.
  mutating func record(_ error: SocketError) -> Outcome {
    switch error {
    case .unreachable(_, let from), .ttlExceeded(let from): icmpFrom = from
    case .refused, .reset, .timedOut: break
    }
    return Outcome(error)
  }
}
