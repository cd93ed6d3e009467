/// When each source of the world (a link direction, an element) is next due: at most one deadline a source, so that an
/// event is nothing but a moment and a number.
///
/// The order is total and owes nothing to the order of insertion: by time, then by the source's rank. A source with
/// several things to do at once does them in its own order.
///
/// A hierarchical timing wheel (Varghese & Lauck 1987) of eight levels of 256 slots that is exact to the nanosecond:
/// scheduling and cancelling are O(1), and a deadline moves at most once a level on its way down. A few that are sure to
/// come before all in the wheel stand beside it, in order, and cost next to nothing: in a small network nearly all there is.
public struct EventQueue: ~Copyable {
  public typealias Source = UInt32

  @usableFromInline
  struct Node: BitwiseCopyable {
    @usableFromInline var time: UInt64
    var next: UInt32
    var previous: UInt32
    /// level × 256 + slot while waiting in the wheel.
    @usableFromInline var place: UInt32
    /// Whose turn it is first at one moment.
    @usableFromInline var rank: UInt32
  }

  /// One that stands beside the wheel.
  @usableFromInline
  struct Near: BitwiseCopyable {
    @usableFromInline var time: UInt64
    /// Rank and source.
    @usableFromInline var key: UInt64

    @inlinable @inline(__always)
    init(time: UInt64, key: UInt64) {
      self.time = time
      self.key = key
    }

    @inlinable @inline(__always)
    init(_ node: Node, _ source: Source) {
      self.init(time: node.time, key: UInt64(node.rank) << 32 | UInt64(source))
    }

    @inlinable var source: Source { Source(truncatingIfNeeded: key) }
    @inlinable var rank: UInt32 { UInt32(truncatingIfNeeded: key >> 32) }
    func precedes(_ other: Near) -> Bool { time < other.time || (time == other.time && key < other.key) }
  }

  @inlinable static var none: UInt32 { .max }
  @inlinable static var idle: UInt32 { .max }
  /// In the heap of what is due at `base`.
  private static let due = UInt32.max - 1
  /// Beside the wheel.
  @inlinable static var beside: UInt32 { .max - 2 }
  /// More would cost more to keep in order than the wheel does.
  @inlinable static var nearLimit: Int { 8 }

  // In plain blocks, without a bounds and an ownership check per step.
  @usableFromInline var nodes: UnsafeMutablePointer<Node>
  private let heads: UnsafeMutablePointer<UInt32>
  private let occupied: UnsafeMutablePointer<UInt64>
  @usableFromInline var sources: Int
  /// Which levels have anything.
  private var levels: UInt8 = 0
  /// The moment up to which the wheel has turned. Nothing is due before it.
  @usableFromInline var base: UInt64 = 0
  /// What is due at `base`, a binary heap of rank and source; may hold stale ones, which their node's place tells.
  private var ready: [UInt64] = []
  /// In the wheel and the heap.
  private var waiting = 0
  public var count: Int { waiting + nearCount }
  /// Those beside the wheel, from place 1 on, the first of all last. At place 0 stands one that never comes, so that there
  /// is always a first.
  @usableFromInline let near: UnsafeMutablePointer<Near>
  @usableFromInline var nearCount = 0
  /// No slot of the wheel that has anything begins before, nor is anything in the heap due before; all beside it is.
  @usableFromInline var bound = UInt64.max

  /// For sources 0..<sources, each of a rank of its own.
  public init(sources: Int, rank: (Source) -> UInt32 = { $0 }) {
    self.sources = sources
    nodes = .allocate(capacity: max(sources, 1))
    heads = .allocate(capacity: 8 * 256)
    occupied = .allocate(capacity: 8 * 4)
    near = .allocate(capacity: Self.nearLimit + 1)
    near.initialize(repeating: Near(time: .max, key: .max), count: Self.nearLimit + 1)
    heads.initialize(repeating: Self.none, count: 8 * 256)
    occupied.initialize(repeating: 0, count: 8 * 4)
    Self.makeIdle(nodes, 0..<sources, rank)
  }

  deinit {
    nodes.deallocate()
    heads.deallocate()
    occupied.deallocate()
    near.deallocate()
  }

  /// Makes room for more sources; those that there are keep their deadlines.
  public mutating func grow(to count: Int, rank: (Source) -> UInt32 = { $0 }) {
    guard count > sources else { return }
    let larger = UnsafeMutablePointer<Node>.allocate(capacity: count)
    larger.moveInitialize(from: nodes, count: sources)
    nodes.deallocate()
    nodes = larger
    Self.makeIdle(nodes, sources..<count, rank)
    sources = count
  }

  private static func makeIdle(_ nodes: UnsafeMutablePointer<Node>, _ range: Range<Int>, _ rank: (Source) -> UInt32) {
    for index in range {
      (nodes + index).initialize(
        to: Node(time: 0, next: none, previous: none, place: idle, rank: rank(Source(truncatingIfNeeded: index))))
    }
  }

