/// Memory that a program has filled once and writes over and over, page after page in turn. How often each was written follows
/// from how many writes there were in all, and its bytes from that: they are made when somebody looks at them.
public struct WorkingSet: Codable, Hashable, Sendable {
  /// Bytes of a page.
  public static let pageSize = 4096

  /// Told apart by it: two sets of one seed hold the same bytes.
  public var seed: UInt64
  /// Pages in all.
  public var pages: UInt64
  /// How many of them, from the first on, are written in turn.
  public var turn: UInt64
  /// So far.
  public var writes: UInt64

  public init(seed: UInt64, pages: UInt64, turn: UInt64, writes: UInt64 = 0) {
    (self.seed, self.pages, self.turn, self.writes) = (seed, max(pages, turn), turn, writes)
  }

  /// How often a page was written since it was filled.
  public func version(of page: UInt64) -> UInt64 {
    page < turn && page < writes ? (writes - page - 1) / turn + 1 : 0
  }

  /// What differs from an earlier moment of the same set: at most two runs of pages.
  public func changes(since earlier: WorkingSet) -> [Range<UInt64>] {
    guard earlier.seed == seed, earlier.pages == pages, earlier.turn == turn, earlier.writes <= writes else {
      return pages > 0 ? [0..<pages] : []
    }
    let count = writes - earlier.writes
    guard count > 0, turn > 0 else { return [] }
    guard count < turn else { return [0..<turn] }
    let first = earlier.writes % turn
    return first + count <= turn ? [first..<first + count] : [0..<(first + count - turn), first..<turn]
  }

  /// The 4,096 bytes of a page. They begin with its seed, number and version, so that no two pages are alike.
  public func bytes(of page: UInt64) -> [UInt8] {
    let start = beginning(of: page)
    return [UInt8](unsafeUninitializedCapacity: Self.pageSize) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      var word = start
      for offset in stride(from: 0, to: Self.pageSize, by: 8) {
        raw.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
        word = word &* 0xd134_2543_de82_ef95 &+ 0x9e37_79b9_7f4a_7c15
      }
      count = Self.pageSize
    }
  }

  private func beginning(of page: UInt64) -> UInt64 {
    var mixed = seed &+ page &* 0x9e37_79b9_7f4a_7c15 &+ version(of: page) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 30) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
