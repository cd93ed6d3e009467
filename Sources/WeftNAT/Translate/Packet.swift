import WeftCore
import WeftWire

/// What the gateway reads of an IPv4 packet, once, so that no view is held while the frame moves on.
struct Packet {
  /// What came in.
  enum Arrival: UInt8 {
    /// TCP, UDP or ICMP echo: has a tuple.
    case flow
    case icmpError
    case otherICMP
    /// Where they are tracked flows too: SCTP and UDP-Lite by their ports.
    case otherProtocol
    case fragment
    case arp
    /// To all of a link, or to a group there.
    case group
    /// See `reason`.
    case bad
  }

  var source = IPv4Address.any
  var destination = IPv4Address.any
  var sourcePort: UInt16 = 0
  var destinationPort: UInt16 = 0
  var protocolNumber: UInt8 = 0
  var timeToLive: UInt8 = 0
  /// Of the Ethernet frame: where the transport header begins and the packet ends.
  var transport = 34
  var end = 0
  /// Of TCP.
  var flags = TCPFlags(rawValue: 0)
  var icmpType: UInt8 = 0
  var icmpCode: UInt8 = 0
  var reason = DropReason.malformedIPv4
  /// The first fragment of a packet: its transport header is here, its end and so its checksum's truth not.
  var isFragment = false
  /// Its checksums are known to be right (`Frame.isSound`).
  var isSound = false

  @inline(__always)
  var kind: FlowKind {
    protocolNumber == Proto.icmp && icmpType == 0 ? .echoReply : FlowKind(rawValue: protocolNumber)
  }

  /// Of IP, in bytes.
  @inline(__always)
  var length: Int { end &- 14 }

  @inline(__always)
  func tuple(on port: GatewayPort) -> Tuple {
    Tuple(
      source: source, destination: destination, sourcePort: sourcePort, destinationPort: destinationPort, port: port,
      kind: kind)
  }

  /// What a drop says about it.
  var detail: DropDetail {
    protocolNumber == Proto.icmp
      ? .icmp(type: icmpType, code: icmpCode) : .transport(protocolNumber, port: destinationPort)
  }

  init() {}

  /// Reads a frame that came in at an interface with this MAC.
  @inline(__always)
  static func read(_ bytes: RawSpan, mac: MACAddress, _ packet: inout Packet) -> Arrival {
    guard let ethernet = EthernetView(bytes) else { return packet.bad(.malformedEthernet) }
    guard ethernet.headerLength == 14 else { return packet.bad(.unknownEtherType) }
    let type = ethernet.type.rawValue
    guard type == 0x0800 else { return type == 0x0806 ? .arp : packet.bad(.unknownEtherType) }
    let destination = ethernet.destination
    guard destination == mac || destination.isGroup else { return packet.bad(.notForUs) }
    guard let ip = IPv4View(ethernet.payload) else { return packet.bad(.malformedIPv4) }
    guard packet.isSound || (ip.headerLength == 20 ? isWhole(ip.bytes) : ip.hasValidChecksum) else {
      return packet.bad(.badIPv4Checksum)
    }
    packet.source = ip.source
    packet.destination = ip.destination
    packet.protocolNumber = ip.protocol.rawValue
    packet.timeToLive = ip.timeToLive
    let header = ip.headerLength
    packet.transport = 14 &+ header
    packet.end = 14 &+ ip.bytes.byteCount
    if header > 20, !IPv4Option.areWellFormed(ip.options) || IPv4Option.hasSourceRoute(ip.options) {
      return packet.bad(.badIPv4Options)
    }
    // Nothing that is forwarded is meant by it, whatever it carries (DHCP mostly).
    guard destination == mac else { return .group }
    if ip.isFragment { return .fragment }
    return packet.readTransport(ip.payload)
  }

