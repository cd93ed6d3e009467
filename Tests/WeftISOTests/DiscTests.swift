import Testing
import WeftCore

@testable import WeftISO

/// What goes onto a disc comes off it, by each kind of name.
@Suite struct DiscTests {
  static func bytes(_ count: Int, _ seed: Int = 1) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 31 &+ seed) }
      initialized = count
    }
  }

  static let volume = ISOVolume(
    label: "Tools 1",
    entries: [
      ISOEntry(file: "empty", []), ISOEntry(file: "user-data", bytes(2048)), ISOEntry(file: "network-config", bytes(2049)),
      ISOEntry(file: "a.long.name with spaces.tar.gz", bytes(1)), ISOEntry(file: "Grüße.txt", bytes(77)),
      ISOEntry(file: String(repeating: "n", count: 64), bytes(3)),
      ISOEntry(
        directory: "one",
        [
          ISOEntry(
            directory: "two",
            [ISOEntry(directory: "three", [ISOEntry(file: "deep-file", bytes(5000))]), ISOEntry(directory: "none", [])])
        ]),
    ])

  static func sorted(_ entries: [ISOEntry]) -> [ISOEntry] {
    entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { entry in
      switch entry.content {
      case .file: entry
      case .directory(let inside): ISOEntry(directory: entry.name, sorted(inside))
      }
    }
  }

  @Test(arguments: [nil, .rockRidge, .joliet] as [ISOVolume.Names?]) func whatGoesInComesOut(names: ISOVolume.Names?) throws {
    let read = try ISOVolume(iso: Self.volume.iso(), names: names)
    #expect(read.label == "Tools 1")
    #expect(read.entries == Self.sorted(Self.volume.entries))
    #expect(read.file(at: "one/two/three/deep-file") == Self.bytes(5000))
    #expect(read.file(at: "one/two") == nil && read.file(at: "nothing") == nil)
    #expect(read["one/two/none"]?.content == .directory([]))
    #expect(read.files.map(\.path).contains("one/two/three/deep-file"))
  }

  @Test func plainNamesAreThoseOfLevelOne() throws {
    let read = try ISOVolume(iso: Self.volume.iso(), names: .plain)
    let names = read.entries.map(\.name)
    #expect(names == ["a_long_n.gz", "empty", "gr_sse.txt", "network_", "nnnnnnnn", "one", "user_dat"].sorted())
  }

  @Test func plainNamesThatWouldBeTheSameAreNumbered() {
    let names = ["longname-one.txt", "longname-two.txt", "longname-three.txt", "longname", "Longname"]
    let plain = ISONames.plain(names.map { ISOEntry(file: $0, []) } + [ISOEntry(directory: "longname", [ISOEntry]())])
    #expect(
      plain.map { String(decoding: $0, as: UTF8.self) } == [
        "LONGNAME.TXT;1", "LONGNAM0.TXT;1", "LONGNAM1.TXT;1", "LONGNAME.;1", "LONGNAM0.;1", "LONGNAM1",
      ])
  }

  @Test func theSameFilesGiveTheSameBytes() throws {
    let other = ISOVolume(label: "Tools 1", entries: Self.volume.entries.reversed())
    #expect(try Self.volume.iso() == other.iso())
    // What is read can be written again, to the same.
    #expect(try ISOVolume(iso: Self.volume.iso()).iso() == Self.volume.iso())
  }

  @Test func manyFilesTakeManySectorsOfRecords() throws {
    let entries = (0..<300).map { ISOEntry(file: "file-\($0)-" + String(repeating: "x", count: $0 % 50), Self.bytes($0 % 7)) }
    let dirs = (0..<200).map { ISOEntry(directory: "directory-\($0)", [ISOEntry(file: "f", Self.bytes($0))]) }
    let volume = ISOVolume(label: "", entries: Self.sorted(entries + dirs))
    for names in [.rockRidge, .joliet] as [ISOVolume.Names] {
      #expect(try ISOVolume(iso: volume.iso(), names: names) == volume)
    }
  }

  @Test func anEmptyDiscIsOne() throws {
    let empty = ISOVolume(label: "")
    #expect(try ISOVolume(iso: empty.iso()) == empty)
  }

  @Test(arguments: 0..<20) func aRandomTreeComesBack(seed: Int) throws {
    var stream = RandomStream(seed: UInt64(seed), owner: "disc", purpose: "tree")
    func upTo(_ bound: Int) -> Int { Int(stream.next(below: UInt64(bound))) }
    let letters = Array("abcXYZ019-_ .äß日")
    func entries(_ depth: Int) -> [ISOEntry] {
      var names: Set<String> = []
      return Self.sorted(
        (0..<upTo(9)).compactMap { _ in
          let name = String((0...upTo(20)).map { _ in letters[upTo(letters.count)] })
          guard name != ".", name != "..", names.insert(name).inserted else { return nil }
          return depth < 7 && upTo(3) == 0
            ? ISOEntry(directory: name, entries(depth + 1))
            : ISOEntry(file: name, Self.bytes([0, upTo(50), 2047 + upTo(3)][upTo(3)], seed))
        })
    }
    let volume = ISOVolume(label: "x\(seed)", entries: entries(1))
    let image = try volume.iso()
    for names in [.rockRidge, .joliet] as [ISOVolume.Names] { #expect(try ISOVolume(iso: image, names: names) == volume) }
    #expect(try ISOVolume(iso: image, names: .plain).files.count == volume.files.count)
  }

  @Test func whatJolietHasNotIsRefused() {
    func problem(_ entries: [ISOEntry], label: String = "x") -> String {
      do throws(ISOError) {
        _ = try ISOVolume(label: label, entries: entries).iso()
        return "written"
      } catch { return error.description }
    }
    let forbidden = "can't be on a disc: Joliet names have no * / : ; ? \\ or control characters"
    for name in ["a*b", "a/b", "a:b", "a;1", "a?", "a\\b", "a\nb"] {
      #expect(problem([ISOEntry(file: name, [])]) == "“\(name)” \(forbidden)")
    }
    for name in ["", ".", ".."] { #expect(problem([ISOEntry(file: name, [])]).hasSuffix("it has no name")) }
    #expect(
      problem([ISOEntry(file: String(repeating: "n", count: 65), [])]).hasSuffix("at most 64 characters, and 160 bytes of UTF-8"))
    #expect(problem([ISOEntry(file: "𝄞", [])]).hasSuffix("Joliet has no character above U+FFFF"))
    #expect(
      problem([ISOEntry(directory: "d", [ISOEntry(file: "a", []), ISOEntry(directory: "a", [ISOEntry]())])])
        == "“d/a” can't be on a disc: there are two of it")
    #expect(problem([], label: "seventeen letters").hasSuffix("at most 16 printable ASCII characters"))
    var deep = [ISOEntry(file: "file", [])]
    for _ in 0..<7 { deep = [ISOEntry(directory: "d", deep)] }
    #expect(problem(deep) == "written")
    #expect(problem([ISOEntry(directory: "d", deep)]).contains("the 9th directory, and there are 8"))
  }
}
