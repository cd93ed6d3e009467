import Foundation
import Testing

/// Below the live edge nothing touches a clock, a socket or a file, and siblings don't know each other: read from the
/// sources themselves, so that it can't rot.
@Suite struct PurityTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The pure targets, and which of ours each may import. One that doesn't exist yet is passed over.
  static let allowed: [(target: String, imports: Set<String>)] = [
    ("WeftWire", []),
    ("WeftCore", ["WeftWire"]),
    ("WeftSettings", ["WeftWire", "WeftCore"]),
    ("WeftIP", ["WeftWire", "WeftCore"]),
    ("WeftImage", []),
    ("WeftSwitch", ["WeftWire", "WeftCore", "WeftSettings", "WeftIP"]),
    ("WeftNAT", ["CTableMemory", "WeftWire", "WeftCore", "WeftSettings", "WeftIP"]),
    ("WeftServices", ["WeftWire", "WeftCore", "WeftIP"]),
    ("WeftStack", ["WeftWire", "WeftCore", "WeftIP", "WeftISO"]),
    ("WeftPrograms", ["CTableMemory", "WeftWire", "WeftCore", "WeftISO", "WeftDisk", "WeftSettings", "WeftStack"]),
    ("WeftProbes", ["WeftWire", "WeftCore", "WeftSettings", "WeftStack", "WeftPrograms"]),
    ("WeftGuest", ["WeftWire", "WeftCore", "WeftIP", "WeftISO", "WeftDisk", "WeftStack", "WeftPrograms"]),
    ("WeftHypervisor", ["WeftWire", "WeftCore", "WeftSettings"]),
    ("WeftDisk", ["WeftCore"]),
    ("WeftISO", []),
    (
      "WeftFabric",
      [
        "WeftWire", "WeftCore", "WeftIP", "WeftSwitch", "WeftNAT", "WeftServices", "WeftStack", "WeftPrograms",
        "WeftProbes", "WeftGuest", "WeftHypervisor", "WeftISO", "WeftDisk",
        "WeftSettings", "WeftTopology", "WeftCapture", "WeftImage",
      ]
    ),
  ]

  /// These may use the outside world (files, libpcap), but never a sibling.
  static let siblingsWithIO: [(target: String, imports: Set<String>)] = [
    ("WeftTopology", ["WeftWire", "WeftCore", "WeftISO", "WeftDisk", "WeftSettings"]), ("WeftCapture", ["WeftWire", "WeftCore"]),
  ]

  struct Import: Hashable {
    var file: String
    var module: String
  }

  static func imports(of target: String) throws -> [Import] {
    let folder = root.appending(path: "Sources/\(target)")
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
    var found: [Import] = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let source = try String(contentsOf: file, encoding: .utf8)
      for module in modules(in: source) { found.append(Import(file: file.lastPathComponent, module: module)) }
    }
    return found
  }

  /// Of `import M`, `@testable import M`, `public import struct M.T`, `@_exported import M` …: M.
  static func modules(in source: String) -> [String] {
    source.split(whereSeparator: \.isNewline).flatMap { $0.split(separator: ";") }.compactMap { line in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
        words[..<keyword].allSatisfy({
          $0.hasPrefix("@") || ["public", "package", "internal", "private", "fileprivate"].contains($0)
        })
      else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let path =
        kinds.contains(words[keyword + 1]) && keyword + 2 < words.count ? words[keyword + 2] : words[keyword + 1]
      return path.split(separator: ".").first.map(String.init)
    }
  }

  @Test(arguments: allowed) func aPureTargetImportsOnlyWhatItMay(target: String, imports: Set<String>) throws {
    for found in try Self.imports(of: target) {
      // "Swift" is the standard library; all else from outside (Foundation, Dispatch, Glibc, NIO …) is I/O or a clock.
      #expect(
        found.module == "Swift" || imports.contains(found.module), "\(target)/\(found.file) imports \(found.module)")
    }
  }

  @Test(arguments: siblingsWithIO) func siblingsNeverImportEachOther(target: String, imports: Set<String>) throws {
    for found in try Self.imports(of: target) where found.module.hasPrefix("Weft") {
      #expect(imports.contains(found.module), "\(target)/\(found.file) imports \(found.module)")
    }
  }

  /// What needs no import and is forbidden all the same.
  @Test(arguments: allowed.map(\.target)) func aPureTargetReadsNoClockAndNoSystemRandomness(target: String) throws {
    let folder = Self.root.appending(path: "Sources/\(target)")
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return }
    let forbidden = [
      "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "Task.sleep", " print(", ".random(in:",
      ".shuffled()",
      ".randomElement()", "Hasher(",
    ]
    for case let file as URL in files where file.pathExtension == "swift" {
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
      for (number, line) in lines.enumerated() {
        let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
        for word in forbidden {
          #expect(!code.contains(word), "\(target)/\(file.lastPathComponent):\(number + 1): \(word)")
        }
      }
    }
  }

  @Test func theReaderOfImportsKnowsTheirForms() {
    let source = """
      import WeftCore
      @testable import A; import B
      public import struct C.D
      @_exported import E.F
      #if canImport(G)
        import H
      #endif
      // import I
      let importance = 1
      """
    #expect(Self.modules(in: source) == ["WeftCore", "A", "B", "C", "E", "H"])
  }

  @Test func itLooksAtRealSources() throws {
    #expect(try Self.imports(of: "WeftCore").contains { $0.module == "WeftWire" })
  }
}
