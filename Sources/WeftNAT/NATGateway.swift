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
/// A packet is one of a known session and is translated at once, or takes the slow way: `NATGateway+Begin` decides
/// whether there may be a session, `+Targets` finds its external endpoint, `+Create` makes it.
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
  }

  /// As told, with the changes made since by `addForward`, `removeForward` and `setIPForwarding`.
  public internal(set) var configuration: NATConfiguration
  public internal(set) var counters = Counters()
  var neighbours: [NeighbourTable]
  var sessions = SessionTable()
  var mappings: MappingTable
  /// With address-dependent filtering: how many sessions a mapping has with a remote address.
  var contacts = FlatMap<UInt64, UInt32>()
  var hosts = HostTable()
  /// One-to-one: the inside host (a `HostTable` key) of each external address; 0 for none.
  var pairs: [UInt64]
  var filter: PacketFilter
  var heldSYNs = HeldSYNs()
  var fragments = FragmentTable()
  var events = EventRing()
  /// Of packets it makes itself.
  var identification: UInt16 = 0
  /// The least of all ports': what isn't longer needs no look at its own.
  let smallestMTU: Int
  /// Of the first fragment that was just translated.
  var lastWay: FragmentTable.Way?
  /// When it was last given anything.
  var moment = Instant.start
  /// See `overloaded`; only spares a search.
  var fullRange: FullRange?
  var fullRangeRemovals: UInt64 = 0

  /// Precondition: `configuration.problem` is nil.
  public init(_ configuration: NATConfiguration) {
    precondition(configuration.problem == nil, "a gateway's forwards must be free of conflicts")
    self.configuration = configuration
    smallestMTU = Self.smallestMTU(configuration)
    mappings = MappingTable(
      seed: configuration.seed, owner: configuration.name, addresses: configuration.externalAddresses)
    neighbours = Self.makeNeighbours(configuration)
    pairs = [UInt64](repeating: 0, count: configuration.externalAddresses.count)
    filter = PacketFilter(configuration.settings.rules)
    for pair in configuration.staticBindings {
      if let port = insidePort(of: pair.inside), let ordinal = mappings.ordinal(pair.external) {
        pairs[ordinal] = HostTable.key(UInt16(port), pair.inside)
      }
    }
    for service in configuration.services { insertService(service) }
    for forward in configuration.forwards { insertForward(forward) }
  }

  static func smallestMTU(_ configuration: NATConfiguration) -> Int {
    let narrow = ([configuration.outside.narrower] + configuration.insides.map(\.narrower)).compactMap(\.least)
    return Int((configuration.insides.map(\.mtu) + narrow).reduce(configuration.outside.mtu, min))
  }

  private static func makeNeighbours(_ configuration: NATConfiguration) -> [NeighbourTable] {
    let outside = configuration.outside
    var tables = [
      NeighbourTable(port: outsidePort, mac: outside.mac, address: outside.address),
      // It has no address there: the one it speaks for is asked for with an unspecified sender, as a probe (RFC 5227).
      NeighbourTable(port: hostPort, mac: outside.mac, address: .any),
    ]
    tables[1].peer = configuration.hostMAC
    for (index, inside) in configuration.insides.enumerated() {
      tables.append(NeighbourTable(port: insidePort(index), mac: inside.mac, address: inside.address))
    }
    return tables
  }

  // MARK: Element

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    let at = port.index
    guard at < neighbours.count, at != 1 || configuration.hasHostPort else {
      return out.drop(frame, on: port, .noLink)
    }
    moment = now
    var packet = Packet()
    switch Packet.read(frame.bytes, mac: neighbours[at].mac, &packet) {
    case .flow: receiveFlow(frame, packet, on: at, now: now, &out)
    case .arp: receiveARP(frame, on: at, now: now, &out)
    case .group: receiveGroup(frame, packet, on: at, &out)
    case .icmpError: receiveError(frame, packet, on: at, now: now, &out)
    case .fragment: receiveFragment(frame, packet, on: at, now: now, &out)
    case .otherICMP: out.drop(frame, on: port, .protocolUnsupported, packet.detail)
    case .otherProtocol:
      guard configuration.settings.tracksOtherProtocols, packet.protocolNumber != Tuple.echoReply
      else { return out.drop(frame, on: port, .protocolUnsupported, .transport(packet.protocolNumber, port: 0)) }
      receiveFlow(frame, packet, on: at, now: now, &out)
    case .bad: out.drop(frame, on: port, packet.reason)
    }
  }

  @inline(__always)
  mutating func receiveFlow(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    let hit = sessions.find(packet.tuple(on: at))
    if hit >= 0, sessions.entries[hit >> 1].deadline > now.rawValue {
      forward(frame, packet, hit, on: at, now: now, &out)
    } else {
      begin(frame, packet, on: at, now: now, &out)
    }
  }

  public mutating func wake(now: Instant, _ out: inout Effects) {
    moment = now
    expire(now: now)
    answerHeldSYNs(now: now, &out)
    expireFragments(now: now, &out)
    for at in neighbours.indices where neighbours[at].deadline <= now {
      var failed: [(frame: StoredFrame, neighbour: IPv4Address)] = []
      neighbours[at].wake(now: now, &out) { frame, neighbour, _ in failed.append((frame.store(), neighbour)) }
      for entry in failed {
        let frame = Frame(stored: entry.frame)
        reportUnreachable(frame, on: at, now: now, &out)
        out.drop(frame, on: PortIndex(at), .neighbourUnresolved, .address(entry.neighbour.rawValue))
      }
    }
  }

  public var deadline: Instant {
    var earliest = sessions.wheel.deadline
    if !heldSYNs.isEmpty { earliest = min(earliest, heldSYNs.deadline) }
    if !fragments.isEmpty { earliest = min(earliest, fragments.deadline) }
    // By index: a table taken out would be retained and released, and this is asked after every packet.
    for at in neighbours.indices {
      let deadline = neighbours[at].deadline
      if deadline < earliest { earliest = deadline }
    }
    return earliest
  }

  private mutating func receiveARP(_ frame: consuming Frame, on at: Int, now: Instant, _ out: inout Effects) {
    guard let arp = ARPPacket(frame.bytes.extracting(14..<frame.count)) else {
      return out.drop(frame, on: PortIndex(at), .malformedARP)
    }
    if at == 1 {
      let own = configuration.outside.address
      neighbours[1].receive(arp, now: now, &out) { $0 != own }
    } else if at == 0, !configuration.addresses.isEmpty {
      let more = configuration.addresses
      neighbours[0].receive(arp, now: now, &out) { more.contains($0) }
    } else {
      neighbours[at].receive(arp, now: now, &out)
    }
  }

  /// The ARP cache of a port.
  public func neighbourTable(of port: Int, now: Instant) -> [NeighbourTable.Neighbour] {
    neighbours.indices.contains(port) ? neighbours[port].table(now: now) : []
  }

  // MARK: Sessions that are over

  mutating func expire(now: Instant) {
    // Where their order shows, it is that of their deadlines: the wheel's own owes something to its history.
    guard events.limit > 0 || configuration.limits.holdDown > .zero else {
      while let number = sessions.nextExpired(now: now) {
        remove(number)
        counters.expired &+= 1
      }
      return
    }
    var numbers: [Int] = []
    while let number = sessions.nextExpired(now: now) { numbers.append(number) }
    numbers.sort {
      let (a, b) = (ExpiryWheel.tick(sessions.entries[$0].deadline), ExpiryWheel.tick(sessions.entries[$1].deadline))
      return (a, sessions.links[$0].sequence) < (b, sessions.links[$1].sequence)
    }
    for number in numbers { remove(number) }
    counters.expired &+= UInt64(numbers.count)
  }

  /// Ends a session, and its mapping with the last of them.
  mutating func remove(_ number: Int) {
    let session = sessions.entries[number]
    record(.destroy, number, now: moment)
    if session.flags.contains(.contact) { countContact(session, up: false) }
    let mapping = session.flags.contains(.holdsMapping) ? Int(sessions.links[number].mapping) : -1
    if session.flags.contains(.holdsTarget) {
      // It is there: it is held.
      let target = mappings.find(
        session.kind, external: session.originalDestination, session.originalDestinationPort)
      if target >= 0 { letGo(target) }
    }
    if mapping >= 0 { letGo(mapping) }
    hosts.ended(
      HostTable.key(session.originalPort, session.originalSource), wasAssured: session.flags.contains(.assured))
    sessions.remove(number)
  }

  // MARK: Addresses

  /// Who gets a packet for `destination` that leaves on a port; nil where no route leads.
  @inline(__always)
  func nextHop(_ destination: IPv4Address, on at: Int) -> IPv4Address? {
    switch at {
    case 0: configuration.outside.prefix.contains(destination) ? destination : configuration.outside.gateway
    case 1: configuration.outside.address
    default: destination
    }
  }

  /// The port of the private network that has an address.
  func insidePort(of address: IPv4Address) -> Int? {
    for (index, inside) in configuration.insides.enumerated() where inside.prefix.contains(address) { return 2 + index }
    return nil
  }

  /// Whether it is the gateway's own on one of the private networks.
  func isInsideAddress(_ address: IPv4Address) -> Bool { configuration.insides.contains { $0.address == address } }

  /// What the gateway's own answers on a port come from. The host would take a packet from its own address for a
  /// martian: it hears from the gateway inside, which is the host's other address.
  func ownAddress(on at: Int) -> IPv4Address {
    switch at {
    case 0: configuration.outside.address
    case 1: configuration.insides.first?.address ?? configuration.outside.gateway ?? configuration.outside.address
    default: configuration.insides[at - 2].address
    }
  }
}
