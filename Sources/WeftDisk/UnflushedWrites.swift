/// When a write has reached the medium.
public enum CacheMode: String, Sendable, Codable, CaseIterable {
  /// At once.
  case writeThrough = "write-through"
  /// With the next `flush`.
  case writeBack = "write-back"
  /// Once the cache is full of later ones: `flush` says that all is well, and does nothing. Such disks are sold.
  case flushIgnored = "flush-ignored"
}

/// What a disk has taken and not yet brought to its medium, in the order in which it came.
struct UnflushedWrites: Sendable, Equatable {
  enum Write: Sendable, Equatable {
    /// Whole sectors from one on: each reaches the medium by itself.
    case sectors(first: Int, [UInt8])
    /// Whole clusters: a change of a table, all or nothing.
    case zeros(clusters: Range<Int>)

    /// What survives or doesn't, one by one.
    var units: Int {
      switch self {
      case .sectors(_, let bytes): bytes.count / BlockDevice.sectorSize
      case .zeros: 1
      }
    }
  }

  /// The top layer as the medium has it; nil where it has all.
  private(set) var medium: SparseTable<Cluster>?
  private var list: [Write] = []
  /// Those before it are on the medium.
  private var start = 0
  private(set) var units = 0
  /// What the cache holds at most, as 512-byte sectors: 64 MiB, as disks have. The oldest goes to the medium first.
  var limit = 131_072

  var writes: ArraySlice<Write> { list[start...] }

  init() {}

  init(_ writes: [Write], over medium: SparseTable<Cluster>, limit: Int) {
    self.limit = limit
    list = writes
    units = writes.reduce(0) { $0 + $1.units }
    if !writes.isEmpty { self.medium = medium }
  }

  /// Before a write.
  @inline(__always)
  mutating func begin(over table: SparseTable<Cluster>) { if medium == nil { medium = table } }

  mutating func append(_ write: Write, over lower: [DiskLayer]) {
    list.append(write)
    units += write.units
    while units > limit, start < list.count { writeOldest(over: lower) }
    if start > 64, start > list.count / 2 {
      list.removeFirst(start)
      start = 0
    }
  }

  private mutating func writeOldest(over lower: [DiskLayer]) {
    guard var table = medium else { return }
    medium = nil
    Self.apply(list[start], to: &table, over: lower)
    medium = table
    units -= list[start].units
    // Its bytes are no longer needed.
    list[start] = .zeros(clusters: 0..<0)
    start += 1
    if start == list.count { removeAll() }
  }

  mutating func removeAll() {
    medium = nil
    list = []
    start = 0
    units = 0
  }

  static func apply(_ write: Write, to table: inout SparseTable<Cluster>, over lower: [DiskLayer]) {
    switch write {
    case .sectors(let first, let bytes):
      bytes.withUnsafeBytes { Chain.put($0, at: first * BlockDevice.sectorSize, into: &table, over: lower) }
    case .zeros(let clusters): Chain.zero(clusters, in: &table, over: lower)
    }
  }

  static func == (one: Self, two: Self) -> Bool {
    one.limit == two.limit && one.medium == two.medium && one.writes == two.writes
  }
}
