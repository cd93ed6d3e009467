import Foundation
import Testing
import WeftFabric
import WeftTestSupport

/// Chance has a tool: one file with many seeds.
@Suite struct SweepTests {
  let scratch = Scratch()
  /// The second holds with some seeds only: one echo request over a cable that loses a third.
  private let lossy = """
    name: lossy
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, loss: 30 %}}
    hosts: {one: {uplink: wan 203.0.113.2}, two: {uplink: wan 203.0.113.9}}
    expect:
      - {name: in the end, from: two, ping: one}
      - {name: at once, from: two, ping: one, at: 8 s, within: 50 ms, timeout: 50 ms}
    """

  init() { scratch.write(lossy, "lab.yaml") }

  /// What each seed says by itself.
  private func single(_ seed: Int) throws -> Report {
    let output = try Weft.run("run", "lab.yaml", "--seed", "\(seed)", "--no-captures", "--format", "json", in: scratch)
    return try JSONDecoder().decode(Report.self, from: Data(output.output.utf8))
  }

  @Test func aSweepIsItsSeeds() throws {
    let seeds = Array(1...12)
    let reports = try seeds.map { try single($0) }
    let failed = zip(seeds, reports).filter { !$1.expectations[1].passed }.map { UInt64($0.0) }
    #expect(!failed.isEmpty && failed.count < seeds.count)
    var told: Set<String> = []
    for jobs in ["1", "4"] {
      let result = try Weft.run("run", "lab.yaml", "--seeds", "1..12", "--jobs", jobs, "--junit", "x.xml", in: scratch)
      #expect(result.status == 1 && result.errors == "", "\(result)")
      #expect(result.output.contains("✗ at once: \(12 - failed.count) of 12 held\n      failed with \(Sweep.shown(failed))\n"))
      #expect(result.output.contains("lab.yaml --seed \(try #require(zip(seeds, reports).first { !$1.passed }).0)\n"))
      told.insert(result.output)
    }
    #expect(told.count == 1)
    #expect(scratch.entries == ["lab.yaml", "x.xml"])
    let junit = String(decoding: try #require(scratch.contents("x.xml")), as: UTF8.self)
    #expect(junit.contains("tests=\"2\""))
    #expect(junit.contains("message=\"\(12 - failed.count) of 12 seeds held; failed with \(Sweep.shown(failed))\""), "\(junit)")
    let json = try Weft.run("run", "lab.yaml", "--seeds", "1..12", "--format", "json", in: scratch).output
    let sweep = try JSONDecoder().decode(Sweep.self, from: Data(json.utf8))
    #expect(sweep.checks.map { $0.failed.map(\.seed) }[1] == failed && sweep.held.count < 12)
  }

  @Test func testSweepsEveryFile() throws {
    scratch.write(Labs.small("expect: [{from: web, to: \"visitor:80\"}]"), "sure.yaml")
    let all = try Weft.run("test", "lab.yaml", "sure.yaml", "--seeds", "1..12", in: scratch)
    #expect(all.status == 1 && all.lines.last?.hasPrefix("1 of 2 files, ") == true, "\(all)")
    #expect(all.output.contains("✓ small  12 of 12 seeds held\n") && all.output.contains("held with every seed"))
    let sure = try Weft.run("test", "-q", "sure.yaml", "--seeds", "3,5,8..9", "--set", "segments.campus.delay=9ms", in: scratch)
    #expect(sure.status == 0 && sure.output == "", "\(sure)")
  }

  @Test func parallelFilesSayWhatOneAfterTheOtherSay() throws {
    for name in 1...5 { scratch.write(Labs.small("expect: [{from: web, ping: visitor}]"), "labs-\(name).yaml") }
    scratch.write("hosts: 1", "labs-3b.yaml")
    let files = (1...5).map { "labs-\($0).yaml" } + ["lab.yaml", "labs-3b.yaml"]
    let one = try Weft.start(["test"] + files + ["--captures", "a", "--jobs", "1"], in: scratch).wait()
    let four = try Weft.start(["test"] + files + ["--captures", "b", "--jobs", "4"], in: scratch).wait()
    #expect(one.status == 2 && four.status == 2 && one.errors == four.errors)
    #expect(one.output.replacing(" [a/", with: " [b/") == four.output)
    #expect(scratch.files(in: "a") == scratch.files(in: "b") && !scratch.files(in: "a").isEmpty)
  }

  @Test func aSeedHasItsOwnCaptures() throws {
    let result = try Weft.run("run", "lab.yaml", "--seeds", "1..3", "--captures", "c", in: scratch)
    #expect(result.status == 1 || result.status == 0)
    let files = Set(scratch.files(in: "c").keys.filter { $0.hasSuffix("two-uplink.pcapng") })
    #expect(files == ["seed-1/two-uplink.pcapng", "seed-2/two-uplink.pcapng", "seed-3/two-uplink.pcapng"])
    let alone = try Weft.run("run", "lab.yaml", "--seed", "2", "--captures", "alone", in: scratch)
    #expect(alone.status != 2)
    #expect(scratch.contents("alone/two-uplink.pcapng") == scratch.contents("c/seed-2/two-uplink.pcapng"))
  }

  @Test func anInterruptLeavesWhatWasFoundOut() throws {
    let running = try Weft.start(
      ["run", "lab.yaml", "--seeds", "1..1000000", "--jobs", "2", "--junit", "x.xml", "--captures", "c"], in: scratch)
    // The fifth has begun: of two at once, two have ended.
    for _ in 0..<4000 where !scratch.exists("c/seed-5") { usleep(5000) }
    usleep(100_000)
    running.send(SIGTERM)
    let result = try running.wait()
    #expect(result.status == 143, "\(result)")
    #expect(result.output.contains("in the end: ") && scratch.exists("x.xml"), "\(result)")
  }

  @Test(arguments: [
    ["--seeds", "5..1"], ["--seeds", ""], ["--seeds", "1,"], ["--seeds", "1..x"], ["--seeds", "1..99999999"],
    ["--seeds", "1..3", "--seed", "2"], ["--seeds", "1", "--jobs", "0"], ["--jobs", "2"],
    ["--seeds", "1..3", "--checkpoint-at", "1s", "x.ckpt"],
  ])
  func wrongUsesAre64(arguments: [String]) throws {
    let result = try Weft.start(["run", "lab.yaml"] + arguments, in: scratch).wait()
    #expect(result.status == 64 && result.output == "" && result.errors.contains("Usage: "), "\(result)")
  }

  @Test func seedsAreShownInRanges() {
    #expect(Sweep.shown([3]) == "seed 3" && Sweep.shown([5, 3, 4, 9, 10, .max]) == "seeds 3..5, 9, 10, \(UInt64.max)")
  }
}
