import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// Floods by lanes and floods port by port are one and the same: all of a lab's state agrees to the last bit, at every
/// moment one looks.
@Suite struct FloodTests {
  private static func state(_ simulation: borrowing Simulation) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(simulation.image()), as: UTF8.self)
  }

  private func compare(_ topology: Topology, until end: Nanoseconds, moments: UInt64, events: Int = .max) throws {
    var together = try Simulation(topology)
    var singly = try Simulation(topology)
    singly.world.floodsTogether = false
    for step in 1...moments {
      let moment = Instant.start + Nanoseconds(end.rawValue / moments * step)
      together.run(until: moment)
      while singly.run(until: moment, events: 997) {}
      let (a, b) = (try Self.state(together), try Self.state(singly))
      #expect(a == b, "at \(moment): \(Self.difference(a, b))")
      if a != b { return }
    }
    #expect(together.world.eventCount == singly.world.eventCount)
  }

  /// Where two texts part.
  private static func difference(_ a: String, _ b: String) -> String {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    let place = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
    func around(_ bytes: [UInt8]) -> String {
      String(decoding: bytes[max(0, place - 150)..<min(bytes.count, place + 60)], as: UTF8.self)
    }
    return "\(around(a)) | \(around(b))"
  }

  @Test(arguments: Repository.topologies) func theExamplesAgree(name: String) throws {
    try compare(example(name), until: .milliseconds(1500), moments: 5)
  }

  @Test(arguments: ["", "delay: 1 us", "delay: 1500 ns", "delay: 40 us, fdb: {limit: 5}", "fdb: {limit: 3}"])
  func aCrowdThatBootsByDHCPAgrees(network: String) throws {
    let lab = """
      segments: {wan: {subnet: 172.16.0.0/24, delay: 1 ms}}
      hosts:
        h: {uplink: wan 172.16.0.1, networks: {home: {mode: nat, subnet: 10.0.0.0/16\(network.isEmpty ? "" : ", " + network)}}}
        srv: {uplink: wan 172.16.0.5, programs: [udp-echo]}
      groups:
        a: {count: 30, network: home, programs: [{ping: {to: next, interval: 7 ms}}]}
        b: {count: 9, network: home, delay: 3 us, programs: [udp-echo, {udp-rate: {to: "10.0.255.255:7", interval: 11 ms, count: 5}}]}
      vms:
        c: {network: home, delay: 1 us, programs: [{udp-rate: {to: "255.255.255.255:7", interval: 900 us, count: 30}}]}
        d: {nics: [{network: home}, {network: home, delay: 2 us}], programs: [{ping: {to: srv, interval: 3 ms}}]}
        e: {network: home, autostart: false, programs: [{ping: a1}]}
      events:
        - {at: 30 us, pause: a3}
        - {at: 10 ms, resume: a3}
        - {at: 20 us, link-down: a4}
        - {at: 101 ms, link-up: a4}
        - {at: 103 ms, set-link: {link: a5.eth0, delay: 90 us}}
        - {at: 104 ms, start: e}
        - {at: 105 ms, stop: a6}
        - {at: 105 ms, set-link: {link: a5.eth0, delay: 2 us}}
        - {at: 106 ms, start: a6}
      expect: [{from: a1, ping: b1, is: open}, {from: srv, ping: a2, is: blocked}, {from: c, to: "b2:7/udp", is: open}]
      """
    try compare(topology(lab), until: .milliseconds(1), moments: 17)
    try compare(topology(lab), until: .milliseconds(130), moments: 9)
  }

  /// What is under way in lanes goes into a checkpoint and comes out of it.
  @Test func aResumedFloodGoesOn() throws {
    let lab = """
      segments: {lan: {subnet: 10.0.0.0/16}}
      hosts: {h: {uplink: lan 10.0.0.1, networks: {net: {mode: bridge, delay: 50 us}}}}
      groups: {a: {count: 12, network: net, address: 10.0.1.1, programs: [{ping: {to: next, interval: 1 ms}}]}}
      """
    var whole = try Simulation(topology(lab))
    whole.run(until: .start + .microseconds(100_120))
    let state = try Self.state(whole)
    #expect(!whole.world.linksWithFloods.allSatisfy { $0.inFlight == 0 })
    var resumed = try DamagedCheckpointTests.resume(state)
    #expect(try Self.state(resumed) == state)
    whole.run(until: .start + .milliseconds(103))
    resumed.run(until: .start + .milliseconds(103))
    #expect(try Self.state(resumed) == Self.state(whole))
  }
}