  /// The moment of the source's deadline, if it has one.
  public func deadline(of source: Source) -> Instant? {
    precondition(Int(source) < sources)
    let node = nodes[Int(source)]
    return node.place == Self.idle ? nil : Instant(node.time)
  }

  /// Sets, moves or (with `.never`) cancels the source's deadline. One that has passed is due at once.
  @inlinable @inline(__always)
  public mutating func schedule(_ source: Source, at instant: Instant) {
    precondition(Int(source) < sources)
    let time = max(instant.rawValue, base)
    let node = nodes + Int(source)
    guard time < bound, time < near[nearCount].time, nearCount < Self.nearLimit, node.pointee.place == Self.idle else {
      return scheduleAmongOthers(source, at: instant)
    }
    // First of all.
    node.pointee.time = time
    node.pointee.place = Self.beside
    nearCount &+= 1
    near[nearCount] = Near(node.pointee, source)
  }

  @usableFromInline
  mutating func scheduleAmongOthers(_ source: Source, at instant: Instant) {
    let time = max(instant.rawValue, base)
    let node = nodes + Int(source)
    if node.pointee.place != Self.idle {
      if node.pointee.time == time { return }
      remove(node, source)
    }
    guard instant != .never else { return }
    node.pointee.time = time
    if time < bound {
      if nearCount == Self.nearLimit {
        putLastIntoWheel()
        clearBeside()
      }
      // The wheel may begin earlier by that one.
      if time < bound { return putBeside(source, node) }
    }
    putIntoWheel(source, node)
  }

  /// Precondition: it is due before all in the wheel, and there is room.
  @inline(__always)
  private mutating func putBeside(_ source: Source, _ node: UnsafeMutablePointer<Node>) {
    node.pointee.place = Self.beside
    let new = Near(node.pointee, source)
    var place = nearCount
    while near[place].precedes(new) {
      near[place &+ 1] = near[place]
      place &-= 1
    }
    near[place &+ 1] = new
    nearCount &+= 1
  }

  @inline(__always)
  private mutating func putIntoWheel(_ source: Source, _ node: UnsafeMutablePointer<Node>) {
    insert(source, node)
    waiting &+= 1
    clearBeside()
  }

  /// What is beside the wheel must be before its first slot, not only before what is in it: the wheel turns with it.
  @inline(__always)
  private mutating func clearBeside() {
    while nearCount > 0, near[1].time >= bound { putLastIntoWheel() }
  }

  @inline(never)
  private mutating func putLastIntoWheel() {
    let source = near[1].source
    takeFromBeside(1)
    insert(source, nodes + Int(source))
    waiting &+= 1
  }

  @inline(__always)
  private mutating func takeFromBeside(_ place: Int) {
    var place = place
    while place < nearCount {
      near[place] = near[place &+ 1]
      place &+= 1
    }
    nearCount &-= 1
  }

  public mutating func cancel(_ source: Source) {
    precondition(Int(source) < sources)
    let node = nodes + Int(source)
    if node.pointee.place != Self.idle { remove(node, source) }
  }

  /// Takes out the first source in order, if it is due no later than `limit`.
  @inlinable @inline(__always)
  public mutating func pop(notAfter limit: Instant) -> (source: Source, at: Instant)? {
    guard nearCount > 0 else { return popFromWheel(notAfter: limit) }
    let first = near[nearCount]
    guard first.time <= limit.rawValue else { return nil }
    base = first.time
    nearCount &-= 1
    nodes[Int(first.source)].place = Self.idle
    return (first.source, Instant(first.time))
  }

  @usableFromInline
  mutating func popFromWheel(notAfter limit: Instant) -> (source: Source, at: Instant)? {
    guard waiting > 0 else { return nil }
    while true {
      if !ready.isEmpty {
        if base > limit.rawValue, firstReady() != nil { return nil }
        if let source = takeReady() {
          nodes[Int(source)].place = Self.idle
          waiting &-= 1
          if ready.isEmpty { raiseBound() }
          return (source, Instant(base))
        }
      }
      guard levels != 0 else { return nil }
      let level = levels.trailingZeroBitCount
      let slot = firstOccupied(level)
      let place = level &* 256 &+ slot
      let source = heads[place]
      let first = nodes + Int(source)
      if first.pointee.next == Self.none {
        // Alone in the first slot, so the first of all, on whatever level: nearly always so where events are sparse.
        // It need not come down level by level.
        guard first.pointee.time <= limit.rawValue else { return nil }
        heads[place] = Self.none
        clear(level, slot)
        base = first.pointee.time
        first.pointee.place = Self.idle
        waiting &-= 1
        raiseBound()
        return (source, Instant(base))
      }
      guard open(level, slot, source, limit.rawValue) else { return nil }
    }
  }

