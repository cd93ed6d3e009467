import WeftCore
import WeftSettings
import WeftWire

/// Where a TCP connection stands, seen from between its ends: the machine of RFC 6146, 3.5.2.2, with the names of
/// netfilter, plus RFC 7857's rule that a RST doesn't end an entry at once.
public enum TCPState: UInt8, BitwiseCopyable, Sendable, Codable {
  /// Not TCP.
  case none = 0
  /// A SYN in the original direction.
  case synSent
  /// SYNs in both directions: SYN+ACK, or a simultaneous open.
  case synReceived
  case established
  /// A FIN in the original direction.
  case finWait
  /// A FIN in the reply direction.
  case closeWait
  /// FINs in both.
  case lastAck
  /// … and the last of them acknowledged.
  case timeWait
  /// A RST was seen (RFC 6146's TRANS).
  case closed
  /// netfilter's machine: SYNs in both directions and no SYN+ACK yet.
  case synSent2

  enum Step {
    case to(TCPState)
    /// A new connection on the tuple of one that is over: forget the old one.
    case reopen
    /// It passes and changes nothing, whatever its numbers are: its receiver sorts it out.
    case ignore
    case invalid
  }

  /// What a segment does to the connection.
  func step(_ flags: TCPFlags, _ direction: Direction) -> Step {
    let isReply = direction == .reply
    if flags.contains(.rst) { return .to(self == .timeWait ? .timeWait : .closed) }
    let syn = flags.contains(.syn)
    let ack = flags.contains(.ack)
    let restarts = syn && !ack && !isReply
    switch self {
    case .none, .synSent2: return .invalid
    case .synSent:
      if !isReply { return syn && !ack ? .to(.synSent) : .invalid }
      // The answer to half of an old connection: the opener's RST clears it up (RFC 9293, 3.5.1).
      return syn ? .to(.synReceived) : ack && !flags.contains(.fin) ? .ignore : .invalid
    case .synReceived:
      // The opener's ACK ends the handshake; in a simultaneous open it is a SYN+ACK (RFC 5382, REQ-2).
      if !isReply, ack { return .to(flags.contains(.fin) ? .finWait : .established) }
      if isReply, flags.contains(.fin) { return .to(.closeWait) }
      return .to(.synReceived)
    // The opener was restarted: the other end's answer says what is right (RFC 9293, 3.5.1).
    case .established where restarts, .finWait where restarts, .closeWait where restarts: return .ignore
    case .established:
      guard flags.contains(.fin) else { return .to(.established) }
      return .to(isReply ? .closeWait : .finWait)
    case .finWait: return .to(isReply && flags.contains(.fin) ? .lastAck : .finWait)
    case .closeWait: return .to(!isReply && flags.contains(.fin) ? .lastAck : .closeWait)
    case .lastAck:
      if syn, !ack { return .reopen }
      return .to(ack && !flags.contains(.fin) ? .timeWait : .lastAck)
    case .timeWait: return syn && !ack ? .reopen : .to(.timeWait)
    case .closed:
      if syn, !ack { return .reopen }
      // The RST was not believed, or was forged: the connection goes on (RFC 6146, TRANS; RFC 7857, 2.2).
      return .to(syn ? .closed : .established)
    }
  }

  /// FINs or a RST were seen.
  var isClosing: Bool {
    switch self {
    case .finWait, .closeWait, .lastAck, .timeWait, .closed: true
    case .none, .synSent, .synSent2, .synReceived, .established: false
    }
  }

  /// The combinations that TCP makes, urgent pointer, PSH and ECN aside, as netfilter's table: no null, no Xmas tree.
  static func isValid(_ flags: TCPFlags) -> Bool {
    switch flags.intersection([.syn, .fin, .rst, .ack]) {
    case [.syn], [.syn, .ack], [.rst], [.rst, .ack], [.fin, .ack], [.ack]: true
    default: false
    }
  }
}

extension NATSettings.Timeouts {
  func of(_ state: TCPState) -> Nanoseconds {
    switch state {
    case .none, .established: tcpEstablished
    case .synSent, .synSent2: tcpSynSent
    case .synReceived: tcpSynRecv
    case .finWait: tcpFinWait ?? tcpEstablished
    case .closeWait: tcpCloseWait ?? tcpEstablished
    case .lastAck: tcpLastAck
    case .timeWait: tcpTimeWait
    case .closed: tcpClose
    }
  }
}
