import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric
@testable import WeftStorage

/// Expectations that show what a NAT does, through a NAT.
@Suite struct NATProbeTests {
  private static func lab(_ nat: String, loss: String = "0 %") -> String {
    """
    name: probed
    segments: {internet: {subnet: 203.0.113.0/24, delay: 5 ms, loss: \(loss)}}
    hosts:
      pc: {uplink: internet 203.0.113.2, networks: {home: {mode: nat, nat: \(nat)}}}
      other-pc: {uplink: internet 203.0.113.3, networks: {other-home: {mode: nat}}}
      server: {uplink: internet 203.0.113.10, programs: [stun-server: {other: server2}, rendezvous: , udp-echo: , tcp-echo: ]}
      server2: {uplink: internet 203.0.113.11, programs: [stun-server: {other: server}]}
    vms:
      vm: {network: home}
      peer: {network: other-home}

    """
  }

  private static let words = ["endpoint-independent", "address-dependent", "address-and-port-dependent"]

  /// RFC 5780, 4.3 and 4.4, against each of the nine.
  @Test(arguments: words, words) func aNATIsFoundToBeWhatItIs(mapping: String, filtering: String) throws {
    let nat = "{mapping: \(mapping), filtering: \(filtering), ports: random}"
    let found = try verdict(
      "from: vm, nat: {via: server, mapping: \(mapping), filtering: \(filtering)}", in: Self.lab(nat))
    #expect(found.passed, "\(found.observed)")
    #expect(found.observed.contains("mapping \(mapping), filtering \(filtering), hairpin "))
    #expect(found.observed.contains("external 203.0.113.2:") && found.observed.contains("port changed"))
  }

  /// What is lost looks like what is filtered; what the NAT was seen to drop does not.
  @Test(arguments: words) func aNATsFilterIsFoundThroughLoss(filtering: String) throws {
    let lab = Self.lab("{filtering: \(filtering)}", loss: "15 %")
    for other in Self.words {
      let found = try verdict("from: vm, nat: {via: server, filtering: \(other)}, within: 120 s", in: lab)
      #expect(found.passed == (other == filtering), "\(found.observed)")
    }
  }

  @Test(arguments: [true, false]) func hairpinningIsFound(on: Bool) throws {
    let found = try verdict("from: vm, nat: {via: server, hairpin: \(on)}", in: Self.lab("{hairpin: \(on)}"))
    #expect(found.passed, "\(found.observed)")
  }

  @Test(arguments: [
    ("mapping: address-dependent", "mapping address-dependent"), ("filtering: address-dependent", "filtering"),
    ("hairpin: false", "hairpin no"),
  ]) func whatIsNotFoundFails(asked: String, expected: String) throws {
    let found = try verdict("from: vm, nat: {via: server, \(asked)}, within: 3 s", in: Self.lab("rfc"))
    #expect(!found.passed && found.expected.contains(expected))
    #expect(found.observed.contains("mapping endpoint-independent, filtering address-and-port-dependent, hairpin yes"))
  }

  @Test func whatTheNATFiltersIsTheEvidence() throws {
    let found = try verdict("from: vm, nat: {via: server}", in: Self.lab("rfc"))
    #expect(found.evidence.contains { $0.event == .dropped && $0.port.hasPrefix("home/") })
  }

  // MARK: Holes

  @Test(arguments: ["udp", "tcp"]) func aHoleIsPunchedFromBothSides(type: String) throws {
    let what = "from: vm, punch: {peer: peer, via: server, protocol: \(type)}"
    let open = try verdict("\(what), reaches: peer, seen-as: 203.0.113.2", in: Self.lab("rfc"))
    #expect(open.passed, "\(open)")
    let shut = try verdict("\(what), is: blocked, within: 5 s", in: Self.lab("symmetric"))
    #expect(shut.passed && shut.observed.hasPrefix("dropped by"), "\(shut)")
  }

  // MARK: Lifetimes

  /// RFC 4787, REQ-5: two minutes at least. Linux: 30 s without an answer.
  @Test func aUDPMappingLivesAsLongAsItMust() throws {
    let held = try verdict("from: vm, idle: {to: \"server:7/udp\", for: 119 s}", in: Self.lab("rfc"))
    #expect(held.passed && held.observed.hasPrefix("open in 119"), "\(held)")
    let lost = try verdict(
      "from: vm, idle: {to: \"server:7/udp\", for: 31 s}, is: dropped, by: home", in: Self.lab("linux"))
    #expect(lost.passed, "\(lost)")
  }

  /// RFC 5382, REQ-5: two hours and four minutes.
  @Test func aTCPConnectionMayBeSilentForTwoHours() throws {
    let held = try verdict("from: vm, idle: {to: server:7, for: 2 h}", in: Self.lab("rfc"))
    #expect(held.passed, "\(held)")
    let short = "{timeouts: {tcp-established: 1 min}}"
    let lost = try verdict("from: vm, idle: {to: server:7, for: 2 min}, is: dropped, by: home", in: Self.lab(short))
    #expect(lost.passed, "\(lost)")
  }

  // MARK: Checkpoints

  @Test func aRunWithSuchProbesIsResumedAsItWas() throws {
    let topology = try topology(
      Self.lab("rfc") + """
        expect:
          - {from: vm, nat: {via: server, hairpin: true}}
          - {from: vm, punch: {peer: peer, via: server}}
          - {from: vm, punch: {peer: peer, via: server, protocol: tcp}}
          - {from: vm, idle: {to: "server:7/udp", for: 3 s}}
          - {from: vm, idle: {to: server:7, for: 3 s}}
        """)
    var whole = try Simulation(topology, captures: CaptureOptions(directory: nil))
    let expected = try whole.outcome()
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    for moment in stride(from: 1000 as UInt64, to: 6000, by: 13) {
      simulation.run(until: .start + .milliseconds(moment))
      simulation = try CheckpointFile.decode(
        CheckpointFile.encode(simulation), path: "test.ckpt", captures: .memory)
    }
    let resumed = try simulation.outcome()
    let ports = expected.captures.keys.filter { expected.captures[$0] != resumed.captures[$0] }.sorted()
    let lines = zip(
      String(decoding: expected.report, as: UTF8.self).split(separator: "\n"),
      String(decoding: resumed.report, as: UTF8.self).split(separator: "\n"))
    let first = lines.first { $0 != $1 }.map { "\($0) / \($1)" } ?? "same report"
    let isSame = resumed == expected
    #expect(isSame, "captures differ at \(ports); \(first)")
    #expect(try whole.finish().passed)
  }
}
