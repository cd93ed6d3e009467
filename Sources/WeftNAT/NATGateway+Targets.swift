import WeftCore
import WeftWire

// Where an external endpoint leads, and which one a flow from inside leaves with.

/// Who is behind an external endpoint.
struct Target {
  enum Owner {
    /// A flow from inside, through its mapping.
    case flow
    case forward, service
    /// One-to-one: all of the address.
    case pair
  }

  var owner: Owner
  var address: IPv4Address
  var port: UInt16
  /// The gateway's port.
  var at: UInt16
  /// In the table; -1 for a pair.
  var mapping: Int
}

/// What a flow leaves with; `mapping` is -1 where the session table alone keeps endpoints apart.
struct ExternalEndpoint {
  var address: IPv4Address
  var port: UInt16
  var mapping: Int
}

extension NATGateway {
  @inline(__always)
  func isExternal(_ address: IPv4Address) -> Bool {
    address == configuration.outside.address || mappings.ordinal(address) != nil
  }

  func target(_ kind: UInt8, _ external: IPv4Address, _ port: UInt16) -> Target? {
    let number = mappings.find(kind, external: external, port)
    if number >= 0 {
      let entry = mappings.entries[number]
      let owner: Target.Owner =
        switch entry.owner {
        case .flow: .flow
        case .forward: .forward
        case .service: .service
        }
      return Target(
        owner: owner, address: entry.insideAddress, port: entry.insidePort, at: entry.port, mapping: number)
    }
    guard configuration.settings.isOneToOne, let ordinal = mappings.ordinal(external), pairs[ordinal] != 0 else {
      return nil
    }
    return Target(
      owner: .pair, address: IPv4Address(rawValue: UInt32(truncatingIfNeeded: pairs[ordinal])), port: port,
      at: UInt16(truncatingIfNeeded: pairs[ordinal] >> 32), mapping: -1)
  }

  /// Whether the filter of the external endpoint lets a remote endpoint in (RFC 4787, 5).
  func admits(
    _ target: Target, _ kind: UInt8, at external: IPv4Address, _ port: UInt16, from remote: IPv4Address,
    _ remotePort: UInt16
  )
    -> Bool
  {
    if target.owner == .forward || target.owner == .service { return true }
    switch configuration.settings.filtering {
    case .endpointIndependent: return true
    case .addressDependent: return contacts[contactKey(kind, external, port, remote)] != nil
    case .addressAndPortDependent:
      return sessions.find(
        Tuple(
          source: remote, destination: external, sourcePort: remotePort, destinationPort: port, port: 0, kind: kind))
        >= 0
    }
  }

  // MARK: Outbound

  /// The endpoint that a flow from inside goes out with: the one its own has (RFC 4787, REQ-1), or a new one.
  mutating func externalEndpoint(_ packet: Packet, on at: Int, to remoteAddress: IPv4Address, _ remotePort: UInt16)
    -> Result<ExternalEndpoint, Refusal>
  {
    let kind = packet.tupleKind
    let port = UInt16(at)
    let host = HostTable.key(port, packet.source)
    if configuration.settings.isOneToOne, at >= 2 {
      guard let ordinal = pair(of: host) else { return .failure(Refusal(.portsExhausted)) }
      return .success(ExternalEndpoint(address: mappings.addresses[ordinal], port: packet.sourcePort, mapping: -1))
    }
    // A forward's endpoint goes out with the forward's port: a static mapping works both ways.
    let common = mappings.find(kind, port: port, inside: packet.source, packet.sourcePort, remote: .any, 0)
    if common >= 0 { return .success(endpoint(common)) }
    if configuration.settings.overloads, at >= 2 {
      return overloaded(packet, host, to: remoteAddress, remotePort)
    }
    var keyAddress = IPv4Address.any
    var keyPort: UInt16 = 0
    switch configuration.settings.mapping {
    case .endpointIndependent: break
    case .addressDependent: keyAddress = remoteAddress
    case .addressAndPortDependent:
      keyAddress = remoteAddress
      keyPort = remotePort
    }
    if keyAddress != .any {
      let own = mappings.find(kind, port: port, inside: packet.source, packet.sourcePort, remote: keyAddress, keyPort)
      if own >= 0 { return .success(endpoint(own)) }
    }
    return newMapping(packet, host, on: at, keyAddress, keyPort)
  }

