import WeftCore
import WeftSettings
import WeftWire

/// Which port each MAC address was last seen on, in each VLAN by itself (IEEE 802.1Q-2018, 8.8); where there are none, all is in
/// VLAN 0.
///
/// Age is looked at on use, so that a quiet switch has no timers; entries past their time make room when it is needed.
public struct ForwardingDatabase: Codable {
  struct Entry: Codable, BitwiseCopyable {
    var port: PortIndex
    var seen: Instant
  }

  /// What learning an address came to.
  public enum Learning: Sendable {
    case known, added, full
    case moved(from: PortIndex)
  }

  public let settings: FDBSettings
  private var entries = FlatMap<UInt64, Entry>()
  /// When a full table was last swept: once a second at most, so that a flood of forged addresses can't cost a sweep each.
  private var swept: Instant?
  /// Entries of each port; kept only where they are limited.
  private var perPort: [Int] = []

  /// The settings', or while the topology of an old spanning tree changes, less.
  private var ageing: Nanoseconds

  public init(_ settings: FDBSettings) {
    self.settings = settings
    ageing = settings.ageing
  }

  private var limit: Int { settings.limit }

  /// Of a decoded one: that its entries are few enough and name ports of the switch.
  func fits(ports: Int) -> Bool {
    limit >= 0 && entries.count <= limit && entries.unordered.allSatisfy { $0.value.port.index < ports } && hasCounted
  }

  private var hasCounted: Bool {
    guard settings.limitPerPort != nil else { return perPort.isEmpty }
    var counts = [Int](repeating: 0, count: perPort.count)
    for (_, entry) in entries.unordered {
      guard counts.indices.contains(entry.port.index) else { return false }
      counts[entry.port.index] += 1
    }
    return counts == perPort
  }

  /// Entries held, those past their time included until they make room.
  public var count: Int { entries.count }

  @inline(__always)
  private static func key(_ address: MACAddress, _ vlan: UInt16) -> UInt64 { address.rawValue | UInt64(vlan) << 48 }

  @inline(__always)
  public func port(of address: MACAddress, in vlan: UInt16 = 0, now: Instant) -> PortIndex? {
    guard let entry = entries[Self.key(address, vlan)], now <= entry.seen + ageing else { return nil }
    return entry.port
  }

  @inline(__always)
  public mutating func learn(_ address: MACAddress, in vlan: UInt16 = 0, on port: PortIndex, now: Instant) -> Learning {
    let ageing = ageing
    let key = Self.key(address, vlan)
    let known = entries.update(key) { entry -> Learning in
      let fresh = now <= entry.seen + ageing
      entry.seen = now
      if entry.port == port { return .known }
      let before = entry.port
      entry.port = port
      return fresh ? .moved(from: before) : .added
    }
    return known ?? add(key, on: port, now: now)
  }

  private mutating func add(_ key: UInt64, on port: PortIndex, now: Instant) -> Learning {
    if entries.count >= limit {
      sweep(now: now)
      if entries.count >= limit { return .full }
    }
    entries.insert(key, Entry(port: port, seen: now))
    return .added
  }

  private mutating func sweep(now: Instant) {
    guard swept.map({ now >= $0 + .seconds(1) }) ?? true else { return }
    swept = now
    for (key, entry) in entries.unordered where now > entry.seen + ageing {
      entries.remove(key)
      if !perPort.isEmpty { perPort[entry.port.index] -= 1 }
    }
  }

  /// The same where each port has only so many: one that has them all neither gets another nor takes one over.
  @inline(never)
  mutating func learnCounted(_ address: MACAddress, in vlan: UInt16 = 0, on port: PortIndex, now: Instant) -> Learning {
    guard let most = settings.limitPerPort else { return learn(address, in: vlan, on: port, now: now) }
    let key = Self.key(address, vlan)
    if let entry = entries[key], entry.port == port {
      entries.update(key) { $0.seen = now }
      return .known
    }
    while perPort.count <= port.index { perPort.append(0) }
    if perPort[port.index] >= most { sweep(now: now) }
    guard perPort[port.index] < most else { return .full }
    if let entry = entries[key] {
      entries.update(key) { $0 = Entry(port: port, seen: now) }
      perPort[entry.port.index] -= 1
      perPort[port.index] += 1
      return now <= entry.seen + ageing ? .moved(from: entry.port) : .added
    }
    guard case .added = add(key, on: port, now: now) else { return .full }
    perPort[port.index] += 1
    return .added
  }

  /// Forgets what was learnt on a port whose cable was pulled.
  public mutating func flush(_ port: PortIndex) {
    for (key, entry) in entries.unordered where entry.port == port { entries.remove(key) }
    if perPort.indices.contains(port.index) { perPort[port.index] = 0 }
  }

  /// What is older than this is forgotten now, and from now on; nil: as the settings have it again.
  mutating func age(faster limit: Nanoseconds?, now: Instant) {
    ageing = min(limit ?? settings.ageing, settings.ageing)
    guard limit != nil else { return }
    for (key, entry) in entries.unordered where now > entry.seen + ageing {
      entries.remove(key)
      if perPort.indices.contains(entry.port.index) { perPort[entry.port.index] -= 1 }
    }
  }

  /// What `bridge fdb show` lists: the living entries by address.
  public func table(now: Instant) -> [ForwardingEntry] {
    entries.unordered.filter { now <= $0.value.seen + ageing }
      .map { key, entry in
        ForwardingEntry(
          address: MACAddress(rawValue: key & 0xffff_ffff_ffff), vlan: UInt16(key >> 48), port: entry.port, age: now - entry.seen)
      }
      .sorted { ($0.vlan, $0.address) < ($1.vlan, $1.address) }
  }
}

/// Where an address was seen last, and how long ago.
public struct ForwardingEntry: Fact, Hashable {
  public static let table = "forwarding-database"
  public var address: MACAddress
  /// 0 where the switch has no VLANs.
  public var vlan: UInt16
  public var port: PortIndex
  public var age: Nanoseconds

  public var key: String { vlan == 0 ? address.description : "\(address) vlan \(vlan)" }
  public var fields: [FactField] { [FactField("port", port.index), FactField("age", age)] }
}
