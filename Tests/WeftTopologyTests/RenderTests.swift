import Testing

@testable import WeftTopology

struct RenderTests {
  @Test func diagnosticShowsTheLineACaretAndHelp() {
    let text = load("segments:\n  campus: {subnt: 10.0.0.0/24}\n", file: "a.yaml").diagnostics.map {
      $0.render(color: false)
    }
    #expect(
      text == [
        """
        a.yaml:2:12: error: unknown key "subnt" in a segment
            campus: {subnt: 10.0.0.0/24}
                     ^^^^^
          help: did you mean "subnet"?
        """
      ])
  }

  @Test func colorIsOnlyColor() {
    guard let diagnostic = load("sed: 1").diagnostics.first else { return }
    let colored = diagnostic.render(color: true)
    #expect(colored.contains("\u{1b}[1;31m"))
    #expect(colored.replacing(/\u{1b}\[[0-9;]*m/, with: "") == diagnostic.render(color: false))
  }

  @Test func tabsAndWideTextKeepTheCaretInPlace() {
    let wide = load("x-a: {名前: 1}\nname: [\"日本\", 1]\n").diagnostics.map { $0.render(color: false) }
    #expect(wide.first?.hasSuffix("\n  name: [\"日本\", 1]\n        ^") == true)
    let after = load("hosts: {\"é日\": 1}\n").diagnostics.first?.render(color: false) ?? ""
    #expect(after.contains("         ^"))
    let tab = Diagnostic(
      severity: .error, file: "f", line: 1, column: 4, message: "m", sourceLine: "a\t日b", length: 1)
    #expect(tab.render(color: false).hasSuffix("\n   \t  ^"))
  }

  @Test func longLinesAreCutAroundThePlace() {
    let text =
      "x-a: {" + String(repeating: "b: 1, ", count: 1) + "c: \"" + String(repeating: "y", count: 5000) + "\"}\n"
    let load = load(text + "seed: \"" + String(repeating: "9", count: 3000) + "\"\n")
    for diagnostic in load.diagnostics { #expect(diagnostic.render(color: false).utf8.count < 1000) }
    #expect(load.diagnostics.count == 1)
  }

  @Test func controlCharactersOfTheFileDoNotReachTheTerminal() {
    let load = load("name: 1\nsegments: {\"a\\e[31m\": 10.0.0.0/24}\n")
    #expect(load.diagnostics.count == 1)
    #expect(load.diagnostics.allSatisfy { !$0.render(color: false).contains("\u{1b}") })
  }
}
