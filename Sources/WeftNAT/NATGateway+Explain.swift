import WeftCore
import WeftSettings
import WeftWire

/// A packet to ask about: what the gateway would read of it.
public struct ExplainedPacket: Hashable, Sendable, Codable {
  public var protocolNumber: UInt8
  public var source: IPv4Address
  public var destination: IPv4Address
  /// The identifier of an echo request.
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  public var timeToLive: UInt8
  /// Of TCP.
  public var flags: TCPFlags
  /// An echo's reply, whose identifier is the destination's port; else ICMP is an echo's request.
  public var isEchoReply = false
  /// Its frame was for all of the link, or for a group.
  public var isGroup = false

  public init(
    protocolNumber: UInt8, from source: IPv4Address, _ sourcePort: UInt16 = 0, to destination: IPv4Address,
    _ destinationPort: UInt16 = 0, timeToLive: UInt8 = 64, flags: TCPFlags = .syn
  ) {
    self.protocolNumber = protocolNumber
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.timeToLive = timeToLive
    self.flags = flags
  }
}

/// One look the gateway would take, and what it would find; the last one is a verdict.
public enum ExplainStep: Hashable, Sendable, Codable {
  /// The connection that the packet belongs to.
  case connection(ConnectionEntry, isReply: Bool)
  case noConnection
  case filterRule(Int, FilterRule)
  /// None of so many rules matches: allowed.
  case noFilterRule(of: Int)
  case forward(PortForward)
  case service(ServicePort)
  /// A flow from inside has the external endpoint.
  case mapping(external: IPv4Address, port: UInt16, inside: IPv4Address, insidePort: UInt16)
  /// One-to-one: the inside host that has the whole address.
  case pair(external: IPv4Address, inside: IPv4Address)
  /// Nothing has the external endpoint.
  case noTarget(IPv4Address, port: UInt16)
  case mappingFilter(NATSettings.Dependence, admits: Bool)
  case ipForwarding(Bool)
  case hairpin(NATSettings.Hairpin)
  /// It would get a new external endpoint.
  case newMapping(NATSettings.Dependence, NATSettings.Ports, external: IPv4Address, port: UInt16)
  case nextHop(IPv4Address, port: PortIndex)
  case verdict(ExplainVerdict)
}

public enum ExplainVerdict: Hashable, Sendable, Codable {
  /// Leaves on the port with these ends.
  case sent(PortIndex, source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, destinationPort: UInt16)
  case dropped(DropReason)
  /// The gateway answers it itself.
  case answered
}

extension NATGateway {
  /// What would become of a packet that came in on a port now: the same looks as a real one takes, in their order. The
  /// gateway is as it was.
  public func explain(_ asked: ExplainedPacket, on port: PortIndex, now: Instant) -> [ExplainStep] {
    var packet = Packet()
    packet.source = asked.source
    packet.destination = asked.destination
    packet.protocolNumber = asked.protocolNumber
    packet.timeToLive = asked.timeToLive
    packet.flags = asked.protocolNumber == Proto.tcp ? asked.flags : TCPFlags(rawValue: 0)
    let hasPorts = asked.protocolNumber == Proto.tcp || asked.protocolNumber == Proto.udp
    let isReply = asked.protocolNumber == Proto.icmp && asked.isEchoReply
    packet.sourcePort = hasPorts || asked.protocolNumber == Proto.icmp && !isReply ? asked.sourcePort : 0
    packet.destinationPort = hasPorts || isReply ? asked.destinationPort : 0
    packet.icmpType = isReply ? 0 : 8
    var walk = ExplainWalk(gateway: self, packet: packet, at: port.index, isGroup: asked.isGroup, now: now)
    walk.run()
    return walk.steps
  }
}

/// The walk of `NATGateway+Begin` and `+Forward` without their effects.
private struct ExplainWalk {
  let gateway: NATGateway
  let packet: Packet
  let at: Int
  let now: Instant
  let isGroup: Bool
  var steps: [ExplainStep] = []

  var configuration: NATConfiguration { gateway.configuration }

  init(gateway: NATGateway, packet: Packet, at: Int, isGroup: Bool, now: Instant) {
    self.isGroup = isGroup
    self.gateway = gateway
    self.packet = packet
    self.at = at
    self.now = now
  }

  mutating func drop(_ reason: DropReason) { steps.append(.verdict(.dropped(reason))) }

