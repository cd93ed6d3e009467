import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// A run can't stay in one moment, nor take all memory.
@Suite struct WatchdogTests {
  @Test func whatNeverLeavesAMomentIsNamed() {
    var watchdog = Watchdog(limit: 100_000)
    var turns = 0
    while turns < 200_000, !watchdog.sees(.node(NodeID(turns % 3 == 0 ? 5 : 7)), at: Instant(9), delivered: 0) { turns += 1 }
    #expect(turns == 99_999)
  }

  @Test func manyFramesInFewEventsCount() {
    var watchdog = Watchdog(limit: 100_000)
    // The next moment begins anew.
    let steps: [(at: UInt64, delivered: Int)] = [
      (9, 1_000_000), (9, 1_000_100), (9, 1_100_100), (10, 1_100_100), (10, 1_100_200),
    ]
    let seen = steps.map { watchdog.sees(.link(LinkID(1)), at: Instant($0.at), delivered: $0.delivered) }
    #expect(seen == [false, false, true, false, false])
  }

  @Test func aTransferThatTakesNoTimeEndsWithTheElementsName() throws {
    var simulation = try Simulation(
      topology(
        """
        name: endless
        segments: {lan: {subnet: 192.0.2.0/24}}
        hosts:
          a: {uplink: lan 192.0.2.1, programs: [{bulk: {to: "b:5001", size: 1 GB}}]}
          b: {uplink: lan 192.0.2.2, programs: [sink]}
        """))
    simulation.watchdog = Watchdog(limit: 100_000)
    simulation.run()
    let found = simulation.stall
    let stall = try #require(found)
    // 100 ms after the machine has booted, within the first millisecond.
    let isThen = stall.at > .milliseconds(100) && stall.at < .milliseconds(101)
    #expect(stall.kind == .moment && isThen && stall.count >= 100_000, "\(stall)")
    #expect(["a/uplink", "b/uplink", "lan/a", "lan/b"].contains(stall.element), "\(stall)")
    let goesOn = simulation.run()
    #expect(!goesOn)
    simulation.advance(to: .start + .seconds(3))
    let now = simulation.now
    #expect(now == stall.at)
    let report = try simulation.finish()
    #expect(!report.passed && report.ending?.contains("no progress at 100.") == true, "\(report.ending ?? "")")
  }

  @Test func memoryIsBounded() throws {
    var simulation = try Simulation(
      topology(
        """
        name: flood
        segments: {lan: {subnet: 192.0.2.0/24, delay: 1 h}}
        hosts:
          a: {uplink: lan 192.0.2.1, programs: [{udp-rate: {to: "255.255.255.255:9", size: 1 B, pps: 1000000000}}]}
          b: {uplink: lan 192.0.2.2, programs: [sink]}
        """))
    simulation.run()
    let found = simulation.stall
    let stall = try #require(found)
    #expect(stall.kind == .frames && (Watchdog.frames...Watchdog.frames + 100).contains(stall.count), "\(stall)")
    #expect(stall.element == "lan/a", "\(stall)")
  }

  @Test func stopIsAskedBetweenAnyTwoEvents() throws {
    var simulation = try Simulation(topology(Labs.small))
    var asked = 0
    let more = simulation.run {
      asked += 1
      return asked > 10
    }
    let isOver = simulation.isOver
    #expect(more && asked == 11 && !isOver)
  }
}
