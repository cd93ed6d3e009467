import CTableMemory

/// An array of plain entries for look-ups at random: it begins on a cache line, so that an entry of 64 bytes is one line and
/// not two, and large ones lie on large pages. A value: copies share memory until one of them changes.
struct EntryTable<Entry: BitwiseCopyable> {
  private final class Storage {
    let entries: UnsafeMutablePointer<Entry>

    init(capacity: Int) {
      let bytes = Swift.max(capacity, 1) * MemoryLayout<Entry>.stride
      entries = weft_table_allocate(bytes).bindMemory(to: Entry.self, capacity: capacity)
    }

    deinit { weft_table_free(entries) }
  }

  private var storage: Storage?
  private(set) var count = 0
  private(set) var capacity = 0

  var footprint: Int { capacity * MemoryLayout<Entry>.stride }
  var indices: Range<Int> { 0..<count }
  var isEmpty: Bool { count == 0 }

  init() {}

  /// All of them zero bytes. Precondition: that is an `Entry`.
  init(zeroed count: Int) {
    storage = Storage(capacity: count)
    self.count = count
    capacity = count
  }

  @inline(__always)
  subscript(_ index: Int) -> Entry {
    get { entries(index)[index] }
    _modify {
      makeUnique()
      yield &entries(index)[index]
    }
  }

  @inline(__always)
  private func entries(_ index: Int) -> UnsafeMutablePointer<Entry> {
    precondition(index >= 0 && index < count)
    return storage.unsafelyUnwrapped.entries
  }

  mutating func append(_ entry: Entry) {
    if count == capacity { move(toCapacity: Swift.max(4, capacity * 2)) } else { makeUnique() }
    (storage.unsafelyUnwrapped.entries + count).initialize(to: entry)
    count += 1
  }

  @inline(__always)
  private mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage) { move(toCapacity: capacity) }
  }

  private mutating func move(toCapacity capacity: Int) {
    let new = Storage(capacity: capacity)
    if let storage { new.entries.initialize(from: storage.entries, count: count) }
    storage = new
    self.capacity = capacity
  }

  /// The line of an entry will be wanted soon.
  @inline(__always)
  func prefetch(_ index: Int) {
    if let storage, index < count { weft_prefetch(storage.entries + index) }
  }
}
