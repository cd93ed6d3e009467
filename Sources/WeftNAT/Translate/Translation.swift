import WeftCore
import WeftWire

/// Where a packet goes, and with which ends.
struct Translation {
  var source: IPv4Address
  var destination: IPv4Address
  var sourcePort: UInt16
  var destinationPort: UInt16
  var to: GatewayPort
  /// It is forwarded: the TTL counts.
  var decrements: Bool

  /// As it is, to this port.
  init(_ packet: Packet, to port: GatewayPort) {
    source = packet.source
    destination = packet.destination
    sourcePort = packet.sourcePort
    destinationPort = packet.destinationPort
    to = port
    decrements = false
  }

  /// Of a session's packet: it leaves with the other direction's tuple, turned round.
  @inline(__always)
  init(_ session: Session, _ direction: Direction) {
    let other = session.tuple(opposite: direction)
    source = other.destination
    destination = other.source
    sourcePort = other.destinationPort
    destinationPort = other.sourcePort
    to = other.port
    decrements = !session.flags.contains(.local)
  }
}

/// How a packet fits where it is to go.
enum Fit {
  case whole
  /// Into pieces of this size.
  case inPieces(Int)
  /// It may not be cut up, and this is what would fit.
  case not(Int)
}
