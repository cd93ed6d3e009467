import WeftCore

/// When each of many is due: a binary heap that keeps entries which have been overtaken until they come up.
struct Agenda {
  private struct Entry {
    var at: Instant
    var index: Int

    static func precedes(_ a: Entry, _ b: Entry) -> Bool { (a.at, a.index) < (b.at, b.index) }
  }

  private var deadlines: [Instant]
  private var heap: [Entry] = []

  init(_ deadlines: [Instant]) {
    self.deadlines = deadlines
    for (index, at) in deadlines.enumerated() where at != .never { push(Entry(at: at, index: index)) }
  }

  var earliest: Instant {
    mutating get {
      removeStale()
      return heap.first?.at ?? .never
    }
  }

  mutating func schedule(_ index: Int, at: Instant) {
    guard deadlines[index] != at else { return }
    deadlines[index] = at
    if at != .never { push(Entry(at: at, index: index)) }
  }

  /// Takes out the first that is due, by time and then by number; it is scheduled anew by whoever took it.
  mutating func pop(notAfter now: Instant) -> Int? {
    removeStale()
    guard let first = heap.first, first.at <= now else { return nil }
    removeFirst()
    deadlines[first.index] = .never
    return first.index
  }

  private mutating func removeStale() {
    while let first = heap.first, deadlines[first.index] != first.at { removeFirst() }
  }

  private mutating func push(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, Entry.precedes(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && Entry.precedes(heap[child], heap[least]) {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
