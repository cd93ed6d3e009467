import WeftCore
import WeftWire

/// Inside endpoint ↔ external endpoint (RFC 4787, 4). Static for forwards and services; dynamic ones live as long
/// as a session retains them.
struct Mapping {
  enum Owner: UInt8, BitwiseCopyable, Codable { case flow, forward, service }

  var insideAddress: IPv4Address
  var externalAddress: IPv4Address
  /// Part of the key where mapping depends on it, else 0.
  var remoteAddress: IPv4Address
  /// Sessions that retain it.
  var users: UInt32 = 0
  var insidePort: UInt16
  var externalPort: UInt16
  var remotePort: UInt16
  /// That the inside endpoint is behind.
  var port: GatewayPort
  var kind: FlowKind
  var owner: Owner
  /// 0 in a free entry.
  var inUse: UInt8 = 1
  /// Whether it is the one that flows from its inside endpoint go out with.
  var outbound: UInt8 = 0
}

/// All mappings with what belongs to them: the external ports, the hosts behind them, one-to-one bindings, pinholes.
struct Mappings {
  private var entries: [Mapping] = []
  private var byInside = TagIndex()
  private var byExternal = TagIndex()
  private var free: [UInt32] = []
  var ports: Ports
  var hosts = HostTable()
  /// With profile linux: ports that the host has sent from. No mapping has them, and they are its own sockets' all the same.
  var hostPorts = HostPorts()
  /// One-to-one: the inside host (a `HostTable` key) of each external address; 0 for none.
  var bindings: [UInt64]
  /// With address-dependent filtering: how many sessions a mapping has with a remote address.
  private(set) var pinholes = FlatMap<UInt64, UInt32>()

  init(seed: UInt64, owner: String, addresses: [IPv4Address]) {
    ports = Ports(seed: seed, owner: owner, addresses: addresses)
    bindings = [UInt64](repeating: 0, count: addresses.count)
  }

  var count: Int { byExternal.count }
  /// The highest number there ever was, and one.
  var capacity: Int { entries.count }
  var footprint: Int {
    entries.capacity * MemoryLayout<Mapping>.stride + byInside.footprint + byExternal.footprint + free.capacity * 4
      + ports.taken.footprint
  }

  subscript(_ id: MappingID) -> Mapping { entries[id.index] }

  private static func insideHash(
    _ kind: FlowKind, _ port: GatewayPort, _ address: IPv4Address, _ insidePort: UInt16, _ remote: IPv4Address,
    _ remotePort: UInt16
  ) -> UInt64 {
    let addresses = UInt64(address.rawValue) << 32 | UInt64(remote.rawValue)
    let ports = UInt64(insidePort) << 48 | UInt64(remotePort) << 32 | UInt64(port.number) << 8 | UInt64(kind.rawValue)
    return mix64(mix64(addresses) ^ ports)
  }

  private static func externalHash(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) -> UInt64 {
    mix64(UInt64(address.rawValue) << 32 | UInt64(port) << 8 | UInt64(kind.rawValue))
  }

  private static func insideHash(_ mapping: Mapping) -> UInt64 {
    insideHash(
      mapping.kind, mapping.port, mapping.insideAddress, mapping.insidePort, mapping.remoteAddress, mapping.remotePort)
  }

  /// The mapping that owns an external endpoint.
  func find(_ kind: FlowKind, external address: IPv4Address, _ port: UInt16) -> MappingID? {
    byExternal.find(Self.externalHash(kind, address, port)) {
      entries[$0].externalPort == port && entries[$0].externalAddress == address && entries[$0].kind == kind
    }.map { MappingID($0) }
  }

  /// The mapping that flows from an inside endpoint go out with.
  func find(
    _ kind: FlowKind, on port: GatewayPort, inside address: IPv4Address, _ insidePort: UInt16, remote: IPv4Address,
    _ remotePort: UInt16
  ) -> MappingID? {
    byInside.find(Self.insideHash(kind, port, address, insidePort, remote, remotePort)) {
      let entry = entries[$0]
      return entry.insideAddress == address && entry.insidePort == insidePort && entry.port == port
        && entry.kind == kind && entry.remoteAddress == remote && entry.remotePort == remotePort
    }.map { MappingID($0) }
  }

  /// Whether a mapping is that of the inside endpoint which this tuple comes from.
  func isInside(_ id: MappingID, _ tuple: Tuple) -> Bool {
    let entry = self[id]
    return entry.insideAddress == tuple.source && entry.insidePort == tuple.sourcePort
      && entry.port == tuple.port && entry.kind == tuple.kind
  }

