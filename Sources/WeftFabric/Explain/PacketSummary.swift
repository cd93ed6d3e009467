import WeftWire

/// A frame in a line, as people read it.
enum PacketSummary {
  static func text(_ bytes: RawSpan) -> String {
    guard let ethernet = EthernetView(bytes) else { return "\(bytes.byteCount) bytes" }
    guard ethernet.type == .ipv4, let ip = IPv4View(ethernet.payload) else {
      return ethernet.type == .arp ? "arp" : "ethernet type 0x\(String(ethernet.type.rawValue, radix: 16))"
    }
    let tail = ", ttl \(ip.timeToLive)"
    if ip.fragmentOffset > 0 { return "fragment at \(ip.fragmentOffset) \(ip.source) > \(ip.destination)\(tail)" }
    switch ip.protocol {
    case .tcp:
      guard let tcp = TCPView(ip.payload) else { break }
      return "tcp \(ip.source):\(tcp.sourcePort) > \(ip.destination):\(tcp.destinationPort) \(flags(tcp.flags))\(tail)"
    case .udp:
      guard let udp = UDPView(ip.payload) else { break }
      return "udp \(ip.source):\(udp.sourcePort) > \(ip.destination):\(udp.destinationPort)\(tail)"
    case .icmp:
      guard let icmp = ICMPv4View(ip.payload) else { break }
      return "icmp \(ip.source) > \(ip.destination) \(name(icmp.type, icmp.code))\(tail)"
    default: break
    }
    return "protocol \(ip.protocol.rawValue) \(ip.source) > \(ip.destination)\(tail)"
  }

  private static func flags(_ flags: TCPFlags) -> String {
    let names: [(TCPFlags, String)] = [(.syn, "SYN"), (.fin, "FIN"), (.rst, "RST"), (.ack, "ACK")]
    return names.filter { flags.contains($0.0) }.map(\.1).joined(separator: "+")
  }

  private static func name(_ type: ICMPv4Type, _ code: UInt8) -> String {
    switch type {
    case .echoRequest: "echo request"
    case .echoReply: "echo reply"
    case .destinationUnreachable: "unreachable code \(code)"
    case .timeExceeded: "time exceeded"
    default: "type \(type.rawValue) code \(code)"
    }
  }
}
