import Foundation
import Testing
import WeftCore
import WeftImage
import WeftTestSupport
import WeftTopology

@testable import WeftFabric
@testable import WeftStorage

/// A file that isn't what it should be is refused with a reason.
@Suite struct CheckpointDamageTests {
  private static let file: [UInt8] = {
    guard let topology = try? topology(Labs.busy),
      var simulation = try? Simulation(topology, captures: CaptureOptions(directory: nil))
    else { return [] }
    simulation.run(until: .start + .milliseconds(320))
    return (try? CheckpointFile.encode(simulation)) ?? []
  }()

  private func complaint(_ data: [UInt8]) -> String? {
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
      let complaint = complaint(Array(Self.file.prefix(length)))
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
    ("WEFTCKPT\u{3}\0\0\0\u{1}\0\0\0", "ends in its header"),
    ("WEFTCKPT\u{3}\0\0\0\u{40}\0\0\0\0\0\0\0\0\0\0\0", "its table of sections"),
    ("WEFTCKPT\u{3}\0\0\0\u{4}\0\0\0\0\0\0\0\0\0\0\0", "wrong checksum"),
  ])
  func aForeignFileIsCalledSo(content: String, why: String) {
    let complaint = complaint(Array(content.utf8))
    #expect(complaint?.contains(why) == true, "\(complaint ?? "was taken")")
  }

  private static func changed(_ change: (inout [Section]) -> Void) throws -> [UInt8] {
    var sections = try SectionFile.decode(
      file, magic: SimulationImage.magic, version: SimulationImage.formatVersion, named: ImagePart.title)
    change(&sections)
    return SectionFile.encode(sections, magic: SimulationImage.magic, version: SimulationImage.formatVersion)
  }

  @Test func aSectionOfAnUnknownKindIsPassedOver() throws {
    let later = try Self.changed { $0.insert(Section(kind: 999, version: 4, name: "x", bytes: [1, 2, 3]), at: 2) }
    #expect(complaint(later) == nil)
  }

  @Test func anotherVersionOfASectionIsNamed() throws {
    let later = try Self.changed { sections in
      for index in sections.indices where sections[index].name == "web" { sections[index].version = 9 }
    }
    #expect(complaint(later)?.contains("the machine web in version 9; this weft reads version 3 of it") == true)
  }

  @Test func aDamagedSectionIsNamed() throws {
    for part in ImagePart.allCases where part != .captureFile && part != .kept {
      let damaged = try Self.changed { sections in
        guard let place = sections.lastIndex(where: { $0.kind == part.rawValue }) else { return }
        sections[place].bytes.removeLast()
      }
      let text = try #require(complaint(damaged))
      #expect(text.contains(ImagePart.title(part.rawValue, "")), "\(part): \(text)")
    }
    var flipped = Self.file
    flipped[flipped.count - 3] ^= 1
    #expect(complaint(flipped)?.contains("the capture") == true)
  }

  @Test func aMissingSectionIsNoticed() throws {
    // Nobody kept anything.
    for part in ImagePart.allCases where part != .kept {
      let without = try Self.changed { sections in
        if let place = sections.lastIndex(where: { $0.kind == part.rawValue }) { sections.remove(at: place) }
      }
      #expect(complaint(without) != nil, "\(part)")
    }
  }

  /// Its sums are right, its content isn't: written by something else, by hand or by another version. An error, or a run
  /// that goes on; never a trap.
  @Test(arguments: 0..<4) func bytesChangedBehindTheChecksumsAreNoTrap(seed: UInt64) throws {
    var random = RandomStream(seed: seed, owner: "checkpoint", purpose: "damage")
    var (refused, taken) = (0, 0)
    for _ in 0..<120 {
      let damaged = try Self.changed { sections in
        let coded = sections.indices.filter { sections[$0].kind != ImagePart.captureFile.rawValue }
        for _ in 0...random.next(below: 3) {
          let place = coded[Int(random.next(below: UInt64(coded.count)))]
          guard !sections[place].bytes.isEmpty else { continue }
          let at = Int(random.next(below: UInt64(sections[place].bytes.count)))
          sections[place].bytes[at] = random.next(below: 2) == 0 ? 0xff : UInt8(random.next(below: 256))
        }
      }
      guard var simulation = try? CheckpointFile.decode(damaged, path: "lab.ckpt", captures: .memory) else {
        refused += 1
        continue
      }
      taken += 1
      simulation.run(until: simulation.now + .milliseconds(20), events: 200)
      simulation.abandon()
    }
    #expect(refused > 20 && taken > 0, "\(refused) refused, \(taken) taken")
  }
}
