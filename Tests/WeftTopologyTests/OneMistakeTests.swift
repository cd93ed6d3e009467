import Testing

@testable import WeftTopology

/// One mistake is told once, at its place: nothing that follows from it is told as well.
@Suite struct OneMistakeTests {
  struct Row: CustomTestStringConvertible, Sendable {
    /// `^` marks the place.
    var marked: String
    var message: String
    var hint: String?

    init(_ marked: String, _ message: String, hint: String? = nil) {
      self.marked = marked
      self.message = message
      self.hint = hint
    }

    var testDescription: String { message }
  }

  /// `base` with checks that need all its names, and a part of it changed.
  private static func lab(_ part: String, _ changed: String, _ message: String, hint: String? = nil) -> Row {
    let checks = "expect: [{from: web, to: \"visitor:80\"}, {from: visitor, ping: public, is: dropped, by: home}]\n"
    return Row((base + checks).replacing(part, with: changed), message, hint: hint)
  }

  private static func line(_ line: String, _ message: String, hint: String? = nil) -> Row {
    Row(base + line + "\n", message, hint: hint)
  }

  private static func forward(_ text: String, _ message: String, hint: String? = nil) -> Row {
    lab("subnet: 192.168.122.0/24}", "subnet: 192.168.122.0/24, forwards: [\(text)]}", message, hint: hint)
  }

  static let rows: [Row] = [
    // Keys that hold names.
    lab("hosts:", "^Hosts:", "unknown key \"Hosts\"", hint: "\"hosts\""),
    lab("hosts:", "^hostss:", "unknown key \"hostss\"", hint: "\"hosts\""),
    lab("vms:", "^services:", "unknown key \"services\"", hint: "\"vms\""),
    lab("segments:", "^segment:", "unknown key \"segment\"", hint: "\"segments\""),
    lab("networks:", "^network:", "unknown key \"network\"", hint: "\"networks\""),
    lab("hosts:", "hosts:\n  b: {uplink: campus 134.115.153.11}\n^hosts:", "stands twice", hint: nil),
    lab("  public:", "  ^web:", "stands twice"),
    lab("visitor: {uplink:", "visitor: {^uplinks:", "unknown key \"uplinks\"", hint: "\"uplink\""),
    lab(
      "{uplink: campus 134.115.153.10}", "{uplink: {^network: campus, address: 134.115.153.10}}", "unknown key \"network\"",
      hint: "\"segment\""),
    lab("{network: home}", "{^network:home}", "a space is missing", hint: "network: home"),
    lab("{network: lan, address: 134.115.153.73}", "{nics: ^{network: lan, address: 134.115.153.73}}", "expected a list"),
    lab("lan, address:", "lan, ^ip:", "unknown key \"ip\"", hint: "\"address\""),
    // Letters of other scripts.
    lab("hosts:", "h^оsts:", "U+043E, cyrillic small letter o) is not o", hint: "type o"),
    lab("laptop:", "lapt^οp:", "U+03BF, greek small letter omicron"),
    line("expect: [{from: web, ping: \"^v\u{456}sitor\"}]", "letters, digits", hint: "U+0456"),
    // Values in two parts.
    lab("campus: 134.115.153.0/24", "campus: {subnet: 134.115.153.0/24, delay: 1,^5 ms}", "is no key", hint: "1.5 ms"),
    line("expect: [{from: web, to: \"visitor:80\", is: ^closed, by: home}]", "none of", hint: "\"refused\""),
    line("expect: [{from: web, to: \"visitor:80\", is: ^no, by: home}]", "none of"),
    forward("{from: 8080, to: web, ^port: 80}", "unknown key \"port\"", hint: "to: \"web:80\""),
    forward("{^host: 8080, to: \"web:80\"}", "unknown key \"host\"", hint: "\"from\""),
    forward("^\"8080 -> web:80\"", "not a port forward", hint: "\"8080:web:80\""),
    line("events: [{at: 5 s, set-link: ^web.eth0, loss: 5 %}]", "expected a map", hint: "set-link: {link: web.eth0, loss: 5 %}"),
    line("events: [{^5 s: {pause: web}}]", "unknown key \"5 s\"", hint: "{at: 5 s, pause: web}"),
    line("events: [{at: 5 s, ip-forwarding: ^false}]", "expected a map", hint: "{host: laptop, enabled: false}"),
    // What is meant is said.
    line("expect:\n  ^-{from: web, ping: visitor}", "a space is missing after the dash", hint: "- {from: web"),
    lab("{network: home}", "{network: home, programs: [^\"http-server:8080\"]}", "no program", hint: "{http-server: 8080}"),
    lab("{network: home}", "{network: home, programs: [{bulk: ^public}]}", "has no port", hint: "\"public:5001\""),
    lab("campus 134.115.153.10", "^\"campus, 134.115.153.10\"", "not an uplink", hint: "\"campus 134.115.153.10\""),
    line("expect: [{from: web, ping: \"^public:80\"}]", "without a port", hint: "\"public\""),
    line(
      "expect: [{from: web, http: ^{url: \"http://visitor/\", status: 404}}]", "expected an http:// address",
      hint: "\"http://visitor/\", status: 404"),
    line("seed: ^99999999999999999999999", "too large"),
    lab("campus: 134.115.153.0/24", "campus: {subnet: 134.115.153.0/24, rate: ^0.001 bit/s}", "less than 1 bit/s"),
    // Anchors.
    lab(
      "  web: {network: home}", "  web: {network: home}\n  p: &p {network: lan, address: 134.115.153.74}\n  ^q: {<<: *p}",
      "taken by VM \"p\"", hint: "line 12"),
    // Tries.
    line("expect: [{from: web, ping: visitor, always-after: {from: 1 s, to: 2 s, every: ^1 us}}]", "100,000 are the most"),
    line("expect: [{from: web, ping: visitor, never-during: ^[1 s, 10 d]}]", "100,000 are the most"),
    line(
      "expect:\n"
        + (1...11).map {
          "  - {from: web, ping: visitor, never-during: {from: 1 s, to: 2 s, every: \($0 == 11 ? "^" : "")10 us}}\n"
        }.joined(),
      "1,000,000 are the most"),
  ]

  @Test(arguments: rows) func isToldOnce(row: Row) throws {
    let lines = row.marked.split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.contains("^") })
    let column = lines[line].unicodeScalars.prefix { $0 != "^" }.count
    Mistake(row.marked.replacing("^", with: ""), line + 1, column + 1, row.message, hint: row.hint).check()
  }

  /// Words of other languages are text like any.
  @Test func otherLanguagesAreNoLookalikes() {
    Mistake("name: Сеть\nhоst\u{44f}s: {}\n", 2, 1, "unknown key").check()
  }

  @Test func captureFalseIsNoFilter() {
    let load = Topology.load(text: base + "capture: false\n", file: "f", filterChecker: { _ in "syntax error" })
    #expect(load.diagnostics.count == 1 && load.diagnostics.first?.hint?.contains("--no-captures") == true)
  }
}
