import WeftCore
import WeftWire

/// One try of an expectation. Every frame it sends, and every frame sent in answer to one of those, carries its trace.
public struct GuestProbe: Codable, Sendable {
  public enum Kind: Codable, Sendable {
    /// Open when the handshake is done; the connection is closed again.
    case tcpConnect(to: GuestTarget, port: UInt16)
    /// Sends one small datagram from a connected socket; open when its peer answers.
    case udp(to: GuestTarget, port: UInt16)
    case ping(to: GuestTarget, size: Int, ttl: UInt8)
    /// A GET; open when the whole response is there. `bodyContains` is looked for in all of its body.
    case http(to: GuestTarget, port: UInt16, path: String, host: String?, bodyContains: String? = nil)
    /// Sends `size` bytes over TCP to a sink; open when the last is acknowledged.
    case throughput(to: GuestTarget, port: UInt16, size: UInt64)
    /// Classifies the NAT on the way to a STUN server; open when that answers.
    case nat(via: GuestTarget, port: UInt16)
    /// Meets the machine that runs the same with `isPartner`, introduced by a rendezvous server; open when data went
    /// both ways. The partner's own probe has the same trace and no result.
    case punch(via: GuestTarget, port: UInt16, protocol: IPProtocol, isPartner: Bool)
    /// Asks an echo server to answer only after `delay`; open when that answer comes.
    case idle(to: GuestTarget, port: UInt16, protocol: IPProtocol, delay: Nanoseconds)
  }

  /// At least 1, and different from that of every other probe running in the world.
  public var trace: UInt32
  public var kind: Kind
  /// From `startProbe` to giving up.
  public var timeout: Nanoseconds

  public init(trace: UInt32, kind: Kind, timeout: Nanoseconds) {
    self.trace = trace
    self.kind = kind
    self.timeout = timeout
  }
}

/// How a probe ended, and what it saw.
public struct GuestProbeResult: Codable, Sendable, Hashable {
  public enum Outcome: Codable, Sendable, Hashable {
    case open
    /// A reset, or ICMP port unreachable.
    case refused
    /// Another ICMP "destination unreachable" with this code. Without `icmpFrom` the guest itself says so: 0, it has
    /// addresses but no route there (nothing was sent); 1, no neighbour answered ARP.
    case unreachable(code: UInt8)
    case ttlExceeded
    /// No answer in time.
    case timedOut
    /// The connection was open and was then reset or closed too early.
    case reset
    /// Answered, but not with HTTP, or an echo server's answer came before its time.
    case badResponse
    /// Nothing ever left: the target's name or the guest itself had no address in time, or there was no power.
    case notSent
  }

  public var trace: UInt32
  public var outcome: Outcome
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

  /// A lost packet would look the same (RFC 8489, 6.2.1): whoever knows of losses and of drops can tell.
  public struct SilentTest: Codable, Sendable, Hashable {
    public enum Axis: String, Codable, Sendable { case identity, filtering, mapping, hairpin }

    public var axis: Axis
    public var from: Instant
    public var to: Instant
    /// So many drops by decision in that time, and each question that wasn't answered has met one, whatever was lost.
    public var proof: Int
  }

  public init(trace: UInt32, outcome: Outcome, startedAt: Instant, finishedAt: Instant) {
    self.trace = trace
    self.outcome = outcome
    self.startedAt = startedAt
    self.finishedAt = finishedAt
  }
}
