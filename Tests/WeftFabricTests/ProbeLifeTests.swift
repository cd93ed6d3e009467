import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// Probes are the lab's: their time goes on whatever becomes of the machine that they are on.
@Suite struct ProbeLifeTests {
  private static func report(_ event: String, _ expectation: String) throws -> Report {
    let lab = """
      segments: {lan: {subnet: 192.0.2.0/24, delay: 300 ms}}
      hosts:
        laptop: {uplink: lan 192.0.2.1, networks: {home: {mode: nat, subnet: 10.0.0.0/24}}}
        peer: {uplink: lan 192.0.2.9, programs: [{stun-server: 3478}, {http-server: 80}, {udp-echo: 7}, {sink: 9}]}
      vms:
        web: {network: home}
        other: {network: home, programs: [{http-server: 80}]}
      events: [{at: 1200 ms, \(event)}]
      expect: [{from: web, \(expectation)}]
      """
    var simulation = try Simulation(topology(lab))
    return try simulation.complete()
  }

  /// The machine never answers again; the check is decided in its own time.
  @Test(arguments: [("stop: web", "stopped"), ("pause: web", "paused")], ["to: \"peer:80\"", "ping: peer", "nat: {via: peer}"])
  func aMachineThatStandsStillEndsItsTriesInTheirTime(event: (String, String), probe: String) throws {
    let report = try Self.report(event.0, "\(probe), at: 1 s, within: 3 s, timeout: 1 s")
    let verdict = report.expectations[0]
    #expect(!verdict.passed && verdict.observed.contains("web is \(event.1) since 1.2 s"), "\(verdict.observed)")
    #expect(verdict.decidedAt <= .start + .seconds(4), "\(verdict.decidedAt)")
  }

  /// What was under way when the power went is over at that moment: its sockets are no more.
  @Test func aStopEndsWhatIsUnderWay() throws {
    let report = try Self.report("stop: web", "to: \"peer:80\", at: 1 s, within: 0 s, timeout: 20 s")
    #expect(report.expectations[0].decidedAt == .start + .milliseconds(1200))
  }

  /// A pause isn't an end: the answer waits in the ring, and the probe is there when the machine goes on.
  @Test func aPauseInBetweenLosesNothing() throws {
    let lab = """
      segments: {lan: {subnet: 192.0.2.0/24, delay: 300 ms}}
      hosts:
        laptop: {uplink: lan 192.0.2.1, networks: {home: {mode: nat, subnet: 10.0.0.0/24}}}
        peer: {uplink: lan 192.0.2.9, programs: [{http-server: 80}]}
      vms: {web: {network: home}}
      events: [{at: 1200 ms, pause: web}, {at: 2500 ms, resume: web}]
      expect: [{from: web, to: "peer:80", at: 1 s, within: 0 s, timeout: 5 s}]
      """
    var simulation = try Simulation(topology(lab))
    let report = try simulation.complete()
    #expect(report.expectations[0].passed && report.expectations[0].tries == 1, "\(report.expectations[0].observed)")
  }
}
