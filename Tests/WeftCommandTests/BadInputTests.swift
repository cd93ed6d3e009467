import Foundation
import Testing
import WeftTestSupport

/// Files that are no topologies: exit 2, clear text, nothing left behind.
@Suite struct BadInputTests {
  let scratch = Scratch()

  /// Content, and what the text must say.
  static let files: [String: (content: Data, says: String)] = [
    "empty": (Data(), "empty"), "blank": (Data(" \n\n# nothing\n".utf8), "empty"),
    "wrong YAML": (Data("name: [a, b\nhosts: }".utf8), "is closed by a }"), "tabs": (Data("hosts:\n\ta: 1\n".utf8), "tab"),
    "a list": (Data("- a\n- b\n".utf8), "a topology file is a map"),
    "a word": (Data("hello".utf8), "a topology file is a map"),
    "wrong keys": (Data("naem: x\nhsots: {}\n".utf8), "did you mean"),
    "binary": (Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ $0 >> 3) }), ""),
    "an ELF file": (Data([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), ""),
    "UTF-16": (Data([0xff, 0xfe, 0x6e, 0, 0x61, 0, 0x6d, 0, 0x65, 0]), ""),
    "half a character": (Data("name: \u{e9}".utf8.dropLast()), ""),
    "10 MB of brackets": (Data(repeating: UInt8(ascii: "["), count: 10_000_000), ""),
    "10 MB of closing brackets": (Data(repeating: UInt8(ascii: "]"), count: 10_000_000), ""),
    "10 MB of maps": (Data(String(repeating: "{a: ", count: 2_500_000).utf8), ""),
    "10 MB of indents": (
      Data((0..<4400).map { String(repeating: " ", count: $0) + "a:\n" }.joined().utf8), ""
    ),
    "10 MB of dashes": (Data(String(repeating: "- ", count: 5_000_000).utf8), ""),
    "10 MB of zeros": (Data(count: 10_000_000), ""),
    "aliases of aliases": (
      Data(
        ("x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
          + (1..<12).map { n in
            let c = { (n: Int) in String(UnicodeScalar(UInt8(97 + n))) }
            return "x-\(c(n)): &\(c(n)) [" + (0..<10).map { _ in "*\(c(n - 1))" }.joined(separator: ", ") + "]\n"
          }.joined()).utf8), ""
    ),
    "two documents": (Data("name: a\n---\nname: b\n".utf8), ""),
    "a filter that isn't one": (Data("name: a\nhosts: {h: {}}\ncapture: {filter: tcp prot 80}\n".utf8), "filter"),
  ]

  @Test(arguments: files.keys.sorted()) func isRefusedWithAReason(name: String) throws {
    let (content, says) = try #require(Self.files[name])
    scratch.write(content, "lab.yaml")
    for command in ["run", "check"] {
      let began = Date()
      let result = try Weft.run(command, "lab.yaml", in: scratch)
      #expect(result.status == 2, "\(command): \(result.status ?? -1), signal \(result.signal ?? 0)")
      #expect(result.output == "")
      #expect(result.errors.contains("lab.yaml:") && result.errors.contains("error"), "\(result.errors.prefix(300))")
      #expect(says == "" || result.errors.contains(says), "\(result.errors.prefix(300))")
      // Nobody reads more, and a terminal is no place for what isn't text.
      #expect(result.errors.utf8.count < 20_000, "\(result.errors.utf8.count) bytes")
      #expect(
        !result.errors.unicodeScalars.contains { $0.value < 32 && $0 != "\n" && $0 != "\t" },
        "\(result.errors.prefix(300))")
      #expect(Date().timeIntervalSince(began) < 20)
    }
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test(arguments: [["run"], ["check"], ["test"]]) func aMissingFileIsSaidToBeMissing(command: [String]) throws {
    let result = try Weft.start(command + ["none.yaml"], in: scratch).wait()
    #expect(result.status == 2 && result.errors.contains("none.yaml: error: no such file"), "\(result)")
    #expect(scratch.entries == [])
  }

  @Test func aDirectoryIsNoTopology() throws {
    for command in ["run", "check"] {
      let result = try Weft.run(command, ".", in: scratch)
      #expect(result.status == 2 && result.errors.contains("directory"), "\(result)")
    }
    #expect(scratch.entries == [])
  }

  @Test(.enabled(if: getuid() != 0, "root may read everything")) func anUnreadableFileIsSaidToBeSo() throws {
    scratch.write("name: x\n", "lab.yaml")
    chmod(scratch.file("lab.yaml"), 0)
    let result = try Weft.run("run", "lab.yaml", in: scratch)
    #expect(result.status == 2 && result.errors.contains("lab.yaml"))
  }

  // MARK: Checkpoints

  @Test(arguments: [
    ("", "not a weft checkpoint"), ("name: lab\n", "not a weft checkpoint"), ("WEFTCKPT\u{9}\0\0\0", "format 9"),
    ("WEFTCKPT\u{3}\0\0\0\u{2}\0\0\0", "damaged"), ("WEFTCKPT\u{2}\0\0\0\u{2}\0\0\0", "format 2"),
  ])
  func aFileThatIsNoCheckpointIsRefused(content: String, why: String) throws {
    scratch.write(content, "lab.ckpt")
    let result = try Weft.run("resume", "lab.ckpt", in: scratch)
    #expect(result.status == 2 && result.output == "" && result.errors.contains(why), "\(result)")
    #expect(scratch.entries == ["lab.ckpt"])
  }

  @Test func noFileAndADirectoryAreNoCheckpoints() throws {
    let missing = try Weft.run("resume", "none.ckpt", in: scratch)
    #expect(missing.status == 2 && missing.errors.contains("none.ckpt"))
    let directory = try Weft.run("resume", ".", in: scratch)
    #expect(directory.status == 2 && directory.errors.contains("directory"))
  }
}
