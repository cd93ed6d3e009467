import WeftCore
import WeftIP
import WeftWire

/// A DHCP server (RFC 2131) as a machine of its own on a network's switch: one port, one address, a pool of leases.
public struct DHCPServer: Element {
  public struct Configuration: Codable, Sendable {
    public var mac: MACAddress
    public var address: IPv4Address
    public var prefix: IPv4Prefix
    /// The default gateway handed out; nil where there is no way out.
    public var router: IPv4Address?
    public var first: IPv4Address
    public var last: IPv4Address
    public var leaseTime: Nanoseconds
    /// Never handed out from the pool: the gateway's, the server's and the statically configured ones.
    @InOrder public var excluded: Set<IPv4Address>
    /// Handed out to this MAC and to nobody else, whether it is there or not; may lie outside the pool.
    public var reservations: [MACAddress: IPv4Address]
    /// What these MACs get as long as it is free: as if each had had it before. Others get it only when nothing else is
    /// left.
    public var planned: [MACAddress: IPv4Address]

    public init(
      mac: MACAddress, address: IPv4Address, prefix: IPv4Prefix, router: IPv4Address?, first: IPv4Address,
      last: IPv4Address,
      leaseTime: Nanoseconds, excluded: Set<IPv4Address> = [], reservations: [MACAddress: IPv4Address] = [:],
      planned: [MACAddress: IPv4Address] = [:]
    ) {
      self.mac = mac
      self.address = address
      self.prefix = prefix
      self.router = router
      self.first = first
      self.last = last
      self.leaseTime = leaseTime
      self.excluded = excluded
      self.reservations = reservations
      self.planned = planned
    }
  }

  public struct Lease: Codable, Hashable, Sendable {
    public var mac: MACAddress
    public var address: IPv4Address
    public var expires: Instant
    /// Offered but not yet asked for.
    public var isOffer: Bool
    public var hostname: String?
  }

  public struct Counters: Codable, Hashable, Sendable {
    public var offers: UInt64 = 0
    public var acks: UInt64 = 0
    public var naks: UInt64 = 0
    public var declined: UInt64 = 0
  }

  /// An offer binds the address this long (RFC 2131, 3.1: "SHOULD NOT be reused" meanwhile).
  static let offerTime = Nanoseconds.seconds(10)
  static let port = PortIndex(0)

  public private(set) var counters = Counters()
  private var neighbours: NeighbourTable
  private var leases: LeaseTable
  private var identification: UInt16 = 0

  public init(_ configuration: Configuration) {
    neighbours = NeighbourTable(port: Self.port, mac: configuration.mac, address: configuration.address)
    leases = LeaseTable(configuration)
  }

  public var configuration: Configuration { leases.configuration }
  /// Of a decoded one: whether it can go on from where it is.
  public var isConsistent: Bool { leases.isConsistent && neighbours.port == Self.port }

  public var portCount: Int { 1 }
  public func mac(of port: PortIndex) -> MACAddress? { port == Self.port ? configuration.mac : nil }

  public var deadline: Instant { neighbours.deadline }

