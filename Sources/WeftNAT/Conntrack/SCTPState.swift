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

extension SCTPState {
  /// On its way to its end.
  var isClosing: Bool { self == .shutdownSent || self == .shutdownReceived || self == .shutdownAckSent }
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

/// What a chunk does in some states, other than it does in most.
private struct SCTPMove {
  var chunk: SCTPChunk
  var from: [SCTPState]
  var to: SCTPState

  init(_ chunk: SCTPChunk, _ from: [SCTPState], _ to: SCTPState) { (self.chunk, self.from, self.to) = (chunk, from, to) }

  static let original = [
    SCTPMove(.abort, SCTPState.allCases, .closed),
    SCTPMove(.initiation, [.heartbeatSent], .cookieWait),
    SCTPMove(.initiation, [.shutdownSent, .shutdownReceived], .closed),
    SCTPMove(.shutdown, [.established], .shutdownSent),
    SCTPMove(.shutdownAck, [.none, .shutdownSent, .shutdownReceived, .heartbeatSent], .shutdownAckSent),
    SCTPMove(.cookieEcho, [.cookieWait], .cookieEchoed),
    SCTPMove(.cookieAck, [.cookieEchoed], .established),
    SCTPMove(.shutdownComplete, [.shutdownAckSent], .closed),
    SCTPMove(.heartbeat, [.none, .heartbeatSent], .heartbeatSent),
    SCTPMove(.heartbeatAck, [.heartbeatSent], .heartbeatSent),
  ]
  static let reply = [
    SCTPMove(
      .abort, [.closed, .cookieWait, .cookieEchoed, .established, .shutdownSent, .shutdownReceived, .shutdownAckSent], .closed),
    SCTPMove(.initiationAck, [.closed], .cookieWait),
    SCTPMove(.shutdown, [.established], .shutdownReceived),
    SCTPMove(.shutdownAck, [.shutdownSent, .shutdownReceived], .shutdownAckSent),
    SCTPMove(.error, [.cookieEchoed], .closed),
    SCTPMove(.cookieEcho, [.cookieWait], .cookieEchoed),
    SCTPMove(.cookieAck, [.cookieEchoed], .established),
    SCTPMove(.shutdownComplete, [.shutdownAckSent], .closed),
    SCTPMove(.heartbeat, [.heartbeatSent], .heartbeatSent),
    SCTPMove(.heartbeatAck, [.heartbeatSent], .established),
  ]
}

extension SCTPState {
  /// Where a chunk leads; nil where it can't come there.
  func after(_ chunk: SCTPChunk, _ direction: Direction) -> SCTPState? {
    if chunk == .data { return self }
    let moves = direction == .original ? SCTPMove.original : SCTPMove.reply
    if let move = moves.first(where: { $0.chunk == chunk && $0.from.contains(self) }) { return move.to }
    // Of a first packet, of another path, of one that is over: what fits nowhere makes it one that is over, or isn't its.
    let isLoose = self == .none || self == .heartbeatSent
    if direction == .original { return isLoose ? .closed : self }
    return isLoose ? nil : self
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