  /// After something was taken out of the wheel, and the heap is empty.
  @inline(__always)
  private mutating func raiseBound() {
    bound = .max
    if levels != 0 {
      let level = levels.trailingZeroBitCount
      bound = start(level, firstOccupied(level))
    }
  }

  /// The first moment of a slot. Where `base` has a slot's own digit there is nothing in it.
  @inline(__always)
  private func start(_ level: Int, _ slot: Int) -> UInt64 {
    let shift = UInt64(level &* 8)
    let above = level == 7 ? 0 : (base >> (shift &+ 8)) << (shift &+ 8)
    return above | UInt64(slot) << shift
  }

  /// Hands the many of a level's first slot down; false where all of it is later than the limit.
  private mutating func open(_ level: Int, _ slot: Int, _ head: Source, _ limit: UInt64) -> Bool {
    let start = start(level, slot)
    guard start <= limit else { return false }
    base = start
    heads[level &* 256 &+ slot] = Self.none
    clear(level, slot)
    var source = head
    if level == 0 {
      bound = base
      while source != Self.none {
        let node = nodes + Int(source)
        node.pointee.place = Self.due
        pushReady(source, node.pointee.rank)
        source = node.pointee.next
      }
      return true
    }
    // Of few, straight to the earliest, if it is due: the turns between would find nothing. To look at many twice would
    // cost more than the turns.
    var earliest = UInt64.max
    var looked = 0
    while source != Self.none, looked < 16 {
      earliest = min(earliest, nodes[Int(source)].time)
      source = nodes[Int(source)].next
      looked &+= 1
    }
    if source == Self.none, earliest <= limit { base = earliest }
    source = head
    while source != Self.none {
      let node = nodes + Int(source)
      let next = node.pointee.next
      insert(source, node)
      source = next
    }
    return true
  }

  /// The rank of the first source still due at the moment of the one last taken out; nil where there is none.
  public mutating func firstRankDue(at now: Instant) -> UInt32? {
    // What is beside the wheel comes before all in it.
    if nearCount > 0 { return near[nearCount].time == now.rawValue ? near[nearCount].rank : nil }
    guard base == now.rawValue, let source = firstReady() else { return nil }
    return nodes[Int(source)].rank
  }

  /// Whether surely nothing more is due at this moment, that of the one last taken out.
  @inlinable @inline(__always)
  public func isQuiet(at now: Instant) -> Bool { near[nearCount].time > now.rawValue && bound > now.rawValue }

  // MARK: The wheel

  /// Links a node whose time is set into the slot of the highest digit in which it differs from `base`.
  @inline(__always)
  private mutating func insert(_ source: Source, _ node: UnsafeMutablePointer<Node>) {
    let time = node.pointee.time
    let difference = time ^ base
    if difference == 0 {
      bound = base
      node.pointee.place = Self.due
      pushReady(source, node.pointee.rank)
      return
    }
    let level = (63 &- difference.leadingZeroBitCount) >> 3
    let slot = Int(truncatingIfNeeded: time >> UInt64(level &* 8)) & 255
    let place = level &* 256 &+ slot
    let head = heads[place]
    let start = time & (UInt64.max << UInt64(level &* 8))
    if start < bound { bound = start }
    node.pointee.place = UInt32(truncatingIfNeeded: place)
    node.pointee.next = head
    node.pointee.previous = Self.none
    if head != Self.none { nodes[Int(head)].previous = source }
    heads[place] = source
    occupied[level &* 4 &+ slot >> 6] |= 1 << UInt64(slot & 63)
    levels |= 1 << UInt8(truncatingIfNeeded: level)
  }

  @inline(__always)
  private mutating func remove(_ node: UnsafeMutablePointer<Node>, _ source: Source) {
    let place = node.pointee.place
    if place == Self.beside {
      var place = nearCount
      while near[place].source != source { place &-= 1 }
      takeFromBeside(place)
    } else {
      if place != Self.due { unlink(node.pointee, place) }
      waiting &-= 1
    }
    node.pointee.place = Self.idle
  }

  private mutating func unlink(_ node: Node, _ place: UInt32) {
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

  // MARK: What is due now, by rank

  /// The first that is still due; takes stale ones (cancelled or moved since) out.
  private mutating func firstReady() -> Source? {
    while let first = ready.first {
      let source = Source(truncatingIfNeeded: first)
      if nodes[Int(source)].place == Self.due, nodes[Int(source)].time == base { return source }
      removeReady()
    }
    return nil
  }

  @inline(__always)
  private mutating func takeReady() -> Source? {
    guard let source = firstReady() else { return nil }
    removeReady()
    return source
  }

  private mutating func pushReady(_ source: Source, _ rank: UInt32) {
    ready.append(UInt64(rank) << 32 | UInt64(source))
    var child = ready.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard ready[child] < ready[parent] else { break }
      ready.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func removeReady() {
    let last = ready.removeLast()
    guard !ready.isEmpty else { return }
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
  }
}
