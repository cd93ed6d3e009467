import Foundation
import Testing

/// A `default:` in a switch over our own cases swallows the next one, and nobody is told. As many as stand below are
/// allowed, for the reason beside them; lower a number with each that goes, and never raise one.
@Suite struct SwallowedCasesTests {
  static let allowed: [(targets: Set<String>, count: Int, reason: String)] = [
    (["WeftStack", "WeftPrograms", "WeftProbes", "WeftGuest"], 32, "states in which a segment or an answer means nothing"),
    (["WeftTopology"], 18, "forms of what is written: only those named have the meaning asked for"),
    (["WeftFabric"], 11, "causes without advice of their own; records that say nothing more"),
    (["WeftNAT"], 12, "states that a segment doesn't move; protocols without ports"),
    (["WeftImage"], 3, "bytes that are no value"),
    (["WeftCapture"], 2, "notes without a text of their own"),
    (["WeftHypervisor", "WeftSettings"], 1, "every other transition is illegal"),
    (["WeftServices"], 1, "every other EtherType is refused"),
  ]

  @Test func noDefaultSwallowsACaseOfOurOwn() throws {
    let root = PurityTests.root
    let folder = root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var found: [String: [String]] = [:]
    for case let file as URL in files where file.pathExtension == "swift" {
      let name = file.path.dropFirst(folder.path.count + 1)
      let target = name.prefix { $0 != "/" }
      let source = try String(contentsOf: file, encoding: .utf8)
      found[String(target), default: []] += Self.swallowing(source).map { "\(name):\($0)" }
    }
    for target in found.keys where !Self.allowed.contains(where: { $0.targets.contains(target) }) {
      #expect(found[target] == [], "say every case, or add why not to the list here")
    }
    for row in Self.allowed {
      let places = row.targets.sorted().flatMap { found[$0] ?? [] }
      #expect(places.count <= row.count, "one more than \(row.count) of \(places): say every case")
    }
  }

  @Test func findsThoseAndNoOthers() {
    let cases = "  switch x {\n  case .a: 1\n  default: 2\n  }\n"
    let tuple = "  switch (x, y) {\n  case (.a, _): 1\n  default: 2\n  }\n"
    let numbers =
      "  switch x {\n  case 1: 1\n  case \"a\":\n    switch y {\n    case .b: 1\n    case .c: 2\n    }\n  default: 2\n  }\n"
    #expect(Self.swallowing(cases) == [3] && Self.swallowing(tuple) == [3])
    #expect(Self.swallowing(numbers).isEmpty)
  }

  /// The lines of a `default:` whose switch has patterns that begin with a dot, as an enum's cases do.
  static func swallowing(_ source: String) -> [Int] {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    func indent(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }
    return lines.indices.filter { index in
      let line = lines[index]
      guard line.drop(while: { $0 == " " }).hasPrefix("default:") else { return false }
      let depth = indent(line)
      var isOverCases = false
      for other in lines[..<index].reversed() where !other.allSatisfy({ $0 == " " }) {
        let text = other.drop { $0 == " " }
        if indent(other) == depth, text.hasPrefix("case ") {
          let pattern = text.dropFirst(5).split(separator: " ").first { $0 != "let" && $0 != "var" } ?? ""
          if pattern.hasPrefix(".") || pattern.hasPrefix("(.") { isOverCases = true }
        } else if indent(other) <= depth {
          if text.hasPrefix("#") || text.hasPrefix("//") { continue }
          return isOverCases && text.contains("switch ")
        }
      }
      return false
    }.map { $0 + 1 }
  }
}
