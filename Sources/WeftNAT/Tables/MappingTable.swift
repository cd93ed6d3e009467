import WeftCore
import WeftWire

/// Inside endpoint ↔ external endpoint (RFC 4787, 4). Static for forwards and services; dynamic ones live as long
/// as a session holds them.
struct Mapping {
  enum Owner: UInt8, BitwiseCopyable, Codable { case flow, forward, service }

  var insideAddress: IPv4Address
  var externalAddress: IPv4Address
  /// Part of the key where mapping depends on it, else 0.
  var remoteAddress: IPv4Address
  var holders: UInt32
  var insidePort: UInt16
  var externalPort: UInt16
  var remotePort: UInt16
  /// The gateway's port that the inside endpoint is behind.
  var port: UInt16
  var kind: UInt8
  var owner: Owner
  /// 0 in a free entry.
  var inUse: UInt8 = 1
  /// Whether it is the one that flows from its inside endpoint go out with.
  var outbound: UInt8 = 0
}

struct MappingTable {
  var entries: [Mapping] = []
  private var byInside = TagIndex()
  private var byExternal = TagIndex()
  private var free: [UInt32] = []
  let addresses: [IPv4Address]
  var taken: PortBitmap
  var held = HoldDown()
  var random: RandomStream
  /// The last port that sequential allocation gave, over all of the gateway.
  var last: UInt16 = 0

  init(seed: UInt64, owner: String, addresses: [IPv4Address]) {
    random = RandomStream(seed: seed, owner: owner, purpose: "nat-ports")
    self.addresses = addresses
    taken = PortBitmap(addresses: addresses.count)
  }

  var count: Int { byExternal.count }
  var footprint: Int {
    entries.capacity * MemoryLayout<Mapping>.stride + byInside.footprint + byExternal.footprint + free.capacity * 4
      + taken.footprint
  }

  private static func insideHash(
    _ kind: UInt8, _ port: UInt16, _ address: IPv4Address, _ insidePort: UInt16, _ remote: IPv4Address,
    _ remotePort: UInt16
  ) -> UInt64 {
    let addresses = UInt64(address.rawValue) << 32 | UInt64(remote.rawValue)
    let ports = UInt64(insidePort) << 48 | UInt64(remotePort) << 32 | UInt64(port) << 8 | UInt64(kind)
    return mix64(mix64(addresses) ^ ports)
  }

  private static func externalHash(_ kind: UInt8, _ address: IPv4Address, _ port: UInt16) -> UInt64 {
    mix64(UInt64(address.rawValue) << 32 | UInt64(port) << 8 | UInt64(kind))
  }

  private static func insideHash(_ mapping: Mapping) -> UInt64 {
    insideHash(
      mapping.kind, mapping.port, mapping.insideAddress, mapping.insidePort, mapping.remoteAddress, mapping.remotePort)
  }

  /// The mapping that owns an external endpoint; -1 for none.
  func find(_ kind: UInt8, external address: IPv4Address, _ port: UInt16) -> Int {
    byExternal.find(Self.externalHash(kind, address, port)) {
      entries[$0].externalPort == port && entries[$0].externalAddress == address && entries[$0].kind == kind
    }
  }

  /// The mapping that flows from an inside endpoint go out with; -1 for none.
  func find(
    _ kind: UInt8, port: UInt16, inside address: IPv4Address, _ insidePort: UInt16, remote: IPv4Address,
    _ remotePort: UInt16
  ) -> Int {
    byInside.find(Self.insideHash(kind, port, address, insidePort, remote, remotePort)) {
      let entry = entries[$0]
      return entry.insideAddress == address && entry.insidePort == insidePort && entry.port == port
        && entry.kind == kind
        && entry.remoteAddress == remote && entry.remotePort == remotePort
    }
  }

  /// Whether a mapping is that of the inside endpoint which this tuple comes from.
  func isInside(_ number: Int, _ tuple: Tuple) -> Bool {
    let entry = entries[number]
    return entry.insideAddress == tuple.source && entry.insidePort == tuple.sourcePort
      && entry.port == tuple.port && entry.kind == tuple.kind
  }

  /// Precondition: its external endpoint is free.
  mutating func insert(_ mapping: Mapping) -> Int {
    var mapping = mapping
    // The first of several forwards to one endpoint is the one it goes out with.
    let isFirst =
      find(
        mapping.kind, port: mapping.port, inside: mapping.insideAddress, mapping.insidePort,
        remote: mapping.remoteAddress,
        mapping.remotePort) < 0
    mapping.outbound = isFirst ? 1 : 0
    return restore(mapping)
  }

  mutating func restore(_ mapping: Mapping) -> Int {
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
    if let address = ordinal(mapping.externalAddress) { taken.take(mapping.kind, address, mapping.externalPort) }
    return number
  }

  /// With `heldUntil` its external port stays taken until then.
  mutating func remove(_ number: Int, heldUntil: Instant? = nil) {
    let mapping = entries[number]
    byExternal.remove(Self.externalHash(mapping.kind, mapping.externalAddress, mapping.externalPort), number)
    if mapping.outbound != 0 { byInside.remove(Self.insideHash(mapping), number) }
    if let heldUntil {
      held.add(
        HoldDown.Held(
          until: heldUntil, kind: mapping.kind, externalAddress: mapping.externalAddress,
          externalPort: mapping.externalPort, insideAddress: mapping.insideAddress, insidePort: mapping.insidePort,
          port: mapping.port))
    } else if let address = ordinal(mapping.externalAddress) {
      taken.give(mapping.kind, address, mapping.externalPort)
    }
    entries[number].inUse = 0
    free.append(UInt32(number))
  }

  /// A session that holds it began.
  mutating func hold(_ number: Int) { entries[number].holders += 1 }

  /// A session that held it ended; true where that was the last of a dynamic one, which is now to be removed.
  mutating func release(_ number: Int) -> Bool {
    entries[number].holders -= 1
    return entries[number].holders == 0 && entries[number].owner == .flow
  }

  func ordinal(_ address: IPv4Address) -> Int? {
    if addresses[0] == address { return 0 }
    return addresses.firstIndex(of: address)
  }

  /// Numbers by external endpoint, which is unique: an order that owes nothing to history.
  var inOrder: [Int] {
    entries.indices.filter { entries[$0].inUse != 0 }.sorted {
      let (a, b) = (entries[$0], entries[$1])
      return (a.kind, a.externalAddress, a.externalPort) < (b.kind, b.externalAddress, b.externalPort)
    }
  }
}
