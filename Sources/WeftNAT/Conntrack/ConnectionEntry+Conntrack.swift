import WeftCore
import WeftWire

extension ConnectionEntry {
  /// As `conntrack -L` prints it (conntrack-tools 1.4.7).
  package var conntrackLine: String { conntrackText(isEvent: false) + "mark=0 use=1" }

  /// The part that listings and events share. An event of an entry whose time was over has no time left to tell.
  func conntrackText(isEvent: Bool) -> String {
    var line = protocolName.padded(to: 8) + " \(protocolNumber) "
    let seconds = timeLeft.rawValue / 1_000_000_000
    if !isEvent || seconds > 0 { line += "\(seconds) " }
    if let stateName { line += "\(stateName) " }
    line += text(original, isReply: false)
    if !hasReply { line += "[UNREPLIED] " }
    line += text(reply, isReply: true)
    if isAssured { line += "[ASSURED] " }
    return line
  }

  /// Of protocols that have states.
  package var stateName: String? {
    if protocolNumber == IPProtocol.tcp.rawValue { return state.conntrackName }
    return protocolNumber == IPProtocol.sctp.rawValue ? association.conntrackName : nil
  }

  package var protocolName: String {
    switch IPProtocol(rawValue: protocolNumber) {
    case .tcp: "tcp"
    case .udp: "udp"
    case .icmp: "icmp"
    case .sctp: "sctp"
    case .udpLite: "udplite"
    default: "unknown"
    }
  }

  private func text(_ direction: Direction, isReply: Bool) -> String {
    let ends = "src=\(direction.source) dst=\(direction.destination) "
    switch IPProtocol(rawValue: protocolNumber) {
    case .icmp: return ends + "type=\(isReply ? 0 : 8) code=0 id=\(direction.sourcePort) "
    case .tcp, .udp, .sctp, .udpLite: return ends + "sport=\(direction.sourcePort) dport=\(direction.destinationPort) "
    default: return ends
    }
  }
}

extension ConnectionEvent {
  /// As `conntrack -E` prints it: the event in a field of its own.
  package var conntrackLine: String {
    let name = "[\(kind.rawValue.uppercased())]"
    var line = String(repeating: " ", count: max(0, 9 - name.count)) + name + " " + entry.conntrackText(isEvent: true)
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }
}

extension SCTPState {
  /// Netfilter's names (net/netfilter/nf_conntrack_proto_sctp.c).
  package var conntrackName: String {
    switch self {
    case .none: "NONE"
    case .closed: "CLOSED"
    case .cookieWait: "COOKIE_WAIT"
    case .cookieEchoed: "COOKIE_ECHOED"
    case .established: "ESTABLISHED"
    case .shutdownSent: "SHUTDOWN_SENT"
    case .shutdownReceived: "SHUTDOWN_RECD"
    case .shutdownAckSent: "SHUTDOWN_ACK_SENT"
    case .heartbeatSent: "HEARTBEAT_SENT"
    }
  }
}

extension TCPState {
  /// Netfilter's names (net/netfilter/nf_conntrack_proto_tcp.c).
  package var conntrackName: String {
    switch self {
    case .none: "NONE"
    case .synSent: "SYN_SENT"
    case .synSent2: "SYN_SENT2"
    case .synReceived: "SYN_RECV"
    case .established: "ESTABLISHED"
    case .finWait: "FIN_WAIT"
    case .closeWait: "CLOSE_WAIT"
    case .lastAck: "LAST_ACK"
    case .timeWait: "TIME_WAIT"
    case .closed: "CLOSE"
    }
  }
}