  private func endpoint(_ mapping: Int) -> ExternalEndpoint {
    let entry = mappings.entries[mapping]
    return ExternalEndpoint(address: entry.externalAddress, port: entry.externalPort, mapping: mapping)
  }

  private mutating func newMapping(
    _ packet: Packet, _ host: UInt64, on at: Int, _ keyAddress: IPv4Address, _ keyPort: UInt16
  ) -> Result<ExternalEndpoint, Refusal> {
    if at >= 2, let limit = configuration.limits.mappingsPerVM, Int(hosts[host].mappings) >= limit {
      return .failure(Refusal(.hostLimit))
    }
    mappings.releaseHeld(now: moment)
    let settings = configuration.settings
    // The host's own stack has one address and no blocks.
    let ordinal =
      at == 1
      ? 0
      : hosts.externalAddress(host, of: mappings.addresses.count, paired: settings.pooling == .paired)
    var block: ClosedRange<UInt16>?
    if at >= 2, settings.ports == .block {
      guard let own = portBlock(host, at: ordinal) else {
        hosts.forgetIfUnused(host)
        return .failure(Refusal(.portsExhausted))
      }
      block = own
    }
    let wish = MappingTable.Wish(
      kind: packet.tupleKind, address: ordinal, insideAddress: packet.source, insidePort: packet.sourcePort,
      port: UInt16(at))
    guard let externalPort = mappings.allocate(wish, settings, block: block) else {
      hosts.forgetIfUnused(host)
      return .failure(Refusal(.portsExhausted))
    }
    let number = mappings.insert(
      Mapping(
        insideAddress: packet.source, externalAddress: mappings.addresses[ordinal], remoteAddress: keyAddress,
        holders: 0, insidePort: packet.sourcePort, externalPort: externalPort, remotePort: keyPort, port: UInt16(at),
        kind: packet.tupleKind, owner: .flow))
    if at >= 2 { hosts.mapped(host) }
    return .success(endpoint(number))
  }

  /// The ports of a host's block: RFC 7422's layout, counted from the first port that isn't a well-known one.
  private mutating func portBlock(_ host: UInt64, at ordinal: Int) -> ClosedRange<UInt16>? {
    let allowed = configuration.settings.portRange
    let size = Int(max(configuration.settings.blockSize, 1))
    let first = allowed.contains(1024) ? 1024 : Int(allowed.lowerBound)
    let count = max((Int(allowed.upperBound) - first + 1) / size, 0)
    guard let block = hosts.block(host, at: ordinal, of: count) else { return nil }
    let start = first + block * size
    guard start + size - 1 <= 65535 else { return nil }
    return UInt16(start)...UInt16(start + size - 1)
  }

  /// The external address that an inside host has for itself; the first free one from its first packet on. The host's own
  /// goes to nobody who isn't named for it: it would take the host off the network.
  private mutating func pair(of host: UInt64) -> Int? {
    guard let ordinal = ordinal(for: host) else { return nil }
    pairs[ordinal] = host
    return ordinal
  }

  func ordinal(for host: UInt64) -> Int? { pairs.firstIndex(of: host) ?? pairs.dropFirst().firstIndex(of: 0) }

