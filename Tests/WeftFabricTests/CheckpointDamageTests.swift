import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric
@testable import WeftStorage

/// A file that isn't what it should be is refused with a reason.
@Suite struct CheckpointDamageTests {
  private static let file: Data = {
    guard let topology = try? topology(Labs.busy),
      var simulation = try? Simulation(topology, captures: CaptureOptions(directory: nil))
    else { return Data() }
    simulation.run(until: .start + .milliseconds(320))
    return (try? CheckpointFile.encode(simulation)) ?? Data()
  }()

  private func complaint(_ data: Data) -> String? {
    do {
      _ = try CheckpointFile.decode(data, path: "lab.ckpt", captures: .memory)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func theIntactFileIsTaken() { #expect(complaint(Self.file) == nil) }

  @Test func aTruncatedFileIsRefused() throws {
    let count = Self.file.count
    try #require(count > 10_000)
    let lengths = Array(0..<40) + stride(from: 40, to: count, by: count / 150) + Array(count - 20..<count)
    for length in lengths {
      let complaint = complaint(Self.file.prefix(length))
      #expect(complaint?.contains("lab.ckpt") == true, "of \(length) bytes: \(complaint ?? "was taken")")
    }
  }

  @Test func aFlippedBitIsFound() throws {
    let count = Self.file.count
    let bits = Array(0..<28 * 8) + stride(from: 28 * 8, to: count * 8, by: count * 8 / 200 | 1)
    for bit in bits {
      var data = Self.file
      data[bit / 8] ^= 1 << (bit % 8)
      #expect(complaint(data) != nil, "bit \(bit)")
    }
  }

  @Test func bytesBehindTheEndAreFound() {
    #expect(complaint(Self.file + [0])?.contains("behind its end") == true)
    #expect(complaint(Self.file + Self.file) != nil)
  }

  @Test(arguments: [
    ("", "not a weft checkpoint"), ("hello", "not a weft checkpoint"),
    ("name: lab\nhosts: {}\n", "not a weft checkpoint"),
    ("WEFTCKPT", "ends in its header"), ("WEFTCKPT\u{7}\0\0\0\u{1}\0\0\0", "format 7"),
    ("WEFTCKPT\u{2}\0\0\0\0\0\0\0", "its header"), ("WEFTCKPT\u{2}\0\0\0\u{1}\0\0\0", "ends in section 0"),
  ])
  func aForeignFileIsCalledSo(content: String, why: String) {
    let complaint = complaint(Data(content.utf8))
    #expect(complaint?.contains(why) == true, "\(complaint ?? "was taken")")
  }

  /// Its sums are right, its content isn't: written by something else, or by another version.
  @Test(arguments: ["", "{}", "[]", "null", "{\"now\":1}"]) func aStateThatDoesNotDecodeIsRefused(state: String) {
    var data = Data("WEFTCKPT\u{2}\0\0\0\u{1}\0\0\0".utf8)
    data.append(UInt64(state.utf8.count).littleEndianBytes)
    data.append(CRC32.checksum(Data(state.utf8)).littleEndianBytes)
    data.append(Data(state.utf8))
    #expect(complaint(data)?.contains("damaged") == true)
  }
}
