import WeftWire

/// Something that happened to a frame beside what becomes of it: that a probe's arrived, or that an element noticed what
/// somebody may be watching for.
public struct Observation: Hashable, Sendable {
  public struct Move: Hashable, Sendable {
    public var from: PortIndex
    public var to: PortIndex

    public init(from: PortIndex, to: PortIndex) { (self.from, self.to) = (from, to) }
  }

  public enum Kind: Hashable, Sendable {
    /// A TCP connection request or a UDP datagram reached a socket, or an echo request its stack.
    case delivered
    /// Of no probe.
    case noticed(NoticedEvent)
  }

  public var kind: Kind
  public var trace: UInt32
  /// Whom the receiver takes the sender to be.
  public var source: IPv4Address
  public var sourcePort: UInt16
  /// Of what was noticed: whose address it is about.
  public var mac: MACAddress?
  /// Where that was before, and where it is now.
  public var move: Move?

  public init(_ kind: Kind, trace: UInt32, source: IPv4Address, sourcePort: UInt16) {
    self.kind = kind
    self.trace = trace
    self.source = source
    self.sourcePort = sourcePort
  }

  public init(_ event: NoticedEvent, mac: MACAddress? = nil, move: Move? = nil) {
    self.init(.noticed(event), trace: 0, source: .any, sourcePort: 0)
    (self.mac, self.move) = (mac, move)
  }
}

/// What switches and machines notice of a network, in the words of files and reports.
public enum NoticedEvent: String, CaseIterable, Codable, Sendable {
  /// A switch saw a MAC address on another port while its entry was fresh.
  case macFlap = "mac-flap"
  /// A machine heard its own address from somebody else, in ARP.
  case duplicateAddress = "duplicate-address"
  /// A switch had no room to learn an address.
  case fdbFull = "fdb-full"
  /// A guard turned a frame away that said what isn't so, or was one of too many.
  case guardViolation = "guard-violation"
  case portShutDown = "port-shut-down"
  /// A switch's spanning tree changed: a port began to forward, or another switch said so.
  case topologyChange = "topology-change"
}
