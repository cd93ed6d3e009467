import Foundation
import Testing
import WeftCore
import WeftImage

@testable import WeftDisk

/// A disk in a checkpoint.
@Suite struct DiskCodingTests {
  private func coded(_ disk: BlockDevice) throws -> (disk: BlockDevice, bytes: [UInt8]) {
    let encoder = ImageEncoder()
    let bytes = try encoder.encode(disk)
    return (try ImageDecoder(shapeTable: encoder.shapeTable).decode(BlockDevice.self, from: bytes), bytes)
  }

  @Test(arguments: 0..<12) func aDecodedDiskGoesOnToTheLastBit(seed: Int) throws {
    var stream = RandomStream(seed)
    var twin = try Twin(size: 512 * (1 + stream.upTo(500)), cache: CacheMode.allCases[seed % 3])
    for _ in 0..<40 { try twin.step(&stream) }
    var (disk, bytes) = try coded(twin.disk)
    #expect(disk == twin.disk)
    #expect(try coded(disk).bytes == bytes)
    var (one, two) = (stream, stream)
    #expect(disk.powerCut(using: &one) == twin.disk.powerCut(using: &two))
    #expect(disk == twin.disk)
  }

  @Test func aSectorCostsNoCluster() throws {
    var disk = try BlockDevice(size: 8 << 30, cache: .writeThrough)
    try disk.write([UInt8](repeating: 1, count: 512), at: 4 << 30)
    #expect(try coded(disk).bytes.count < 1000)
  }

  @Test(arguments: 0..<300) func aDamagedOneIsAnErrorOrADiskThatWorks(seed: Int) throws {
    var stream = RandomStream(seed)
    var disk = try BlockDevice(size: 512 * 300, cache: .writeBack)
    try disk.addBitmap(named: "b")
    try disk.write([1, 2, 3], at: 66_000)
    disk.addOverlay(named: "o")
    try disk.write([4], at: 500)
    try disk.zero(at: 65_536, count: 65_536)
    let encoder = ImageEncoder()
    var bytes = try encoder.encode(disk)
    for _ in 0...stream.upTo(3) { bytes[stream.upTo(bytes.count)] = UInt8(truncatingIfNeeded: stream.next()) }
    guard var found = try? ImageDecoder(shapeTable: encoder.shapeTable).decode(BlockDevice.self, from: bytes) else { return }
    guard found.size < 1 << 30 else { return }
    _ = try found.read(at: 0, count: min(found.size, 100_000))
    try found.write([1], at: found.size - 1)
    found.powerCut(using: &stream)
    found.flatten()
  }
}
