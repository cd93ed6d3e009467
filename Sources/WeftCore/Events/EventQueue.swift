/// When each source of the world (a link direction, an element) is next due: at most one deadline a source, so that an
/// event is nothing but a moment and a number.
///
/// The order is total and owes nothing to the order of insertion: by time, then by source. A source with several things
/// to do at once does them in its own order.
///
/// A hierarchical timing wheel (Varghese & Lauck 1987) of eight levels of 256 slots that is exact to the nanosecond:
/// scheduling and cancelling are O(1), and a deadline moves at most once a level on its way down.
public struct EventQueue {
  public typealias Source = UInt32

  struct Node: BitwiseCopyable {
    var time: UInt64
    var next: UInt32
    var previous: UInt32
    /// level × 256 + slot while waiting in the wheel.
    var place: UInt32
  }

  private static let none = UInt32.max
  private static let idle = UInt32.max
  /// In the heap of what is due at `base`.
  private static let due = UInt32.max - 1

  private var wheel: Wheel
  /// The wheel's own, here to spare every step a load.
  private var nodes: UnsafeMutablePointer<Node>
  private var heads: UnsafeMutablePointer<UInt32>
  private var occupied: UnsafeMutablePointer<UInt64>
  /// Which levels have anything.
  private var levels: UInt8 = 0
  /// The moment up to which the wheel has turned. Nothing is due before it.
  private var base: UInt64 = 0
  /// Sources due at `base`, a binary heap by number; may hold stale ones, which their node's place tells.
  private var ready: [UInt32] = []
  public private(set) var count = 0

  /// For sources 0..<sources.
  public init(sources: Int) {
    wheel = Wheel(sources: sources)
    (nodes, heads, occupied) = (wheel.nodes, wheel.heads, wheel.occupied)
    nodes.initialize(repeating: Node(time: 0, next: Self.none, previous: Self.none, place: Self.idle), count: sources)
    heads.initialize(repeating: Self.none, count: 8 * 256)
    occupied.initialize(repeating: 0, count: 8 * 4)
  }

  /// The moment of the source's deadline, if it has one.
  public func deadline(of source: Source) -> Instant? {
    precondition(Int(source) < wheel.sources)
    let node = nodes[Int(source)]
    return node.place == Self.idle ? nil : Instant(node.time)
  }

  /// Sets, moves or (with `.never`) cancels the source's deadline. One that has passed is due at once.
  public mutating func schedule(_ source: Source, at instant: Instant) {
    own(source)
    let time = max(instant.rawValue, base)
    let index = Int(source)
    let place = nodes[index].place
    if place != Self.idle {
      if nodes[index].time == time { return }
      remove(source, place)
    }
    guard instant != .never else { return }
    nodes[index].time = time
    count &+= 1
    insert(source)
  }

  public mutating func cancel(_ source: Source) {
    own(source)
    let place = nodes[Int(source)].place
    if place != Self.idle { remove(source, place) }
  }

  /// Takes out the first source in order, if it is due no later than `limit`.
  public mutating func pop(notAfter limit: Instant) -> (source: Source, at: Instant)? {
    guard count > 0 else { return nil }
    own(0)
    while true {
      while let source = popReady() {
        // Stale: cancelled or moved since.
        guard nodes[Int(source)].place == Self.due, nodes[Int(source)].time == base else { continue }
        if base > limit.rawValue {
          pushReady(source)
          return nil
        }
        nodes[Int(source)].place = Self.idle
        count &-= 1
        return (source, Instant(base))
      }
      guard levels != 0 else { return nil }
      let level = levels.trailingZeroBitCount
      let slot = firstOccupied(level)
      let place = level &* 256 &+ slot
      var source = heads[place]
      let first = nodes[Int(source)]
      if first.next == Self.none {
        // Alone in the first slot, so the first of all, on whatever level: nearly always so where events are sparse.
        // It need not come down level by level.
        guard first.time <= limit.rawValue else { return nil }
        heads[place] = Self.none
        clear(level, slot)
        base = first.time
        nodes[Int(source)].place = Self.idle
        count &-= 1
        return (source, Instant(base))
      }
      let shift = UInt64(level &* 8)
      let above = level == 7 ? 0 : (base >> (shift &+ 8)) << (shift &+ 8)
      let start = above | UInt64(slot) << shift
      guard start <= limit.rawValue else { return nil }
      base = start
      heads[place] = Self.none
      clear(level, slot)
      if level == 0 {
        while source != Self.none {
          nodes[Int(source)].place = Self.due
          pushReady(source)
          source = nodes[Int(source)].next
        }
      } else {
        // Straight to the earliest of them, if it is due: the turns between would find nothing.
        var earliest = first.time
        var other = first.next
        while other != Self.none {
          earliest = min(earliest, nodes[Int(other)].time)
          other = nodes[Int(other)].next
        }
        if earliest <= limit.rawValue { base = earliest }
        while source != Self.none {
          let next = nodes[Int(source)].next
          insert(source)
          source = next
        }
      }
    }
  }

