import WeftNAT
import WeftWire

/// A line of a connection table, the kernel's or ours.
struct TableRow: Hashable {
  struct Tuple: Hashable {
    var source: Endpoint
    var destination: Endpoint
  }

  var protocolNumber: UInt8
  /// Of the query, for ICMP.
  var icmpType: UInt8 = 0
  /// As the first packet came in, and as its answers do. Both ports of an ICMP query are its identifier.
  var original: Tuple
  var reply: Tuple
  /// Of TCP and SCTP; empty of others.
  var state: String
  /// Left to live, rounded up.
  var seconds: Int
  var hasReply: Bool
  var isAssured: Bool

  static func state(_ protocolNumber: UInt8, _ tcp: TCPState, _ sctp: SCTPState) -> String {
    switch IPProtocol(rawValue: protocolNumber) {
    case .tcp: "\(tcp)"
    case .sctp: "\(sctp)"
    default: ""
    }
  }

  /// The kernel rounds down, and in the jiffy in which a timer was set it doesn't.
  static let tolerance = 1
}

extension TableRow {
  init(_ entry: ConnectionEntry) {
    func tuple(_ direction: ConnectionEntry.Direction) -> Tuple {
      Tuple(
        source: Endpoint(direction.source, direction.sourcePort),
        destination: Endpoint(direction.destination, direction.destinationPort))
    }
    self.init(
      protocolNumber: entry.protocolNumber, icmpType: entry.protocolNumber == IPProtocol.icmp.rawValue ? 8 : 0,
      original: tuple(entry.original), reply: tuple(entry.reply),
      state: Self.state(entry.protocolNumber, entry.state, entry.association),
      seconds: Int((entry.timeLeft.rawValue + 999_999_999) / 1_000_000_000), hasReply: entry.hasReply,
      isAssured: entry.isAssured)
  }
}

/// What two tables call alike: addresses by name, and ports that a box chose by itself not at all.
struct TableNames {
  /// Ports and identifiers that stand in the sequence.
  var known: Set<UInt16>

  private static let addresses: [IP: String] = [
    Lab.vm: "vm", Lab.vm2: "vm2", Lab.gateway: "gw", Lab.external: "ext", Lab.server: "srv", Lab.server2: "srv2", Lab.hop: "hop",
  ]

  static func address(_ name: some StringProtocol) -> IP? { addresses.first { $0.value == name }?.key }

  func address(_ address: IP) -> String { Self.addresses[address] ?? address.description }
  func port(_ port: UInt16) -> String { known.contains(port) ? "\(port)" : "X" }

  func callAsFunction(_ tuple: TableRow.Tuple, hasPorts: Bool) -> String {
    func end(_ endpoint: Endpoint) -> String { address(endpoint.address) + (hasPorts ? ":\(port(endpoint.port))" : "") }
    return "\(end(tuple.source))>\(end(tuple.destination))"
  }

  static func transport(_ number: UInt8) -> String {
    switch number {
    case 1: "icmp"
    case 6: "tcp"
    case 17: "udp"
    case 132: "sctp"
    case 136: "udplite"
    default: "proto \(number)"
    }
  }

  /// Which entry it is: all but what changes in its life.
  func key(_ row: TableRow) -> String {
    let hasPorts = [1, 6, 17, 132, 136].contains(row.protocolNumber)
    let query = row.protocolNumber == 1 && row.icmpType != 8 ? " type \(row.icmpType)" : ""
    return Self.transport(row.protocolNumber) + query
      + " \(self(row.original, hasPorts: hasPorts)) / \(self(row.reply, hasPorts: hasPorts))"
  }

  func line(_ row: TableRow) -> String {
    key(row) + (row.state.isEmpty ? "" : " \(row.state)") + " \(row.seconds) s" + (row.hasReply ? "" : " [UNREPLIED]")
      + (row.isAssured ? " [ASSURED]" : "")
  }
}
