import Foundation
import Testing
import WeftTestSupport

/// Where a topology may come from, and what may stand over it.
@Suite struct InputTests {
  let scratch = Scratch()

  init() { scratch.write(Labs.small("expect: [{from: web, to: \"visitor:80\"}]"), "lab.yaml") }

  private func shell(_ script: String) throws -> Tool.Result {
    try Tool.run(
      "bash", ["-c", script], in: scratch.path, environment: ["weft": try #require(Weft.path)])
  }

  @Test(arguments: [
    "$weft COMMAND - <lab.yaml", "cat lab.yaml | $weft COMMAND -", "$weft COMMAND <(cat lab.yaml)",
    "cat lab.yaml | $weft COMMAND /dev/stdin", "$weft COMMAND /dev/stdin <lab.yaml",
    "mkfifo p; cat lab.yaml >p & $weft COMMAND p", "cat lab.yaml | $weft COMMAND /dev/fd/0",
  ])
  func everyKindOfFileIsRead(form: String) throws {
    for (command, says) in [
      ("check", "1 segments, 2 hosts"), ("run --no-captures", "✓ web → visitor:80 is open"),
      ("test --no-captures", "✓ small  1 of 1"), ("conntrack --at 1100ms", "dport=80"),
    ] {
      let result = try shell(form.replacing("COMMAND", with: command))
      #expect(result.status == 0 && result.output.contains(says), "\(command): \(result)")
      _ = try shell("rm -f p")
    }
    let explained = try shell(
      form.replacing("COMMAND", with: "explain").replacing(" <lab", with: " web visitor:80 <lab")
        .replacing("explain -", with: "explain - web visitor:80").replacing(
          "/dev/stdin", with: "/dev/stdin web visitor:80"
        )
        .replacing(" web visitor:80 web visitor:80", with: " web visitor:80")
        .replacing("lab.yaml)", with: "lab.yaml) web visitor:80").replacing(
          "explain p", with: "explain p web visitor:80"
        )
        .replacing("fd/0", with: "fd/0 web visitor:80"))
    #expect(explained.status == 0, "\(explained)")
  }

  @Test func aLabFromAPipeHasAName() throws {
    let result = try shell("sed 's/^name: small//' lab.yaml | $weft run - --captures c")
    #expect(result.status == 0 && result.output.hasPrefix("stdin  seed 1"), "\(result)")
    let wrong = try shell("echo 'hsots: 1' | $weft check -")
    #expect(wrong.status == 2 && wrong.errors.hasPrefix("<stdin>:1:1: error: unknown key"), "\(wrong)")
    #expect(try shell("$weft check /dev/zero").errors.contains("larger than"))
    #expect(try shell("$weft check . && $weft run .").errors.contains("it is a directory"))
  }

  @Test func whatIsSetStandsOverTheFile() throws {
    let result = try Weft.run(
      "run", "lab.yaml", "--no-captures", "--set", "seed=7", "--set", "segments.campus.delay=20ms", "--set",
      "expect.0.rtt=> 70 ms", in: scratch)
    #expect(
      result.status == 0 && result.output.contains("seed 7,") && result.output.contains("rtt > 70 ms: open"),
      "\(result)")
    for command in [["check"], ["test"], ["run"], ["explain"], ["conntrack"], ["show"]] {
      let tail = command == ["explain"] ? ["web", "visitor:80"] : command == ["show"] ? ["leases"] : []
      let wrong = try Weft.start(
        command + ["lab.yaml"] + tail + ["--set", "segments.campsu.delay=20ms"], in: scratch
      ).wait()
      #expect(wrong.status == 2 && wrong.errors.hasPrefix("--set:1:10: error: there is no \"campsu\""), "\(wrong)")
      #expect(wrong.errors.contains("did you mean \"campus\"?"))
      #expect(try Weft.start(command + ["lab.yaml"] + tail + ["--set", "seed"], in: scratch).wait().status == 64)
    }
  }

  @Test func aDashIsStdoutForInit() throws {
    let result = try Weft.run("init", "-", in: scratch)
    #expect(result.status == 0 && result.errors == "" && result.output.contains("\nname: \"lab\"\n"))
    #expect(scratch.entries == ["lab.yaml"])
  }
}