  /// The first source still due at the moment of the one last taken out; nil where there is none.
  public mutating func firstDue(at now: Instant) -> Source? {
    guard base == now.rawValue else { return nil }
    while let source = ready.first {
      if nodes[Int(source)].place == Self.due, nodes[Int(source)].time == base { return source }
      _ = popReady()
    }
    return nil
  }

  // MARK: The wheel

  /// Before every change: the block must be this queue's alone, and the number one of its sources.
  @inline(__always)
  private mutating func own(_ source: Source) {
    precondition(Int(source) < wheel.sources)
    if !isKnownUniquelyReferenced(&wheel) { copyWheel() }
  }

  @inline(never)
  private mutating func copyWheel() {
    wheel = wheel.copy()
    (nodes, heads, occupied) = (wheel.nodes, wheel.heads, wheel.occupied)
  }

  /// Links a node whose time is set into the slot of the highest digit in which it differs from `base`.
  @inline(__always)
  private mutating func insert(_ source: Source) {
    let index = Int(source)
    let time = nodes[index].time
    let difference = time ^ base
    if difference == 0 {
      nodes[index].place = Self.due
      pushReady(source)
      return
    }
    let level = (63 &- difference.leadingZeroBitCount) >> 3
    let slot = Int(truncatingIfNeeded: time >> UInt64(level &* 8)) & 255
    let place = level &* 256 &+ slot
    let head = heads[place]
    nodes[index].place = UInt32(truncatingIfNeeded: place)
    nodes[index].next = head
    nodes[index].previous = Self.none
    if head != Self.none { nodes[Int(head)].previous = source }
    heads[place] = source
    occupied[level &* 4 &+ slot >> 6] |= 1 << UInt64(slot & 63)
    levels |= 1 << UInt8(truncatingIfNeeded: level)
  }

  @inline(__always)
  private mutating func remove(_ source: Source, _ place: UInt32) {
    if place != Self.due { unlink(source, place) }
    nodes[Int(source)].place = Self.idle
    count &-= 1
  }

  private mutating func unlink(_ source: Source, _ place: UInt32) {
    let node = nodes[Int(source)]
    if node.next != Self.none { nodes[Int(node.next)].previous = node.previous }
    if node.previous != Self.none {
      nodes[Int(node.previous)].next = node.next
    } else {
      heads[Int(place)] = node.next
      if node.next == Self.none { clear(Int(place >> 8), Int(place & 255)) }
    }
  }

  @inline(__always)
  private func firstOccupied(_ level: Int) -> Int {
    let word = level &* 4
    if occupied[word] != 0 { return occupied[word].trailingZeroBitCount }
    if occupied[word &+ 1] != 0 { return 64 &+ occupied[word &+ 1].trailingZeroBitCount }
    if occupied[word &+ 2] != 0 { return 128 &+ occupied[word &+ 2].trailingZeroBitCount }
    return 192 &+ occupied[word &+ 3].trailingZeroBitCount
  }

  @inline(__always)
  private mutating func clear(_ level: Int, _ slot: Int) {
    let word = level &* 4
    occupied[word &+ slot >> 6] &= ~(1 << UInt64(slot & 63))
    if occupied[word] | occupied[word &+ 1] | occupied[word &+ 2] | occupied[word &+ 3] == 0 {
      levels &= ~(1 << UInt8(truncatingIfNeeded: level))
    }
  }

  // MARK: What is due now, by source

  private mutating func pushReady(_ source: Source) {
    ready.append(source)
    var child = ready.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard ready[child] < ready[parent] else { break }
      ready.swapAt(child, parent)
      child = parent
    }
  }

  @inline(__always)
  private mutating func popReady() -> Source? {
    guard let first = ready.first else { return nil }
    let last = ready.removeLast()
    guard !ready.isEmpty else { return first }
    ready[0] = last
    var parent = 0
    while true {
      var child = parent * 2 + 1
      guard child < ready.count else { break }
      if child + 1 < ready.count, ready[child + 1] < ready[child] { child += 1 }
      guard ready[child] < ready[parent] else { break }
      ready.swapAt(child, parent)
      parent = child
    }
    return first
  }
}

extension EventQueue {
  /// The queue's memory in plain blocks, without a bounds and an ownership check per step. Copied when a copy of the
  /// queue changes.
  fileprivate final class Wheel {
    let sources: Int
    let nodes: UnsafeMutablePointer<Node>
    let heads: UnsafeMutablePointer<UInt32>
    let occupied: UnsafeMutablePointer<UInt64>

    init(sources: Int) {
      self.sources = sources
      nodes = .allocate(capacity: sources)
      heads = .allocate(capacity: 8 * 256)
      occupied = .allocate(capacity: 8 * 4)
    }

    deinit {
      nodes.deallocate()
      heads.deallocate()
      occupied.deallocate()
    }

    func copy() -> Wheel {
      let copy = Wheel(sources: sources)
      copy.nodes.initialize(from: nodes, count: sources)
      copy.heads.initialize(from: heads, count: 8 * 256)
      copy.occupied.initialize(from: occupied, count: 8 * 4)
      return copy
    }
  }
}
