import WeftCore

/// A hierarchical timing wheel (Varghese & Lauck 1987) over the sessions: eight levels of 64 slots, doubly
/// linked lists through the sessions' links.
///
/// A tick is 2^20 ns, about a millisecond. A session is taken out at the first tick at or after its deadline, whatever
/// the wheel did before: what is in the table at a moment is a function of deadlines alone, so a decoded table agrees
/// with its original. Between deadline and tick an entry takes room but never translates.
struct ExpiryWheel {
  private static let levels = 8
  private static let none = UInt32.max

  private var heads: [UInt32] = []
  private var occupied: [UInt64] = []
  /// All slots up to this tick have been emptied.
  private(set) var current: UInt64 = 0
  private(set) var count = 0
  /// When `next` has something to look at: never later than the earliest deadline's tick. Kept, because the driver asks
  /// after every packet and packets don't change it.
  private(set) var deadline = Instant.never

  var footprint: Int { heads.capacity * 4 + occupied.capacity * 8 }

  static func tick(_ deadline: UInt64) -> UInt64 { deadline >> 20 &+ (deadline & 0xf_ffff == 0 ? 0 : 1) }

  mutating func reset() { self = ExpiryWheel(current: current) }

  init() {}
  private init(current: UInt64) { self.current = current }

  mutating func insert(_ number: Int, deadline: UInt64, _ links: inout [Conntrack.Link]) {
    if heads.isEmpty {
      heads = [UInt32](repeating: Self.none, count: Self.levels * 64)
      occupied = [UInt64](repeating: 0, count: Self.levels)
    }
    let tick = max(Self.tick(deadline), current + 1)
    // The highest digit in which it differs from now. Ticks have 44 bits: eight levels hold all there are.
    let level = (63 - (tick ^ current).leadingZeroBitCount) / 6
    let inLevel = Int(tick >> UInt64(level * 6)) & 63
    let slot = level * 64 + inLevel
    let head = heads[slot]
    links[number].next = head
    links[number].previous = Self.none
    links[number].slot = slot
    if head != Self.none { links[Int(head)].previous = UInt32(number) }
    heads[slot] = UInt32(number)
    occupied[level] |= 1 << UInt64(inLevel)
    count += 1
    let start = (tick >> UInt64(level * 6)) << UInt64(level * 6)
    if start < 1 << 44 { self.deadline = min(self.deadline, Instant(start << 20)) }
  }

  mutating func remove(_ number: Int, _ links: inout [Conntrack.Link]) {
    let link = links[number]
    guard link.previous != UInt32(number) else { return }
    if link.next != Self.none { links[Int(link.next)].previous = link.previous }
    if link.previous != Self.none {
      links[Int(link.previous)].next = link.next
    } else {
      heads[link.slot] = link.next
      if link.next == Self.none { occupied[link.slot / 64] &= ~(1 << UInt64(link.slot % 64)) }
    }
    links[number].previous = UInt32(number)
    count -= 1
    if link.next == Self.none, link.previous == Self.none { updateDeadline() }
  }

  /// Level and slot of the list to look at next, and its tick. The earliest of all levels: while a slot of a high level
  /// is being emptied into lower ones, what is left in it comes first.
  private var first: (level: Int, slot: Int, tick: UInt64)? {
    if count == 0 { return nil }
    var earliest: (level: Int, slot: Int, tick: UInt64)?
    for level in 0..<Self.levels where occupied[level] != 0 {
      let slot = occupied[level].trailingZeroBitCount
      let shift = UInt64(level * 6)
      let tick = (current >> (shift + 6)) << (shift + 6) | UInt64(slot) << shift
      if let found = earliest, found.tick < tick { continue }
      earliest = (level, slot, tick)
    }
    return earliest
  }

  /// Whether what is in a slot is looked at by a deadline.
  func looks(atSlot slot: Int, by deadline: UInt64) -> Bool {
    let shift = UInt64(slot / 64 * 6)
    return (current >> (shift + 6)) << (shift + 6) | UInt64(slot % 64) << shift <= Self.tick(deadline)
  }

  private mutating func updateDeadline() {
    if let first, first.tick < 1 << 44 {
      deadline = Instant(max(first.tick, current + 1) << 20)
    } else {
      deadline = .never
    }
  }

  /// Takes out one entry whose slot has come by `now`: the caller puts it back or ends it.
  mutating func next(now: UInt64, _ links: inout [Conntrack.Link]) -> Int? {
    let limit = now >> 20
    guard let first, first.tick <= limit else {
      current = max(current, limit)
      updateDeadline()
      return nil
    }
    current = max(current, first.tick)
    let number = Int(heads[first.level * 64 + first.slot])
    remove(number, &links)
    return number
  }
}
