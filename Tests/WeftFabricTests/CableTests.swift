import Testing
import WeftCore
import WeftTestSupport
import WeftWire

@testable import WeftFabric

/// What cables carry, and what waits for them.
@Suite struct CableTests {
  private func pair(_ link: String, _ expectation: String) -> String {
    """
    segments: {net: {subnet: 203.0.113.0/24, \(link)}}
    hosts:
      a: {uplink: net 203.0.113.1}
      b: {uplink: net 203.0.113.2, programs: [sink]}
    expect:
      - {from: a, \(expectation)}
    """
  }

  /// IEEE 802.3: 24 octets more than the frame, 84 at least: 1460 of 1538 octets are TCP's.
  @Test func aGigabitCarriesWhatEthernetsDoes() throws {
    let report = try run(
      pair(
        "delay: 10 us, rate: 1 Gbit/s",
        "throughput: {to: \"b:5001\", size: 10 MB, at-least: 940 Mbit/s, at-most: 950 Mbit/s}, timeout: 20 s"))
    #expect(report.passed, "\(report.expectations)")
  }

  /// 18 bytes of payload are the smallest frame: 1,488,095 a second.
  @Test(arguments: [(18, 14880), (0, 14880), (1472, 812)]) func framesASecond(size: Int, frames: UInt64) throws {
    let report = try run(
      """
      segments: {net: {subnet: 203.0.113.0/24, rate: 1 Gbit/s}}
      hosts:
        a: {uplink: net 203.0.113.1, programs: [{udp-rate: {to: "b:9", size: \(size) B, pps: 3000000, start: 100 ms}}]}
        b: {uplink: net 203.0.113.2, programs: [{sink: 9}]}
      """, until: .start + .milliseconds(110))
    let received = try #require(report.programs.first { $0.machine == "b" }).report.requests
    // Less what it booted later than at 0.
    let late = Boot("a", NodeID(0), seed: 1).at.rawValue
    let expected = frames * (10_000_000 - late) / 10_000_000
    #expect((expected - 20...expected + 1).contains(received), "\(received) of \(expected)")
    #expect(report.drops.filter { !$0.harmless }.allSatisfy { $0.reason == "queue-full" && $0.port == "a/uplink" })
  }

  /// The queue is all that waits: 100 frames of 1500 bytes at 10 Mbit/s are 122 ms.
  @Test func theQueueIsWhatTheFileSays() throws {
    let report = try run(
      """
      segments: {net: {subnet: 10.0.0.0/24, rate: 10 Mbit/s, queue: 100}}
      hosts:
        h1: {uplink: net 10.0.0.1, programs: [{udp-rate: {to: "h2:5001", size: 1458 B, rate: 12 Mbit/s, start: 1 s}}]}
        h2: {uplink: net 10.0.0.2, programs: [sink]}
      duration: 5 s
      expect:
        - {from: h1, ping: h2, at: 3 s, within: 2 s, timeout: 1 s, rtt: {at-least: 115 ms, at-most: 125 ms}}
      """)
    #expect(report.passed, "\(report.expectations)")
    let reasons = Set(report.drops.filter { !$0.harmless }.map { "\($0.port) \($0.reason)" })
    #expect(reasons == ["h1/uplink queue-full"])
  }

  /// The queue pushes back on the socket: nothing is lost at the sender's own NIC.
  @Test(arguments: [
    ("delay: 1 ms, rate: 1 Gbit/s", 20, 850), ("delay: 100 us, rate: 1 Gbit/s", 10, 900),
    ("delay: 5 ms, rate: 10 Mbit/s", 2, 8), ("delay: 1 ms, rate: 100 Mbit/s, queue: 10", 3, 85),
  ])
  func nothingIsLostAtItsSender(link: String, megabytes: Int, rate: Int) throws {
    let report = try run(
      pair(
        link,
        "throughput: {to: \"b:5001\", size: \(megabytes) MB, at-least: \(rate) Mbit/s}, timeout: 9 s, within: 9 s"))
    #expect(report.passed, "\(report.expectations)")
    #expect(report.drops.allSatisfy { $0.harmless }, "\(report.drops)")
  }

  /// Beside its own transfer a machine has no wait worth the name.
  @Test func aTransferDoesNotFillItsOwnQueue() throws {
    let report = try run(
      """
      segments: {net: {subnet: 10.0.0.0/24, rate: 10 Mbit/s}}
      hosts:
        a: {uplink: net 10.0.0.1, programs: [{bulk: {to: "b:5001", size: 4 MB}}]}
        b: {uplink: net 10.0.0.2, programs: [sink]}
      expect:
        - {from: a, ping: b, at: 2 s, rtt: {at-most: 8 ms}}
      """)
    #expect(report.passed && report.drops.allSatisfy { $0.harmless }, "\(report.expectations) \(report.drops)")
    #expect(report.programs.first?.report.throughput ?? 0 > 9_300_000)
  }

  @Test func aTransferToOneselfLosesNothing() throws {
    let report = try run(
      """
      segments: {net: {subnet: 10.0.0.0/24}}
      hosts: {a: {uplink: net 10.0.0.1, programs: [sink, {bulk: {to: "a:5001", size: 8 MB}}]}}
      """)
    #expect(report.drops.isEmpty, "\(report.drops)")
    #expect(report.programs.allSatisfy { $0.report.bytesIn == 8_000_000 || $0.report.bytesOut == 8_000_000 })
  }

  @Test(arguments: [68, 300, 500, 563, 564, 1500], [true, false]) func bulkPassesAnyMTU(mtu: Int, hasDelay: Bool) throws {
    let report = try run(
      """
      segments: {lan: {subnet: 192.0.2.0/24\(hasDelay ? ", delay: 1 ms, rate: 100 Mbit/s" : "")}}
      hosts:
        laptop: {uplink: lan 192.0.2.1, networks: {home: {mode: nat, subnet: 10.0.0.0/24, nat: {mtu: \(mtu)}}}}
        peer: {uplink: lan 192.0.2.9, programs: [sink]}
      vms:
        web: {network: home, programs: [{bulk: {to: "peer:5001", size: 100 kB}}]}
      """)
    #expect(report.programs.first { $0.machine == "peer" }?.report.bytesIn == 100_000, "\(report.programs)")
    #expect(report.stall == nil && report.events < 100_000)
  }

  /// A SYN meets the old connection on its port, whose ACK its sender resets (RFC 9293, 3.10.7.3): that RST passes.
  @Test(arguments: ["linux", "rfc", "full-cone", "symmetric"], [1, 2, 3, 5, 8] as [UInt64])
  func aPortIsUsedAgainWhileTheServerRemembers(profile: String, seed: UInt64) throws {
    let report = try run(
      """
      segments: {net: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        node: {uplink: net 203.0.113.1, networks: {pods: {mode: nat, subnet: 10.0.0.0/24, nat: {profile: \(profile), port-range: 40000, timeouts: {tcp-time-wait: 1 s, tcp-close: 1 s, tcp-transitory: 1 s}}}}}
        server: {uplink: net 203.0.113.2, programs: [http-server]}
      vms:
        p1: {network: pods, programs: [{http-get: {to: "server:80", start: 1 s}}]}
        p2: {network: pods}
      expect:
        - {from: p2, http: "http://server:80/", status: 200, at: 10 s, timeout: 8 s, within: 8 s}
      """, seed: seed)
    #expect(report.passed, "\(report.expectations)")
    #expect(report.drops.allSatisfy { $0.harmless || $0.reason == "bad-tcp-numbers" }, "\(report.drops)")
  }
}
