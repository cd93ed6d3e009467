import Foundation
import Testing

@testable import WeftTopology

/// Mistakes of people who write YAML, each with the whole of what it is answered.
struct SyntaxMistakeTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    var answer: String
    var testDescription: String { name }
  }

  static let cases: [Case] = {
    let file = packageRoot.appending(path: "Tests/WeftTopologyTests/Fixtures/mistakes.txt")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return text.components(separatedBy: "=== ").dropFirst().compactMap { block in
      let parts = block.components(separatedBy: "\n---\n")
      guard parts.count >= 2, let end = parts[0].firstIndex(of: "\n") else { return nil }
      return Case(
        name: String(parts[0][..<end]),
        text: parts.dropLast().joined(separator: "\n---\n")[parts[0].index(after: end)...] + "\n",
        answer: (parts.last ?? "").trimmingCharacters(in: .newlines))
    }
  }()

  @Test func thereAreMany() { #expect(Self.cases.count > 80) }

  @Test("A mistake is answered in words of its own, at its place", arguments: cases) func answer(_ mistake: Case) {
    let load = load(mistake.text)
    #expect(load.topology == nil)
    #expect(load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n") == mistake.answer)
  }

  @Test func lookalikesThatBreakNothingAreText() throws {
    let lab = try topology("name: “nat” – lab\nsegments: {wan: 203.0.113.0/24}\n")
    #expect(lab.name == "“nat” – lab")
  }

  @Test func severalLookalikesAreToldAtOnceWithWhatElseIsWrong() {
    let load = load(
      "segments:\n\u{a0} wan: 203.0.113.0/24\nhosts:\n  one: {uplink: “wan 203.0.113.2”}\n  two: {uplnk: wan 203.0.113.3}\n")
    #expect(load.diagnostics.map { "\($0.line):\($0.column)" } == ["2:1", "4:17", "5:9"])
  }

  @Test func controlCharactersAreNamed() {
    for (text, name, written) in [("a\u{1}b", "U+0001", "\\x01"), ("a\u{90}b", "U+0090", "\\x90")] {
      let load = load("name: \(text)\n")
      #expect(load.diagnostics.count == 1 && load.diagnostics[0].column == 8)
      #expect(load.diagnostics.first?.message.contains(name) == true)
      #expect(load.diagnostics.first?.hint?.contains(written) == true)
    }
  }

  @Test func labsAreNamedAsFoldersCanBe() throws {
    for name in [".", "..", "a/b", String(repeating: "é", count: 128), String(repeating: "x", count: 201)] {
      #expect(load("name: \(name)\n").diagnostics.map(\.line) == [1], "\(name)")
    }
    let longest = String(repeating: "é", count: 127)
    #expect(try topology("name: \(longest)\n").name == longest)
    for file in ["/tmp/...yaml", "...yml", "/tmp/.."] {
      #expect(load("segments: {a: 10.0.0.0/24}\n", file: file).topology?.name == "topology", "\(file)")
    }
  }
}
