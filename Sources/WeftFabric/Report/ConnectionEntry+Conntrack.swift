import WeftCore
import WeftNAT
import WeftWire

extension ConnectionEntry {
  /// As `conntrack -L` prints it (conntrack-tools, libnetfilter_conntrack `snprintf_default.c`).
  var conntrackLine: String {
    let name =
      switch IPProtocol(rawValue: protocolNumber) {
      case .tcp: "tcp"
      case .udp: "udp"
      case .icmp: "icmp"
      default: "unknown"
      }
    var line = name.padded(to: 8) + " \(protocolNumber) \(timeLeft.rawValue / 1_000_000_000) "
    if protocolNumber == IPProtocol.tcp.rawValue { line += "\(state.conntrackName) " }
    line += text(original, isReply: false)
    if reply.packets == 0 { line += "[UNREPLIED] " }
    line += text(reply, isReply: true)
    if isAssured { line += "[ASSURED] " }
    return line + "mark=0 use=1"
  }

  private func text(_ direction: Direction, isReply: Bool) -> String {
    let ends = "src=\(direction.source) dst=\(direction.destination) "
    guard protocolNumber != IPProtocol.icmp.rawValue else {
      return ends + "type=\(isReply ? 0 : 8) code=0 id=\(direction.sourcePort) "
    }
    return ends + "sport=\(direction.sourcePort) dport=\(direction.destinationPort) "
  }
}

extension TCPState {
  /// `ESTABLISHED`, `SYN_SENT`: the case's name in netfilter's spelling.
  var conntrackName: String {
    // Netfilter alone abbreviates this one (net/netfilter/nf_conntrack_proto_tcp.c).
    if self == .synReceived { return "SYN_RECV" }
    return "\(self)".unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.properties.isUppercase { text += "_" }
      text += scalar.properties.uppercaseMapping
    }
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
