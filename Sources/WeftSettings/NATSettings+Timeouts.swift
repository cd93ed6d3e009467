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
      return t
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

  /// The keys of a file, the general one first: those with a value of their own come over it.
  public enum Timeout: String, Sendable, Codable, CaseIterable {
    case tcpTransitory = "tcp-transitory"
    case tcpSynSent = "tcp-syn-sent"
    case tcpSynRecv = "tcp-syn-recv"
    case tcpEstablished = "tcp-established"
    case tcpFinWait = "tcp-fin-wait"
    case tcpCloseWait = "tcp-close-wait"
    case tcpLastAck = "tcp-last-ack"
    case tcpTimeWait = "tcp-time-wait"
    case tcpClose = "tcp-close"
    case tcpMaxRetrans = "tcp-max-retrans"
    case tcpUnacknowledged = "tcp-unacknowledged"
    case udp
    case udpStream = "udp-stream"
    case icmp
    case generic
  }
}

extension NATSettings.Timeouts {
  public mutating func set(_ timeout: NATSettings.Timeout, _ value: Nanoseconds) {
    switch timeout {
    case .tcpTransitory: tcpTransitory = value
    case .tcpSynSent: tcpSynSent = value
    case .tcpSynRecv: tcpSynRecv = value
    case .tcpEstablished: tcpEstablished = value
    case .tcpFinWait: tcpFinWait = value
    case .tcpCloseWait: tcpCloseWait = value
    case .tcpLastAck: tcpLastAck = value
    case .tcpTimeWait: tcpTimeWait = value
    case .tcpClose: tcpClose = value
    case .tcpMaxRetrans: tcpMaxRetrans = value
    case .tcpUnacknowledged: tcpUnacknowledged = value
    case .udp: udp = value
    case .udpStream: udpStream = value
    case .icmp: icmp = value
    case .generic: generic = value
    }
  }
}
