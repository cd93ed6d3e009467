import WeftCore
import WeftNAT
import WeftWire

// Data for scripts: addresses, states and interfaces as people write them, units in the names of the keys. What the
// insides look like (raw numbers, indexes) is nobody's contract.

extension ConnectionLine: Encodable {
  private enum CodingKeys: CodingKey { case gateway, entry, line }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(gateway, forKey: .gateway)
    try container.encode(ConnectionData(entry, interfaces), forKey: .entry)
    try container.encode(line, forKey: .line)
  }
}

extension ConnectionEventLine: Encodable {
  private enum CodingKeys: CodingKey { case gateway, event, line }

  private struct Event: Encodable {
    var kind: String
    var atSeconds: Double
    var entry: ConnectionData
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(gateway, forKey: .gateway)
    try container.encode(
      Event(kind: event.kind.rawValue, atSeconds: event.at.seconds, entry: ConnectionData(event.entry, interfaces)),
      forKey: .event)
    try container.encode(line, forKey: .line)
  }
}

private struct ConnectionData: Encodable {
  struct Direction: Encodable {
    var source: String
    var destination: String
    /// Of TCP, UDP, SCTP and UDP-Lite.
    var sourcePort: UInt16?
    var destinationPort: UInt16?
    /// Of an ICMP echo.
    var identifier: UInt16?
    /// Where its packets come in.
    var interface: String
    var packets: UInt32
    var bytes: UInt64
  }

  var id: UInt64
  var `protocol`: String
  var protocolNumber: UInt8
  /// Of TCP and SCTP.
  var state: String?
  var isAssured: Bool
  var hasReply: Bool
  var timeLeftSeconds: Double
  var original: Direction
  var reply: Direction

  init(_ entry: ConnectionEntry, _ interfaces: [String]) {
    id = entry.id
    `protocol` = entry.protocolName
    protocolNumber = entry.protocolNumber
    state = entry.stateName
    isAssured = entry.isAssured
    hasReply = entry.hasReply
    timeLeftSeconds = entry.timeLeft.seconds
    func direction(_ direction: ConnectionEntry.Direction) -> Direction {
      let type = IPProtocol(rawValue: entry.protocolNumber)
      let hasPorts = type.hasPorts
      return Direction(
        source: direction.source.description, destination: direction.destination.description,
        sourcePort: hasPorts ? direction.sourcePort : nil, destinationPort: hasPorts ? direction.destinationPort : nil,
        identifier: type == .icmp ? direction.sourcePort : nil,
        interface: interfaces.indices.contains(direction.port.index) ? interfaces[direction.port.index] : "",
        packets: direction.packets, bytes: direction.bytes)
    }
    original = direction(entry.original)
    reply = direction(entry.reply)
  }
}
