import WeftCore
import WeftWire

/// What an error says about the packet it quotes.
struct Quotation {
  /// The quoted packet turned round: the way the error itself goes.
  var tuple: Tuple
  var protocolNumber: UInt8
  /// In the frame: where the quoted IP and transport headers begin, and the quotation ends.
  var header: UInt16
  var transport: UInt16
  var end: UInt16

  enum Parsed {
    case quotation(Quotation)
    case bad(DropReason)
  }

  /// Of an error that was made here.
  static func read(_ frame: borrowing Frame, on port: GatewayPort) -> Parsed {
    read(frame.bytes, icmp: 34, end: frame.count, on: port)
  }

  static func read(_ bytes: RawSpan, icmp: Int, end: Int, on port: GatewayPort) -> Parsed {
    let header = icmp + 8
    // Options are stepped over (REQ-3); what follows 128 bytes may be extensions (RFC 4884) and stays as it is.
    guard let ip = IPv4View(quoted: bytes.extracting(header..<end)) else { return .bad(.malformedICMP) }
    guard ip.fragmentOffset == 0 else { return .bad(.fragmentUnsupported) }
    // Errors carry at least eight bytes of it (RFC 792).
    let payload = ip.payload
    guard payload.byteCount >= 8 else { return .bad(.malformedICMP) }
    var tuple = Tuple(
      source: ip.destination, destination: ip.source, sourcePort: 0, destinationPort: 0, port: port,
      kind: FlowKind(rawValue: ip.protocol.rawValue))
    switch ip.protocol {
    case .tcp, .udp, .sctp, .udpLite:
      tuple.sourcePort = payload.u16(2)
      tuple.destinationPort = payload.u16(0)
    case .icmp:
      switch ICMPv4Type(rawValue: payload.u8(0)) {
      case .echoRequest:
        tuple.kind = .echoReply
        tuple.destinationPort = payload.u16(4)
      case .echoReply: tuple.sourcePort = payload.u16(4)
      default: return .bad(.noMapping)
      }
    // Told apart by its addresses alone.
    default: break
    }
    return .quotation(
      Quotation(
        tuple: tuple, protocolNumber: ip.protocol.rawValue, header: UInt16(truncatingIfNeeded: header),
        transport: UInt16(truncatingIfNeeded: header + ip.headerLength),
        end: UInt16(truncatingIfNeeded: header + ip.bytes.byteCount)))
  }
}
