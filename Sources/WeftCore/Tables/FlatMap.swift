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

/// A hash table with open addressing and linear probing, for lookups per packet: one contiguous block, no hashing seed,
/// no tombstones (removal shifts back). Empty ones own no memory. Order of iteration is not part of anything: sort first.
public struct FlatMap<Key: FlatKey, Value: Codable>: Codable {
  @usableFromInline
  struct Slot {
    @usableFromInline var key: Key
    @usableFromInline var value: Value
    /// 0 in a free slot, whose key and value are not initialized; else the hash's low half with its top bit set, which
    /// spares most comparisons of unequal keys and all hashing when slots move.
    @usableFromInline var tag: UInt32

    @inlinable init(key: Key, value: Value, tag: UInt32) {
      self.key = key
      self.value = value
      self.tag = tag
    }
  }

  /// Owns the block; shared by copies of the map until one of them changes.
  @usableFromInline
  final class Storage {
    @usableFromInline let slots: UnsafeMutablePointer<Slot>
    @usableFromInline let capacity: Int

    @inlinable init(capacity: Int) {
      slots = .allocate(capacity: capacity)
      self.capacity = capacity
      for index in 0..<capacity { slots[index].tag = 0 }
    }

    @inlinable deinit {
      if !_isPOD(Slot.self) {
        for index in 0..<capacity where slots[index].tag != 0 { (slots + index).deinitialize(count: 1) }
      }
      slots.deallocate()
    }
  }

  @usableFromInline var storage: Storage?
  /// The storage's slots, here to spare lookups a step. Undefined while `storage` is nil, and then never looked at.
  @usableFromInline var slots: UnsafeMutablePointer<Slot>
  @usableFromInline var mask: Int
  @usableFromInline var used = 0

  @inlinable public init() {
    storage = nil
    slots = UnsafeMutablePointer(bitPattern: MemoryLayout<Slot>.alignment).unsafelyUnwrapped
    mask = -1
  }

  @inlinable public var count: Int { used }
  @inlinable public var isEmpty: Bool { used == 0 }

  @inlinable @inline(__always)
  static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash) | 0x8000_0000 }

  /// The slot that holds the key, or -1.
  @inlinable @inline(__always)
  func find(_ key: Key) -> Int {
    if used == 0 { return -1 }
    let tag = Self.tag(key.flatHash)
    var index = Int(tag) & mask
    while true {
      let found = slots[index].tag
      if found == tag, slots[index].key == key { return index }
      if found == 0 { return -1 }
      index = (index &+ 1) & mask
    }
  }

  @inlinable public subscript(key: Key) -> Value? {
    @inline(__always) get {
      withExtendedLifetime(storage) {
        let index = find(key)
        return index < 0 ? nil : slots[index].value
      }
    }
    set {
      if let newValue { insert(key, newValue) } else { remove(key) }
    }
  }

  /// Changes the value in place; nil where there is none.
  @discardableResult
  @inlinable public mutating func update<R>(_ key: Key, _ body: (inout Value) -> R) -> R? {
    let index = find(key)
    guard index >= 0 else { return nil }
    makeUnique()
    return body(&slots[index].value)
  }

  @inlinable public mutating func insert(_ key: Key, _ value: Value) {
    // At most three quarters full.
    if (used &+ 1) &* 4 > (mask &+ 1) &* 3 { move(toCapacity: max(8, (mask &+ 1) &* 2)) } else { makeUnique() }
    let tag = Self.tag(key.flatHash)
    var index = Int(tag) & mask
    while slots[index].tag != 0 {
      if slots[index].tag == tag, slots[index].key == key {
        slots[index].value = value
        return
      }
      index = (index &+ 1) & mask
    }
    (slots + index).initialize(to: Slot(key: key, value: value, tag: tag))
    used &+= 1
  }

  @discardableResult
  @inlinable public mutating func remove(_ key: Key) -> Value? {
    var hole = find(key)
    guard hole >= 0 else { return nil }
    makeUnique()
    let removed = (slots + hole).move().value
    var index = hole
    // Shift back what its probe sequence would no longer reach (Knuth 6.4, algorithm R).
    while true {
      index = (index &+ 1) & mask
      let tag = slots[index].tag
      if tag == 0 { break }
      if (index &- Int(tag)) & mask >= (index &- hole) & mask {
        (slots + hole).moveInitialize(from: slots + index, count: 1)
        hole = index
      }
    }
    slots[hole].tag = 0
    used &-= 1
    return removed
  }

  @inlinable public mutating func removeAll() { self = FlatMap() }

  /// Makes room for this many entries in all, so that inserting them moves nothing.
  @inlinable public mutating func reserveCapacity(_ count: Int) {
    var capacity = 8
    while count > capacity / 4 * 3 { capacity *= 2 }
    if capacity > mask &+ 1 { move(toCapacity: capacity) }
  }

  @inlinable @inline(__always)
  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage), storage != nil { copySlots() }
  }

  /// A block of its own with every slot where it was: whoever has found a key before still knows its place.
  @inlinable @inline(never)
  mutating func copySlots() {
    let new = Storage(capacity: mask &+ 1)
    for index in 0..<(mask &+ 1) where slots[index].tag != 0 {
      (new.slots + index).initialize(to: slots[index])
    }
    slots = new.slots
    storage = new
  }

  /// To a block of its own. Moves the slots where this map alone owned them, else copies.
  @inlinable @inline(never)
  mutating func move(toCapacity capacity: Int) {
    let unique = isKnownUniquelyReferenced(&storage)
    let new = Storage(capacity: capacity)
    let newMask = capacity &- 1
    for old in 0..<(mask &+ 1) where slots[old].tag != 0 {
      var index = Int(slots[old].tag) & newMask
      while new.slots[index].tag != 0 { index = (index &+ 1) & newMask }
      if unique {
        (new.slots + index).moveInitialize(from: slots + old, count: 1)
        slots[old].tag = 0
      } else {
        (new.slots + index).initialize(to: slots[old])
      }
    }
    slots = new.slots
    mask = newMask
    storage = new
  }

  /// All entries in no order.
  public var unordered: [(key: Key, value: Value)] {
    withExtendedLifetime(storage) {
      var entries: [(key: Key, value: Value)] = []
      entries.reserveCapacity(used)
      for index in 0..<(mask &+ 1) where slots[index].tag != 0 {
        entries.append((slots[index].key, slots[index].value))
      }
      return entries
    }
  }

  private enum CodingKeys: CodingKey { case keys, values }

  /// In the order of the hashes: maps of the same content give the same bytes, whatever their history.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let entries = unordered.map { (hash: $0.key.flatHash, entry: $0) }.sorted { $0.hash < $1.hash }
    try container.encode(entries.map(\.entry.key), forKey: .keys)
    try container.encode(entries.map(\.entry.value), forKey: .values)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let keys = try container.decode([Key].self, forKey: .keys)
    let values = try container.decode([Value].self, forKey: .values)
    guard keys.count == values.count else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "keys without values"))
    }
    self.init()
    guard !keys.isEmpty else { return }
    reserveCapacity(keys.count)
    for (key, value) in zip(keys, values) { insert(key, value) }
  }
}

// The block behind the pointer is changed only by a map that is its one owner.
extension FlatMap: @unchecked Sendable where Key: Sendable, Value: Sendable {}
