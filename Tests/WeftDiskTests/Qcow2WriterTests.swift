import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftDisk

/// What we write, judged by QEMU.
@Suite(.enabled(if: Qemu.isThere, Qemu.missing)) struct Qcow2WriterTests {
  /// A random disk of up to four layers, with bitmaps: sparse ones are large, others end within a cluster.
  static func disk(_ stream: inout RandomStream) throws -> BlockDevice {
    let largest = [1, 200, 20_000, 1 << 24, 1 << 32][stream.upTo(5)]
    let size = 512 * (1 + stream.upTo(largest))
    var disk = try BlockDevice(size: size, name: "l0.qcow2")
    if stream.isOne(in: 2) { try disk.addBitmap(named: "b0") }
    for layer in 0..<1 + stream.upTo(4) {
      if layer > 0 { disk.addOverlay(named: "l\(layer).qcow2") }
      // Near each other, so that layers meet; at the end; far away.
      for _ in 0..<1 + stream.upTo(3) {
        let place = [stream.upTo(min(size, 400_000)), size - 1 - stream.upTo(min(size, 70_000)), stream.upTo(size)][
          stream.upTo(3)]
        let count = stream.upTo(min(size - place, [10, 3000, 70_000][stream.upTo(3)]) + 1)
        if stream.isOne(in: 4) {
          try disk.zero(at: place, count: min(size - place, count * 3))
        } else {
          try disk.write(stream.bytes(count), at: place)
        }
      }
      if stream.isOne(in: 4) { try disk.addBitmap(named: "b\(layer + 1) ä") }
    }
    if let bitmap = disk.bitmaps.last, stream.isOne(in: 2) { try disk.setRecording(false, of: bitmap.name) }
    return disk
  }

  /// WEFT_DISKS=1000 in the environment for as many.
  static let count = Int(ProcessInfo.processInfo.environment["WEFT_DISKS"] ?? "") ?? 12

  @Test(arguments: 0..<count) func qemuFindsARandomDiskSoundAndReadsTheSame(seed: Int) throws {
    var stream = RandomStream(seed)
    let disk = try Self.disk(&stream)
    let folder = Scratch()
    // Sparse, for it may be large.
    _ = FileManager.default.createFile(atPath: folder.file("raw"), contents: nil)
    let raw = try #require(FileHandle(forWritingAtPath: folder.file("raw")))
    try raw.truncate(atOffset: UInt64(disk.size))
    try disk.forEachCluster { offset, bytes in
      try raw.seek(toOffset: UInt64(offset))
      try raw.write(contentsOf: bytes)
    }
    try raw.close()
    folder.write(disk.qcow2, "flat.qcow2")
    let names = disk.layers.map(\.name)
    for (layer, name) in names.enumerated() {
      folder.write(try disk.qcow2(layer: layer, backing: layer == 0 ? nil : Qcow2Backing(names[layer - 1])), name)
    }
    for file in ["flat.qcow2", names.last ?? ""] {
      #expect(try Qemu.img("check", file, in: folder).output.hasPrefix("No errors were found on the image."))
      try Qemu.img("compare", "-f", "qcow2", "-F", "raw", file, "raw", in: folder)
      let read = try folder.disk(file)
      #expect(read.changedClusters(since: disk).isEmpty)
      #expect(read.bitmaps == disk.bitmaps)
    }
    let read = try folder.disk(names[names.count - 1])
    #expect(read.layers.map(\.name) == names)
    // Zeros that were written as bytes are known to be zeros in a file.
    try Self.expectSameMap(read.extents, Qemu.map(names[names.count - 1], in: folder))
  }

  /// QEMU says of what is unwritten that it reads as zeros, from whatever layer it found that in.
  private static func expectSameMap(_ ours: [BlockDevice.Extent], _ theirs: [Qemu.Extent]) {
    func runs(_ extents: [(Int, Int, Int?)]) -> [[Int]] {
      extents.reduce(into: []) { runs, extent in
        if let last = runs.last, last[2] == extent.2 ?? 99 {
          runs[runs.count - 1][1] = extent.0 + extent.1
        } else {
          runs.append([extent.0, extent.0 + extent.1, extent.2 ?? 99])
        }
      }
    }
    let expected = runs(ours.map { ($0.offset, $0.count, $0.kind == .data ? $0.depth : nil) })
    #expect(runs(theirs.map { ($0.start, $0.length, $0.data ? $0.depth : nil) }) == expected)
  }

  @Test func qemuReadsOurBitmaps() throws {
    let folder = Scratch()
    var disk = try BlockDevice(size: 40 << 30)
    try disk.addBitmap(named: "b0")
    try disk.write([UInt8](repeating: 1, count: 100 << 10), at: 2 << 20)
    // In the second cluster of its bits.
    try disk.write([1], at: 39 << 30)
    try disk.addBitmap(named: "off")
    try disk.setRecording(false, of: "off")
    folder.write(disk.qcow2, "d.qcow2")
    struct Info: Decodable {
      struct Specific: Decodable {
        struct Contents: Decodable { var bitmaps: [Bitmap] }
        struct Bitmap: Decodable, Equatable {
          var name: String
          var granularity: Int
          var flags: [String]
        }
        var data: Contents
      }
      var `format-specific`: Specific
    }
    let text = try Qemu.img("info", "--output=json", "d.qcow2", in: folder).output
    let info = try JSONDecoder().decode(Info.self, from: Data(text.utf8))
    #expect(
      info.`format-specific`.data.bitmaps == [
        .init(name: "b0", granularity: 65_536, flags: ["auto"]), .init(name: "off", granularity: 65_536, flags: []),
      ])
    let server = try Tool.Running("qemu-nbd", ["-r", "-B", "b0", "-k", folder.file("s"), "-t", folder.file("d.qcow2")])
    defer {
      server.send(SIGTERM)
      _ = try? server.wait()
    }
    for _ in 0..<500 where !folder.exists("s") { usleep(10_000) }
    let options = "driver=nbd,server.type=unix,server.path=\(folder.file("s")),x-dirty-bitmap=qemu:dirty-bitmap:b0"
    let map = try Qemu.img("map", "--output=json", "--image-opts", options, in: folder).output
    let dirty = try JSONDecoder().decode([Qemu.Extent].self, from: Data(map.utf8)).filter { !$0.data }
    #expect(dirty.map { [$0.start, $0.length] } == [[2 << 20, 131_072], [39 << 30, 65_536]])
  }

  @Test func ourMergeIsTheirCommit() throws {
    for seed in 0..<4 {
      var stream = RandomStream(seed)
      var disk = try BlockDevice(size: 512 * 1000, name: "base.qcow2")
      for _ in 0..<4 { try disk.write(stream.bytes(20_000), at: stream.upTo(490_000)) }
      disk.addOverlay(named: "top.qcow2")
      for _ in 0..<4 { try disk.write(stream.bytes(3_000), at: stream.upTo(500_000)) }
      try disk.zero(at: 65_536, count: 100_000)
      let folder = Scratch()
      folder.write(try disk.qcow2(layer: 0), "base.qcow2")
      folder.write(try disk.qcow2(layer: 1, backing: Qcow2Backing("base.qcow2")), "top.qcow2")
      try Qemu.img("commit", "-q", "top.qcow2", in: folder)
      try disk.merge(layer: 1)
      folder.write(disk.raw, "raw")
      try Qemu.img("compare", "-f", "qcow2", "-F", "raw", "base.qcow2", "raw", in: folder)
      #expect(try folder.disk("base.qcow2").changedClusters(since: disk).isEmpty)
    }
  }

  @Test func whatQemuWroteIntoOursIsReadBack() throws {
    let folder = Scratch()
    var disk = try BlockDevice(size: 1 << 20, name: "d.qcow2")
    try disk.addBitmap(named: "b")
    try disk.write([1, 2, 3], at: 70_000)
    _ = try disk.sync("b")
    folder.write(disk.qcow2, "d.qcow2")
    try Qemu.io("d.qcow2", "write -P 0x11 300k 1k", "write -z 0 64k", in: folder)
    try Qemu.img("check", "d.qcow2", in: folder)
    let read = try folder.disk("d.qcow2")
    try disk.write([UInt8](repeating: 0x11, count: 1024), at: 300 << 10)
    #expect(read.changedClusters(since: disk).isEmpty)
    // QEMU goes on recording what it is told to.
    #expect(read.bitmap(named: "b")?.clusters.ranges == [0..<1, 4..<5])
  }

  @Test func aRawFileMayBeTheBase() throws {
    let folder = Scratch()
    folder.write([UInt8](repeating: 7, count: 100_000), "base.raw")
    var disk = try BlockDevice(raw: try folder.bytes("base.raw"), named: "base.raw")
    disk.addOverlay(named: "top.qcow2")
    try disk.write([8], at: 5)
    folder.write(try disk.qcow2(layer: 1, backing: Qcow2Backing("base.raw", format: .raw)), "top.qcow2")
    try Qemu.img("check", "top.qcow2", in: folder)
    folder.write(disk.raw, "raw")
    try Qemu.img("compare", "-f", "qcow2", "-F", "raw", "top.qcow2", "raw", in: folder)
    #expect(try folder.disk("top.qcow2").changedClusters(since: disk).isEmpty)
  }
}
