/// The elements of one kind, in place for the life of the world. Unlike an array's, its elements are borrowed where they
/// lie: calling a method on one neither copies it nor counts references, which on the frame path is half the cost.
struct ElementStore<Element>: ~Copyable {
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  init(_ elements: [Element] = []) {
    count = elements.count
    base = .allocate(capacity: max(count, 1))
    for (index, element) in elements.enumerated() { (base + index).initialize(to: element) }
  }

  deinit {
    base.deinitialize(count: count)
    base.deallocate()
  }

  var indices: Range<Int> { 0..<count }
  /// A copy of all, for checkpoints.
  var array: [Element] { (0..<count).map { base[$0] } }

  subscript(index: Int) -> Element {
    @inline(__always) _read {
      precondition(index >= 0 && index < count)
      yield base[index]
    }
    @inline(__always) _modify {
      precondition(index >= 0 && index < count)
      yield &base[index]
    }
  }

  func allSatisfy(_ predicate: (borrowing Element) -> Bool) -> Bool {
    for index in 0..<count where !predicate(base[index]) { return false }
    return true
  }
}
