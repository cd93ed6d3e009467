import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric
@testable import WeftStorage

/// A world is a value: an image of it never changes, and forks in one process live on by themselves.
@Suite struct ForkTests {
  /// Byte for byte, of everything: what was there when the image was taken.
  private static func bytes(_ image: SimulationImage) throws -> [UInt8] { try image.encoded() }

  /// A fork taken at a random moment and run on beside the original in small steps: both come to the end of the run that
  /// nobody touched, the image stays what it was, and what is resumed from it afterwards is that run too.
  private static func live(_ topology: Topology, salt: String) throws {
    var whole = try Simulation(topology, captures: CaptureOptions(directory: nil))
    let expected = try whole.outcome()
    var random = RandomStream(seed: 7, owner: salt, purpose: "forks")
    let end = whole.now.rawValue
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    simulation.run(until: Instant(random.next(below: end / 2 + 1)))
    // Anywhere in a moment too.
    simulation.run(events: Int(random.next(below: 50)))
    let image = try simulation.image()
    let before = try Self.bytes(image)
    var fork = try simulation.fork()
    let copied = try Self.bytes(fork.image()) == before
    #expect(copied, "a fork's image is another")
    for _ in 0..<8 {
      fork.run(events: Int(random.next(below: 40)))
      simulation.run(until: simulation.now + Nanoseconds(random.next(below: end / 20 + 1)))
    }
    var isAsBefore = try Self.bytes(image) == before
    #expect(isAsBefore, "the image changed as the run went on")
    for run in try [("original", simulation.outcome()), ("fork", fork.outcome())] {
      let isSame = run.1.isSame(expected)
      #expect(isSame, "\(run.0): \(expected.difference(run.1))")
    }
    isAsBefore = try Self.bytes(image) == before
    #expect(isAsBefore, "the image changed as its forks ran")
    var third = try Simulation(resuming: image, pool: simulation.world.pool, captures: nil)
    let last = try third.outcome()
    let isSame = last.isSame(expected)
    #expect(isSame, "resumed from the old image: \(expected.difference(last))")
  }

  @Test(arguments: Repository.topologies) func forksOfATopologyAreTheRun(file: String) throws {
    try Self.live(example(file), salt: file)
  }

  @Test(arguments: 0..<4) func forksOfABusyLabAreTheRun(number: Int) throws {
    try Self.live(topology(Labs.busy), salt: "busy \(number)")
  }

  @Test(arguments: 0..<2) func forksOfALossyTransferAreTheRun(number: Int) throws {
    try Self.live(topology(Labs.lossy), salt: "lossy \(number)")
  }

  /// What the review of the design found: frames in a paused VM's ring were shared with the image.
  @Test func aPausedMachinesFramesStayInTheImage() throws {
    let topology = try topology(
      """
      segments: {lan: {subnet: 192.0.2.0/24, delay: 1 ms}}
      hosts:
        h: {uplink: lan 192.0.2.1, networks: {home: bridge}}
        p: {uplink: lan 192.0.2.9, programs: [{udp-rate: {to: "v:7", size: 100, interval: 2 ms}}]}
      vms: {v: {network: home, address: 192.0.2.3, programs: [udp-echo]}}
      events: [{at: 1 s, pause: v}, {at: 1800 ms, resume: v}]
      """)
    var simulation = try Simulation(topology, until: .seconds(3))
    simulation.run(until: .milliseconds(1502))
    let image = try simulation.image()
    let before = try Self.bytes(image)
    for moment in [1700, 1900, 2500] as [UInt64] {
      simulation.run(until: .milliseconds(moment))
      let isAsBefore = try Self.bytes(image) == before
      #expect(isAsBefore, "at \(moment) ms")
    }
  }
}