  /// As a gateway's: with its cable go its neighbours.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard !up else { return }
    neighbours.removeAll(&out) { frame, _, out in out.drop(frame, on: port, .linkDown) }
  }

  public func facts(now: Instant, _ facts: inout Facts) {
    facts.add(leases(now: now))
    facts.add(neighbours.table(now: now))
    facts.add([
      CounterFact("offers", counters.offers), CounterFact("acks", counters.acks), CounterFact("naks", counters.naks),
      CounterFact("declined", counters.declined),
    ])
  }

  public func forEachWaiting(_ body: (UInt32, Waiting) -> Void) {
    neighbours.forEachWaitingTrace { body($0, .neighbour($1, on: Self.port)) }
  }

  public mutating func wake(now: Instant, _ out: inout Effects) {
    neighbours.wake(now: now, &out) { frame, address, out in
      out.drop(frame, on: Self.port, .neighbourUnresolved, .address(address.rawValue))
    }
  }

  /// Living leases, by address.
  public func leases(now: Instant) -> [Lease] { leases.living(now: now) }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    switch read(frame, now: now, &out) {
    case .taken: break
    case .refused(let reason): out.drop(frame, on: port, reason)
    case .message(let message, let source):
      if let refusal = handle(message, from: source, now: now, &out) { out.drop(frame, on: port, refusal) }
    }
  }

  private enum Reading {
    case taken
    case refused(DropReason)
    case message(DHCPMessage, from: IPv4Address)
  }

  private mutating func read(_ frame: borrowing Frame, now: Instant, _ out: inout Effects) -> Reading {
    guard let ethernet = EthernetView(frame.bytes) else { return .refused(.malformedEthernet) }
    guard ethernet.destination == configuration.mac || ethernet.destination.isBroadcast else {
      return .refused(.notForUs)
    }
    switch ethernet.type {
    case .arp:
      guard let arp = ARPPacket(ethernet.payload) else { return .refused(.malformedARP) }
      neighbours.receive(arp, now: now, &out)
      return .taken
    case .ipv4: break
    default: return .refused(.unknownEtherType)
    }
    guard let ip = IPv4View(ethernet.payload) else { return .refused(.malformedIPv4) }
    guard ip.hasValidChecksum else { return .refused(.badIPv4Checksum) }
    guard
      ip.destination == configuration.address || ip.destination.isBroadcast
        || ip.destination == configuration.prefix.broadcast
    else { return .refused(.notForUs) }
    guard ip.protocol == .udp, !ip.isFragment else { return .refused(.unknownProtocol) }
    guard let udp = UDPView(ip.payload) else { return .refused(.malformedUDP) }
    guard udp.hasValidChecksum(source: ip.source, destination: ip.destination) else { return .refused(.badUDPChecksum) }
    guard udp.destinationPort == DHCPMessage.serverPort else { return .refused(.portClosed) }
    guard let message = DHCPMessage(udp.payload), !message.isReply, !message.clientMAC.isGroup,
      message.clientMAC != .zero
    else {
      return .refused(.dhcpMalformed)
    }
    return .message(message, from: ip.source)
  }

  // MARK: The protocol (RFC 2131, 4.3)

  /// Nil when the message was acted upon.
  private mutating func handle(
    _ message: DHCPMessage, from source: IPv4Address, now: Instant, _ out: inout Effects
  ) -> DropReason? {
    let mac = message.clientMAC
    if let server = message.serverIdentifier, server != configuration.address {
      // It chose another server: the offer is free again (4.3.2).
      leases.withdrawOffer(to: mac)
      return .dhcpNotForUs
    }
    switch message.kind {
    case .discover:
      guard let address = leases.choose(for: mac, wanted: message.requestedAddress, now: now) else {
        return .dhcpNoFreeAddress
      }
      leases.offer(address, to: mac, until: now + Self.offerTime, now: now)
      counters.offers &+= 1
      reply(.offer, to: message, address: address, &out)
    case .request: request(message, now: now, &out)
    case .decline:
      guard let address = message.requestedAddress, leases.decline(address, by: mac, now: now) else {
        return .dhcpNotForUs
      }
      counters.declined &+= 1
    case .release:
      guard leases.release(message.clientAddress, by: mac) else { return .dhcpNotForUs }
    case .inform:
      reply(.ack, to: message, address: nil, &out)
    case .offer, .ack, .nak: return .dhcpMalformed
    }
    return nil
  }

  /// SELECTING, INIT-REBOOT, RENEWING and REBINDING differ in where the address stands (RFC 2131, table 4).
  private mutating func request(_ message: DHCPMessage, now: Instant, _ out: inout Effects) {
    let wanted = message.requestedAddress ?? message.clientAddress
    guard leases.isAvailable(wanted, to: message.clientMAC, now: now) else {
      counters.naks &+= 1
      reply(.nak, to: message, address: nil, &out)
      return
    }
    leases.bind(wanted, to: message.clientMAC, until: now + configuration.leaseTime, hostname: message.hostname)
    counters.acks &+= 1
    reply(.ack, to: message, address: wanted, &out)
  }

  // MARK: Replies

  private mutating func reply(
    _ kind: DHCPMessage.Kind, to message: DHCPMessage, address: IPv4Address?, _ out: inout Effects
  ) {
    var answer = DHCPMessage(isReply: true, kind: kind, transaction: message.transaction, clientMAC: message.clientMAC)
    answer.serverIdentifier = configuration.address
    answer.broadcast = message.broadcast
    if kind != .nak {
      answer.yourAddress = address ?? .any
      answer.clientAddress = message.clientAddress
      answer.subnetMask = configuration.prefix.mask
      answer.router = configuration.router
      if address != nil { answer.leaseTime = UInt32(clamping: configuration.leaseTime.rawValue / 1_000_000_000) }
    }
    // Where to (RFC 2131, 4.1): the address it has; else everybody, for NAKs and on demand; else its MAC and new address.
    let destination: IPv4Address
    let mac: MACAddress
    if kind == .nak || (message.clientAddress.isUnspecified && message.broadcast) {
      (destination, mac) = (.broadcast, .broadcast)
    } else if !message.clientAddress.isUnspecified {
      (destination, mac) = (message.clientAddress, message.clientMAC)
    } else {
      (destination, mac) = (answer.yourAddress, message.clientMAC)
    }
    send(answer.bytes, to: destination, mac, &out)
  }

  private mutating func send(_ payload: [UInt8], to destination: IPv4Address, _ mac: MACAddress, _ out: inout Effects) {
    var frame = out.frame(count: 14 + 20 + 8 + payload.count)
    var span = frame.mutableBytes
    EthernetHeader(destination: mac, source: configuration.mac, type: .ipv4).write(to: &span)
    var packet = span.slice(14..<span.byteCount)
    identification &+= 1
    IPv4Header(
      protocol: .udp, source: configuration.address, destination: destination, identification: identification,
      dontFragment: false
    ).write(to: &packet, payloadLength: 8 + payload.count)
    var datagram = packet.slice(20..<packet.byteCount)
    datagram.put(payload.span.bytes, at: 8)
    UDPHeader(sourcePort: DHCPMessage.serverPort, destinationPort: DHCPMessage.clientPort)
      .write(to: &datagram, source: configuration.address, destination: destination)
    out.transmit(frame, on: Self.port)
  }
}

extension DHCPServer.Lease: Fact {
  public static var table: String { "leases" }
  public var key: String { address.description }
  public var fields: [FactField] {
    [FactField("mac", mac), FactField("hostname", hostname ?? ""), FactField("expires", expires)]
  }
}
