import Foundation
import Testing
import Weft
import WeftTestSupport

/// What is typed is shown, never obeyed; and no option is taken and ignored. (ExitCode: all of these are usage errors.)
@Suite struct TypedWordsExitCodeTests {
  let scratch = Scratch()

  @Test(arguments: [
    ["check", "no\u{1b}[31mx.yaml"], ["run", "no\u{1b}[31m\nx.yaml"], ["test", "a\u{9b}31m.yaml"], ["fo\u{1b}[31mo"],
    ["run", "lab.yaml", "--b\u{1b}[31mar"], ["init", "none\u{1b}[31m/x.yaml"], ["resume", "q\u{1b}[31m.ckpt"],
    ["explain", "lab.yaml", "web", "vis\u{1b}[31mitor:80"], ["show", "lab.yaml", "fdb", "--node", "a\u{202e}b"],
    ["run", "lab.yaml", "--set", "a\u{1b}[1m=3"],
  ])
  func escapesAreShown(words: [String]) throws {
    scratch.write(Labs.small(""), "lab.yaml")
    let result = try Weft.start(words, in: scratch).wait()
    #expect(result.status != 0 && !result.errors.isEmpty)
    let unseen = result.errors.unicodeScalars.filter { $0.isUnseen && $0 != "\n" }
    #expect(unseen.isEmpty, "\(result.errors)")
  }

  @Test(arguments: [
    (["--seeds", "1..2", "--set", "seed=3"], "--set seed"), (["--no-captures", "--format", "pcap"], "--format pcap"),
    (["--no-captures", "--format", "pcapng"], "--format pcapng"),
    (["--no-captures", "--capture-limit", "1MB"], "--capture-limit"),
    (["--seeds", "1..2", "--format", "pcap"], "goes with --captures"),
    (["--seeds", "1..2", "--capture-limit", "1MB"], "goes with --captures"),
  ])
  func ignoredOptionsAreUsageErrors(options: [String], says: String) throws {
    scratch.write(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\"}"), "lab.yaml")
    for command in ["run", "test"] {
      let result = try Weft.start([command, "lab.yaml"] + options, in: scratch).wait()
      #expect(result.status == 64 && result.errors.contains(says), "\(result)")
    }
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test func aMissingFolderIsNamed() throws {
    scratch.write(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\"}"), "lab.yaml")
    let saved = try Weft.run("run", "lab.yaml", "--no-captures", "--checkpoint-at", "1s", "/nonexistent/x.ckpt", in: scratch)
    #expect(saved.status == 3 && saved.errors.contains("/nonexistent/x.ckpt: no folder /nonexistent"), "\(saved)")
    let made = try Weft.run("init", "/nonexistent/a.yaml", in: scratch)
    #expect(made.status == 3 && made.errors.contains("/nonexistent/a.yaml: no folder /nonexistent"), "\(made)")
  }
}
