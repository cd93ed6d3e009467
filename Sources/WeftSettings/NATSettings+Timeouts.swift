import WeftCore

extension NATSettings {
  /// How long an entry lives after the last packet that keeps it. The names are netfilter's.
  public struct Timeouts: Sendable, Codable, Hashable {
    // RFC 5382, REQ-5: transitory at least four minutes, established and half-closed two hours and four minutes.
    public var tcpSynSent = Nanoseconds.minutes(4)
    public var tcpSynRecv = Nanoseconds.minutes(4)
    public var tcpEstablished = Nanoseconds.seconds(7440)
    /// Half-closed; nil: as established.
    public var tcpFinWait: Nanoseconds?
    public var tcpCloseWait: Nanoseconds?
    public var tcpLastAck = Nanoseconds.minutes(4)
    public var tcpTimeWait = Nanoseconds.minutes(4)
    /// After a RST: RFC 7857, 2.2.
    public var tcpClose = Nanoseconds.minutes(4)
    /// At most, after three retransmissions of one segment, or with a window of zero; needs window tracking.
    public var tcpMaxRetrans: Nanoseconds?
    /// At most, while data is not acknowledged; needs window tracking.
    public var tcpUnacknowledged: Nanoseconds?
    /// RFC 4787, REQ-5: at least two minutes, five recommended.
    public var udp = Nanoseconds.minutes(5)
    /// Once packets have gone both ways; nil: the same.
    public var udpStream: Nanoseconds?
    /// RFC 5508, REQ-2.
    public var icmp = Nanoseconds.seconds(60)
    /// Of protocols without ports, where they are tracked at all (one-to-one).
    public var generic = Nanoseconds.minutes(10)
    /// GRE; nil: as generic.
    public var gre: Nanoseconds?
    /// Once packets have gone both ways; nil: the same.
    public var greStream: Nanoseconds?
    // SCTP: netfilter's, for want of others.
    public var sctpClosed = Nanoseconds.seconds(10)
    public var sctpCookieWait = Nanoseconds.seconds(3)
    public var sctpCookieEchoed = Nanoseconds.seconds(3)
    public var sctpEstablished = Nanoseconds.seconds(210)
    public var sctpShutdownSent = Nanoseconds.seconds(3)
    public var sctpShutdownRecd = Nanoseconds.seconds(3)
    public var sctpShutdownAckSent = Nanoseconds.seconds(3)
    public var sctpHeartbeatSent = Nanoseconds.seconds(30)

    public init() {}

    /// Linux's defaults (`net.netfilter.nf_conntrack_*_timeout*`).
    public static var netfilter: Timeouts {
      var t = Timeouts()
      t.tcpSynSent = .seconds(120)
      t.tcpSynRecv = .seconds(60)
      t.tcpEstablished = .seconds(432_000)
      t.tcpFinWait = .seconds(120)
      t.tcpCloseWait = .seconds(60)
      t.tcpLastAck = .seconds(30)
      t.tcpTimeWait = .seconds(120)
      t.tcpClose = .seconds(10)
      t.tcpMaxRetrans = .seconds(300)
      t.tcpUnacknowledged = .seconds(300)
      t.udp = .seconds(30)
      t.udpStream = .seconds(120)
      t.icmp = .seconds(30)
      t.generic = .seconds(600)
      t.gre = .seconds(30)
      t.greStream = .seconds(180)
      return t
    }

    /// The same as a key that has no value of its own until it is set.
    fileprivate var transitory: Nanoseconds? {
      get { nil }
      set { if let newValue { tcpTransitory = newValue } }
    }

    /// All of opening and closing at once (RFC 5382's word); reads as the first of them.
    public var tcpTransitory: Nanoseconds {
      get { tcpSynSent }
      set {
        tcpSynSent = newValue
        tcpSynRecv = newValue
        tcpLastAck = newValue
        tcpTimeWait = newValue
        tcpClose = newValue
      }
    }
  }
}