  /// A port whose use towards this remote end is free, as netfilter's `nf_nat_l4proto_unique_tuple`: the inside one, else a
  /// random one of its class; or at once a random one (`masquerade random`), the next, or one of the host's block.
  private mutating func overloaded(
    _ packet: Packet, _ host: UInt64, to remote: IPv4Address, _ remotePort: UInt16
  ) -> Result<ExternalEndpoint, Refusal> {
    let ordinal = hosts.externalAddress(
      host, of: mappings.addresses.count, paired: configuration.settings.pooling == .paired)
    let address = mappings.addresses[ordinal]
    let kind = packet.tupleKind
    func isFree(_ port: UInt16) -> Bool {
      let hit = sessions.find(
        Tuple(
          source: remote, destination: address, sourcePort: kind == Proto.icmp ? 0 : remotePort, destinationPort: port,
          port: 0, kind: Tuple.answer(kind)))
      return hit < 0
    }
    let settings = configuration.settings
    let hasPorts = kind == Proto.tcp || kind == Proto.udp || kind == Proto.icmp
    var range = hasPorts ? MappingTable.range(kind, packet.sourcePort, in: settings.portRange) : 0...0
    if hasPorts, settings.ports == .block {
      guard let own = portBlock(host, at: ordinal) else {
        hosts.forgetIfUnused(host)
        return .failure(Refusal(.portsExhausted))
      }
      range = own
    }
    if settings.ports == .preserve, range.contains(packet.sourcePort), isFree(packet.sourcePort) {
      return .success(ExternalEndpoint(address: address, port: packet.sourcePort, mapping: -1))
    }
    let parity = settings.parity && kind != Proto.icmp ? packet.sourcePort & 1 : nil
    let start: UInt16
    switch settings.ports {
    case .sequential:
      let isInside = range.contains(mappings.last) && mappings.last < range.upperBound
      start = isInside ? mappings.last + 1 : range.lowerBound
    case .block: start = range.lowerBound
    case .preserve, .random: start = range.lowerBound + UInt16(mappings.random.next(below: UInt64(range.count)))
    }
    // Looked through once: until an entry goes, it stays full.
    let search = FullRange(
      kind: kind, address: address, remote: remote, remotePort: remotePort, range: range.lowerBound, parity: parity)
    if fullRange == search, fullRangeRemovals == sessions.removals { return .failure(Refusal(.portsExhausted)) }
    var candidate = start
    for _ in 0..<range.count {
      if parity == nil || candidate & 1 == parity, isFree(candidate) {
        if settings.ports == .sequential { mappings.last = candidate }
        return .success(ExternalEndpoint(address: address, port: candidate, mapping: -1))
      }
      candidate = candidate == range.upperBound ? range.lowerBound : candidate + 1
    }
    fullRange = search
    fullRangeRemovals = sessions.removals
    hosts.forgetIfUnused(host)
    return .failure(Refusal(.portsExhausted))
  }

  // MARK: Whom an endpoint has sent to (address-dependent filtering)

  func contactKey(_ kind: UInt8, _ external: IPv4Address, _ externalPort: UInt16, _ remote: IPv4Address) -> UInt64 {
    let ordinal = UInt64(mappings.ordinal(external) ?? 0)
    return ordinal << 56 | UInt64(kind) << 48 | UInt64(externalPort) << 32 | UInt64(remote.rawValue)
  }

  mutating func addContact(_ number: Int) {
    guard configuration.settings.filtering == .addressDependent else { return }
    sessions.entries[number].flags.insert(.contact)
    countContact(sessions.entries[number], up: true)
  }

  mutating func countContact(_ session: Session, up: Bool) {
    if session.originalPort == 0 {
      count(
        contactKey(
          session.kind, session.originalDestination, session.originalDestinationPort, session.originalSource), up: up)
      return
    }
    count(
      contactKey(session.kind, session.replyDestination, session.replyDestinationPort, session.originalDestination),
      up: up)
    if session.flags.contains(.holdsTarget) {
      count(
        contactKey(
          session.kind, session.originalDestination, session.originalDestinationPort, session.originalDestination),
        up: up)
    }
  }

  private mutating func count(_ key: UInt64, up: Bool) {
    let value = contacts[key] ?? 0
    contacts[key] = up ? value + 1 : value > 1 ? value - 1 : nil
  }
}

/// Why a flow gets no external endpoint.
struct Refusal: Error {
  var reason: DropReason
  init(_ reason: DropReason) { self.reason = reason }
}

/// A range of ports that was found used up towards one remote end.
struct FullRange: Equatable {
  var kind: UInt8
  var address: IPv4Address
  var remote: IPv4Address
  var remotePort: UInt16
  var range: UInt16
  var parity: UInt16?
}
