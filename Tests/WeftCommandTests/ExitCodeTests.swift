import Foundation
import Testing
import Weft
import WeftTestSupport

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What a script sees of `weft`: its exit code, and what is on stdout and stderr.
@Suite struct ExitCodeTests {
  let scratch = Scratch()
  private let failing = Labs.small(
    "expect:\n  - {name: closed, from: visitor, to: \"laptop:81\", timeout: 100 ms, within: 1 s}")
  private let holding = Labs.small("expect:\n  - {name: forwarded, from: visitor, to: \"laptop:8080\"}")

  @Test func allHeldIsZero() throws {
    scratch.write(holding, "lab.yaml")
    let result = try Weft.run("run", "lab.yaml", in: scratch)
    #expect(result.status == 0 && result.errors == "", "\(result)")
    #expect(result.output.contains("✓ forwarded: open in"))
    #expect(scratch.exists("captures/small/home-wan.pcapng"))
  }

  @Test func aFailedExpectationIsOne() throws {
    scratch.write(failing, "lab.yaml")
    let result = try Weft.run("run", "lab.yaml", in: scratch)
    #expect(result.status == 1)
    #expect(result.output.contains("✗ closed: dropped by home: no-port-forward (tcp/81)"))
    #expect(result.output.contains("expected open (line "))
    // The frame that proves it.
    #expect(result.output.contains("captures/small/home-wan.pcapng frame"))
  }

  @Test func anEventThatCannotHappenIsOne() throws {
    scratch.write(
      Labs.small("events:\n  - {at: 1 s, stop: web}\n  - {at: 2 s, pause: web}"), "lab.yaml")
    let result = try Weft.run("run", "lab.yaml", "--junit", "out.xml", in: scratch)
    #expect(result.status == 1)
    #expect(result.output.contains("at 2 s: can't pause web: it is stopped"))
    let junit = String(decoding: scratch.contents("out.xml") ?? Data(), as: UTF8.self)
    #expect(junit.contains("failures=\"1\"") && junit.contains("<failure message=\"line "), "\(junit)")
  }

