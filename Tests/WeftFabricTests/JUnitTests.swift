import Testing
import WeftCore
import WeftFabric

@Suite struct JUnitTests {
  @Test func oddCharactersStayWellFormedAndTellTextsApart() {
    #expect(JUnit.escaped("a<b>&\"c\"") == "a&lt;b&gt;&amp;&quot;c&quot;")
    #expect(
      JUnit.escaped("1\u{1b}[0m\u{7f}\u{0}\u{85}\u{fffe}\u{ffff}é\u{1f980}") == "1\\e[0m\\x7F\\0\\x85\\uFFFE\\uFFFFé\u{1f980}")
    #expect(JUnit.escaped("a\n\tb\r") == "a&#10;&#9;b&#13;")
    #expect(JUnit.escaped("a\nb]]>", isAttribute: false) == "a\nb]]&gt;")
  }

  @Test func suitesOfOneNameHaveTheirFiles() {
    var one = JUnit.Suite(name: "lab", file: "a/lab.yaml", wallTime: .milliseconds(1500))
    one.cases = [.init(name: "x", line: 3, outcome: .passed), .init(name: "y", outcome: .failure(message: "m", detail: ""))]
    let other = JUnit.Suite(file: "b.yaml", error: "no", detail: "such\n<file>")
    let xml = JUnit.xml([one, one, other])
    #expect(xml.contains(#"<testsuites name="weft" tests="5" failures="2" errors="1" time="3.000000">"#))
    #expect(xml.contains(#"<testcase name="x" classname="lab (a/lab.yaml)" file="a/lab.yaml" line="3" time="0.750000"/>"#))
    #expect(xml.contains("<error message=\"no\">such\n&lt;file&gt;</error>"))
    #expect(JUnit.xml([one]).contains(#"classname="lab""#))
  }
}
