import Foundation
import Testing
import Weft
import WeftTestSupport

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// `weft test` over many files: nothing is green on nothing, and nothing is lost because of another file.
@Suite struct SuiteTests {
  let scratch = Scratch()
  private let good = "name: service\n" + lab + "expect: [{from: two, to: \"one:80\"}]\n"
  private let bad = "name: service\n" + lab + "expect: [{from: two, to: \"one:80\", is: refused, within: 1 s}]\n"
  private static let lab = """
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts: {one: {uplink: wan 203.0.113.2, programs: [http-server]}, two: {uplink: wan 203.0.113.9}}

    """

  init() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("suite/deep/deeper"), withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: scratch.file("suite/.hidden"), withIntermediateDirectories: true)
    scratch.write(good, "suite/a-good.yaml")
    scratch.write("hosts:\n  a: [", "suite/b-broken.yaml")
    scratch.write(Self.lab, "suite/c-none.yaml")
    scratch.write(bad, "suite/deep/deeper/d-bad.yml")
    scratch.write("hosts:\n  a: [", "suite/.hidden/x.yaml")
    _ = try Tool.run("ln", ["-s", "..", scratch.file("suite/deep/up")])
  }

  @Test func allFilesRunWhateverTheOthersAre() throws {
    let result = try Weft.run("test", "suite", "suite/a-good.yaml", "--junit", "x.xml", in: scratch)
    #expect(result.status == 2)
    #expect(result.output.hasPrefix("✓ service (suite/a-good.yaml)  1 of 1"), "\(result.output)")
    #expect(result.output.contains("\n✗ service (suite/deep/deeper/d-bad.yml)  0 of 1"), "\(result.output)")
    #expect(result.lines.last == "1 of 4 files, 1 of 2 expectations held; 2 couldn't be run", "\(result.output)")
    #expect(result.errors.contains("b-broken.yaml:2:") && result.errors.contains("c-none.yaml: error: no expectations"))
    let document = try XMLDocument(data: try #require(scratch.contents("x.xml")))
    func texts(_ path: String) throws -> [String] { try document.nodes(forXPath: path).compactMap(\.stringValue) }
    #expect(try texts("/testsuites/@errors | /testsuites/@failures | /testsuites/@tests").sorted() == ["1", "2", "4"])
    #expect(
      try texts("//testsuite/@file")
        == ["a-good.yaml", "b-broken.yaml", "c-none.yaml", "deep/deeper/d-bad.yml"].map { "suite/\($0)" })
    #expect(try texts("//testsuite[@file='suite/b-broken.yaml']//error")[0].contains("b-broken.yaml:2:"))
    // One `name:` in two files.
    #expect(try Set(texts("//testcase/@classname")).count == 4)
    #expect(
      try texts("//testsuite[@file='suite/a-good.yaml']/properties/property[@name='virtual-time']/@value")
        == ["2.100000"])
    // The wall's time, of which a run of two virtual seconds takes next to nothing.
    #expect(try texts("//testsuite/@time").allSatisfy { (Double($0) ?? 9) < 2 })
  }

  @Test func missingAndEmptyPathsAreErrorsBesideTheRest() throws {
    try FileManager.default.createDirectory(atPath: scratch.file("empty/none"), withIntermediateDirectories: true)
    let result = try Weft.run(
      "test", "empty", "nowhere.yaml", "suite/a-good.yaml", "--format", "json", "--junit", "x.xml", in: scratch)
    #expect(result.status == 2)
    #expect(
      result.errors.contains("empty: error: no topology file") && result.errors.contains("nowhere.yaml: error: no"))
    let entries = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    #expect(entries.map { $0["file"] as? String } == ["empty", "nowhere.yaml", "suite/a-good.yaml"])
    #expect(entries[1]["error"] != nil && entries[2]["name"] as? String == "service")
    #expect(String(decoding: scratch.contents("x.xml") ?? Data(), as: UTF8.self).contains("errors=\"2\""))
  }

  @Test func nothingTestedIsNotGreen() throws {
    #expect(try Weft.run("test", "suite/c-none.yaml", in: scratch).status == 2)
    let allowed = try Weft.run("test", "suite/c-none.yaml", "--allow-empty", in: scratch)
    #expect(allowed.status == 0 && allowed.lines.last == "1 of 1 file, 0 of 0 expectations held")
    let run = try Weft.run("run", "suite/c-none.yaml", in: scratch)
    #expect(run.status == 0 && run.errors.contains("warning: no expectations"))
  }

  @Test func junitMayBeAllOfStdout() throws {
    for command in ["test", "run"] {
      let result = try Weft.run(command, "suite/a-good.yaml", "--junit", "-", in: scratch)
      #expect(result.status == 0 && result.errors == "")
      #expect(try XMLDocument(data: Data(result.output.utf8)).nodes(forXPath: "//testcase").count == 1)
    }
    #expect(!scratch.exists("-"))
  }

  @Test func checkReadsDirectoriesToo() throws {
    let result = try Weft.run("check", "suite", in: scratch)
    #expect(result.status == 2 && result.output.count { $0 == "\n" } == 3, "\(result)")
  }

  @Test func aRunThatIsCutSaysSo() throws {
    scratch.write(
      Self.lab.replacing("203.0.113.9}", with: "203.0.113.9, programs: [{ping: {to: one, count: 99, start: 5 s}}]}"),
      "long.yaml")
    let result = try Weft.run("run", "long.yaml", in: scratch)
    let line = "cut 60 s after the last start (at 5 s); unfinished: two: ping one: running, 60 requests"
    #expect(result.output.contains(line), "\(result.output)")
    let report = try JSONDecoder().decode(
      Report.self, from: Data(try Weft.run("run", "long.yaml", "--format", "json", in: scratch).output.utf8))
    #expect(report.cut?.lastAt == .seconds(5) && report.cut?.unfinished.count == 1)
    // A time that was asked for is no cut.
    #expect(try !Weft.run("run", "long.yaml", "--until", "65s", in: scratch).output.contains("cut "))
    #expect(try !Weft.run("run", "suite/a-good.yaml", in: scratch).output.contains("cut "))
  }
}