  /// Whether a header without options has its right checksum: the sum of its words is all ones.
  @inline(__always)
  private static func isWhole(_ ip: RawSpan) -> Bool {
    var sum = UInt64(ip.u32(0)) &+ UInt64(ip.u32(4)) &+ UInt64(ip.u32(8)) &+ UInt64(ip.u32(12)) &+ UInt64(ip.u32(16))
    sum = (sum & 0xffff_ffff) &+ (sum >> 32)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return (sum & 0xffff) &+ (sum >> 16) == 0xffff
  }

  @inline(__always)
  private mutating func readTransport(_ payload: RawSpan) -> Arrival {
    switch protocolNumber {
    case Proto.udp:
      guard let udp = UDPView(payload) else { return bad(.malformedUDP) }
      sourcePort = udp.sourcePort
      destinationPort = udp.destinationPort
      return .flow
    case Proto.tcp:
      guard let tcp = TCPView(payload) else { return bad(.malformedTCP) }
      sourcePort = tcp.sourcePort
      destinationPort = tcp.destinationPort
      flags = tcp.flags
      return TCPState.isValid(flags) ? .flow : bad(.badTCPFlags)
    case Proto.icmp:
      guard let icmp = ICMPv4View(payload) else { return bad(.malformedICMP) }
      icmpType = icmp.type.rawValue
      icmpCode = icmp.code
      switch icmp.type {
      case .echoRequest:
        sourcePort = icmp.identifier
        return .flow
      case .echoReply:
        destinationPort = icmp.identifier
        return .flow
      default: return icmp.type.isError ? .icmpError : .otherICMP
      }
    case Proto.sctp:
      guard let sctp = SCTPView(payload) else { return bad(.malformedSCTP) }
      sourcePort = sctp.sourcePort
      destinationPort = sctp.destinationPort
      return .otherProtocol
    case Proto.udpLite:
      guard let datagram = UDPLiteView(payload) else { return bad(.malformedUDPLite) }
      sourcePort = datagram.sourcePort
      destinationPort = datagram.destinationPort
      return .otherProtocol
    default: return .otherProtocol
    }
  }

  /// Of a fragment that begins a packet: what its transport header says; its length says nothing yet.
  mutating func readFirstFragment(_ bytes: RawSpan) -> Arrival {
    isFragment = true
    let payload = bytes.extracting(transport..<end)
    let isLite = protocolNumber == Proto.udpLite
    if protocolNumber == Proto.udp || isLite {
      guard payload.byteCount >= 8 else { return bad(isLite ? .malformedUDPLite : .malformedUDP) }
      sourcePort = payload.u16(0)
      destinationPort = payload.u16(2)
      return isLite ? .otherProtocol : .flow
    }
    // Its sum is over all of it, and changes with a port.
    if protocolNumber == Proto.sctp { return bad(.fragmentUnsupported) }
    return readTransport(payload)
  }

  @inline(__always)
  private mutating func bad(_ reason: DropReason) -> Arrival {
    self.reason = reason
    return .bad
  }

  /// Whether the transport checksum is right; asked only where a packet is to change state or be answered.
  func brokenChecksum(_ bytes: RawSpan) -> DropReason? {
    if isSound { return nil }
    let payload = bytes.extracting(transport..<end)
    switch protocolNumber {
    case Proto.udp:
      guard let udp = UDPView(payload) else { return .malformedUDP }
      return udp.hasValidChecksum(source: source, destination: destination) ? nil : .badUDPChecksum
    case Proto.tcp:
      guard let tcp = TCPView(payload) else { return .malformedTCP }
      return tcp.hasValidChecksum(source: source, destination: destination) ? nil : .badTCPChecksum
    case Proto.sctp:
      guard let sctp = SCTPView(payload) else { return .malformedSCTP }
      return sctp.hasValidChecksum ? nil : .badSCTPChecksum
    case Proto.udpLite:
      guard let datagram = UDPLiteView(payload) else { return .malformedUDPLite }
      return datagram.hasValidChecksum(source: source, destination: destination) ? nil : .badUDPLiteChecksum
    case Proto.icmp: return InternetChecksum.checksum(payload) == 0 ? nil : .badICMPChecksum
    default: return nil
    }
  }
}
