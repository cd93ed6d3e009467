import Testing
import WeftCore

@testable import WeftDisk

@Suite struct BlockDeviceTests {
  @Test func anEmptyDiskReadsAsZerosAndTakesNoMemory() throws {
    let disk = try BlockDevice(size: 1 << 41)
    #expect(try disk.read(at: (1 << 41) - 1000, count: 1000).allSatisfy { $0 == 0 })
    #expect(disk.usedBytes == 0)
    #expect(disk.extents == [.init(offset: 0, count: 1 << 41, kind: .unwritten, depth: 0)])
  }

  @Test(arguments: [0, -512, 511, 513, (1 << 46) + 512]) func aDiskHasWholeSectors(size: Int) {
    #expect(throws: DiskError.size(size)) { try BlockDevice(size: size) }
  }

  @Test func whatLiesOutsideIsAnErrorAndChangesNothing() throws {
    var disk = try BlockDevice(size: 1024)
    let before = disk
    for (offset, count) in [(1024, 1), (-1, 1), (1000, 25), (0, 1025), (Int.max, 1), (Int.max, Int.max)] {
      #expect(throws: DiskError.outside(offset: offset, count: count, size: 1024)) { try disk.read(at: offset, count: count) }
      #expect(throws: DiskError.self) { try disk.zero(at: offset, count: count) }
      #expect(throws: DiskError.self) { try disk.discard(at: offset, count: count) }
    }
    #expect(throws: DiskError.outside(offset: 1000, count: 25, size: 1024)) {
      try disk.write([UInt8](repeating: 1, count: 25), at: 1000)
    }
    #expect(disk == before)
    #expect(try disk.read(at: 1024, count: 0) == [])
  }

  @Test func aCopyIsASnapshotThatSharesWhatNeitherChanges() throws {
    var disk = try BlockDevice(size: 1 << 20, cache: .writeThrough)
    try disk.write([1, 2, 3], at: 100)
    try disk.write([4], at: 500_000)
    let snapshot = disk
    try disk.write([9], at: 101)
    #expect(try snapshot.read(at: 100, count: 3) == [1, 2, 3])
    #expect(try disk.read(at: 100, count: 3) == [1, 9, 3])
    #expect(disk.changedClusters(since: snapshot).ranges == [0..<1])
    #expect(Bytes.areOne(disk.top.clusters[7]?.bytes ?? [], snapshot.top.clusters[7]?.bytes ?? []))
  }

  @Test func aWriteToAnOverlayLeavesTheBaseAlone() throws {
    var disk = try BlockDevice(size: 1 << 20)
    try disk.write([1, 1, 1, 1], at: 65_534)
    disk.addOverlay(named: "top")
    let base = disk.lower[0]
    try disk.write([2], at: 65_535)
    try disk.zero(at: 65_536, count: 65_536)
    #expect(try disk.read(at: 65_533, count: 5) == [0, 1, 2, 0, 0])
    #expect(disk.lower[0] == base)
    #expect(disk.layers.map(\.name) == ["base", "top"])
    #expect(
      disk.extents.prefix(2) == [
        .init(offset: 0, count: 65_536, kind: .data, depth: 0), .init(offset: 65_536, count: 65_536, kind: .zero, depth: 0),
      ])
    try disk.dropOverlay()
    #expect(try disk.read(at: 65_533, count: 5) == [0, 1, 1, 1, 1])
    #expect(throws: DiskError.noOverlay(0)) { try disk.dropOverlay() }
  }

  @Test func aZeroedClusterHidesTheBaseAndAnUnwrittenOneShowsIt() throws {
    var disk = try BlockDevice(size: 3 << 16)
    try disk.write([7], at: 0)
    try disk.write([7], at: 1 << 16)
    disk.addOverlay(named: "top")
    try disk.discard(at: 0, count: 100_000)
    #expect(try disk.read(at: 0, count: 1) == [0])
    #expect(try disk.read(at: 1 << 16, count: 1) == [7])
    try disk.merge(layer: 1)
    #expect(try disk.read(at: 0, count: 1) == [0])
    #expect(disk.usedClusters == 1)
  }

  @Test func zerosOverWholeClustersGiveMemoryBack() throws {
    var disk = try BlockDevice(size: 1 << 20, cache: .writeThrough)
    try disk.write([UInt8](repeating: 5, count: 200_000), at: 1000)
    #expect(disk.usedClusters == 4)
    try disk.zero(at: 1000, count: 200_000)
    #expect(disk.usedClusters == 2)
    #expect(try disk.read(at: 0, count: 1 << 20).allSatisfy { $0 == 0 })
  }

  @Test func theLastClusterOfADiskIsWholeWhereItEnds() throws {
    var disk = try BlockDevice(size: 65_536 + 512, cache: .writeThrough)
    try disk.write([1], at: 65_536 + 511)
    try disk.discard(at: 65_536, count: 512)
    #expect(disk.usedClusters == 0)
  }

  /// A guest may ask for it: it must take no longer than what there is.
  @Test func zerosOverTheLargestDiskAreQuick() throws {
    var disk = try BlockDevice(size: BlockDevice.maximumSize)
    try disk.write([1], at: 1 << 45)
    disk.addOverlay(named: "top")
    try disk.zero(at: 512, count: BlockDevice.maximumSize - 512)
    #expect(try disk.read(at: 1 << 45, count: 1) == [0])
  }

  @Test func mergeNeedsAnOverlay() throws {
    var disk = try BlockDevice(size: 512)
    #expect(throws: DiskError.noOverlay(0)) { try disk.merge(layer: 0) }
    #expect(throws: DiskError.noOverlay(1)) { try disk.merge(layer: 1) }
  }

  @Test func theHashIsOfWhatIsReadAndNotOfLayers() throws {
    var one = try BlockDevice(size: 1 << 18)
    try one.write([1, 2, 3], at: 70_000)
    var two = try BlockDevice(size: 1 << 18)
    try two.write([9, 9, 9], at: 70_000)
    two.addOverlay(named: "o")
    try two.write([1, 2, 3], at: 70_000)
    try two.write([UInt8](repeating: 0, count: 65_536), at: 0)
    #expect(one.contentHash == two.contentHash)
    #expect(one.changedClusters(since: two).isEmpty)
    try two.write([4], at: 3)
    #expect(one.contentHash != two.contentHash)
    #expect(try one.contentHash != BlockDevice(size: 1 << 19).contentHash)
  }

  /// It must be the same in every process and on every machine: worked out with hashlib from its description.
  @Test func theHashIsWhatItsDescriptionSays() throws {
    var disk = try BlockDevice(size: 100 * 1024)
    try disk.write([0xab], at: 65_536)
    let hex = disk.contentHash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hex == "bb103f994e65d970f667050789c4c684d1a29524480dc6b1f108fb4ba6170e64")
  }

  @Test func sha256IsTheStandards() {
    func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    #expect(hex(SHA256.hash(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(hex(SHA256.hash([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let million = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
    for chunk in [1, 55, 56, 63, 64, 65, 1000] {
      var hash = SHA256()
      for start in stride(from: 0, to: 1000, by: chunk) { hash.update(Array(million[start..<min(1000, start + chunk)])) }
      #expect(hex(hash.finish()) == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3", "in pieces of \(chunk)")
    }
  }
}
