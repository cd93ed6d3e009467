import Testing
import WeftCore
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// A TCP of before window scaling.
@Suite struct LegacyTests {
  private static func lab(old: String, peer: String = "") -> String {
    """
    name: legacy
    hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.0.0.0/24, delay: 25 ms}}}}
    vms:
      old: {network: lan, address: 10.0.0.2, \(old), programs: [http-server, {sink: 5001}]}
      peer: {network: lan, address: 10.0.0.9, \(peer.isEmpty ? "" : peer + ",") programs: [http-server, {sink: 5001}]}
    expect:
      - {from: old, to: "peer:80", at: 1 s}
      - {from: peer, to: "old:80", at: 2 s}
    """
  }

  /// The kinds of the options in the SYNs and SYN-ACKs that a machine sends.
  private static func options(_ file: [UInt8], from address: [UInt8]) -> [[UInt8]] {
    packets(file).filter { packet in
      packet.bytes.count >= 54 && packet.bytes[12] == 8 && packet.bytes[13] == 0 && packet.bytes[23] == 6
        && packet.bytes[47] & 0x02 != 0 && Array(packet.bytes[26..<30]) == address
    }.map { packet in
      var kinds: [UInt8] = []
      var at = 54
      let end = 34 + Int(packet.bytes[46] >> 4) * 4
      while at < end, packet.bytes[at] != 0 {
        kinds.append(packet.bytes[at])
        at += packet.bytes[at] == 1 ? 1 : Int(packet.bytes[at + 1])
      }
      return kinds.filter { $0 != 1 }
    }
  }

  /// RFC 9293 and RFC 7323: kind 2 is the segment size, 3 the window scale, 4 SACK, 8 timestamps.
  @Test(arguments: StackProfile.allCases) func aSYNShowsWhatItsSenderKnows(profile: StackProfile) throws {
    var simulation = try Simulation(
      topology(Self.lab(old: "stack: \(profile)")), captures: CaptureOptions(directory: nil))
    let outcome = try simulation.outcome()
    let file = try #require(outcome.captures["old/eth0"])
    let own: [[UInt8]] = profile == .legacy ? [[2], [2]] : [[2, 3], [2, 3]]
    #expect(Self.options(file, from: [10, 0, 0, 2]) == own, "its SYN, and its answer to one")
    // Who is asked without scaling answers without.
    #expect(Self.options(file, from: [10, 0, 0, 9]) == (profile == .legacy ? [[2], [2, 3]] : [[2, 3], [2, 3]]))
  }

  @Test(arguments: ["old to peer", "peer to old", "old to old"]) func aWindowARoundTripIsAllItGets(way: String) throws {
    let names = way.split(separator: " ").map(String.init)
    let text = Self.lab(old: "stack: legacy", peer: names[2] == "old" && names[0] == "old" ? "stack: legacy" : "")
    let (from, to) = names[0] == names[2] ? ("old", "peer") : (names[0], names[2])
    let report = try run(
      text + "\n  - {from: \(from), throughput: {to: \"\(to):5001\", size: 5 MB}, at: 3 s, within: 40 s, timeout: 40 s}\n")
    let verdict = try #require(report.expectations.last)
    let sink = try #require(report.programs.first { $0.machine == to && $0.report.bytesIn > 0 })
    let started = try #require(sink.report.startedAt)
    #expect(started < .start + .seconds(3) && verdict.passed)
    // 65,535 bytes in 100 ms; slow start's three round trips are in it.
    let seconds = (verdict.decidedAt - (.start + .seconds(3))).seconds
    let rate = 5_000_000 / seconds * 0.1
    #expect(rate <= 65_535 && rate >= 0.9 * 65_535, "\(rate) bytes a round trip")
  }
}
