import WeftCore
import WeftSettings
import WeftWire

// Where an external endpoint leads, and which one a flow from inside leaves with. Only looks.

/// Who is behind an external endpoint.
struct Binding {
  enum Owner {
    /// A flow from inside, through its mapping.
    case flow
    case forward, service
    /// One-to-one: all of the address.
    case address
  }

  var owner: Owner
  var address: IPv4Address
  var portNumber: UInt16
  var port: GatewayPort
  /// Nil for a whole address.
  var mapping: MappingID?
}

/// What a flow leaves with, and where that is from (see `Opening`).
struct ExternalEndpoint {
  var address: IPv4Address
  var port: UInt16
  var source = Opening.Source.given
  var mapping: MappingID?
  var ordinal: UInt16 = 0
  var chance: UInt32 = 0
  /// The connection that is over and whose port it takes.
  var displaced: SessionID?
}

/// Why a flow gets no external endpoint.
struct Lack: Error {
  var reason: DropReason
}

extension NATGateway {
  /// Who is behind an external endpoint.
  func binding(_ kind: FlowKind, _ external: IPv4Address, _ port: UInt16) -> Binding? {
    if let number = mappings.find(kind, external: external, port) {
      let entry = mappings[number]
      let owner: Binding.Owner =
        switch entry.owner {
        case .flow: .flow
        case .forward: .forward
        case .service: .service
        }
      return Binding(
        owner: owner, address: entry.insideAddress, portNumber: entry.insidePort, port: entry.port, mapping: number)
    }
    guard configuration.settings.isOneToOne, let ordinal = mappings.ports.ordinal(external),
      mappings.bindings[ordinal] != 0
    else { return nil }
    let host = mappings.bindings[ordinal]
    return Binding(
      owner: .address, address: IPv4Address(rawValue: UInt32(truncatingIfNeeded: host)), portNumber: port,
      port: HostTable.port(host), mapping: nil)
  }

  /// Of a packet to an external address. Echo requests come in by whole addresses alone: an identifier is no port.
  func binding(of packet: Packet, _ trace: inout some DecisionTrace) -> Binding? {
    guard packet.kind != .echoReply else { return nil }
    guard let binding = binding(packet.kind, packet.destination, packet.destinationPort),
      packet.protocolNumber != Proto.icmp || binding.owner == .address
    else {
      if packet.protocolNumber != Proto.icmp {
        trace.look(.noTarget(packet.destination, port: packet.destinationPort))
      }
      return nil
    }
    trace.look(step(binding, packet))
    return binding
  }

  private func step(_ binding: Binding, _ packet: Packet) -> ExplainStep {
    switch binding.owner {
    case .flow:
      .mapping(
        external: packet.destination, port: packet.destinationPort, inside: binding.address,
        insidePort: binding.portNumber)
    case .forward: .forward(forward(packet, binding))
    case .service: .service(service(packet))
    case .address: .binding(external: packet.destination, inside: binding.address)
    }
  }

  private func forward(_ packet: Packet, _ binding: Binding) -> PortForward {
    let found = configuration.forwards.first { $0.covers(packet.kind, packet.destination, packet.destinationPort) }
    // Every static mapping is a forward's; as it would stand alone, if that were not so.
    return found
      ?? PortForward(
        packet.protocolNumber == Proto.tcp ? .tcp : .udp, on: packet.destination, externalPort: packet.destinationPort,
        to: binding.address, port: binding.portNumber)
  }

  func service(_ packet: Packet) -> ServicePort {
    let found = configuration.services.first {
      $0.port == packet.destinationPort && $0.transport.numbers.contains(packet.protocolNumber)
    }
    return found ?? ServicePort(packet.protocolNumber == Proto.tcp ? .tcp : .udp, packet.destinationPort)
  }

  /// Whether the filter of an external endpoint lets a remote endpoint in (RFC 4787, 5).
  func admits(
    _ binding: Binding, _ packet: Packet, from remote: IPv4Address, _ remotePort: UInt16,
    _ trace: inout some DecisionTrace
  ) -> Bool {
    switch binding.owner {
    case .forward, .service: return true
    case .flow, .address: break
    }
    let filtering = configuration.settings.filtering
    let kind = packet.kind
    let isAdmitted =
      switch filtering {
      case .endpointIndependent: true
      case .addressDependent:
        mappings.hasPinhole(kind, packet.destination, packet.destinationPort, for: remote)
      case .addressAndPortDependent:
        conntrack.find(
          Tuple(
            source: remote, destination: packet.destination, sourcePort: remotePort,
            destinationPort: packet.destinationPort, port: .outside, kind: kind)) != nil
      }
    trace.look(.mappingFilter(filtering, admits: isAdmitted))
    return isAdmitted
  }