  mutating func run() {
    guard at < gateway.neighbours.count, at != 1 || configuration.hasHostPort else { return drop(.noLink) }
    let isFlow =
      packet.protocolNumber == Proto.tcp || packet.protocolNumber == Proto.udp || packet.protocolNumber == Proto.icmp
    guard isFlow || configuration.settings.tracksOtherProtocols else { return drop(.protocolUnsupported) }
    if packet.protocolNumber == Proto.tcp, !TCPState.isValid(packet.flags) { return drop(.badTCPFlags) }
    if isGroup { return group() }
    let hit = gateway.sessions.find(packet.tuple(on: at))
    if hit >= 0, gateway.sessions.entries[hit >> 1].deadline > now.rawValue { return established(hit) }
    steps.append(.noConnection)
    switch at {
    case 0: outside()
    case 1: host()
    default: inside()
    }
  }

  private mutating func established(_ hit: Int) {
    let session = gateway.sessions.entries[hit >> 1]
    let isReply = hit & 1 != 0
    steps.append(.connection(gateway.entry(hit >> 1, now: now), isReply: isReply))
    if !session.flags.contains(.local), !mayForward() { return }
    if session.flags.contains(.pending) { return drop(.filtered) }
    let to = isReply ? session.originalPort : session.replyPort
    let isEstablished = isReply || session.replyPackets > 0
    guard judge(packet.tuple(on: at), to: to, isEstablished ? .established : .new) else { return }
    if session.flags.contains(.unserved), !isReply { return drop(.noPortForward) }
    if packet.protocolNumber == Proto.tcp {
      let step =
        configuration.settings.tcpMachine == .netfilter
        ? session.state.netfilterStep(packet.flags, isReply: isReply)
        : session.state.step(packet.flags, isReply: isReply)
      if case .invalid = step { return invalid(packet.tuple(on: at), to: to) }
    }
    let other = isReply ? session.original : session.reply
    send(
      to: Int(other.port), source: other.destination, other.destinationPort, destination: other.source,
      other.sourcePort)
  }

  private mutating func group() {
    guard packet.protocolNumber == Proto.udp else { return drop(.notForUs) }
    switch gateway.groupWay(packet, on: at) {
    case .drop(let reason): drop(reason)
    case .send(let port):
      guard judge(packet.tuple(on: at), to: UInt16(port), .new) else { return }
      steps.append(
        .verdict(
          .sent(
            PortIndex(port), source: packet.source, sourcePort: packet.sourcePort, destination: packet.destination,
            destinationPort: packet.destinationPort)))
    }
  }

  // MARK: By side

  private mutating func inside() {
    let network = configuration.insides[at - 2]
    let destination = packet.destination
    guard packet.source.isUsableSource else { return drop(.martianSource) }
    guard network.prefix.isHost(packet.source), packet.source != network.address else { return drop(.spoofedSource) }
    if destination == network.address {
      if packet.protocolNumber == Proto.icmp { return echo() }
      guard let service = service(packet.destinationPort) else { return drop(.portClosed) }
      steps.append(.service(service))
      return local(to: configuration.outside.address, port: 1)
    }
    if gateway.isExternal(destination) { return external() }
    guard destination.isUsableSource, destination != configuration.outside.prefix.broadcast else {
      return drop(NATGateway.misdirected(destination))
    }
    guard gateway.insidePort(of: destination) == nil else { return drop(.privateDestination) }
    guard mayForward() else { return }
    outbound()
  }

  private mutating func external() {
    guard let target = look() else {
      guard packet.protocolNumber == Proto.icmp else { return drop(.noPortForward) }
      guard configuration.hasHostPort, packet.destination == configuration.outside.address else { return echo() }
      return local(to: configuration.outside.address, port: 1)
    }
    if target.owner == .service { return local(to: configuration.outside.address, port: 1) }
    steps.append(.hairpin(configuration.settings.hairpin))
    guard configuration.settings.hairpin != .off else { return drop(.hairpinDisabled) }
    guard mayForward() else { return }
    guard target.at != 1 else { return drop(.filtered) }
    guard mayBegin() else { return }
    let source: (address: IPv4Address, port: UInt16)
    if configuration.settings.hairpin == .externalSource || target.owner == .flow {
      guard let found = endpoint() else { return }
      source = found
    } else {
      source = (packet.source, packet.sourcePort)
    }
    if target.owner == .flow || target.owner == .pair {
      let admits = gateway.admits(
        target, packet.protocolNumber, at: packet.destination, packet.destinationPort, from: source.address,
        source.port)
      steps.append(.mappingFilter(configuration.settings.filtering, admits: admits))
      guard admits else { return drop(.filtered) }
    }
    guard judge(packet.tuple(on: at), to: target.at, .new) else { return }
    let shows = configuration.settings.hairpin == .internalSource
    send(
      to: Int(target.at), source: shows ? packet.source : source.address, shows ? packet.sourcePort : source.port,
      destination: target.address, target.port)
  }

