import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftDisk

/// What QEMU writes is read; what can't be is refused by name.
@Suite(.enabled(if: Qemu.isThere, Qemu.missing)) struct Qcow2ReaderTests {
  private func expectSame(_ file: String, _ folder: Scratch, _ comment: String = "") throws {
    try Qemu.img("convert", "-O", "raw", file, "judge.raw", in: folder)
    let disk = try folder.disk(file)
    #expect(areEqual(disk.raw, try folder.bytes("judge.raw")), "\(file) \(comment)")
  }

  @Test(arguments: ["512", "4k", "64k", "2M"], ["0.10", "1.1"])
  func clustersOfAllSizesAndBothVersions(cluster: String, compat: String) throws {
    let folder = Scratch()
    try Qemu.img("create", "-q", "-f", "qcow2", "-o", "cluster_size=\(cluster),compat=\(compat)", "d", "5000000", in: folder)
    try Qemu.io(
      "d", "write -P 0x11 0 512", "write -P 0x22 100k 70k", "write -P 0x33 4999680 512", "write -P 0x44 3M 300k",
      "write -z 3100k 64k", "discard 3M 64k", in: folder)
    try expectSame("d", folder, "\(cluster) \(compat)")
  }

  @Test func compressedClusters() throws {
    var stream = RandomStream(3)
    let folder = Scratch()
    // Text, runs, and what deflate can only store.
    var bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }
    bytes += [UInt8](repeating: 7, count: 100_000)
    bytes += (0..<70_000).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
    bytes += Array(String(repeating: "the quick brown fox; ", count: 5_000).utf8)
    folder.write(bytes, "raw")
    for cluster in ["4k", "64k", "2M"] {
      try Qemu.img("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=\(cluster)", "raw", "d", in: folder)
      try expectSame("d", folder, cluster)
    }
    // A little file that is a large disk: no more than is allowed.
    folder.write([UInt8](repeating: 7, count: 4 << 20), "raw")
    try Qemu.img("convert", "-c", "-f", "raw", "-O", "qcow2", "raw", "d", in: folder)
    #expect {
      try BlockDevice(qcow2: try folder.bytes("d"), named: "d", memory: 1 << 20)
    } throws: { ($0 as? DiskImageError)?.problem == .tooLarge(17 << 16, limit: 1 << 20) }
  }

  @Test func backingFilesOfOtherSizesAndFormats() throws {
    let folder = Scratch()
    folder.write([UInt8](repeating: 9, count: 300_000), "base.raw")
    try Qemu.img("create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "short", "150k", in: folder)
    try Qemu.io("short", "write -P 0x22 10k 5k", in: folder)
    try Qemu.img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "-b", "short", "-F", "qcow2", "long", "400k", in: folder)
    try Qemu.io("long", "write -P 0x33 149k 3k", "write -z 8k 4k", "write -P 0x44 390k 1k", in: folder)
    try expectSame("long", folder)
    let disk = try folder.disk("long")
    #expect(disk.layers.map(\.name) == ["base.raw", "short", "long"])
    var merged = disk
    try merged.merge(layer: 1)
    #expect(merged.changedClusters(since: disk).isEmpty)
    merged = disk
    try merged.merge(layer: 2)
    #expect(merged.changedClusters(since: disk).isEmpty)
  }

  @Test func bitmapsOfAllGranularities() throws {
    let folder = Scratch()
    try Qemu.img("create", "-q", "-f", "qcow2", "d", "10M", in: folder)
    for granularity in ["512", "64k", "1M", "2G"] {
      try Qemu.img("bitmap", "--add", "-g", granularity, "d", granularity, in: folder)
    }
    try Qemu.io("d", "write 100k 512", "write 5M 70k", in: folder)
    try Qemu.img("bitmap", "--disable", "d", "64k", in: folder)
    try Qemu.io("d", "write 9M 512", in: folder)
    let disk = try folder.disk("d")
    #expect(disk.bitmap(named: "512")?.clusters.ranges == [1..<2, 80..<82, 144..<145])
    #expect(disk.bitmap(named: "64k")?.clusters.ranges == [1..<2, 80..<82])
    #expect(disk.bitmap(named: "1M")?.clusters.ranges == [0..<16, 80..<96, 144..<160])
    #expect(disk.bitmap(named: "2G")?.clusters.ranges == [0..<160])
    #expect(disk.bitmaps.map(\.isRecording) == [true, false, true, true])
  }

  /// What lies in an overlay isn't in the base's bitmap: a backup that went by it alone would lack it.
  @Test func aBaseKeepsItsBitmapThroughAMerge() throws {
    let folder = Scratch()
    try Qemu.img("create", "-q", "-f", "qcow2", "base", "1M", in: folder)
    try Qemu.img("bitmap", "--add", "base", "b", in: folder)
    try Qemu.io("base", "write 0 512", in: folder)
    try Qemu.img("create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", "top", in: folder)
    try Qemu.io("top", "write 512k 512", in: folder)
    var disk = try folder.disk("top")
    try disk.merge(layer: 1)
    #expect(disk.bitmap(named: "b")?.clusters.ranges == [0..<1, 8..<9])
  }

  @Test func internalSnapshotsArePassedOver() throws {
    let folder = Scratch()
    try Qemu.img("create", "-q", "-f", "qcow2", "d", "1M", in: folder)
    try Qemu.io("d", "write -P 1 0 128k", in: folder)
    try Qemu.img("snapshot", "-c", "before", "d", in: folder)
    try Qemu.io("d", "write -P 2 64k 64k", in: folder)
    try expectSame("d", folder)
  }

  @Test func whatCannotBeReadIsRefusedByName() throws {
    let folder = Scratch()
    for (options, name) in [
      ("extended_l2=on", "extended L2 entries"), ("data_file=data,data_file_raw=on", "an external data file"),
      ("compression_type=zstd", "zstd compression"),
    ] {
      let made = try Tool.run("qemu-img", ["create", "-q", "-f", "qcow2", "-o", options, "d", "1M"], in: folder.path)
      // Not every build of QEMU can do all of these.
      guard made.status == 0 else { continue }
      #expect(throws: DiskImageError(file: "d", .unsupported(name))) { try folder.disk("d") }
    }
  }

  @Test func backingFilesAreOfTheFolderAndInNoCircle() throws {
    func problem(_ backing: String, format: String? = "qcow2", others: [String: [UInt8]] = [:]) throws -> String {
      var disk = try BlockDevice(size: 512, name: "base")
      disk.addOverlay(named: "top")
      var file = try disk.qcow2(layer: 1, backing: Qcow2Backing(backing))
      if format == nil { file.replaceSubrange(112..<116, with: [1, 1, 1, 1]) }
      do throws(DiskImageError) {
        _ = try BlockDevice(qcow2: file, named: "top") { $0 == "top" ? file : others[$0] }
        return "read"
      } catch { return error.description }
    }
    for outside in ["../x", "/etc/passwd", "a/../../x", "nbd:localhost:1", "json:{}", "./x", "a//b", "file:x"] {
      #expect(try problem(outside) == "top: its backing file “\(outside)” isn't in its folder")
    }
    #expect(try problem("top") == "top: its backing file “top” is above it already: a circle")
    #expect(try problem("x") == "top: its backing file “x” isn't there")
    #expect(try problem("x", format: nil).contains("has no format"))
    let base = try BlockDevice(size: 512).qcow2
    #expect(try problem("sub/x", others: ["sub/x": base]) == "read")
    #expect(QcowChain.inside("y", of: "sub/x") == "sub/y")
  }
}
