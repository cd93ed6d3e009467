import WeftCore
import WeftIP
import WeftWire

/// A NAT gateway with connection tracking: private networks behind one external address (RFC 3022; behaviour by
/// RFC 4787, 5382, 5508 and 7857).
///
/// Ports: 0 is the outside, 1 the host's own stack (which has the external address too, and a MAC of its own), 2… the
/// private networks in their order. Between the host's stack and the outside nothing is forwarded, only tracked, so
/// that the host and what is behind it never share a port.
///
/// A packet's way: its heads are read once (`Packet.read`), `decide` looks what becomes of it and changes nothing,
/// `commit` changes the tables, `translate` sends it on. `explain` is the same `decide` with a trace.
public struct NATGateway: Element {
  public static let outsidePort = PortIndex(0)
  public static let hostPort = PortIndex(1)
  public static func insidePort(_ index: Int) -> PortIndex { PortIndex(2 + index) }

  public struct Counters: Codable, Sendable, Hashable {
    /// Sessions.
    public var created: UInt64 = 0
    public var expired: UInt64 = 0
    /// New flows turned away because the table was full, or no external port was left.
    public var tableFull: UInt64 = 0
    public var portsExhausted: UInt64 = 0
    /// Unassured sessions that a full table gave up for new ones.
    public var evicted: UInt64 = 0
    /// Segments that fitted no state or window.
    public var invalid: UInt64 = 0
    /// Packets that left with another address or port, and without.
    public var translated: UInt64 = 0
    public var passed: UInt64 = 0
    /// Answered itself: echo replies, ICMP errors, resets.
    public var answered: UInt64 = 0
    /// The most entries that the table had at once, and when first.
    public var most: UInt64 = 0
    public var mostAt = Instant.start
  }

  /// As told, with the changes made since by `addForward`, `removeForward` and `setIPForwarding`.
  public internal(set) var configuration: NATConfiguration
  public internal(set) var counters = Counters()
  var links: Links
  var conntrack = Conntrack()
  var mappings: Mappings
  var filter: PacketFilter
  var fragments = FragmentTable()
  var answers = Answers()
  /// Holds nothing. Swift copies a large struct whole (1,160 bytes a packet) where a method that only looks is called from one
  /// that changes it; one with an existential in it goes by its address.
  private let byAddress: any Sendable = ()

  /// Precondition: `configuration.problem` is nil.
  public init(_ configuration: NATConfiguration) {
    precondition(configuration.problem == nil, "a gateway's forwards must be free of conflicts")
    self.configuration = configuration
    links = Links(configuration)
    mappings = Mappings(
      seed: configuration.seed, owner: configuration.name, addresses: configuration.externalAddresses)
    filter = PacketFilter(configuration.settings.rules)
    for binding in configuration.staticBindings {
      if let port = insidePort(of: binding.inside), let ordinal = mappings.ports.ordinal(binding.external) {
        mappings.bindings[ordinal] = HostTable.key(port, binding.inside)
      }
    }
    for service in configuration.services { insertService(service) }
    for forward in configuration.forwards { insertForward(forward) }
  }

