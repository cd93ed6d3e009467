import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// Between a guest and its wire: the wire's queue fills first, then the NIC's ring, then frames are dropped.
@Suite struct TransmitRingTests {
  private static func lab(count: Int, queue: Int, ring: Int) -> String {
    """
    name: burst
    hosts: {pc: {networks: {net: {mode: isolated, subnet: 10.0.0.0/24}}}}
    vms:
      a:
        network: net
        address: 10.0.0.1
        rate: 1 Mbit/s
        queue: \(queue)
        rings: {tx: \(ring)}
        programs:
          - {udp-rate: {to: "b:9", size: 958 B, interval: 1 us, count: \(count)}, start: 500 ms}
          - ping: {to: b, count: 1}
      b: {network: net, address: 10.0.0.2, programs: [{sink: 9}]}
    """
  }

  /// 1,000 bytes at 1 Mbit/s are 8 ms; all come within one.
  @Test(arguments: [(10, 4, 6), (40, 4, 6), (11, 4, 6), (300, 1, 1), (300, 1000, 256), (300, 4, 256)])
  func aBurstFillsTheQueueThenTheRingThenDrops(count: Int, queue: Int, ring: Int) throws {
    let report = try run(Self.lab(count: count, queue: queue, ring: ring), until: .start + .seconds(5))
    let room = min(count, queue + ring)
    let dropped = report.drops.filter { $0.reason == "tx-ring-full" }
    #expect(dropped.reduce(0) { $0 + $1.count } == UInt64(count - room), "\(report.drops)")
    #expect(dropped.allSatisfy { $0.port == "a/eth0" })
    #expect(report.drops.allSatisfy { $0.reason == "tx-ring-full" || $0.reason == "not-for-us" }, "\(report.drops)")
    let sink = try #require(report.programs.first { $0.machine == "b" })
    #expect(sink.report.bytesIn == UInt64(room * 958), "\(sink)")
  }

  /// What the guest has sent leaves in order, at the wire's pace, and is stamped when it does.
  @Test func theRingKeepsTheOrder() throws {
    var simulation = try Simulation(topology(Self.lab(count: 10, queue: 2, ring: 8)))
    simulation.run(until: .start + .milliseconds(505))
    let node = try #require(simulation.world.names.machines["a"])
    let found = simulation.world.machine(node)
    let machine = try #require(found)
    #expect(simulation.world.elements.machines[machine].interfaces[0].waitingToTransmit == 8)
    simulation.run(until: .start + .milliseconds(541))
    // Each departure makes room for one.
    #expect((3...4).contains(simulation.world.elements.machines[machine].interfaces[0].waitingToTransmit))
    simulation.run(until: .start + .seconds(1))
    #expect(simulation.world.elements.machines[machine].interfaces[0].waitingToTransmit == 0)
  }

  @Test func aPulledCableEmptiesTheRingWithDrops() throws {
    let lab =
      Self.lab(count: 20, queue: 2, ring: 30)
      + "\nevents:\n  - {at: 530 ms, link-down: a}\n  - {at: 900 ms, link-up: a}\n"
    let report = try run(lab, until: .start + .seconds(3))
    let sink = try #require(report.programs.first { $0.machine == "b" })
    let arrived = sink.report.bytesIn / 958
    let lost = report.drops.filter { $0.reason == "link-down" && $0.port == "a/eth0" }.reduce(0) { $0 + $1.count }
    #expect(arrived == 3 && lost >= 17, "\(arrived) \(lost) \(report.drops)")
  }

  @Test func aStoppedMachinesRingIsGone() throws {
    let lab =
      Self.lab(count: 20, queue: 2, ring: 30) + "\nevents:\n  - {at: 530 ms, stop: a}\n  - {at: 900 ms, start: a}\n"
    let report = try run(lab, until: .start + .milliseconds(1300))
    let sink = try #require(report.programs.first { $0.machine == "b" })
    // Three had left, two were on the wire's queue, and the ring's were memory of the machine.
    #expect(sink.report.bytesIn / 958 == 5, "\(sink)")
  }

  @Test func aPausedMachinesRingGoesOnEmptying() throws {
    let lab = Self.lab(count: 20, queue: 2, ring: 30) + "\nevents:\n  - {at: 530 ms, pause: a}\n"
    let report = try run(lab, until: .start + .seconds(2))
    #expect(report.programs.first { $0.machine == "b" }?.report.bytesIn == 20 * 958)
  }
}