  @Test func aWrongFileIsTwo() throws {
    scratch.write("name: x\nhosts:\n  a: {uplnk: campus 10.0.0.1}\n  b: {uplink: nowhere 10.0.0.1}\n", "lab.yaml")
    for command in [["run"], ["test"], ["check"]] {
      let result = try Weft.start(command + ["lab.yaml"], in: scratch).wait()
      #expect(result.status == 2)
      #expect(
        result.output == (command == ["test"] ? "0 of 1 file, 0 of 0 expectations held; 1 couldn't be run\n" : ""))
      // All mistakes in one go, each where it is.
      #expect(result.errors.contains("lab.yaml:3:7") && result.errors.contains("lab.yaml:4:"), "\(result.errors)")
      #expect(result.errors.contains("did you mean \"uplink\"?"))
    }
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test(arguments: [
    ["run"], ["run", "lab.yaml", "--frobnicate"], ["frobnicate"], ["run", "lab.yaml", "--until", "5 parsecs"],
    ["run", "lab.yaml", "--seed", "x"], ["run", "lab.yaml", "--format", "xml"], ["test"], ["check"], ["resume"],
    ["run", "lab.yaml", "--format", "json", "--format", "text"],
    ["run", "lab.yaml", "--captures", "x", "--no-captures"],
    ["run", "lab.yaml", "--checkpoint-at", "1s"], ["run", "lab.yaml", "--checkpoint-at", "soon", "x.ckpt"],
    ["run", "lab.yaml", "--checkpoint-at", "1s", "a", "b", "c"],
  ])
  func wrongUsageIs64(arguments: [String]) throws {
    scratch.write(holding, "lab.yaml")
    let result = try Weft.start(arguments, in: scratch).wait()
    #expect(result.status == 64 && result.output == "" && result.errors.contains("Usage"), "\(result)")
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test func helpAndVersionAreData() throws {
    for arguments in [["--help"], ["--version"], ["-v"], ["run", "--help"], ["help", "test"], ["schema"]] {
      let result = try Weft.start(arguments, in: scratch).wait()
      #expect(result.status == 0 && result.output != "" && result.errors == "", "\(result)")
    }
  }

  // MARK: Output

  @Test func jsonIsAllThatStandsOnStdout() throws {
    scratch.write(holding, "lab.yaml")
    let result = try Weft.run("run", "lab.yaml", "--format", "json", in: scratch)
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    #expect(report?["name"] as? String == "small" && report?["seed"] as? Int == 1)
    let expectation = (report?["expectations"] as? [[String: Any]])?.first
    #expect(expectation?["passed"] as? Bool == true && expectation?["name"] as? String == "forwarded")
    #expect(result.errors == "")
    #expect(try JSONDecoder().decode(Report.self, from: Data(result.output.utf8)).passed)
    let several = try Weft.run("test", "lab.yaml", "--format", "json", "--no-captures", in: scratch)
    #expect((try JSONSerialization.jsonObject(with: Data(several.output.utf8)) as? [Any])?.count == 1)
  }

  @Test func quietSaysOnlyWhatFailed() throws {
    scratch.write(holding, "good.yaml")
    scratch.write(failing, "bad.yaml")
    let good = try Weft.run("run", "good.yaml", "-q", in: scratch)
    #expect(good.status == 0 && good.output == "" && good.errors == "")
    let bad = try Weft.run("run", "bad.yaml", "--quiet", in: scratch)
    #expect(bad.status == 1 && bad.output.contains("✗ closed"))
    let both = try Weft.run("test", "good.yaml", "bad.yaml", "-q", in: scratch)
    #expect(both.status == 1 && both.output.contains("✗") && !both.output.contains("forwarded"))
    #expect(try Weft.run("check", "good.yaml", "-q", in: scratch).output == "")
  }

  @Test(arguments: [[:], ["NO_COLOR": "1"], ["NO_COLOR": ""], ["CLICOLOR_FORCE": ""]])
  func withoutATerminalThereAreNoEscapeCodes(environment: [String: String]) throws {
    scratch.write(failing, "lab.yaml")
    scratch.write("name: 7\nhosts: 5\n", "wrong.yaml")
    let result = try Weft.run("run", "lab.yaml", in: scratch, environment: environment)
    #expect(!result.output.contains("\u{1b}") && !result.errors.contains("\u{1b}"))
    #expect(try !Weft.run("check", "wrong.yaml", in: scratch, environment: environment).errors.contains("\u{1b}"))
  }

  /// `script` gives it a terminal.
  @Test(.enabled(if: Tool.has("script"), "needs script(1) of util-linux")) func noColorHoldsOnATerminal() throws {
    scratch.write(failing, "lab.yaml")
    let weft = try #require(Weft.path)
    func onTerminal(_ environment: [String: String]) throws -> String {
      try Tool.run(
        "script", ["-qec", "\(weft) run lab.yaml --no-captures", "/dev/null"], in: scratch.path,
        environment: environment.merging(["TERM": "xterm"]) { $1 }
      ).output
    }
    #expect(try onTerminal(["NO_COLOR": ""]).contains("\u{1b}[31m"))
    #expect(try !onTerminal(["NO_COLOR": "1"]).contains("\u{1b}["))
  }

  @Test func seedStandsOverTheFiles() throws {
    scratch.write("seed: 5\n" + holding, "lab.yaml")
    for (arguments, seed) in [([], 5), (["--seed", "9"], 9), (["--seed", "18446744073709551615"], UInt64.max)] {
      let result = try Weft.start(["run", "lab.yaml", "--no-captures"] + arguments, in: scratch).wait()
      #expect(result.output.contains("seed \(seed),"))
    }
  }

  @Test(arguments: [("500ms", "500 ms of"), ("2 s", "2 s of"), ("0s", "0 s of")])
  func untilEndsTheRun(time: String, shown: String) throws {
    scratch.write(holding, "lab.yaml")
    let result = try Weft.run("run", "lab.yaml", "--until", time, in: scratch)
    #expect(result.output.contains(shown), "\(result)")
    // It is first tried at 1 s.
    #expect(result.status == (time == "2 s" ? 0 : 1))
  }

  @Test func junitIsXML() throws {
    scratch.write(
      Labs.small(
        "expect:\n  - {name: 'a <b> & \"c\" \u{1}é', from: visitor, to: \"laptop:81\", timeout: 100 ms, within: 1 s}"),
      "a.yaml")
    scratch.write(holding.replacingOccurrences(of: "name: small", with: "name: other"), "b.yaml")
    let first = try Weft.run("test", "a.yaml", "b.yaml", "--junit", "out.xml", in: scratch)
    // YAML has no control characters.
    #expect(first.status == 2)
    scratch.write(
      Labs.small(
        "expect:\n  - {name: 'a <b> & \"c\" é', from: visitor, to: \"laptop:81\", timeout: 100 ms, within: 1 s}"),
      "a.yaml")
    let result = try Weft.run("test", "a.yaml", "b.yaml", "--junit", "out.xml", in: scratch)
    #expect(result.status == 1, "\(result)")
    let document = try XMLDocument(data: try #require(scratch.contents("out.xml")))
    let suites = try document.nodes(forXPath: "/testsuites[@tests='2' and @failures='1']/testsuite")
    #expect(suites.count == 2)
    #expect(try document.nodes(forXPath: "//testcase[failure]/@name").first?.stringValue == "a <b> & \"c\" é")
    #expect(try document.nodes(forXPath: "//testcase[not(failure)]/@name").first?.stringValue == "forwarded")
    #expect(try document.nodes(forXPath: "//failure/@message").first?.stringValue?.contains("expected open") == true)
  }

  // MARK: Commands

  @Test func testTakesDirectories() throws {
    try FileManager.default.createDirectory(atPath: scratch.file("labs"), withIntermediateDirectories: true)
    scratch.write(holding, "labs/one.yaml")
    scratch.write(holding.replacingOccurrences(of: "name: small", with: "name: second"), "labs/two.yml")
    scratch.write("nonsense", "labs/notes.txt")
    let result = try Weft.run("test", "labs", in: scratch)
    #expect(result.status == 0, "\(result)")
    #expect(result.output.contains("✓ small (labs/one.yaml)  1 of 1"), "\(result.output)")
    #expect(result.output.contains("✓ second (labs/two.yml)  1 of 1"), "\(result.output)")
    try FileManager.default.createDirectory(atPath: scratch.file("empty"), withIntermediateDirectories: true)
    #expect(try Weft.run("test", "empty", in: scratch).status == 2)
  }

  /// Neither takes the other's place.
  @Test func twoLabsOfOneNameKeepTheirCapturesApart() throws {
    scratch.write(holding, "one.yaml")
    scratch.write(holding.replacingOccurrences(of: "forwarded", with: "again"), "two.yaml")
    let result = try Weft.run("test", "one.yaml", "two.yaml", in: scratch)
    #expect(result.status == 0)
    #expect(scratch.files(in: "captures").keys.filter { $0.hasSuffix("home-wan.pcapng") }.count == 2)
  }

  @Test func checkTakesSeveralFilesAndSaysAll() throws {
    scratch.write(holding, "good.yaml")
    scratch.write("hosts: {a: {b: c}}\nsegments: {s: 10.0.0.0/33}\n", "bad.yaml")
    let result = try Weft.run("check", "good.yaml", "bad.yaml", "none.yaml", in: scratch)
    #expect(result.status == 2)
    #expect(result.output.hasPrefix("good.yaml: ok (1 segments, 2 hosts, 2 VMs, 1 expectations)"))
    #expect(result.errors.contains("bad.yaml:1:") && result.errors.contains("bad.yaml:2:"))
    #expect(result.errors.contains("none.yaml: error: no such file"))
    #expect(scratch.entries == ["bad.yaml", "good.yaml"])
  }

  @Test func initWritesAFileThatRunsAndNeverOverwritesOne() throws {
    #expect(try Weft.run("init", "lab.yaml", in: scratch).status == 0)
    #expect(try Weft.run("run", "lab.yaml", in: scratch).status == 0)
    scratch.write("mine", "lab.yaml")
    let again = try Weft.run("init", "lab.yaml", in: scratch)
    #expect(again.status == 3 && again.errors.contains("lab.yaml exists"))
    #expect(scratch.contents("lab.yaml") == Data("mine".utf8))
    #expect(try Weft.run("init", "lab.yaml", "--force", in: scratch).status == 0)
    #expect(scratch.contents("lab.yaml") != Data("mine".utf8))
    #expect(try Weft.run("init", "no/such/place.yaml", in: scratch).status == 3)
    #expect(try Weft.run("init", ".", "--force", in: scratch).status == 3)
  }

  @Test func aRerunReplacesTheCaptures() throws {
    scratch.write(holding, "lab.yaml")
    #expect(try Weft.run("run", "lab.yaml", in: scratch).status == 0)
    let first = scratch.files(in: "captures")
    #expect(try Weft.run("run", "lab.yaml", in: scratch).status == 0)
    #expect(scratch.files(in: "captures") == first)
  }
}
