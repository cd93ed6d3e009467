import Testing
import WeftCore

@testable import WeftDisk

/// Crash consistency is real bytes: what a disk hasn't flushed may be there in any part.
@Suite struct PowerCutTests {
  /// Old bytes, then six sectors un-flushed: two of them the same sector twice.
  private func disk() throws -> BlockDevice {
    var disk = try BlockDevice(size: 1 << 18)
    try disk.write([UInt8](repeating: 1, count: 8192), at: 0)
    disk.flush()
    try disk.write([UInt8](repeating: 2, count: 1024), at: 512)
    try disk.write([UInt8](repeating: 3, count: 512), at: 4096)
    try disk.write([4, 4], at: 1023)
    try disk.write([5], at: 200_000)
    return disk
  }

  @Test func eachSectorThatWasNotFlushedSurvivesOrDoesNot() throws {
    let whole = try disk()
    #expect(whole.unflushedSectors == 6)
    var seen: Set<[UInt8]> = []
    for mask in 0..<64 {
      var cut = whole
      let result = cut.powerCut { mask >> $0 & 1 == 1 }
      #expect(result == .init(unflushed: 6, kept: mask.nonzeroBitCount))
      #expect(cut.unflushedSectors == 0)
      func byte(_ offset: Int) throws -> UInt8 { try cut.read(at: offset, count: 1)[0] }
      // Sectors 1 and 2 were written twice: the later write is whole, with the bytes of the first that it left alone.
      #expect(try byte(1022) == (mask & 0b001001 != 0 ? 2 : 1))
      #expect(try byte(1023) == (mask & 0b001000 != 0 ? 4 : mask & 0b1 != 0 ? 2 : 1))
      #expect(try byte(1024) == (mask & 0b010000 != 0 ? 4 : mask & 0b10 != 0 ? 2 : 1))
      #expect(try byte(1025) == (mask & 0b010010 != 0 ? 2 : 1))
      #expect(try byte(4096) == (mask & 0b100 != 0 ? 3 : 1))
      #expect(try byte(0) == 1)
      seen.insert(try cut.read(at: 0, count: 8192))
    }
    #expect(seen.count > 16)
  }

  @Test func theStreamDecidesAndNothingElse() throws {
    let whole = try disk()
    var fates: Set<Int> = []
    for seed in 0..<40 {
      var (one, two) = (RandomStream(seed), RandomStream(seed))
      var (first, second) = (whole, whole)
      let result = first.powerCut(using: &one)
      second.powerCut(using: &two)
      #expect(first == second && one == two)
      fates.insert(result.kept)
    }
    #expect(fates.count > 3)
  }

  @Test func whatWasFlushedStays() throws {
    var disk = try disk()
    let before = disk.contentHash
    disk.flush()
    #expect(disk.powerCut { _ in false } == .init(unflushed: 0, kept: 0))
    #expect(disk.contentHash == before)
  }

  @Test func aDiskThatLiesLosesWhatItSaidItHad() throws {
    var disk = try BlockDevice(size: 1 << 18, cache: .flushIgnored)
    try disk.write([7], at: 0)
    disk.flush()
    disk.powerCut { _ in false }
    #expect(try disk.read(at: 0, count: 1) == [0])
    // Not what went to the medium because the cache is full.
    disk.cacheLimit = 2
    for sector in 0..<5 { try disk.write([UInt8(sector + 1)], at: sector * 512) }
    #expect(disk.unflushedSectors == 2)
    disk.powerCut { _ in false }
    #expect(try (0..<5).map { try disk.read(at: $0 * 512, count: 1)[0] } == [1, 2, 3, 0, 0])
  }

  @Test func aWriteThroughDiskLosesNothing() throws {
    var disk = try BlockDevice(size: 1 << 18, cache: .writeThrough)
    try disk.write([7], at: 0)
    disk.powerCut { _ in false }
    #expect(try disk.read(at: 0, count: 1) == [7])
    disk.cache = .writeBack
    try disk.write([8], at: 0)
    disk.cache = .writeThrough
    disk.powerCut { _ in false }
    #expect(try disk.read(at: 0, count: 1) == [8])
  }

  @Test func zeroedClustersAreAllThereOrNot() throws {
    var disk = try BlockDevice(size: 1 << 18)
    try disk.write([UInt8](repeating: 9, count: 1 << 18), at: 0)
    disk.addOverlay(named: "top")
    try disk.zero(at: 65_536, count: 131_072)
    #expect(disk.unflushedSectors == 1)
    var (kept, lost) = (disk, disk)
    kept.powerCut { _ in true }
    lost.powerCut { _ in false }
    #expect(try kept.read(at: 65_536, count: 131_072).allSatisfy { $0 == 0 })
    #expect(try lost.read(at: 65_536, count: 131_072).allSatisfy { $0 == 9 })
  }

  /// A backup copied what the cut took back: it must copy it again.
  @Test func bitmapsMarkWhatWasLost() throws {
    var disk = try BlockDevice(size: 1 << 18)
    try disk.addBitmap(named: "backup")
    try disk.write([1], at: 0)
    try disk.write([1], at: 100_000)
    #expect(try disk.sync("backup").ranges == [0..<2])
    disk.powerCut { $0 == 0 }
    #expect(disk.bitmap(named: "backup")?.clusters.ranges == [1..<2])
  }

  @Test func aCopyHasTheCacheToo() throws {
    var disk = try disk()
    let snapshot = disk
    disk.flush()
    disk = snapshot
    #expect(disk.unflushedSectors == 6)
    disk.powerCut { _ in false }
    #expect(try disk.read(at: 512, count: 1) == [1])
  }

  @Test func aLayerIsWrittenWholeBeforeAnotherIsLaidOverIt() throws {
    var disk = try disk()
    disk.addOverlay(named: "top")
    disk.powerCut { _ in false }
    #expect(try disk.read(at: 512, count: 1) == [2])
  }
}
