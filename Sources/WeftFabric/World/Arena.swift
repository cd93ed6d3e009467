/// Things by their ids, in place for the life of the world; there may come more. Unlike an array's, they are changed and
/// borrowed where they lie: calling a method on one neither copies it nor counts references, which on the frame path is
/// half the cost.
struct Arena<Tag, Element>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private var capacity: Int
  private(set) var count: Int

  init(_ elements: [Element] = []) {
    count = elements.count
    capacity = max(count, 1)
    base = .allocate(capacity: capacity)
    for (index, element) in elements.enumerated() { (base + index).initialize(to: element) }
  }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  /// Gives the new thing the next id.
  @discardableResult
  mutating func append(_ element: consuming Element) -> ID<Tag> {
    if count == capacity {
      let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
      larger.moveInitialize(from: base, count: count)
      base.deallocate()
      base = larger
      capacity *= 2
    }
    (base + count).initialize(to: element)
    count += 1
    return ID(count - 1)
  }

  /// In the order of their making.
  var ids: IDs<Tag> { IDs(endIndex: count) }
  func contains(_ id: ID<Tag>) -> Bool { id.index < count }
  /// A copy of all, for checkpoints.
  var array: [Element] { (0..<count).map { base[$0] } }

  subscript(id: ID<Tag>) -> Element {
    @inline(__always) unsafeAddress {
      precondition(id.index < count)
      return UnsafePointer(base + id.index)
    }
    @inline(__always) unsafeMutableAddress {
      precondition(id.index < count)
      return base + id.index
    }
  }

  /// Where one lies, for the hop loop: dead when the arena grows. Without the check, which at a dozen a hop is 3 % of a packet.
  /// Precondition: the id is the graph's own, not one that was read or handed in from outside.
  @inline(__always)
  func place(of id: ID<Tag>) -> UnsafeMutablePointer<Element> {
    assert(id.index < count)
    return base + id.index
  }

  func allSatisfy(_ predicate: (borrowing Element) -> Bool) -> Bool {
    for index in 0..<count where !predicate(base[index]) { return false }
    return true
  }
}

/// All ids of an arena.
struct IDs<Tag>: RandomAccessCollection {
  let endIndex: Int
  var startIndex: Int { 0 }
  subscript(position: Int) -> ID<Tag> { ID(position) }
}
