import Testing
import WeftCore

@testable import WeftISO

/// A damaged, truncated or hostile image is an error that says what and where, or a disc.
@Suite struct DiscDamageTests {
  private static func upTo(_ stream: inout RandomStream, _ bound: Int) -> Int { Int(stream.next(below: UInt64(bound))) }

  /// nil: it was read.
  private func problem(_ image: [UInt8], _ names: ISOVolume.Names?) -> ISOError? {
    do throws(ISOError) {
      let volume = try ISOVolume(iso: image, names: names)
      #expect(volume.files.count < image.count / 33)
      return nil
    } catch {
      if case .damaged(_, let offset) = error { #expect((0...image.count).contains(offset), "\(error)") }
      #expect(!error.description.isEmpty)
      return error
    }
  }

  @Test func tenThousandMutationsAreErrorsOrDiscs() throws {
    let original = try ISOVolume(
      label: "cidata",
      entries: [
        ISOEntry(file: "user-data", DiscTests.bytes(100)),
        ISOEntry(directory: "d", [ISOEntry(directory: "e", [ISOEntry(file: "f", DiscTests.bytes(3))])]),
      ]
    ).iso()
    var stream = RandomStream(seed: 5, owner: "disc", purpose: "mutations")
    // Where there is something, mostly.
    let used = original.indices.filter { original[$0] != 0 && $0 < original.count - 64 }
    var errors = 0
    for round in 0..<10_000 {
      var image = original
      for _ in 0...Self.upTo(&stream, 3) {
        let at = round % 8 == 0 ? 32_768 + Self.upTo(&stream, original.count - 32_832) : used[Self.upTo(&stream, used.count)]
        switch Self.upTo(&stream, 5) {
        case 0: image[at] = UInt8(truncatingIfNeeded: stream.next())
        case 1: image[at] ^= 1 << UInt8(Self.upTo(&stream, 8))
        case 2:
          // A number that agrees with itself.
          let value = UInt8(truncatingIfNeeded: stream.next() % 40)
          image.replaceSubrange(at..<at + 8, with: [value, 0, 0, 0, 0, 0, 0, value])
        case 3:
          let from = used[Self.upTo(&stream, used.count)]
          image.replaceSubrange(at..<at + 64, with: Array(image[from..<from + 64]))
        default: image[at] = image[at] &+ 1
        }
      }
      if round % 50 == 0 { image.removeLast(Self.upTo(&stream, image.count)) }
      if problem(image, [nil, .rockRidge, .joliet, .plain][round % 4]) != nil { errors += 1 }
    }
    #expect(errors > 1_000)
  }

  @Test func anImageThatIsCutShortIsAnError() throws {
    let image = try DiscTests.volume.iso()
    for length in stride(from: 0, to: image.count, by: 512) {
      let error = problem(Array(image[..<length]), nil)
      #expect(
        error
          == .damaged(
            length < 16 * 2048 + 2048 ? "it isn't an ISO 9660 image" : "it has \(length) of its \(image.count) bytes", at: length)
      )
    }
  }

  /// 16 primary, 19 and 20 its path tables, 23 its root.
  private func patched(_ offset: Int, _ bytes: [UInt8], _ names: ISOVolume.Names? = nil) throws -> String {
    var image = try ISOVolume(label: "x", entries: [ISOEntry(directory: "dir", [ISOEntry(file: "file", [1, 2, 3])])]).iso()
    image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return problem(image, names)?.description ?? "read"
  }

  @Test func anErrorSaysWhatAndWhere() throws {
    let root = 23 * 2048
    func both(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, value] }
    #expect(try patched(0, [1]) == "read")
    #expect(try patched(32_769, [0]) == "it isn't an ISO 9660 image (at byte 32769)")
    #expect(try patched(16 * 2048 + 128, [0, 4, 4, 0]) == "a disc with blocks of 1024 bytes can't be read here")
    #expect(try patched(16 * 2048 + 80, [200]) == "its size in blocks is 200 and 28 at once (at byte 32848)")
    // The root's own record is 140 bytes and the next 70; then that of `dir`.
    let dir = root + 34 + 7 + 36 + 102 + 1 + 70
    #expect(try patched(dir + 33, Array("DIR".utf8)) == "read")
    #expect(try patched(dir + 2, both(23)) == "a directory in another, or in itself (at byte 47104)")
    #expect(try patched(dir + 2, both(99)) == "a directory lies outside the image's 57344 bytes (at byte 57344)")
    #expect(try patched(dir + 26, [1]) == "an interleaved file can't be read here")
    #expect(try patched(dir + 25, [0x80]) == "a file in several extents can't be read here")
    #expect(try patched(dir, [33]).hasPrefix("a directory record of 33 bytes (at byte "))
    #expect(try patched(18 * 2048, [7], .plain) == "a volume descriptor without its mark (at byte 38913)")
    #expect(try patched(root + 34, [0]) == "read", "without Rock Ridge's mark there is Joliet")
    #expect(try patched(root + 34, [0], .rockRidge) == "a disc without Rock Ridge can't be read here")
    #expect(try patched(17 * 2048, [9], .joliet) == "a disc without Joliet can't be read here")
  }
}
