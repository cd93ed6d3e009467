import Foundation
import Testing
import WeftTestSupport

/// Same file, same seed: the same bytes, in any process.
@Suite struct ReproducibleTests {
  let scratch = Scratch()

  /// The report (without where the captures are) and the captures of a run.
  private func run(_ arguments: [String], to directory: String) throws -> (report: String, captures: [String: Data]) {
    let result = try Weft.start(arguments + ["--format", "json", "--captures", directory], in: scratch).wait()
    #expect(result.status == 0 || result.status == 1, "\(result)")
    return (result.output.replacingOccurrences(of: "\(directory)/", with: "D/"), scratch.files(in: directory))
  }

  @Test(arguments: [Labs.lossy, Labs.busy]) func twoProcessesGiveTheSameBytes(lab: String) throws {
    scratch.write(lab, "lab.yaml")
    let one = try run(["run", "lab.yaml"], to: "to-one")
    let other = try run(["run", "lab.yaml"], to: "to-other")
    #expect(one.captures.count > 5 && one.captures == other.captures)
    #expect(one.report == other.report)
    let seeded = try run(["run", "lab.yaml", "--seed", "1"], to: "to-seeded")
    #expect(seeded.captures == one.captures)
  }

  @Test func anotherSeedLosesOtherFrames() throws {
    scratch.write(Labs.lossy, "lab.yaml")
    func lost(_ seed: String) throws -> [String] {
      let result = try Weft.run("run", "lab.yaml", "--seed", seed, "--captures", "c\(seed)", in: scratch)
      #expect(result.status == 0, "\(result)")
      let files = scratch.files(in: "c\(seed)")
      return files.keys.sorted().map { "\($0) \(files[$0]?.hashValue ?? 0)" }
    }
    #expect(try Set([lost("1"), lost("2"), lost("3")]).count == 3)
  }

  // MARK: Checkpoints

  @Test(arguments: [
    (Labs.lossy, "233ms"), (Labs.lossy, "0s"), (Labs.busy, "555ms"), (Labs.busy, "330ms"), (Labs.small, "2s"),
  ])
  func anotherProcessGoesOnAsIfNothingHadHappened(lab: String, moment: String) throws {
    scratch.write(lab, "lab.yaml")
    let whole = try run(["run", "lab.yaml"], to: "to-whole")
    let saving = try run(["run", "lab.yaml", "--checkpoint-at", moment, "x.ckpt"], to: "to-saving")
    #expect(saving.report == whole.report && saving.captures == whole.captures)
    // The topology isn't needed any more.
    scratch.write("", "lab.yaml")
    let resumed = try run(["resume", "x.ckpt"], to: "to-resumed")
    #expect(resumed.report == whole.report && resumed.captures == whole.captures)
  }

  @Test func theFileMayStandBeforeOrBehindTheCheckpoint() throws {
    scratch.write(Labs.small, "lab.yaml")
    let orders = [
      ["run", "lab.yaml", "--checkpoint-at", "1s", "a.ckpt"], ["run", "--checkpoint-at", "1s", "b.ckpt", "lab.yaml"],
      ["run", "--checkpoint-at", "1s", "c.ckpt", "--quiet", "lab.yaml"],
    ]
    for order in orders {
      let result = try Weft.start(order, in: scratch).wait()
      #expect(result.status == 0, "\(result)")
    }
    let files = ["a.ckpt", "b.ckpt", "c.ckpt"].map { scratch.contents($0) }
    #expect(files[0] != nil && files[0] == files[1] && files[1] == files[2])
  }

  @Test func aResumedRunWritesWhereTheRunWouldHave() throws {
    scratch.write(Labs.small, "lab.yaml")
    _ = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1s", "x.ckpt", in: scratch)
    let files = scratch.files(in: "captures/small")
    try FileManager.default.removeItem(atPath: scratch.file("captures"))
    let result = try Weft.run("resume", "x.ckpt", in: scratch)
    #expect(result.status == 0 && result.output.contains("captures/small/"), "\(result)")
    #expect(scratch.files(in: "captures/small") == files)
    let without = try Weft.run("resume", "x.ckpt", "--no-captures", in: scratch)
    #expect(without.status == 0 && !without.output.contains("pcapng"), "\(without.output)")
  }

  @Test func pcapIsResumedAsPcap() throws {
    scratch.write(Labs.small, "lab.yaml")
    _ = try Weft.run(
      "run", "lab.yaml", "--format", "pcap", "--captures", "a", "--checkpoint-at", "1s", "x.ckpt", in: scratch)
    _ = try Weft.run("resume", "x.ckpt", "--captures", "b", in: scratch)
    #expect(scratch.files(in: "a").keys.contains("web-eth0.pcap") && scratch.files(in: "a") == scratch.files(in: "b"))
  }
}