  // MARK: Outbound

  /// The endpoint that a flow from inside goes out with: the one its own has (RFC 4787, REQ-1), or a new one.
  func externalEndpoint(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Result<ExternalEndpoint, Lack> {
    let kind = packet.kind
    let host = HostTable.key(port, packet.source)
    let settings = configuration.settings
    if settings.isOneToOne, port.isInside {
      guard let ordinal = boundAddress(of: host) else { return .failure(Lack(reason: .portsExhausted)) }
      let address = mappings.ports.addresses[ordinal]
      trace.look(.binding(external: address, inside: packet.source))
      return .success(
        ExternalEndpoint(
          address: address, port: packet.sourcePort, source: .binding, ordinal: UInt16(truncatingIfNeeded: ordinal)))
    }
    // A forward's endpoint goes out with the forward's port: a static mapping works both ways. Not with netfilter, whose rules
    // for what comes in say nothing about what goes out.
    if port.isInside, settings.overloads, settings.keepsFlows { return sharedEndpoint(packet, bytes, host, on: port, &trace) }
    if let common = mappings.find(kind, on: port, inside: packet.source, packet.sourcePort, remote: .any, 0) {
      return .success(endpoint(common, &trace))
    }
    if settings.overloads { return sharedEndpoint(packet, bytes, host, on: port, &trace) }
    let remote = remoteKey(packet)
    if remote.address != .any,
      let own = mappings.find(
        kind, on: port, inside: packet.source, packet.sourcePort, remote: remote.address, remote.port)
    {
      return .success(endpoint(own, &trace))
    }
    return newEndpoint(packet, host, on: port, &trace)
  }

  /// What of a packet's remote end its mapping depends on (RFC 4787, 4.1).
  func remoteKey(_ packet: Packet) -> (address: IPv4Address, port: UInt16) {
    switch configuration.settings.mapping {
    case .endpointIndependent: (.any, 0)
    case .addressDependent: (packet.destination, 0)
    case .addressAndPortDependent: (packet.destination, packet.destinationPort)
    }
  }

  private func endpoint(_ mapping: MappingID, _ trace: inout some DecisionTrace) -> ExternalEndpoint {
    let entry = mappings[mapping]
    trace.look(
      .mapping(
        external: entry.externalAddress, port: entry.externalPort, inside: entry.insideAddress,
        insidePort: entry.insidePort))
    return ExternalEndpoint(address: entry.externalAddress, port: entry.externalPort, mapping: mapping)
  }

  private func newEndpoint(
    _ packet: Packet, _ host: UInt64, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Result<ExternalEndpoint, Lack> {
    let settings = configuration.settings
    if port.isInside, let limit = configuration.limits.mappingsPerVM, Int(mappings.hosts[host].mappings) >= limit {
      return .failure(Lack(reason: .hostLimit))
    }
    // The host's own stack has one address and no blocks.
    let ordinal = port == .host ? 0 : externalAddress(of: host)
    var block: ClosedRange<UInt16>?
    if port.isInside, settings.ports == .block {
      guard let own = portBlock(of: host, at: ordinal) else { return .failure(Lack(reason: .portsExhausted)) }
      block = own.ports
    }
    let request = Ports.Request(
      kind: packet.kind, address: ordinal, insideAddress: packet.source, insidePort: packet.sourcePort, port: port)
    guard let choice = mappings.ports.choose(request, settings, block: block) else {
      return .failure(Lack(reason: .portsExhausted))
    }
    return .success(endpoint(choice, ordinal, .newMapping, &trace))
  }

  private func endpoint(
    _ choice: Ports.Choice, _ ordinal: Int, _ source: Opening.Source, _ trace: inout some DecisionTrace
  ) -> ExternalEndpoint {
    let address = mappings.ports.addresses[ordinal]
    let settings = configuration.settings
    trace.look(.newMapping(settings.mapping, settings.ports, external: address, port: choice.port))
    return ExternalEndpoint(
      address: address, port: choice.port, source: source, ordinal: UInt16(truncatingIfNeeded: ordinal),
      chance: choice.chance)
  }

  private func sharedEndpoint(
    _ packet: Packet, _ bytes: RawSpan, _ host: UInt64, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> Result<ExternalEndpoint, Lack> {
    guard let (search, range, ordinal) = sharedRange(packet, host, on: port) else {
      return .failure(Lack(reason: .portsExhausted))
    }
    let kind = packet.kind
    func user(_ port: UInt16) -> SessionID? {
      conntrack.find(
        Tuple(
          source: packet.destination, destination: search.address,
          sourcePort: kind == .echoRequest ? 0 : packet.destinationPort, destinationPort: port, port: .outside,
          kind: kind.answer))?.session
    }
    if configuration.settings.ports == .preserve, let port = portOfEarlierFlow(packet, on: port, search, range), user(port) == nil
    {
      return .success(endpoint(Ports.Choice(port: port), ordinal, .shared, &trace))
    }
    let removals = conntrack.removals
    if let choice = mappings.ports.chooseShared(
      search, preferring: packet.sourcePort, in: range, configuration.settings.ports, removals: removals,
      { user($0) == nil })
    {
      return .success(endpoint(choice, ordinal, .shared, &trace))
    }
    // Of those in use, one whose connection is over and whose ends this one's number tells from (RFC 6191, 2; netfilter's
    // nf_nat_used_tuple_harder).
    let beyond = packet.flags.contains(.syn) ? nextSequence(packet, bytes) : nil
    guard let beyond,
      let choice = mappings.ports.chooseShared(
        search, preferring: packet.sourcePort, in: range, configuration.settings.ports, removals: nil,
        { user($0).map { conntrack.givesWay($0, to: beyond) } ?? true })
    else { return .failure(Lack(reason: .portsExhausted)) }
    var found = endpoint(choice, ordinal, .shared, &trace)
    found.displaced = user(choice.port)
    return .success(found)
  }

  /// The port that the latest flow of the same inside endpoint leaves with, where one of its flows has got another than its own.
  private func portOfEarlierFlow(
    _ packet: Packet, on port: GatewayPort, _ search: Ports.FullRange, _ range: ClosedRange<UInt16>
  ) -> UInt16? {
    if conntrack.sources.isEmpty { return nil }
    for id in conntrack.sources.of(packet.tuple(on: port)) {
      let session = conntrack[id]
      if session.replyDestination == search.address, range.contains(session.replyDestinationPort) {
        return session.replyDestinationPort
      }
    }
    return nil
  }

  /// After a SYN.
  private func nextSequence(_ packet: Packet, _ bytes: RawSpan) -> UInt32? {
    guard let tcp = TCPView(bytes.extracting(packet.transport..<packet.end)) else { return nil }
    return TCPSegment(tcp, isCutShort: packet.isFragment).end
  }

  /// Where a shared port is looked for; nil where the host's block can't be had.
  func sharedRange(
    _ packet: Packet, _ host: UInt64, on port: GatewayPort
  ) -> (search: Ports.FullRange, range: ClosedRange<UInt16>, ordinal: Int)? {
    let settings = configuration.settings
    // The host's own stack has one address and no blocks.
    let ordinal = port == .host ? 0 : externalAddress(of: host)
    var range = packet.kind.hasPorts ? Ports.range(packet.kind, packet.sourcePort, in: settings.portRange) : 0...0
    if packet.kind.hasPorts, settings.ports == .block, port.isInside {
      guard let own = portBlock(of: host, at: ordinal) else { return nil }
      range = own.ports
    }
    let search = Ports.FullRange(
      kind: packet.kind, address: mappings.ports.addresses[ordinal], remote: packet.destination,
      remotePort: packet.destinationPort, range: range.lowerBound,
      parity: settings.parity && packet.kind != .echoRequest ? packet.sourcePort & 1 : nil)
    return (search, range, ordinal)
  }

  func externalAddress(of host: UInt64) -> Int {
    mappings.hosts.externalAddress(
      host, of: mappings.ports.addresses.count, paired: configuration.settings.pooling == .paired)
  }

  /// The ports that a host has, or would get, for itself.
  func portBlock(of host: UInt64, at ordinal: Int) -> (number: Int, ports: ClosedRange<UInt16>)? {
    let blocks = Ports.blocks(configuration.settings)
    guard let block = mappings.hosts.block(host, at: ordinal, of: blocks.count) else { return nil }
    let start = blocks.first + block * blocks.size
    guard start + blocks.size - 1 <= 65535 else { return nil }
    return (block, UInt16(start)...UInt16(start + blocks.size - 1))
  }

  /// One-to-one: the external address that an inside host has for itself; the first free one from its first packet on. The
  /// host's own goes to nobody who isn't named for it: it would take the host off the network.
  func boundAddress(of host: UInt64) -> Int? {
    mappings.bindings.firstIndex(of: host) ?? mappings.bindings.dropFirst().firstIndex(of: 0)
  }
}

extension Conntrack {
  /// Whether a connection is over, and a new one whose SYN ends at `sequence` can't be taken for it.
  func givesWay(_ id: SessionID, to sequence: UInt32) -> Bool {
    guard self[id].state == .timeWait || self[id].state == .closed, let window = window(id) else { return false }
    return Int32(bitPattern: sequence &- window.original.end) > 0
  }
}