  // MARK: Element

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard let port = self.port(port) else { return out.drop(frame, on: port, .noLink) }
    conntrack.now = now
    var packet = Packet()
    packet.isSound = frame.isSound
    switch Packet.read(frame.bytes, mac: links.neighbours[port.index].mac, &packet) {
    case .flow: receiveFlow(frame, packet, on: port, now: now, &out)
    case .arp: receiveARP(frame, on: port, now: now, &out)
    case .group: receiveGroup(frame, packet, on: port, now: now, &out)
    case .icmpError: receiveError(frame, packet, on: port, now: now, &out)
    case .fragment: receiveFragment(frame, packet, on: port, now: now, &out)
    case .otherICMP:
      guard let way = untrackedWay(packet, on: port) else {
        return out.drop(frame, on: port.portIndex, .protocolUnsupported, packet.detail)
      }
      _ = translate(frame, packet, way, from: port, now: now, &out)
    case .otherProtocol:
      guard tracks(packet) else {
        return out.drop(frame, on: port.portIndex, .protocolUnsupported, .transport(packet.protocolNumber, port: 0))
      }
      receiveFlow(frame, packet, on: port, now: now, &out)
    case .bad where packet.reason == .badTCPFlags && configuration.settings.keepsFlows:
      receiveBadFlags(frame, packet, on: port, now: now, &out)
    case .bad: out.drop(frame, on: port.portIndex, packet.reason)
    }
  }

  private mutating func receiveBadFlags(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    var trace = NoTrace()
    let decision = decideBadFlags(packet, frame.bytes, on: port, &trace)
    guard let way = commit(decision, packet, frame.bytes, on: port, now: now, TCPWindow()) else {
      return refuse(frame, packet, decision, on: port, now: now, &out)
    }
    _ = translate(frame, packet, way, from: port, now: now, &out)
  }

  /// Nil where no link is.
  @inline(__always)
  func port(_ port: PortIndex) -> GatewayPort? {
    let index = port.index
    guard index < links.neighbours.count, index != 1 || configuration.hasHostPort else { return nil }
    return GatewayPort(number: UInt16(truncatingIfNeeded: index))
  }

  /// Whether flows of a protocol without ports are translated.
  func tracks(_ packet: Packet) -> Bool {
    configuration.settings.tracksOtherProtocols && packet.protocolNumber != FlowKind.echoReply.rawValue
  }

  /// A packet of a flow: decided, entered, sent on. Says where to, for the fragments that follow.
  @inline(__always) @discardableResult
  mutating func receiveFlow(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) -> Translation? {
    var windows = TCPWindow()
    var trace = NoTrace()
    var decision = decide(packet, frame.bytes, on: port, now: now, &windows, &trace)
    while case .overdue(let session) = decision {
      clear(session.id, now: now)
      decision = decide(packet, frame.bytes, on: port, now: now, &windows, &trace)
    }
    guard let translation = commit(decision, packet, frame.bytes, on: port, now: now, windows) else {
      refuse(frame, packet, decision, on: port, now: now, &out)
      return nil
    }
    return translate(frame, packet, translation, from: port, now: now, &out) ? translation : nil
  }

  public mutating func wake(now: Instant, _ out: inout Effects) {
    conntrack.now = now
    expire(now: now)
    answerHeldSYNs(now: now, &out)
    expireFragments(now: now, &out)
    for index in links.neighbours.indices where links.neighbours[index].deadline <= now {
      let port = GatewayPort(number: UInt16(index))
      var failed: [(frame: StoredFrame, neighbour: IPv4Address)] = []
      links.neighbours[index].wake(now: now, &out) { frame, neighbour, _ in failed.append((frame.store(), neighbour)) }
      for entry in failed {
        let frame = Frame(stored: entry.frame)
        reportUnreachable(frame, on: port, now: now, &out)
        out.drop(frame, on: port.portIndex, .neighbourUnresolved, .address(entry.neighbour.rawValue))
      }
    }
  }

  public var deadline: Instant {
    var earliest = conntrack.wheel.deadline
    if !answers.held.isEmpty { earliest = min(earliest, answers.held.deadline) }
    if !fragments.isEmpty { earliest = min(earliest, fragments.deadline) }
    return links.deadline(earliest)
  }

  private mutating func receiveARP(_ frame: consuming Frame, on port: GatewayPort, now: Instant, _ out: inout Effects) {
    guard let arp = ARPPacket(frame.bytes.extracting(14..<frame.count)) else {
      return out.drop(frame, on: port.portIndex, .malformedARP)
    }
    let external = configuration.settings.addresses
    let own = configuration.outside.address
    switch port.side {
    case .host: links.neighbours[1].receive(arp, now: now, &out) { $0 != own }
    case .outside where external.isEmpty, .inside: links.neighbours[port.index].receive(arp, now: now, &out)
    case .outside: links.neighbours[0].receive(arp, now: now, &out) { external.contains($0) }
    }
  }
}
