import WeftCore

/// Where a page lies: the low 40 bits count pages within a region.
public struct PageNumber: Hashable, Comparable, Sendable, Codable, BitwiseCopyable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Regions beneath `sets` hold the guest's own state, those from there on its programs' working sets.
  public init(region: UInt32, _ page: UInt64) { rawValue = UInt64(region) << 40 | page }

  public static let sets: UInt32 = 1 << 20
  public var region: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 40) }
  public var page: UInt64 { rawValue & 0xff_ffff_ffff }

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A guest's memory at a moment, in pages of 4 KiB: its own state, each part of it encoded into a region of its own, and its
/// programs' working sets. All other pages are zero.
///
/// It is made from the guest when somebody looks (a snapshot, a round of a migration): a page is dirty exactly if its bytes are
/// other than they were when the same somebody looked last. What was changed and changed back is clean, unlike with the dirty
/// bits of hardware.
public struct GuestMemory: Codable {
  struct Page: Codable {
    var number: PageNumber
    var bytes: [UInt8]
    var hash: UInt64
  }

  /// In order.
  private(set) var state: [Page] = []
  /// In the order of their regions.
  private(set) var sets: [MemoryMark.Set] = []

  public init() {}

  /// The bytes of one part of the guest's state; the last page is filled up with zeros. Precondition: regions come in order.
  public mutating func add(_ bytes: [UInt8], region: UInt32) {
    var (start, page): (Int, UInt64) = (0, 0)
    while start < bytes.count {
      var piece = Array(bytes[start..<min(start + WorkingSet.pageSize, bytes.count)])
      piece.append(contentsOf: repeatElement(0, count: WorkingSet.pageSize - piece.count))
      state.append(Page(number: PageNumber(region: region, page), bytes: piece, hash: PageHash.of(piece)))
      start += WorkingSet.pageSize
      page += 1
    }
  }

  /// Of the program of this number.
  public mutating func add(_ set: WorkingSet, program: Int) {
    sets.append(MemoryMark.Set(region: PageNumber.sets + UInt32(program), set: set))
  }

  /// Pages that aren't zero.
  public var used: UInt64 { sets.reduce(UInt64(state.count)) { $0 + $1.set.pages } }

  public func bytes(of number: PageNumber) -> [UInt8]? {
    if number.region >= PageNumber.sets {
      guard let set = sets.first(where: { $0.region == number.region })?.set, number.page < set.pages else { return nil }
      return set.bytes(of: number.page)
    }
    return place(of: number).map { state[$0].bytes }
  }

  /// All that aren't zero, by their numbers.
  public var pages: [(number: PageNumber, bytes: [UInt8])] {
    var all = state.map { (number: $0.number, bytes: $0.bytes) }
    for set in sets {
      all += (0..<set.set.pages).map { (PageNumber(region: set.region, $0), set.set.bytes(of: $0)) }
    }
    return all
  }

  private func place(of number: PageNumber) -> Int? {
    var (low, high) = (0, state.count)
    while low < high {
      let middle = (low + high) / 2
      if state[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low < state.count && state[low].number == number ? low : nil
  }

  /// The working sets of another moment in place of its own: pages are read as they are sent.
  public mutating func renew(_ current: [(program: Int, set: WorkingSet)]) {
    sets = []
    for (program, set) in current { add(set, program: program) }
  }

  /// For who looks again later.
  public var mark: MemoryMark {
    MemoryMark(numbers: state.map(\.number), hashes: state.map(\.hash), sets: sets)
  }

  /// What has other bytes than at the mark; all that isn't zero without one.
  public func changes(since mark: MemoryMark?) -> PageList {
    var list = PageList()
    let old = mark.map { Dictionary(zip($0.numbers, $0.hashes)) { first, _ in first } } ?? [:]
    for page in state where old[page.number] != page.hash { list.append(page.number) }
    if let mark {
      for number in mark.numbers where place(of: number) == nil { list.appendZero(number) }
    }
    for (region, set) in sets.map({ ($0.region, $0.set) }) {
      let earlier = mark?.sets.first { $0.region == region }?.set
      let ranges = earlier.map { set.changes(since: $0) } ?? (set.pages > 0 ? [0..<set.pages] : [])
      for range in ranges { list.append(PageRun(region: region, range)) }
      if let earlier, earlier.pages > set.pages { list.appendZeros(PageRun(region: region, set.pages..<earlier.pages)) }
    }
    for gone in mark?.sets ?? [] where gone.set.pages > 0 && !sets.contains(where: { $0.region == gone.region }) {
      list.appendZeros(PageRun(region: gone.region, 0..<gone.set.pages))
    }
    return list
  }

  /// Over numbers and bytes of all pages that aren't zero: equal memories have equal ones. One who has been sent the pages works
  /// it out from what came (`PageDigest`).
  public var digest: PageDigest {
    var digest = PageDigest()
    for page in state { digest.add(page.number, page.hash) }
    for (region, set) in sets.map({ ($0.region, $0.set) }) {
      for page in 0..<set.pages { digest.add(PageNumber(region: region, page), PageHash.of(set.bytes(of: page))) }
    }
    return digest
  }
}

/// How memory was when somebody looked.
public struct MemoryMark: Codable, Equatable, Sendable {
  struct Set: Codable, Equatable, Sendable {
    var region: UInt32
    var set: WorkingSet
  }

  var numbers: [PageNumber]
  var hashes: [UInt64]
  var sets: [Set]

  /// Of a decoded one.
  public var isConsistent: Bool { numbers.count == hashes.count && sets.allSatisfy { $0.region >= PageNumber.sets } }
}
