import WeftCore

/// How long an entry lives after the last packet that keeps it. The names are netfilter's.
public struct NATTimeouts: Codable, Sendable, Hashable {
  // RFC 5382, REQ-5: transitory at least four minutes, established and half-closed two hours and four minutes.
  public var tcpSynSent = Nanoseconds.minutes(4)
  public var tcpSynReceived = Nanoseconds.minutes(4)
  public var tcpEstablished = Nanoseconds.seconds(7440)
  /// Half-closed; nil: as established.
  public var tcpFinWait: Nanoseconds?
  public var tcpCloseWait: Nanoseconds?
  public var tcpLastAck = Nanoseconds.minutes(4)
  public var tcpTimeWait = Nanoseconds.minutes(4)
  /// After a RST: RFC 7857, 2.2.
  public var tcpClose = Nanoseconds.minutes(4)
  /// At most, after three retransmissions of one segment, or with a window of zero; needs window tracking.
  public var tcpMaxRetransmissions: Nanoseconds?
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
  /// RFC 4787, REQ-6: outbound packets refresh; inbound ones only where this says so, because anyone can send them.
  public var inboundRefresh = false

  public init() {}

  /// Linux's defaults (`net.netfilter.nf_conntrack_*_timeout*`).
  public static var netfilter: NATTimeouts {
    var t = NATTimeouts()
    t.tcpSynSent = .seconds(120)
    t.tcpSynReceived = .seconds(60)
    t.tcpEstablished = .seconds(432_000)
    t.tcpFinWait = .seconds(120)
    t.tcpCloseWait = .seconds(60)
    t.tcpLastAck = .seconds(30)
    t.tcpTimeWait = .seconds(120)
    t.tcpClose = .seconds(10)
    t.tcpMaxRetransmissions = .seconds(300)
    t.tcpUnacknowledged = .seconds(300)
    t.udp = .seconds(30)
    t.udpStream = .seconds(120)
    t.icmp = .seconds(30)
    t.generic = .seconds(600)
    t.inboundRefresh = true
    return t
  }

  /// All of opening and closing at once (RFC 5382's word); reads as the first of them.
  public var tcpTransitory: Nanoseconds {
    get { tcpSynSent }
    set {
      tcpSynSent = newValue
      tcpSynReceived = newValue
      tcpLastAck = newValue
      tcpTimeWait = newValue
      tcpClose = newValue
    }
  }

  func of(_ state: TCPState) -> Nanoseconds {
    switch state {
    case .none, .established: tcpEstablished
    case .synSent, .synSent2: tcpSynSent
    case .synReceived: tcpSynReceived
    case .finWait: tcpFinWait ?? tcpEstablished
    case .closeWait: tcpCloseWait ?? tcpEstablished
    case .lastAck: tcpLastAck
    case .timeWait: tcpTimeWait
    case .closed: tcpClose
    }
  }
}
