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

  private static func difference(_ one: Outcome, _ other: Outcome) -> String {
    let ports = one.captures.keys.filter { one.captures[$0] != other.captures[$0] }.sorted()
    let lines = zip(
      String(decoding: one.report, as: UTF8.self).split(separator: "\n"),
      String(decoding: other.report, as: UTF8.self).split(separator: "\n"))
    let first = lines.first { $0 != $1 }.map { "\($0) / \($1)" } ?? "same report"
    return "captures differ at \(ports); \(first)"
  }

  @Test(arguments: ["nat-vs-bridge", "bridge-lan", "nat-port-forward", "two-nats", "double-nat", "hairpin", "fragments", "lossy", "busy"])
  func aRunResumedAtManyMomentsIsTheSameRun(name: String) throws {
    let topology = try lab(name)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    let end = whole.now.rawValue
    let spread = (0...40).map { Instant(end / 40 * $0) }
    let outcome = try Self.relay(topology, spread)
    #expect(outcome == expected, "\(Self.difference(expected, outcome))")
  }

  /// Each millisecond while everything that holds state is at work.
  @Test(arguments: [0, 100, 250, 400, 550, 700, 850, 950]) func eachMillisecondOfABusyTimeCanBeResumed(from: UInt64) throws {
    let topology = try topology(Labs.busy)
    var whole = try Self.start(topology)
    let expected = try whole.outcome()
    let outcome = try Self.relay(topology, (from..<from + 25).map { .start + .milliseconds($0) })
    #expect(outcome == expected, "\(Self.difference(expected, outcome))")
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
    #expect(outcome == expected, "\(Self.difference(expected, outcome))")
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

/// A file that isn't what it should be is refused with a reason.
@Suite struct CheckpointDamageTests {
  private static let file: Data = {
    guard let topology = try? topology(Labs.busy),
      var simulation = try? Simulation(topology, captures: CaptureOptions(directory: nil))
    else { return Data() }
    simulation.run(until: .start + .milliseconds(320))
    return (try? CheckpointFile.encode(simulation)) ?? Data()
  }()

  private func complaint(_ data: Data) -> String? {
    do {
      _ = try CheckpointFile.decode(data, path: "lab.ckpt", captures: .memory)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func theIntactFileIsTaken() { #expect(complaint(Self.file) == nil) }

  @Test func aTruncatedFileIsRefused() throws {
    let count = Self.file.count
    try #require(count > 10_000)
    let lengths = Array(0..<40) + stride(from: 40, to: count, by: count / 150) + Array(count - 20..<count)
    for length in lengths {
      let complaint = complaint(Self.file.prefix(length))
      #expect(complaint?.contains("lab.ckpt") == true, "of \(length) bytes: \(complaint ?? "was taken")")
    }
  }

  @Test func aFlippedBitIsFound() throws {
    let count = Self.file.count
    let bits = Array(0..<28 * 8) + stride(from: 28 * 8, to: count * 8, by: count * 8 / 200 | 1)
    for bit in bits {
      var data = Self.file
      data[bit / 8] ^= 1 << (bit % 8)
      #expect(complaint(data) != nil, "bit \(bit)")
    }
  }

  @Test func bytesBehindTheEndAreFound() {
    #expect(complaint(Self.file + [0])?.contains("behind its end") == true)
    #expect(complaint(Self.file + Self.file) != nil)
  }

  @Test(arguments: [
    ("", "not a weft checkpoint"), ("hello", "not a weft checkpoint"), ("name: lab\nhosts: {}\n", "not a weft checkpoint"),
    ("WEFTCKPT", "ends in its header"), ("WEFTCKPT\u{7}\0\0\0\u{1}\0\0\0", "format 7"),
    ("WEFTCKPT\u{1}\0\0\0\0\0\0\0", "its header"), ("WEFTCKPT\u{1}\0\0\0\u{1}\0\0\0", "ends in section 0"),
  ])
  func aForeignFileIsCalledSo(content: String, why: String) {
    let complaint = complaint(Data(content.utf8))
    #expect(complaint?.contains(why) == true, "\(complaint ?? "was taken")")
  }

  /// Its sums are right, its content isn't: written by something else, or by another version.
  @Test(arguments: ["", "{}", "[]", "null", "{\"now\":1}"]) func aStateThatDoesNotDecodeIsRefused(state: String) {
    var data = Data("WEFTCKPT\u{1}\0\0\0\u{1}\0\0\0".utf8)
    data.append(UInt64(state.utf8.count).littleEndianBytes)
    data.append(CRC32.checksum(Data(state.utf8)).littleEndianBytes)
    data.append(Data(state.utf8))
    #expect(complaint(data)?.contains("damaged") == true)
  }
}