  private mutating func outside() {
    guard gateway.isExternal(packet.destination) else { return drop(NATGateway.misdirected(packet.destination)) }
    guard packet.source.isUsableSource, !gateway.isExternal(packet.source) else { return drop(.martianSource) }
    guard gateway.insidePort(of: packet.source) == nil else { return drop(.spoofedSource) }
    if packet.tupleKind == Tuple.echoReply {
      let mapping = gateway.mappings.find(packet.protocolNumber, external: packet.destination, packet.destinationPort)
      return drop(mapping < 0 ? .noMapping : .filtered)
    }
    guard let target = look() else {
      guard packet.protocolNumber == Proto.icmp else { return drop(.noPortForward) }
      guard configuration.hasHostPort, packet.destination == configuration.outside.address else { return echo() }
      return local(to: configuration.outside.address, port: 1)
    }
    if target.owner == .flow || target.owner == .pair {
      let admits = gateway.admits(
        target, packet.protocolNumber, at: packet.destination, packet.destinationPort, from: packet.source,
        packet.sourcePort)
      steps.append(.mappingFilter(configuration.settings.filtering, admits: admits))
      guard admits else { return drop(.filtered) }
    }
    if target.at != 1, !mayForward() { return }
    guard mayBegin(), judge(packet.tuple(on: 0), to: target.at, .new) else { return }
    send(
      to: Int(target.at), source: packet.source, packet.sourcePort, destination: target.address, target.port)
  }

  private mutating func host() {
    let destination = packet.destination
    guard packet.source == configuration.outside.address else { return drop(.spoofedSource) }
    guard !gateway.isExternal(destination), destination.isUsableSource,
      destination != configuration.outside.prefix.broadcast
    else { return drop(NATGateway.misdirected(destination)) }
    if let inside = gateway.insidePort(of: destination) {
      if gateway.isInsideAddress(destination) {
        return packet.protocolNumber == Proto.icmp ? echo() : drop(.portClosed)
      }
      return local(to: destination, port: inside)
    }
    outbound()
  }

  // MARK: Looks

  private mutating func mayForward() -> Bool {
    steps.append(.ipForwarding(configuration.ipForwarding))
    if !configuration.ipForwarding { drop(.ipForwardingDisabled) } else if packet.timeToLive <= 1 { drop(.ttlExpired) }
    return configuration.ipForwarding && packet.timeToLive > 1
  }

  private mutating func mayBegin() -> Bool {
    let flags = packet.flags.intersection([.syn, .ack, .rst, .fin])
    if packet.protocolNumber == Proto.tcp, flags != .syn,
      !configuration.settings.loose || flags != .ack
    {
      invalid(packet.tuple(on: at), to: gateway.wayOut(packet, on: at))
      return false
    }
    if at >= 2, let limit = configuration.limits.sessionsPerVM,
      Int(gateway.hosts[HostTable.key(UInt16(at), packet.source)].sessions) >= limit
    {
      drop(.hostLimit)
      return false
    }
    if gateway.sessions.count >= configuration.limits.table,
      !configuration.limits.earlyDrop || gateway.sessions.oldest == SessionTable.none
    {
      drop(.tableFull)
      return false
    }
    return true
  }

  private mutating func judge(_ tuple: Tuple, to port: UInt16, _ state: FilterRule.State) -> Bool {
    let filter = gateway.filter
    guard !filter.rules.isEmpty, state != .established || filter.judgesEstablished else { return true }
    guard let number = filter.look(tuple, to: port, state) else {
      steps.append(.noFilterRule(of: filter.rules.count))
      return true
    }
    steps.append(.filterRule(number, filter.rules[number]))
    if filter.rules[number].action != .allow { drop(.filtered) }
    return filter.rules[number].action == .allow
  }

  private mutating func invalid(_ tuple: Tuple, to port: UInt16) {
    if judge(tuple, to: port, .invalid) { drop(.tcpInvalid) }
  }

  private func service(_ port: UInt16) -> ServicePort? {
    guard configuration.hasHostPort else { return nil }
    return configuration.services.first { $0.port == port && $0.transport.numbers.contains(packet.protocolNumber) }
  }

