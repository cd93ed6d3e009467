import WeftCore
import WeftSettings
import WeftWire

/// Which port each MAC address was last seen on (IEEE 802.1Q-2018, 8.8).
///
/// Age is looked at on use, so that a quiet switch has no timers; entries past their time make room when it is needed.
public struct ForwardingDatabase: Codable {
  struct Entry: Codable, BitwiseCopyable {
    var port: PortIndex
    var seen: Instant
  }

  /// What learning an address came to.
  public enum Learning: Sendable {
    case known, added, moved, full
  }

  public let settings: FDBSettings
  private var entries = FlatMap<UInt64, Entry>()
  /// When a full table was last swept: once a second at most, so that a flood of forged addresses can't cost a sweep each.
  private var swept: Instant?
  /// Entries of each port; kept only where they are limited.
  private var perPort: [Int] = []

  public init(_ settings: FDBSettings) { self.settings = settings }

  private var limit: Int { settings.limit }
  private var ageing: Nanoseconds { settings.ageing }

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
  public func port(of address: MACAddress, now: Instant) -> PortIndex? {
    guard let entry = entries[address.rawValue], now <= entry.seen + ageing else { return nil }
    return entry.port
  }

  @inline(__always)
  public mutating func learn(_ address: MACAddress, on port: PortIndex, now: Instant) -> Learning {
    let ageing = ageing
    let known = entries.update(address.rawValue) { entry -> Learning in
      let fresh = now <= entry.seen + ageing
      entry.seen = now
      if entry.port == port { return .known }
      entry.port = port
      return fresh ? .moved : .added
    }
    return known ?? add(address, on: port, now: now)
  }

  private mutating func add(_ address: MACAddress, on port: PortIndex, now: Instant) -> Learning {
    if entries.count >= limit {
      sweep(now: now)
      if entries.count >= limit { return .full }
    }
    entries.insert(address.rawValue, Entry(port: port, seen: now))
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
  mutating func learnCounted(_ address: MACAddress, on port: PortIndex, now: Instant) -> Learning {
    guard let most = settings.limitPerPort else { return learn(address, on: port, now: now) }
    if let entry = entries[address.rawValue], entry.port == port {
      entries.update(address.rawValue) { $0.seen = now }
      return .known
    }
    while perPort.count <= port.index { perPort.append(0) }
    if perPort[port.index] >= most { sweep(now: now) }
    guard perPort[port.index] < most else { return .full }
    if let entry = entries[address.rawValue] {
      entries.update(address.rawValue) { $0 = Entry(port: port, seen: now) }
      perPort[entry.port.index] -= 1
      perPort[port.index] += 1
      return now <= entry.seen + ageing ? .moved : .added
    }
    guard case .added = add(address, on: port, now: now) else { return .full }
    perPort[port.index] += 1
    return .added
  }

  /// Forgets what was learnt on a port whose cable was pulled.
  public mutating func flush(_ port: PortIndex) {
    for (key, entry) in entries.unordered where entry.port == port { entries.remove(key) }
    if perPort.indices.contains(port.index) { perPort[port.index] = 0 }
  }

  /// What `bridge fdb show` lists: the living entries by address.
  public func table(now: Instant) -> [ForwardingEntry] {
    entries.unordered.filter { now <= $0.value.seen + ageing }
      .map { ForwardingEntry(address: MACAddress(rawValue: $0.key), port: $0.value.port, age: now - $0.value.seen) }
      .sorted { $0.address < $1.address }
  }
}

/// Where an address was seen last, and how long ago.
public struct ForwardingEntry: Fact, Hashable {
  public static let table = "forwarding-database"
  public var address: MACAddress
  public var port: PortIndex
  public var age: Nanoseconds

  public var key: String { address.description }
  public var fields: [FactField] { [FactField("port", port.index), FactField("age", age)] }
}
