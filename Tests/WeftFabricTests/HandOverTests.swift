import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// Frames that go on at once and frames that go through the event queue make the same run, however it is cut into pieces.
@Suite struct HandOverTests {
  private static func state(_ simulation: borrowing Simulation) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(simulation.image())
  }

  /// Cables that take no time, between all that there is.
  private static let timeless = """
    name: timeless
    segments: {wan: {subnet: 203.0.113.0/24}}
    hosts:
      h: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, subnet: 10.0.0.0/24}}}
      server: {uplink: wan 203.0.113.10, programs: [sink, udp-echo]}
    vms:
      a: {network: home, programs: [{udp-rate: {to: "server:5001", size: 22 B, interval: 10 us}}, {ping: {to: b, interval: 1 ms}}]}
      b: {network: home, programs: [{udp-rate: {to: "server:7", interval: 15 us}}, {ping: {to: server, interval: 2 ms}}]}
      c: {nics: [{network: home, rings: {tx: 4}}], programs: [{udp-rate: {to: "server:5001", interval: 20 us}}]}
    events: [{at: 101 ms, pause: b}, {at: 102 ms, resume: b}]
    expect: [{from: a, ping: server, is: open}, {from: server, ping: a, is: blocked}, {from: b, to: "server:9/udp", is: refused}]
    """

  private func compare(_ topology: Topology, from start: Nanoseconds, pieces: Int) throws {
    var atOnce = try Simulation(topology)
    var queued = try Simulation(topology)
    queued.world.handsOver = false
    atOnce.run(until: .start + start)
    queued.run(until: .start + start)
    for piece in 0..<pieces {
      let events = piece % 7 + 1
      let more = (atOnce.run(events: events), queued.run(events: events))
      let isSame = try Self.state(atOnce) == Self.state(queued) && more.0 == more.1
      let now = atOnce.now
      #expect(isSame, "after piece \(piece), at \(now)")
      guard isSame else { return }
    }
    let (a, b) = (atOnce.world.eventCount, queued.world.eventCount)
    #expect(a == b)
  }

  @Test func everyEventIsOne() throws {
    let lab = try topology(Self.timeless)
    try compare(lab, from: .zero, pieces: 150)
    try compare(lab, from: .microseconds(101_005), pieces: 150)
  }

  /// Or the comparison would be one of nothing.
  @Test func framesAreHandedOn() throws {
    func delivered(handsOver: Bool) throws -> Int {
      var simulation = try Simulation(topology(Self.timeless))
      simulation.world.handsOver = handsOver
      simulation.run(until: .start + .milliseconds(110))
      return simulation.world.delivered
    }
    // Those that are handed on count twice.
    #expect(try delivered(handsOver: true) > delivered(handsOver: false) * 4 / 3)
  }

  @Test(arguments: Repository.topologies) func theExamplesAgreeToTheLastByte(name: String) throws {
    let example = try example(name == "lossy-bulk.yaml" ? "home-lab.yaml" : name)
    var queued = try Simulation(example, captures: CaptureOptions(directory: nil))
    queued.world.handsOver = false
    var atOnce = try Simulation(example, captures: CaptureOptions(directory: nil))
    let (a, b) = (try atOnce.outcome(), try queued.outcome())
    #expect(a.isSame(b), "\(a.difference(b))")
  }

  /// It ends at the same event, by the same name and number.
  @Test(arguments: [100_000, 300_000]) func aMomentWithoutEndIsSeenTheSame(limit: Int) throws {
    let lab = """
      name: endless
      segments: {lan: {subnet: 192.0.2.0/24}}
      hosts:
        a: {uplink: lan 192.0.2.1, programs: [{bulk: {to: "b:5001", size: 1 GB}}]}
        b: {uplink: lan 192.0.2.2, programs: [sink]}
      """
    var atOnce = try Simulation(topology(lab))
    atOnce.watchdog = Watchdog(limit: limit)
    var queued = try Simulation(topology(lab))
    queued.watchdog = Watchdog(limit: limit)
    queued.world.handsOver = false
    atOnce.run()
    queued.run()
    let stalls = (atOnce.stall, queued.stall)
    #expect(stalls.0 != nil && stalls.0 == stalls.1, "\(stalls)")
  }
}