  /// Precondition: its external endpoint is free.
  @discardableResult
  mutating func insert(_ mapping: Mapping) -> MappingID {
    var mapping = mapping
    // The first of several forwards to one endpoint is the one it goes out with.
    let isFirst =
      find(
        mapping.kind, on: mapping.port, inside: mapping.insideAddress, mapping.insidePort,
        remote: mapping.remoteAddress, mapping.remotePort) == nil
    mapping.outbound = isFirst ? 1 : 0
    return restore(mapping)
  }

  @discardableResult
  mutating func restore(_ mapping: Mapping) -> MappingID {
    let number: Int
    if let reused = free.popLast() {
      number = Int(reused)
      entries[number] = mapping
    } else {
      number = entries.count
      if number == entries.capacity { entries.reserveCapacity(max(4, number * 2)) }
      entries.append(mapping)
    }
    byExternal.insert(Self.externalHash(mapping.kind, mapping.externalAddress, mapping.externalPort), number)
    if mapping.outbound != 0 { byInside.insert(Self.insideHash(mapping), number) }
    ports.take(mapping.kind, mapping.externalAddress, mapping.externalPort)
    return MappingID(number)
  }

  /// With `heldUntil` its external port stays taken until then.
  mutating func remove(_ id: MappingID, heldUntil: Instant? = nil) {
    let mapping = self[id]
    byExternal.remove(Self.externalHash(mapping.kind, mapping.externalAddress, mapping.externalPort), id.index)
    if mapping.outbound != 0 { byInside.remove(Self.insideHash(mapping), id.index) }
    if let heldUntil {
      ports.held.add(
        HoldDown.Held(
          until: heldUntil, kind: mapping.kind, externalAddress: mapping.externalAddress,
          externalPort: mapping.externalPort, insideAddress: mapping.insideAddress, insidePort: mapping.insidePort,
          port: mapping.port))
    } else {
      ports.give(mapping.kind, mapping.externalAddress, mapping.externalPort)
    }
    entries[id.index].inUse = 0
    free.append(UInt32(id.index))
  }

  /// A session that uses it began.
  mutating func retain(_ id: MappingID) { entries[id.index].users += 1 }

  /// A session that used it ended; true where that was the last of a dynamic one, which is now to be removed.
  mutating func release(_ id: MappingID) -> Bool {
    entries[id.index].users -= 1
    return self[id].users == 0 && self[id].owner == .flow
  }

  /// By external endpoint, which is unique: an order that owes nothing to history.
  var inOrder: [MappingID] {
    entries.indices.filter { entries[$0].inUse != 0 }.sorted {
      let (a, b) = (entries[$0], entries[$1])
      return (a.kind.rawValue, a.externalAddress, a.externalPort) < (b.kind.rawValue, b.externalAddress, b.externalPort)
    }.map { MappingID($0) }
  }

  // MARK: Pinholes: whom an endpoint has sent to

  private func pinhole(_ kind: FlowKind, _ external: IPv4Address, _ port: UInt16, _ remote: IPv4Address) -> UInt64 {
    let ordinal = UInt64(ports.ordinal(external) ?? 0)
    return ordinal << 56 | UInt64(kind.rawValue) << 48 | UInt64(port) << 32 | UInt64(remote.rawValue)
  }

  /// Whether an external endpoint has a session with a remote address.
  func hasPinhole(_ kind: FlowKind, _ external: IPv4Address, _ port: UInt16, for remote: IPv4Address) -> Bool {
    pinholes[pinhole(kind, external, port, remote)] != nil
  }

  /// Counts a session in, or out, at the endpoints that it opens.
  mutating func countPinholes(of session: Session, opens: Bool) {
    if session.originalPort == .outside {
      count(
        pinhole(
          session.kind, session.originalDestination, session.originalDestinationPort, session.originalSource), opens)
      return
    }
    count(
      pinhole(session.kind, session.replyDestination, session.replyDestinationPort, session.originalDestination), opens)
    if session.flags.contains(.retainsTarget) {
      count(
        pinhole(
          session.kind, session.originalDestination, session.originalDestinationPort, session.originalDestination),
        opens)
    }
  }

  private mutating func count(_ key: UInt64, _ opens: Bool) {
    let value = pinholes[key] ?? 0
    pinholes[key] = opens ? value + 1 : value > 1 ? value - 1 : nil
  }
}
