import WeftCore
import WeftWire

/// The states of a connection (RFC 9293, 3.3.2). A listener is a thing of its own.
enum TCPState: UInt8, Codable {
  case closed
  case synSent
  case synReceived
  case established
  case finWait1
  case finWait2
  case closeWait
  case closing
  case lastAck
  case timeWait

  /// As `ss` prints it.
  var name: String {
    switch self {
    case .closed: "UNCONN"
    case .synSent: "SYN-SENT"
    case .synReceived: "SYN-RECV"
    case .established: "ESTAB"
    case .finWait1: "FIN-WAIT-1"
    case .finWait2: "FIN-WAIT-2"
    case .closeWait: "CLOSE-WAIT"
    case .closing: "CLOSING"
    case .lastAck: "LAST-ACK"
    case .timeWait: "TIME-WAIT"
    }
  }

  /// Whether this side may still be sent data.
  var canReceive: Bool { self == .established || self == .finWait1 || self == .finWait2 }
  /// Whether this side may have data or its FIN to send.
  var canSend: Bool {
    switch self {
    case .established, .closeWait, .finWait1, .closing, .lastAck: true
    default: false
    }
  }
}

/// The four numbers that tell connections apart.
struct FourTuple: FlatKey {
  /// Local, then remote address.
  var addresses: UInt64
  /// Local, then remote port.
  var ports: UInt64

  @inline(__always)
  init(local: IPv4Address, _ localPort: UInt16, remote: IPv4Address, _ remotePort: UInt16) {
    addresses = UInt64(local.rawValue) << 32 | UInt64(remote.rawValue)
    ports = UInt64(localPort) << 16 | UInt64(remotePort)
  }

  @inline(__always)
  var flatHash: UInt64 { mix64(addresses ^ (ports &* 0x9e37_79b9_7f4a_7c15)) }

  var localAddress: IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses >> 32)) }
  var remoteAddress: IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses)) }
  var localPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16) }
  var remotePort: UInt16 { UInt16(truncatingIfNeeded: ports) }
}

/// The head of a segment that came in, copied off the frame.
struct Segment {
  var source: IPv4Address
  var destination: IPv4Address
  var sourcePort: UInt16
  var destinationPort: UInt16
  var sequence: UInt32
  var acknowledgment: UInt32
  var flags: TCPFlags
  var window: UInt16
  /// Of payload.
  var length: Int
  var trace: UInt32

  /// What it takes up of the sequence space (RFC 9293, 3.4).
  var span: UInt32 {
    UInt32(truncatingIfNeeded: length) &+ (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
  }
}

/// What the layer does about a segment after the connection has seen it.
enum SegmentVerdict {
  case accepted
  case dropped(DropReason)
  /// Answered with a RST (RFC 9293, 3.10.7.1) and dropped.
  case reset(DropReason)
}
