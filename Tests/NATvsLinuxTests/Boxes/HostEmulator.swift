import WeftIP
import WeftWire

/// The host's own stack at our gateway's host port, as Linux's answers: for what is bound nothing, else what a closed port says.
struct HostEmulator {
  /// Of UDP: served from the beginning.
  static let services: [UInt16] = [9000]
  /// Of TCP, for programs: whoever has a flow with one of them that has sent is not answered.
  static let ownPorts: ClosedRange<UInt16> = 45000...45009

  private var bound = Set(services)
  private var boundTCP: Set<UInt16> = []

  /// Its program sends this.
  mutating func bind(_ packet: Packet) {
    guard let port = packet.sourcePort else { return }
    if packet.header.protocol == .udp { bound.insert(port) } else if Self.ownPorts.contains(port) { boundTCP.insert(port) }
  }

  /// To a packet that came for it. `isKnown`: it belongs to a flow, or fits none.
  func answer(to bytes: RawSpan, isKnown: Bool) -> Packet? {
    guard let ip = IPv4View(bytes) else { return nil }
    switch ip.protocol {
    case .tcp:
      guard let tcp = TCPView(ip.payload), !isKnown || !boundTCP.contains(tcp.destinationPort) else { return nil }
      let header = Reset.header(
        sourcePort: tcp.sourcePort, destinationPort: tcp.destinationPort, sequence: tcp.sequence,
        acknowledgment: tcp.acknowledgment, flags: tcp.flags, length: tcp.payload.byteCount)
      guard let header else { return nil }
      return .tcp(
        Endpoint(ip.destination, header.sourcePort), Endpoint(ip.source, header.destinationPort), header.flags,
        sequence: header.sequence, acknowledgment: header.acknowledgment, window: 0)
    case .udp:
      guard let udp = UDPView(ip.payload), !bound.contains(udp.destinationPort) else { return nil }
      return unreachable(ip, code: 3)
    case .icmp:
      guard let icmp = ICMPv4View(ip.payload), icmp.type.rawValue == 8 else { return nil }
      let payload = icmp.payload.array
      return Packet.icmp(0, rest: icmp.bytes.u32(4), ip.destination, ip.source, data: payload).fragmentable()
    // IGMP Linux takes in.
    case IPProtocol(rawValue: 2): return nil
    default: return unreachable(ip, code: 2)
    }
  }

  private func unreachable(_ ip: borrowing IPv4View, code: UInt8) -> Packet {
    Packet.icmp(3, code: code, ip.destination, ip.source, data: ip.bytes.array).tos(0xc0).fragmentable()
  }
}
