/// A key of a flat map: plain data that spreads itself over 64 bits.
public protocol FlatKey: Equatable, Codable {
  /// A well-mixed hash, the same in every process.
  var flatHash: UInt64 { get }
}

@inlinable @inline(__always)
public func mix64(_ value: UInt64) -> UInt64 {
  // Two rounds of multiply and fold: enough for linear probing, a fifth of SipHash's time.
  let wide = (value ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
  return wide.high ^ wide.low
}

extension UInt64: FlatKey {
  @inlinable public var flatHash: UInt64 { mix64(self) }
}

extension UInt32: FlatKey {
  @inlinable public var flatHash: UInt64 { mix64(UInt64(self)) }
}

/// A hash table with open addressing and linear probing, for lookups per packet: one contiguous array, no hashing seed,
/// no tombstones (removal shifts back). Empty ones own no memory. Order of iteration is not part of anything: sort first.
public struct FlatMap<Key: FlatKey, Value: Codable>: Codable {
  @usableFromInline
  struct Slot {
    @usableFromInline var key: Key
    @usableFromInline var value: Value

    @inlinable init(key: Key, value: Value) {
      self.key = key
      self.value = value
    }
  }

  @usableFromInline var slots: [Slot?] = []
  @usableFromInline var used = 0

  @inlinable public init() {}

  @inlinable public var count: Int { used }
  @inlinable public var isEmpty: Bool { used == 0 }

  /// The slot that holds the key, or -1.
  @inlinable @inline(__always)
  func find(_ key: Key) -> Int {
    if used == 0 { return -1 }
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: key.flatHash) & mask
    while let slot = slots[index] {
      if slot.key == key { return index }
      index = (index &+ 1) & mask
    }
    return -1
  }

  @inlinable public subscript(key: Key) -> Value? {
    @inline(__always) get {
      let index = find(key)
      return index < 0 ? nil : slots[index].unsafelyUnwrapped.value
    }
    set {
      if let newValue { insert(key, newValue) } else { remove(key) }
    }
  }

  /// Changes the value in place; nil where there is none.
  @inlinable public mutating func update<R>(_ key: Key, _ body: (inout Value) -> R) -> R? {
    let index = find(key)
    guard index >= 0 else { return nil }
    return body(&slots[index].unsafelyUnwrappedInPlace.value)
  }

  @inlinable public mutating func insert(_ key: Key, _ value: Value) {
    // At most three quarters full.
    if (used &+ 1) &* 4 > slots.count &* 3 { grow() }
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: key.flatHash) & mask
    while let slot = slots[index] {
      if slot.key == key {
        slots[index] = Slot(key: key, value: value)
        return
      }
      index = (index &+ 1) & mask
    }
    slots[index] = Slot(key: key, value: value)
    used &+= 1
  }

  @discardableResult
  @inlinable public mutating func remove(_ key: Key) -> Value? {
    var hole = find(key)
    guard hole >= 0 else { return nil }
    let removed = slots[hole].unsafelyUnwrapped.value
    let mask = slots.count &- 1
    var index = hole
    // Shift back what its probe sequence would no longer reach (Knuth 6.4, algorithm R).
    while true {
      index = (index &+ 1) & mask
      guard let slot = slots[index] else { break }
      let home = Int(truncatingIfNeeded: slot.key.flatHash) & mask
      if (index &- home) & mask >= (index &- hole) & mask {
        slots[hole] = slot
        hole = index
      }
    }
    slots[hole] = nil
    used &-= 1
    return removed
  }

  @inlinable public mutating func removeAll() { self = FlatMap() }

  @usableFromInline mutating func grow() {
    let old = slots
    slots = [Slot?](repeating: nil, count: max(8, old.count * 2))
    used = 0
    for case let slot? in old { insert(slot.key, slot.value) }
  }

  /// All entries in no order.
  public var unordered: [(key: Key, value: Value)] {
    slots.compactMap { slot in slot.map { ($0.key, $0.value) } }
  }

  private enum CodingKeys: CodingKey { case keys, values }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(unordered.map(\.key), forKey: .keys)
    try container.encode(unordered.map(\.value), forKey: .values)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let keys = try container.decode([Key].self, forKey: .keys)
    let values = try container.decode([Value].self, forKey: .values)
    guard keys.count == values.count else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "keys without values"))
    }
    for (key, value) in zip(keys, values) { insert(key, value) }
  }
}

extension FlatMap: Sendable where Key: Sendable, Value: Sendable {}
extension FlatMap.Slot: Sendable where Key: Sendable, Value: Sendable {}

extension Optional {
  /// For the mutation of a payload known to be there.
  @inlinable var unsafelyUnwrappedInPlace: Wrapped {
    get { unsafelyUnwrapped }
    _modify {
      var value = self.unsafelyUnwrapped
      self = nil
      defer { self = value }
      yield &value
    }
  }
}
