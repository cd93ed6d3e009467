/// An index into a table of entries: open addressing with linear probing over eight-byte slots, half of each the hash
/// and half the entry's reference, so that a probe touches the entry only when 32 bits of the hash agree.
struct TagIndex {
  /// Hash in the high half; reference + 1 in the low one, 0 for an empty slot.
  private var slots = EntryTable<UInt64>()
  private(set) var count = 0

  var footprint: Int { slots.footprint }

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
    slots = EntryTable(zeroed: max(8, old.count * 2))
    for position in old.indices where old[position] != 0 { put(old[position]) }
  }

  // MARK: What will be looked for soon

  /// The slot where a search for this hash begins.
  @inline(__always)
  func prefetch(_ hash: UInt64) { slots.prefetch(Int(Self.tag(hash)) & (slots.count &- 1)) }

  /// What a search for this hash will probably find.
  @inline(__always)
  func guess(_ hash: UInt64) -> Int? {
    if count == 0 { return nil }
    let mask = slots.count &- 1
    let tag = Self.tag(hash)
    for step in 0..<4 {
      let slot = slots[(Int(tag) &+ step) & mask]
      if UInt32(truncatingIfNeeded: slot >> 32) == tag, slot != 0 { return Int(truncatingIfNeeded: slot & 0xffff_ffff) &- 1 }
    }
    return nil
  }
}
