/// An index into a table of entries: open addressing with linear probing over eight-byte slots, half of each the hash
/// and half the entry's reference, so that a probe touches the entry only when 32 bits of the hash agree. It grows in quarters of
/// a power of two: a hash begins at its share of the slots (Lemire, "Fast Random Integer Generation in an Interval", 2019).
struct TagIndex {
  /// Hash in the high half; reference + 1 in the low one, 0 for an empty slot.
  private var slots = EntryTable<UInt64>()
  private(set) var count = 0

  var footprint: Int { slots.footprint }

  @inline(__always)
  private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

  @inline(__always)
  private func home(_ tag: UInt32) -> Int {
    Int(truncatingIfNeeded: (UInt64(tag) &* UInt64(truncatingIfNeeded: slots.count)) >> 32)
  }

  @inline(__always)
  private func next(_ position: Int) -> Int { position &+ 1 == slots.count ? 0 : position &+ 1 }

  /// How many slots behind `start` it is.
  private func distance(_ position: Int, from start: Int) -> Int {
    position >= start ? position - start : position - start + slots.count
  }

  /// The reference that has this hash and that `matches` says yes to.
  @inline(__always)
  func find(_ hash: UInt64, _ matches: (Int) -> Bool) -> Int? {
    if count == 0 { return nil }
    let tag = Self.tag(hash)
    var position = home(tag)
    while true {
      let slot = slots[position]
      if slot == 0 { return nil }
      if UInt32(truncatingIfNeeded: slot >> 32) == tag {
        let reference = Int(truncatingIfNeeded: slot & 0xffff_ffff) &- 1
        if matches(reference) { return reference }
      }
      position = next(position)
    }
  }

  /// Precondition: no equal entry is in.
  mutating func insert(_ hash: UInt64, _ reference: Int) {
    // At most four fifths full.
    if (count + 1) * 5 > slots.count * 4 { grow() }
    put(UInt64(Self.tag(hash)) << 32 | UInt64(reference + 1))
    count += 1
  }

  private mutating func put(_ slot: UInt64) {
    var position = home(UInt32(truncatingIfNeeded: slot >> 32))
    while slots[position] != 0 { position = next(position) }
    slots[position] = slot
  }

  mutating func remove(_ hash: UInt64, _ reference: Int) {
    guard count > 0 else { return }
    let wanted = UInt64(Self.tag(hash)) << 32 | UInt64(reference + 1)
    var hole = home(Self.tag(hash))
    while slots[hole] != wanted {
      if slots[hole] == 0 { return }
      hole = next(hole)
    }
    var position = hole
    // Shift back what its probe sequence would no longer reach (Knuth 6.4, algorithm R).
    while true {
      position = next(position)
      let slot = slots[position]
      if slot == 0 { break }
      let home = home(UInt32(truncatingIfNeeded: slot >> 32))
      if distance(position, from: home) >= distance(position, from: hole) {
        slots[hole] = slot
        hole = position
      }
    }
    slots[hole] = 0
    count -= 1
  }

  private mutating func grow() {
    let old = slots
    // 8, 10, 12, 14, 16, 20, 24, …
    let power = old.count == 0 ? 8 : 1 << (Int.bitWidth - 1 - old.count.leadingZeroBitCount)
    slots = EntryTable(zeroed: old.count == 0 ? power : old.count + power / 4)
    for position in old.indices where old[position] != 0 { put(old[position]) }
  }

  // MARK: What will be looked for soon

  /// The slot where a search for this hash begins.
  @inline(__always)
  func prefetch(_ hash: UInt64) { slots.prefetch(home(Self.tag(hash))) }

  /// What a search for this hash will probably find.
  @inline(__always)
  func guess(_ hash: UInt64) -> Int? {
    if count == 0 { return nil }
    let tag = Self.tag(hash)
    var position = home(tag)
    for _ in 0..<4 {
      let slot = slots[position]
      position = next(position)
      if UInt32(truncatingIfNeeded: slot >> 32) == tag, slot != 0 { return Int(truncatingIfNeeded: slot & 0xffff_ffff) &- 1 }
    }
    return nil
  }
}
