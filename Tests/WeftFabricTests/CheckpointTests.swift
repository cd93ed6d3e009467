import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric
@testable import WeftStorage

/// A run that is saved and gone on with from the file gives what the run that was never interrupted gives.
@Suite struct CheckpointTests {
  private static func start(_ topology: Topology) throws -> Simulation {
    try Simulation(topology, captures: CaptureOptions(directory: nil))
  }

  private static func reloaded(_ simulation: borrowing Simulation) throws -> Simulation {
    try CheckpointFile.decode(CheckpointFile.encode(simulation), path: "test.ckpt", captures: .memory)
  }

  /// One chain of lives: each moment is the end of one and the beginning of the next.
  private static func relay(_ topology: Topology, _ moments: [Instant]) throws -> Outcome {
    var simulation = try start(topology)
    for moment in moments {
      simulation.run(until: moment)
      simulation = try reloaded(simulation)
    }
    return try simulation.outcome()
  }

  @Test(
    arguments: [
      "nat-vs-bridge", "bridge-lan", "nat-port-forward", "two-nats", "double-nat", "hairpin", "fragments", "lossy",
      "busy",
    ])
  func aRunResumedAtManyMomentsIsTheSameRun(name: String) throws {
    let topology = try lab(name)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    let end = whole.now.rawValue
    let spread = (0...40).map { Instant(end / 40 * $0) }
    let outcome = try Self.relay(topology, spread)
    #expect(outcome.isSame(expected), "\(expected.difference(outcome))")
  }

  /// Each millisecond while everything that holds state is at work.
  @Test(arguments: [0, 100, 250, 400, 550, 700, 850, 950]) func eachMillisecondOfABusyTimeCanBeResumed(from: UInt64)
    throws
  {
    let topology = try topology(Labs.busy)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    let outcome = try Self.relay(topology, (from..<from + 25).map { .start + .milliseconds($0) })
    #expect(outcome.isSame(expected), "\(expected.difference(outcome))")
  }

  @Test func betweenAnyTwoEventsOfATransferItCanBeResumed() throws {
    let topology = try topology(Labs.lossy)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    var simulation = try Self.start(topology)
    simulation.run(until: .start + .milliseconds(230))
    for _ in 0..<60 {
      simulation.run(events: 7)
      simulation = try Self.reloaded(simulation)
    }
    let outcome = try simulation.outcome()
    #expect(outcome.isSame(expected), "\(expected.difference(outcome))")
  }

  /// Also in the midst of a moment, where deadlines may have passed (a machine that is just resumed). Some once
  /// went back in time there.
  @Test(arguments: [1 as UInt64, 5, 12]) func atRandomMomentsItCanBeResumed(seed: UInt64) throws {
    let topology = try topology(Labs.busy)
    var whole = try Simulation(topology, seed: seed, captures: CaptureOptions(directory: nil))
    let expected = try whole.outcome()
    var random = RandomStream(seed: 99, owner: "\(seed)", purpose: "moments")
    var simulation = try Simulation(topology, seed: seed, captures: CaptureOptions(directory: nil))
    for _ in 0..<50 {
      if random.next(below: 2) == 0 {
        simulation.run(events: Int(random.next(below: 120)))
      } else {
        simulation.run(until: simulation.now + Nanoseconds(random.next(below: 60_000_000)))
      }
      simulation = try Self.reloaded(simulation)
    }
    let outcome = try simulation.outcome()
    #expect(outcome.isSame(expected), "\(expected.difference(outcome))")
  }

  @Test func savingChangesNothing() throws {
    let topology = try topology(Labs.busy)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    var simulation = try Self.start(topology)
    for moment in stride(from: 0 as UInt64, to: 1000, by: 37) {
      simulation.run(until: .start + .milliseconds(moment))
      _ = try CheckpointFile.encode(simulation)
    }
    #expect(try simulation.outcome() == expected)
  }

  /// A fork lives on beside the original, and both come to the same end.
  @Test func twoRunsFromOneFileDoNotKnowOfEachOther() throws {
    let topology = try topology(Labs.busy)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    var simulation = try Self.start(topology)
    simulation.run(until: .start + .milliseconds(555))
    let file = try CheckpointFile.encode(simulation)
    var first = try CheckpointFile.decode(file, path: "a", captures: .memory)
    var second = try CheckpointFile.decode(file, path: "a", captures: .memory)
    first.run(until: .start + .milliseconds(800))
    #expect(try second.outcome() == expected)
    #expect(try first.outcome() == expected)
  }

  @Test func theSameMomentGivesTheSameFile() throws {
    let topology = try topology(Labs.busy)
    var one = try Self.start(topology)
    var other = try Self.start(topology)
    one.run(until: .start + .milliseconds(555))
    other.run(until: .start + .milliseconds(555))
    let file = try CheckpointFile.encode(one)
    #expect(try CheckpointFile.encode(other) == file)
    let reloaded = try CheckpointFile.decode(file, path: "a", captures: .memory)
    #expect(try CheckpointFile.encode(reloaded) == file)
  }

  @Test func aRunThatIsOverCanBeSavedToo() throws {
    let topology = try example("nat-vs-bridge.yaml")
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    var simulation = try Self.start(topology)
    simulation.run()
    var again = try Self.reloaded(simulation)
    #expect(try again.outcome() == expected)
  }

  @Test func aRunWithoutCapturesResumesWithoutThem() throws {
    let topology = try topology(Labs.busy)
    var whole = try Simulation(topology)
    let expected = try whole.outcome()
    var simulation = try Simulation(topology)
    simulation.run(until: .start + .milliseconds(555))
    simulation = try Self.reloaded(simulation)
    #expect(try simulation.outcome() == expected)
  }
}
