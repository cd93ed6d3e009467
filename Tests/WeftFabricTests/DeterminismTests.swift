import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// What a run does is a function of the file and the seed, and of nothing else.
@Suite struct DeterminismTests {
  @Test(arguments: ["busy", "lossy", "nat-vs-bridge", "bridge-lan"]) func theSameTwiceIsTheSame(name: String) throws {
    var one = try Simulation(lab(name), captures: CaptureOptions(directory: nil))
    var other = try Simulation(lab(name), captures: CaptureOptions(directory: nil))
    #expect(try one.outcome() == other.outcome())
  }

  /// Looking doesn't change what is looked at.
  @Test(arguments: ["busy", "lossy", "nat-vs-bridge", "bridge-lan"])
  func capturesChangeNothingOfWhatHappens(name: String) throws {
    var with = try Simulation(lab(name), captures: CaptureOptions(directory: nil))
    var without = try Simulation(lab(name))
    let report = try without.complete()
    #expect(try encode(withoutCaptures(with.complete())) == encode(report))
    #expect(report.captures.isEmpty)
  }

  /// Nor does taking it in slices.
  @Test(arguments: [1, 2, 1000]) func slicesGiveTheSameRun(events: Int) throws {
    var whole = try Simulation(lab("busy"), captures: CaptureOptions(directory: nil))
    var sliced = try Simulation(lab("busy"), captures: CaptureOptions(directory: nil))
    while sliced.run(events: events) {}
    #expect(try sliced.outcome() == whole.outcome())
  }

  @Test func anotherSeedGivesAnotherLossPattern() throws {
    let runs = try [1 as UInt64, 2, 3, 4].map { seed in
      try run(Labs.lossy, seed: seed).drops.filter { $0.reason == "link-loss" }
    }
    let captures = try [1 as UInt64, 2, 3, 4].map { seed -> [UInt8]? in
      var simulation = try Simulation(topology(Labs.lossy), seed: seed, captures: CaptureOptions(directory: nil))
      _ = try simulation.complete()
      return try simulation.captured()["server/uplink"]
    }
    #expect(Set(captures).count == 4)
    #expect(Set(runs.map { $0.map(\.count) }).count > 1, "\(runs)")
  }
}
