import WeftCore
import WeftWire

/// Protocol numbers as constants of this module: the frame path compares them; a static of another module is a call.
enum Proto {
  static let icmp: UInt8 = 1
  static let igmp: UInt8 = 2
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
  static let gre: UInt8 = 47
  static let sctp: UInt8 = 132
  static let udpLite: UInt8 = 136
}

/// What tells flows apart beside their ends: the IP protocol, and of echo its direction, so that a request and a reply
/// never share a tuple. One byte.
struct FlowKind: BitwiseCopyable, Hashable, Codable {
  let rawValue: UInt8

  /// As a checkpoint has it; a packet's number is none but by `of`.
  @inline(__always)
  init(rawValue: UInt8) { self.rawValue = rawValue }

  static var tcp: FlowKind { FlowKind(rawValue: Proto.tcp) }
  static var udp: FlowKind { FlowKind(rawValue: Proto.udp) }
  static var gre: FlowKind { FlowKind(rawValue: Proto.gre) }
  static var sctp: FlowKind { FlowKind(rawValue: Proto.sctp) }
  static var udpLite: FlowKind { FlowKind(rawValue: Proto.udpLite) }
  static var echoRequest: FlowKind { FlowKind(rawValue: Proto.icmp) }
  /// IANA reserves 255: no packet of a flow has it. (253 and 254 are for experiments, RFC 3692, and are used.)
  static var echoReply: FlowKind { FlowKind(rawValue: 255) }

  @inline(__always)
  var protocolNumber: UInt8 { self == .echoReply ? Proto.icmp : rawValue }

  var isEcho: Bool { self == .echoRequest || self == .echoReply }
  /// Has ports, or an identifier that stands for one.
  var hasPorts: Bool { self == .tcp || self == .udp || isEcho || self == .sctp || self == .udpLite }

  /// Its flows have states, and something to remember beside them (`TCPWindow`).
  var hasStates: Bool { self == .tcp || self == .sctp }

  /// What the answer's is.
  @inline(__always)
  var answer: FlowKind {
    switch self {
    case .echoRequest: .echoReply
    case .echoReply: .echoRequest
    default: self
    }
  }
}

/// One of a session's two.
enum Direction: UInt8, BitwiseCopyable {
  case original, reply

  var other: Direction { self == .original ? .reply : .original }
}

/// What a packet looks like where it comes in, as netfilter's tuple: the lookup key of one direction of a session.
/// The port it came in on is part of it, so that two private networks may use the same addresses (RFC 4787, REQ-7).
struct Tuple: Equatable, BitwiseCopyable {
  var source: IPv4Address
  var destination: IPv4Address
  /// Of an echo request the identifier, of an echo reply 0.
  var sourcePort: UInt16
  /// Of an echo reply the identifier, of an echo request 0.
  var destinationPort: UInt16
  var port: GatewayPort
  var kind: FlowKind

  @inline(__always)
  var hash: UInt64 {
    let addresses = UInt64(source.rawValue) << 32 | UInt64(destination.rawValue)
    let ports =
      UInt64(sourcePort) << 48 | UInt64(destinationPort) << 32 | UInt64(port.number) << 8 | UInt64(kind.rawValue)
    return mix64(mix64(addresses) ^ ports)
  }

  var protocolNumber: UInt8 { kind.protocolNumber }

  /// The other way round, on the same port.
  var turned: Tuple {
    Tuple(
      source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort, port: port,
      kind: kind.answer)
  }
}