extension NATSettings.Timeouts {
  /// The general one first: those with a value of their own come over it.
  public static let keys: KeyTable<NATSettings.Timeouts> = KeyTable(
    "timeouts", "How long an idle connection is kept, in netfilter's names", from: NATSettings.Timeouts(),
    variants: [("linux", .netfilter)],
    [
      Field(
        "tcp-transitory", \.transitory, .interval,
        "All of syn-sent, syn-recv, last-ack, time-wait and close that have no value of their own (RFC 5382 REQ-5).",
        default: "none",
        example: "1 min"),
      Field("tcp-syn-sent", \.tcpSynSent, .interval, "A SYN without an answer.", example: "1 min"),
      Field("tcp-syn-recv", \.tcpSynRecv, .interval, "SYN and SYN-ACK.", example: "1 min"),
      Field("tcp-established", \.tcpEstablished, .interval, "Established TCP (RFC 5382 REQ-5).", example: "1 min"),
      Field("tcp-fin-wait", \.tcpFinWait, .interval, "One side has closed.", default: "as tcp-established", example: "1 min"),
      Field(
        "tcp-close-wait", \.tcpCloseWait, .interval,
        "One side has closed, and that is acknowledged.", default: "as tcp-established",
        example: "1 min"),
      Field("tcp-last-ack", \.tcpLastAck, .interval, "Both have closed, the last ACK is missing.", example: "1 min"),
      Field("tcp-time-wait", \.tcpTimeWait, .interval, "Both have closed.", example: "1 min"),
      Field("tcp-close", \.tcpClose, .interval, "After a RST (RFC 7857, 2.2).", example: "1 min"),
      Field(
        "tcp-max-retrans", \.tcpMaxRetrans, .interval,
        "At most, after three retransmissions of a segment.", default: "as the state's",
        example: "1 min"),
      Field(
        "tcp-unacknowledged", \.tcpUnacknowledged, .interval,
        "At most, while data waits for its ACK.", default: "as the state's",
        example: "1 min"),
      Field("udp", \.udp, .interval, "UDP (RFC 4787 REQ-5).", example: "1 min"),
      Field(
        "udp-stream", \.udpStream, .interval, "UDP that has gone both ways (linux: and for two seconds).", default: "as udp",
        example: "1 min"),
      Field("icmp", \.icmp, .interval, "ICMP queries (RFC 5508 REQ-2).", example: "1 min"),
      Field("generic", \.generic, .interval, "Protocols without ports, where they pass at all.", example: "1 min"),
      Field("gre", \.gre, .interval, "GRE.", default: "as generic", example: "1 min"),
      Field("gre-stream", \.greStream, .interval, "GRE that has gone both ways.", default: "as gre", example: "1 min"),
      Field("sctp-closed", \.sctpClosed, .interval, "SCTP that has begun with an INIT, or is over.", example: "1 min"),
      Field("sctp-cookie-wait", \.sctpCookieWait, .interval, "SCTP after an INIT ACK.", example: "1 min"),
      Field("sctp-cookie-echoed", \.sctpCookieEchoed, .interval, "SCTP after a COOKIE ECHO.", example: "1 min"),
      Field("sctp-established", \.sctpEstablished, .interval, "Established SCTP.", example: "1 min"),
      Field("sctp-shutdown-sent", \.sctpShutdownSent, .interval, "SCTP that the side which began it closes.", example: "1 min"),
      Field("sctp-shutdown-recd", \.sctpShutdownRecd, .interval, "SCTP that the other side closes.", example: "1 min"),
      Field("sctp-shutdown-ack-sent", \.sctpShutdownAckSent, .interval, "SCTP whose SHUTDOWN is acknowledged.", example: "1 min"),
      Field(
        "sctp-heartbeat-sent", \.sctpHeartbeatSent, .interval, "A path of SCTP that began with a HEARTBEAT.", example: "1 min"),
    ])
}
