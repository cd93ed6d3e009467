import Testing
import WeftCore

@testable import WeftDisk

/// What holds of our files without anybody's judgement.
@Suite struct Qcow2ShapeTests {
  @Test func aLargeDiskIsASmallFile() throws {
    var disk = try BlockDevice(size: 8 << 30)
    try disk.write([UInt8](repeating: 1, count: 1 << 20), at: 4 << 30)
    #expect(disk.qcow2.count <= 3 << 19)
  }

  @Test func theSameDiskGivesTheSameBytes() throws {
    var one = try BlockDevice(size: 1 << 20)
    try one.write([1], at: 0)
    try one.write([2], at: 200_000)
    var two = try BlockDevice(size: 1 << 20)
    try two.write([2], at: 200_000)
    two.addOverlay(named: "o")
    try two.write([1], at: 0)
    #expect(one.qcow2 == two.qcow2)
    var pieces: [UInt8] = []
    one.writeQcow2 { pieces += $0 }
    #expect(pieces == one.qcow2)
  }

  @Test func layersAndBackingFilesBelongTogether() throws {
    var disk = try BlockDevice(size: 512)
    disk.addOverlay(named: "o")
    #expect(throws: DiskError.noOverlay(2)) { try disk.qcow2(layer: 2) }
    #expect(throws: DiskError.noOverlay(1)) { try disk.qcow2(layer: 1) }
    #expect(throws: DiskError.noOverlay(0)) { try disk.qcow2(layer: 0, backing: Qcow2Backing("x")) }
    #expect(throws: DiskError.name("")) { try disk.qcow2(layer: 1, backing: Qcow2Backing("")) }
    #expect(throws: DiskError.name("")) { try disk.addBitmap(named: "") }
  }

  @Test func rawComesAndGoes() throws {
    let disk = try BlockDevice(raw: [1] + [UInt8](repeating: 0, count: 200_000) + [2])
    #expect(disk.size == 200_192 && disk.usedClusters == 2)
    #expect(disk.raw.count == 200_192 && disk.raw[0] == 1 && disk.raw[200_001] == 2)
    #expect(throws: DiskImageError.self) { try BlockDevice(raw: []) }
  }
}
