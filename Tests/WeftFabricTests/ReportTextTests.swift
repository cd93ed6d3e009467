import Testing
import WeftCore
import WeftFabric

struct ReportTextTests {
  /// What a file names can be anything; what a terminal or an XML parser gets can't.
  @Test func namesAreShownAndNeverObeyed() throws {
    let names = ["\\e[2J\\e]0;title\\a\\nline two", "\\uFFFE\\uFFFF\\u0001 ]]> <x> & \\u0085", "\\u202Eback\\x9B31m"]
    var text = "name: \"lab\\u202E\\x9B\"\nsegments: {lan: {subnet: 192.0.2.0/24}}\n"
    text += "hosts: {p: {uplink: lan 192.0.2.1}, q: {uplink: lan 192.0.2.2}}\nexpect:\n"
    for name in names { text += "  - {name: \"\(name)\", from: p, ping: q, is: dropped, within: 1 s}\n" }
    var simulation = try Simulation(try topology(text), until: nil)
    let report = try simulation.complete()
    for output in [report.text(), report.brief()] {
      #expect(!output.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || (0x7f..<0xa0).contains($0.value)) })
      #expect(!output.unicodeScalars.contains { (0x202a...0x202e).contains($0.value) || $0.value & 0xfffe == 0xfffe })
      #expect(output.contains("\\e[2J\\e]0;title\\a\\nline two") && output.contains("lab\\u202E\\x9B"))
    }
    let xml = JUnit.xml([JUnit.Suite(report, file: "a.yaml", wallTime: .zero)])
    // XML 1.0, 2.2: Char.
    #expect(
      xml.unicodeScalars.allSatisfy { (scalar: Unicode.Scalar) -> Bool in
        scalar == "\n" || scalar == "\t" || scalar.value >= 0x20 && scalar.value & 0xfffe != 0xfffe
      })
    #expect(xml.contains("\\uFFFE\\uFFFF\\x01 ]]&gt; &lt;x&gt; &amp; \\x85"))
  }
}