  private mutating func look() -> Target? {
    guard packet.tupleKind != Tuple.echoReply, let target = gateway.target(packet.protocolNumber, packet.destination, packet.destinationPort),
      packet.protocolNumber != Proto.icmp || target.owner == .pair
    else {
      if packet.protocolNumber != Proto.icmp {
        steps.append(.noTarget(packet.destination, port: packet.destinationPort))
      }
      return nil
    }
    switch target.owner {
    case .flow:
      steps.append(
        .mapping(
          external: packet.destination, port: packet.destinationPort, inside: target.address, insidePort: target.port))
    case .forward:
      let forward = configuration.forwards.first {
        $0.covers(packet.protocolNumber, packet.destination, packet.destinationPort)
      }
      if let forward { steps.append(.forward(forward)) }
    case .service: if let service = service(packet.destinationPort) { steps.append(.service(service)) }
    case .pair: steps.append(.pair(external: packet.destination, inside: target.address))
    }
    return target
  }

  /// The external endpoint a flow would go out with.
  private mutating func endpoint() -> (address: IPv4Address, port: UInt16)? {
    let settings = configuration.settings
    let host = HostTable.key(UInt16(at), packet.source)
    if settings.isOneToOne, at >= 2 {
      guard let ordinal = gateway.ordinal(for: host) else {
        drop(.portsExhausted)
        return nil
      }
      steps.append(.pair(external: gateway.mappings.addresses[ordinal], inside: packet.source))
      return (gateway.mappings.addresses[ordinal], packet.sourcePort)
    }
    let kind = packet.tupleKind
    let keys: [(IPv4Address, UInt16)] = [
      (.any, 0), (packet.destination, 0), (packet.destination, packet.destinationPort),
    ]
    let depth = settings.mapping == .endpointIndependent ? 1 : 3
    for (remote, remotePort) in keys.prefix(depth) {
      let own = gateway.mappings.find(
        kind, port: UInt16(at), inside: packet.source, packet.sourcePort, remote: remote, remotePort)
      guard own >= 0 else { continue }
      let entry = gateway.mappings.entries[own]
      steps.append(
        .mapping(
          external: entry.externalAddress, port: entry.externalPort, inside: entry.insideAddress,
          insidePort: entry.insidePort))
      return (entry.externalAddress, entry.externalPort)
    }
    if at >= 2, !settings.overloads, let limit = configuration.limits.mappingsPerVM,
      Int(gateway.hosts[host].mappings) >= limit
    {
      drop(.hostLimit)
      return nil
    }
    // The draw is the copy's: the gateway's own is as it was.
    var copy = gateway
    copy.events = EventRing()
    switch copy.externalEndpoint(packet, on: at, to: packet.destination, packet.destinationPort) {
    case .failure(let refusal):
      drop(refusal.reason)
      return nil
    case .success(let found):
      steps.append(.newMapping(settings.mapping, settings.ports, external: found.address, port: found.port))
      return (found.address, found.port)
    }
  }

  private mutating func outbound() {
    guard gateway.nextHop(packet.destination, on: 0) != nil else { return drop(.noRoute) }
    guard packet.tupleKind != Tuple.echoReply else { return drop(.unexpectedICMP) }
    guard mayBegin(), let source = endpoint() else { return }
    guard judge(packet.tuple(on: at), to: 0, .new) else { return }
    send(
      to: 0, source: source.address, source.port, destination: packet.destination, packet.destinationPort)
  }

  private mutating func local(to destination: IPv4Address, port: Int) {
    guard packet.tupleKind != Tuple.echoReply else { return drop(.unexpectedICMP) }
    guard mayBegin(), judge(packet.tuple(on: at), to: UInt16(port), .new) else { return }
    send(
      to: port, source: packet.source, packet.sourcePort, destination: destination, packet.destinationPort)
  }

  private mutating func echo() {
    guard packet.tupleKind != Tuple.echoReply else { return drop(.unexpectedICMP) }
    if judge(packet.tuple(on: at), to: 1, .new) { steps.append(.verdict(.answered)) }
  }

  private mutating func send(
    to port: Int, source: IPv4Address, _ sourcePort: UInt16, destination: IPv4Address, _ destinationPort: UInt16
  ) {
    guard let next = gateway.nextHop(destination, on: port) else { return drop(.noRoute) }
    steps.append(.nextHop(next, port: PortIndex(port)))
    steps.append(
      .verdict(
        .sent(
          PortIndex(port), source: source, sourcePort: sourcePort, destination: destination,
          destinationPort: destinationPort)))
  }
}
