import WeftCore
import WeftSettings

/// Where an SCTP association stands, seen from between its ends, in netfilter's terms
/// (net/netfilter/nf_conntrack_proto_sctp.c of Linux 6.18).
public enum SCTPState: UInt8, BitwiseCopyable, CaseIterable, Sendable, Codable {
  /// Not SCTP.
  case none = 0
  /// An INIT in the original direction, or over.
  case closed
  /// INIT ACK.
  case cookieWait
  /// COOKIE ECHO.
  case cookieEchoed
  /// COOKIE ACK.
  case established
  /// SHUTDOWN in the original direction.
  case shutdownSent
  /// … in the reply direction.
  case shutdownReceived
  /// SHUTDOWN ACK.
  case shutdownAckSent
  /// A flow that began with a HEARTBEAT: another path of an association (RFC 9260, 5.4).
  case heartbeatSent
}

/// Chunk types (RFC 9260, 3.2) that lead from one state to another.
enum SCTPChunk: UInt8 {
  case data = 0
  case initiation = 1
  case initiationAck = 2
  case heartbeat = 4
  case heartbeatAck = 5
  case abort = 6
  case shutdown = 7
  case shutdownAck = 8
  case error = 9
  case cookieEcho = 10
  case cookieAck = 11
  case shutdownComplete = 14
}

extension SCTPState {
  /// Where a chunk leads; nil where it can't come there.
  func after(_ chunk: SCTPChunk, _ direction: Direction) -> SCTPState? {
    if chunk == .data { return self }
    return direction == .original ? afterOriginal(chunk) : afterReply(chunk)
  }

  private func afterOriginal(_ chunk: SCTPChunk) -> SCTPState {
    // Of a first packet, of one that is over, of another path: what fits nowhere makes it one that is over.
    let isLoose = self == .none || self == .closed || self == .heartbeatSent
    switch chunk {
    case .data: return self
    case .abort: return .closed
    case .initiation:
      switch self {
      case .heartbeatSent: return .cookieWait
      case .shutdownSent, .shutdownReceived: return .closed
      default: return isLoose ? .closed : self
      }
    case .shutdown:
      if self == .established { return .shutdownSent }
      return isLoose ? .closed : self
    case .shutdownAck:
      switch self {
      case .none, .shutdownSent, .shutdownReceived, .heartbeatSent: return .shutdownAckSent
      default: return self
      }
    case .cookieEcho:
      if self == .cookieWait { return .cookieEchoed }
      return isLoose ? .closed : self
    case .cookieAck:
      if self == .cookieEchoed { return .established }
      return isLoose ? .closed : self
    case .shutdownComplete:
      return isLoose || self == .shutdownAckSent ? .closed : self
    case .heartbeat: return self == .none ? .heartbeatSent : self
    case .heartbeatAck: return self == .none ? .closed : self
    case .initiationAck, .error: return isLoose ? .closed : self
    }
  }

  private func afterReply(_ chunk: SCTPChunk) -> SCTPState? {
    if self == .none { return nil }
    if self == .heartbeatSent {
      switch chunk {
      case .heartbeat: return self
      case .heartbeatAck: return .established
      default: return nil
      }
    }
    switch chunk {
    case .abort: return .closed
    case .initiationAck where self == .closed: return .cookieWait
    case .shutdown where self == .established: return .shutdownReceived
    case .shutdownAck where self == .shutdownSent || self == .shutdownReceived: return .shutdownAckSent
    case .error where self == .cookieEchoed: return .closed
    case .cookieEcho where self == .cookieWait: return .cookieEchoed
    case .cookieAck where self == .cookieEchoed: return .established
    case .shutdownComplete where self == .shutdownAckSent: return .closed
    default: return self
    }
  }
}

extension NATSettings.Timeouts {
  func of(_ state: SCTPState) -> Nanoseconds {
    switch state {
    case .none, .closed: sctpClosed
    case .cookieWait: sctpCookieWait
    case .cookieEchoed: sctpCookieEchoed
    case .established: sctpEstablished
    case .shutdownSent: sctpShutdownSent
    case .shutdownReceived: sctpShutdownRecd
    case .shutdownAckSent: sctpShutdownAckSent
    case .heartbeatSent: sctpHeartbeatSent
    }
  }
}
