import WeftWire

/// Ports that the host itself has sent from. Whether the socket is still open only the host knows: what comes for one is its
/// to answer, from whomever it is (netfilter has no rule on INPUT; a NAT's filter is for those behind it).
struct HostPorts: Codable {
  private var ports = Set<UInt32>()

  private static func key(_ kind: FlowKind, _ port: UInt16) -> UInt32 { UInt32(kind.rawValue) << 16 | UInt32(port) }

  mutating func take(_ kind: FlowKind, _ port: UInt16) {
    if kind == .tcp || kind == .udp { ports.insert(Self.key(kind, port)) }
  }

  func contains(_ kind: FlowKind, _ port: UInt16) -> Bool { !ports.isEmpty && ports.contains(Self.key(kind, port)) }

  init() {}

  // In order: a set has none.

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(ports.sorted())
  }

  init(from decoder: any Decoder) throws {
    ports = Set(try decoder.singleValueContainer().decode([UInt32].self))
  }
}
