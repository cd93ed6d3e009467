import Testing

@testable import WeftTopology

struct BadFileTests {
  struct Bad: CustomTestStringConvertible, Sendable {
    var name: String
    var message: String
    var place: String?
    var text: @Sendable () -> String
    var testDescription: String { name }

    init(_ name: String, _ message: String, at place: String? = nil, _ text: @escaping @Sendable () -> String) {
      self.name = name
      self.message = message
      self.place = place
      self.text = text
    }
  }

  static let megabytes = 10 << 20
  static let bad: [Bad] = [
    Bad("empty", "the file is empty", at: "1:1") { "" },
    Bad("only comments", "the file is empty", at: "1:1") { "# nothing\n\n# here\n" },
    Bad("only a document marker", "the file is empty") { "---\n" },
    Bad("a list", "not a list", at: "1:1") { "- a\n- b\n" },
    Bad("a word", "not \"hello\"", at: "1:1") { "hello" },
    Bad("two documents", "a second document begins here", at: "3:1") { "seed: 1\n\n---\nseed: 2\n" },
    Bad("a tab as indent", "a tab indents this line", at: "2:1") { "hosts:\n\ta: {}\n" },
    Bad("an open bracket", "the [ that opens here is not closed", at: "1:7") { "seed: [1, 2\n" },
    Bad("an open quote", "the \" that opens here is not closed", at: "1:7") { "name: \"abc\n" },
    Bad("an open brace without a line break", "the { that opens here is not closed", at: "2:4") { "seed: 1\nx: {a," },
    Bad("an unknown alias", "no &one stands above it", at: "1:7") { "seed: *one" },
    Bad("a control character", "not a text file") { "name: a\u{1}b" },
    Bad("a collection as key", "keys must be plain words", at: "1:6") { "{a: 1}: 2" },
    Bad("a key with a question mark", "keys must be plain words", at: "1:1") { "? [a, b]\n: 2" },
    Bad("an alias as key", "keys must be plain words", at: "2:1") { "a: &x 1\n*x : 2" },
    Bad("ten megabytes of [", "nested more than") { String(repeating: "[", count: megabytes) },
    Bad("ten megabytes of {a: ", "nested more than") { String(repeating: "{a: ", count: megabytes / 4) },
    Bad("ten megabytes of dashes", "nested more than") { String(repeating: "- ", count: megabytes / 2) },
    Bad("ten megabytes of indented maps", "nested more than") {
      (0..<4500).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    },
    Bad("many entries", "more than 1000000 entries") { "[" + String(repeating: "a,", count: megabytes / 2) + "]" },
    Bad("too large", "larger than 16 MiB") { "# " + String(repeating: "x", count: 17 << 20) },
    Bad("billion laughs", "aliases make this file grow") {
      var text = "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
      for i in 1...12 {
        text += "x-\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
      }
      return text
    },
    Bad("anchors nested in anchors", "200 anchors are too many for 61 levels") {
      let open = String(repeating: "[", count: 60)
      let close = String(repeating: "]", count: 60)
      var text = "x-0: &a0 1\n"
      for i in 1..<200 { text += "x-\(i): &a\(i) \(open)*a\(i - 1)\(close)\n" }
      return text
    },
    Bad("some anchors nested in anchors", "aliases nest too deep") {
      let open = String(repeating: "[", count: 28)
      let close = String(repeating: "]", count: 28)
      var text = "x-0: &a0 1\n"
      for i in 1..<100 { text += "x-\(i): &a\(i) \(open)*a\(i - 1)\(close)\n" }
      return text
    },
    Bad("many anchors", "more than 200 anchors") { (0..<300).map { "x-\($0): &a\($0) 1\n" }.joined() },
    Bad("billion laughs as a key", "keys must be plain words") {
      var text = "x-0: &a0 [lol, lol]\n"
      for i in 1...40 { text += "x-\(i): &a\(i) [*a\(i - 1), *a\(i - 1)]\n" }
      return text + "x-k:\n  *a40 : 1\n"
    },
    Bad("billion laughs merged", "aliases make this file grow") {
      var text = "x-0: &a0 {a: {b: 1, c: 2}}\n"
      for i in 1...30 { text += "x-\(i): &a\(i) {a: *a\(i - 1), b: *a\(i - 1)}\n" }
      return text
    },
  ]

