/// An index into a table of entries: open addressing with linear probing over eight-byte slots, half of each the hash
/// and half the entry's reference, so that a probe touches the entry only when 32 bits of the hash agree.
struct TagIndex {
  /// Hash in the high half; reference + 1 in the low one, 0 for an empty slot.
  private var slots: [UInt64] = []
  private(set) var count = 0

  var footprint: Int { slots.capacity * 8 }

  @inline(__always)
  private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

  /// The reference that has this hash and that `matches` says yes to.
  @inline(__always)
  func find(_ hash: UInt64, _ matches: (Int) -> Bool) -> Int? {
    if count == 0 { return nil }
    let mask = slots.count &- 1
    let tag = Self.tag(hash)
    var position = Int(tag) & mask
    while true {
      let slot = slots[position]
      if slot == 0 { return nil }
      if UInt32(truncatingIfNeeded: slot >> 32) == tag {
        let reference = Int(truncatingIfNeeded: slot & 0xffff_ffff) &- 1
        if matches(reference) { return reference }
      }
      position = (position &+ 1) & mask
    }
  }

  /// Precondition: no equal entry is in.
  mutating func insert(_ hash: UInt64, _ reference: Int) {
    // At most three quarters full.
    if (count + 1) * 4 > slots.count * 3 { grow() }
    put(UInt64(Self.tag(hash)) << 32 | UInt64(reference + 1))
    count += 1
  }

  private mutating func put(_ slot: UInt64) {
    let mask = slots.count &- 1
    var position = Int(slot >> 32) & mask
    while slots[position] != 0 { position = (position &+ 1) & mask }
    slots[position] = slot
  }

  mutating func remove(_ hash: UInt64, _ reference: Int) {
    guard count > 0 else { return }
    let mask = slots.count &- 1
    let wanted = UInt64(Self.tag(hash)) << 32 | UInt64(reference + 1)
    var hole = Int(Self.tag(hash)) & mask
    while slots[hole] != wanted {
      if slots[hole] == 0 { return }
      hole = (hole &+ 1) & mask
    }
    var position = hole
    // Shift back what its probe sequence would no longer reach (Knuth 6.4, algorithm R).
    while true {
      position = (position &+ 1) & mask
      let slot = slots[position]
      if slot == 0 { break }
      let home = Int(slot >> 32) & mask
      if (position &- home) & mask >= (position &- hole) & mask {
        slots[hole] = slot
        hole = position
      }
    }
    slots[hole] = 0
    count -= 1
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: max(8, old.count * 2))
    for slot in old where slot != 0 { put(slot) }
  }
}
