import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftDisk

/// A damaged, truncated or hostile file is an error that says what and where, and takes no memory.
@Suite struct Qcow2DamageTests {
  /// Made by QEMU with the smallest clusters: `plain` has bitmaps and zeroed clusters, `two` is of version 2 and has a snapshot,
  /// `overlay` lies over it.
  static let seeds = ["plain", "compressed", "two", "overlay"]

  static func seed(_ name: String) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: "\(Repository.root)/Fuzz/Seeds/qcow2/\(name)")))
  }

  private func problem(_ file: [UInt8], base: [UInt8]) -> DiskImageError? {
    do throws(DiskImageError) {
      var disk = try BlockDevice(qcow2: file, named: "d", memory: 1 << 20) { $0 == "two" ? base : nil }
      #expect(disk.usedBytes <= 1 << 20)
      #expect((try? disk.read(at: 0, count: min(disk.size, 5000)).count) == min(disk.size, 5000))
      #expect(throws: Never.self) { try disk.write([1], at: disk.size - 1) }
      return nil
    } catch {
      #expect(!error.description.isEmpty)
      if case .damaged(_, let offset) = error.problem { #expect((0...max(file.count, base.count)).contains(offset)) }
      return error
    }
  }

  @Test(arguments: seeds) func tenThousandMutationsAreErrorsOrDisks(name: String) throws {
    let (original, base) = (try Self.seed(name), try Self.seed("two"))
    #expect(problem(original, base: base) == nil)
    var stream = RandomStream(7, name)
    var errors = 0
    for _ in 0..<2500 {
      var file = original
      for _ in 0...stream.upTo(3) { file.mutate(&stream) }
      if problem(file, base: base) != nil { errors += 1 }
    }
    #expect(errors > 500)
  }

  /// A raw file is a disk whatever is in it: its bytes, and zeros up to a whole sector.
  @Test func tenThousandRawFilesAreDisks() throws {
    var stream = RandomStream(7, "raw")
    var file = (0..<700).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for _ in 0..<10_000 {
      if file.count < 200 { file = [UInt8](repeating: 9, count: 700) }
      file.mutate(&stream)
      let disk = try BlockDevice(image: file, named: "d")
      #expect(
        try disk.read(at: 0, count: file.count) == file && disk.size < file.count + 512
          && disk.usedBytes <= BlockDevice.clusterSize)
    }
    #expect(throws: DiskImageError.self) { try BlockDevice(image: [], named: "d") }
  }

  @Test(arguments: seeds) func aFileThatIsCutShortIsAnErrorWhereItMattered(name: String) throws {
    let (original, base) = (try Self.seed(name), try Self.seed("two"))
    let whole = try BlockDevice(qcow2: original, named: "d") { $0 == "two" ? base : nil }
    for length in stride(from: 0, to: original.count, by: 256) {
      do throws(DiskImageError) {
        let disk = try BlockDevice(qcow2: Array(original[..<length]), named: "d") { $0 == "two" ? base : nil }
        #expect(disk.changedClusters(since: whole).isEmpty, "cut at \(length)")
      } catch {
        if case .damaged(_, let offset) = error.problem { #expect(offset <= original.count) } else { Issue.record("\(error)") }
      }
    }
  }

  @Test func ourOwnFilesCutShortAreErrors() throws {
    var disk = try BlockDevice(size: 1 << 20)
    try disk.addBitmap(named: "b")
    try disk.write([1], at: 0)
    try disk.write([2], at: 500_000)
    let file = disk.qcow2
    for length in stride(from: 0, to: file.count, by: 4096) {
      #expect(throws: DiskImageError.self) { try BlockDevice(qcow2: Array(file[..<length]), named: "d") }
    }
  }

  private func patched(_ offset: Int, _ bytes: [UInt8]) throws -> String {
    var disk = try BlockDevice(size: 4 << 16)
    try disk.write([1], at: 0)
    try disk.write([1], at: 1 << 16)
    var file = disk.qcow2
    file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    do throws(DiskImageError) {
      _ = try BlockDevice(qcow2: file, named: "d")
      return "read"
    } catch { return error.description }
  }

  @Test func anErrorSaysWhatAndWhere() throws {
    #expect(try patched(0, [0]) == "d: it isn't a qcow2 file (at byte 0)")
    #expect(try patched(7, [4]) == "d: version 4 of qcow2 can't be read here")
    #expect(try patched(23, [8]) == "d: clusters of 2^8 bytes (at byte 20)")
    #expect(try patched(31, [1]) == "d: a disk can't have that size (at byte 24)")
    #expect(try patched(35, [1]) == "d: AES encryption can't be read here")
    #expect(try patched(35, [2]) == "d: LUKS encryption can't be read here")
    #expect(try patched(39, [0]) == "d: an L1 table of 0 entries is too short for 262144 bytes (at byte 36)")
    #expect(try patched(40, [1]) == "d: its L1 table lies outside the file's 458752 bytes (at byte 40)")
    #expect(try patched(47, [1]) == "d: its L1 table begins at no cluster (at byte 40)")
    #expect(try patched(79, [1]) == "read", "unclean, which only refcounts mind")
    #expect(try patched(79, [2]) == "d: QEMU has marked it as corrupt (at byte 72)")
    #expect(try patched(79, [4]) == "d: an external data file can't be read here")
    #expect(try patched(79, [16]) == "d: extended L2 entries can't be read here")
    #expect(try patched(78, [2]) == "d: the incompatible feature of bit 9 can't be read here")
    let name = [0, 9] + Array("folded space".utf8)
    let table: [UInt8] = [0x68, 0x03, 0xf8, 0x57, 0, 0, 0, 48] + name + [UInt8](repeating: 0, count: 48 - name.count)
    #expect(
      try patched(
        78, [2] + [UInt8](repeating: 0, count: 17) + [0, 0, 0, 4, 0, 0, 0, 112] + [UInt8](repeating: 0, count: 8) + table)
        == "d: the incompatible feature “folded space” can't be read here")
    // L1 at cluster 3, L2 at 4, data at 5 and 6.
    #expect(
      try patched(4 << 16, [0x80, 0, 0, 0, 0, 9, 0, 0]) == "d: a cluster lies outside the file's 458752 bytes (at byte 262144)")
    #expect(try patched(4 << 16, [0x80, 0, 0, 0, 0, 5, 2, 0]) == "d: a cluster begins at no cluster (at byte 262144)")
    #expect(try patched(4 << 16, [0x80, 0, 0, 0, 0, 5, 0, 2]) == "d: reserved bits in an L2 entry (at byte 262144)")
    #expect(try patched(3 << 16, [0x80, 0, 0, 0, 0, 5, 0, 2]) == "d: reserved bits in an L1 entry (at byte 196608)")
  }

  /// Found by the fuzzer.
  @Test func aBackingFilesNameMayBeLongerThanTheFile() throws {
    var file = try Self.seed("overlay")
    file.replaceSubrange(16..<20, with: [0, 0, 3, 0])
    #expect(
      problem(Array(file[..<588]), base: [])
        == DiskImageError(file: "d", .damaged("the name of its backing file lies outside its header's cluster", at: 8)))
  }

  /// A file of some clusters can't say that it is a disk of thousands.
  @Test func nothingLiesInOneClusterTwice() throws {
    #expect(
      try patched(4 << 16, [0x80, 0, 0, 0, 0, 6, 0, 0])
        == "d: a cluster lies in cluster 6, where something else is (at byte 262152)")
    #expect(
      try patched(4 << 16, [0x80, 0, 0, 0, 0, 3, 0, 0])
        == "d: a cluster lies in cluster 3, where something else is (at byte 262144)")
    #expect(
      try patched(3 << 16, [0x80, 0, 0, 0, 0, 3, 0, 0])
        == "d: an L2 table lies in cluster 3, where something else is (at byte 196608)")
  }
}

extension [UInt8] {
  /// A byte, a bit, a number at its limits, a part from elsewhere, or the end gone.
  mutating func mutate(_ stream: inout RandomStream) {
    guard count > 8 else { return }
    let at = stream.upTo(count - 8)
    switch stream.upTo(8) {
    case 0, 1: self[at] = UInt8(truncatingIfNeeded: stream.next())
    case 2, 3: self[at] ^= 1 << UInt8(stream.upTo(8))
    case 4: replaceSubrange(at..<at + 4, with: [[0, 0, 0, 0], [255, 255, 255, 255], [127, 255, 255, 255]][stream.upTo(3)])
    case 5:
      let from = stream.upTo(count - 8)
      replaceSubrange(at..<at + 8, with: Array(self[from..<from + 8]))
    case 6: self[at] = self[at] &+ (stream.isOne(in: 2) ? 1 : 255)
    default: if stream.isOne(in: 8) { removeLast(stream.upTo(count)) } else { self[stream.upTo(112 % count)] ^= 1 }
    }
  }
}