  @Test("A file that is no topology gets one clear diagnostic", arguments: bad) func one(_ bad: Bad) {
    let load = load(bad.text())
    #expect(load.topology == nil && load.diagnostics.count == 1)
    guard let first = load.diagnostics.first else { return }
    #expect(first.message.contains(bad.message), "\(first.message)")
    if let place = bad.place { #expect("\(first.line):\(first.column)" == place, "\(first.render(color: false))") }
    #expect(first.render(color: false).utf8.count < 2000)
  }

  @Test func bytesThatAreNoTextAreSaidToBe() {
    for bytes in [[0xff, 0xfe, 0x41, 0x00], [0x61, 0x00], [0xc3, 0x28], [0x7f, 0x45, 0x4c, 0x46, 0x02]] as [[UInt8]] {
      let load = Topology.load(bytes: bytes, file: "x.yaml")
      #expect(load.topology == nil && load.diagnostics.count == 1)
      #expect(load.diagnostics.first?.message.hasPrefix("not a text file") == true)
    }
  }

  @Test func blockScalarsAndQuotesDoNotFoolTheGuard() throws {
    let deep = String(repeating: "[", count: 200)
    let lab = try topology(
      """
      x-name: |
        \(deep)
        ? not a key
          *x : y
      x-a: "\(deep) {*a : 1}
        \(deep)"
      x-b: '\(deep) it''s'
      x-c: plain \(deep) text   # \(deep)
      x-list:
      - key: >-
          \(deep)
        other: 1
      - |
       \(deep)
      seed: 7
      """)
    #expect(lab.seed == 7)
  }

  @Test func everyBeginningOfAFileIsReadWithoutATrap() {
    let text = Array(
      (base + "events: [{at: 1 s, link-down: laptop}]\nexpect: [{from: web, to: \"visitor:80\"}]\n").utf8)
    for end in text.indices {
      let load = Topology.load(bytes: Array(text[..<end]), file: "x")
      #expect((load.topology == nil) == load.diagnostics.contains { $0.severity == .error })
    }
  }

  /// What is read without complaint is read whole: nothing of the file gets lost on the way to the model.
  func expectWhole(_ load: TopologyLoad, _ bytes: [UInt8]) {
    guard let lab = load.topology else { return }
    var reader = YAMLReader(SourceText(text: String(decoding: bytes, as: UTF8.self), file: "x"))
    guard let root = reader.read() else { return }
    #expect(lab.segments.count == root["segments"]?.entries?.named.count ?? 0)
    #expect(lab.hosts.count == root["hosts"]?.entries?.named.count ?? 0)
    #expect(lab.events.count == root["events"]?.items?.count ?? 0)
    #expect(lab.expectations.count == root["expect"]?.items?.count ?? 0)
    for (host, entry) in zip(lab.hosts, root["hosts"]?.entries?.named ?? []) {
      #expect(host.networks.count == entry.value["networks"]?.entries?.named.count ?? 0)
      #expect((host.uplink == nil) == (entry.value["uplink"]?.isNull ?? true))
      #expect(host.programs.count == entry.value["programs"]?.items?.count ?? 0)
    }
    var count = root["vms"]?.entries?.named.count ?? 0
    for group in root["groups"]?.entries?.named ?? [] { count += Int(group.value["count"]?.text ?? "") ?? 0 }
    #expect(lab.vms.count == count)
    for (vm, entry) in zip(lab.vms, root["vms"]?.entries?.named ?? []) {
      #expect(vm.programs.count == entry.value["programs"]?.items?.count ?? 0)
      if let nics = entry.value["nics"]?.items {
        #expect(vm.nics.count == nics.count)
        continue
      }
      #expect((vm.nics[0].address != nil) == (entry.value["address"].map { !$0.isNull } ?? false))
    }
  }

  /// The parser's words never reach a user.
  func expectOwnWords(_ diagnostic: Diagnostic) {
    for words in ["did not find", "could not find", "not allowed in this context", "cannot start any", "while "] {
      #expect(!diagnostic.message.contains(words), "\(diagnostic.render(color: false))")
    }
  }

  @Test func mutilatedFilesAreReadWithoutATrap() {
    let text = Array(
      (base + "groups: {g: {count: 3, network: home, name: \"g{n}\"}}\nexpect: [{from: web, ping: g1}]\n"
        + "events: [{at: 1 s, link-down: web}]\nx-p: &p [{ping: g1}, tcp-echo]\n").utf8)
    var state: UInt64 = 1
    func random(_ n: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % n
    }
    let letters = Array("[]{}:,-*&!|>'\"#%@`?\n \t\\0<~/.abn9é".utf8)
    for _ in 0..<3000 {
      var bytes = text
      for _ in 0...random(4) {
        switch random(3) {
        case 0: bytes[random(bytes.count)] = letters[random(letters.count)]
        case 1: bytes.insert(letters[random(letters.count)], at: random(bytes.count))
        default: bytes.remove(at: random(bytes.count))
        }
      }
      let load = Topology.load(bytes: bytes, file: "x")
      #expect((load.topology == nil) == load.diagnostics.contains { $0.severity == .error })
      expectWhole(load, bytes)
      for diagnostic in load.diagnostics {
        _ = diagnostic.render(color: true)
        expectOwnWords(diagnostic)
      }
    }
  }
}
