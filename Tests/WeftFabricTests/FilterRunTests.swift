import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// Filter rules, addresses and events as a lab shows them.
@Suite struct FilterRunTests {
  private static func lab(_ nat: String, _ rest: String) -> String {
    """
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, rate: 100 Mbit/s}}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, nat: \(nat), forwards: ["8080:web:80"]}}}
      server: {uplink: wan 203.0.113.9, programs: [{tcp-echo: 7}, sink, http-server]}
    vms: {web: {network: home, programs: [http-server]}}
    \(rest)
    """
  }

  /// nftables: `iifname wan ct state established drop`.
  @Test func answersComeInFromOutside() throws {
    let report = try run(
      Self.lab(
        "{profile: linux, rules: [{deny: forwarded, from: outside, state: established}]}",
        "expect: [{from: web, to: \"server:7\", is: dropped, by: home, reason: filtered}, {from: server, to: \"box:8080\", reaches: web}]"
      ))
    // What begins outside is new, and its answers come from inside.
    #expect(report.expectations.map(\.passed) == [true, true], "\(report.expectations)")
    #expect(report.filterRules[0].packets > 0)
  }

  /// The commonest path MTU black hole (RFC 2923, 2.1): the box's own ICMP is filtered.
  @Test func aBoxThatKeepsItsICMPBackIsABlackHole() throws {
    func transfer(_ rules: String) throws -> Report {
      try run(
        Self.lab(
          "{profile: linux, mtu: 1420, rules: [\(rules)]}",
          """
          expect:
            - {from: web, throughput: {to: "server:5001", size: 1 MB}, timeout: 4 s, never-during: {from: 1 s, to: 7 s, every: 5 s}}
            - {from: web, to: "server:5001"}
          """))
    }
    let silent = try transfer("{deny: any, protocol: icmp}")
    #expect(silent.expectations.map(\.passed) == [true, true], "\(silent.expectations)")
    #expect(silent.filterRules[0].packets > 0)
    #expect(try transfer("{deny: in, protocol: icmp}").expectations.map(\.passed) == [false, true])
    #expect(try transfer("{deny: out, from: host, state: related}").expectations.map(\.passed) == [true, true])
  }

  @Test(arguments: [(false, "203.0.113.20"), (true, "203.0.113.2")])
  func theHostsOwnAddressIsGivenToNobodyUnasked(named: Bool, seen: String) throws {
    let pairs = named ? ", one-to-one: {web: 203.0.113.2}" : ""
    let report = try run(
      Self.lab(
        "{profile: one-to-one, addresses: [203.0.113.20]\(pairs)}",
        "expect: [{from: web, to: \"server:80\", seen-as: \(seen), within: 2 s}]"))
    #expect(report.expectations[0].passed, "\(report.expectations)")
  }

  /// What the file starts is there before an event of that moment looks at it.
  @Test(arguments: ["pause", "stop"]) func machinesBootBeforeEventsOfThatMoment(verb: String) throws {
    let report = try run(Self.lab("rfc", "events: [{at: 0 s, \(verb): web}]\nduration: 1 s"))
    #expect(
      report.complaints == [] && report.machines.first { $0.name == "web" }?.state == (verb == "pause" ? "paused" : "stopped"))
  }

  /// `by` and `reason` beside every outcome that somebody decides.
  @Test func whoRefusesAndWhyCanBeAsked() throws {
    let report = try run(
      Self.lab(
        "rfc",
        """
        expect:
          - {from: web, to: "server:81", is: refused, by: server, reason: port-closed}
          - {from: web, to: "server:81", is: refused, by: home}
          - {from: web, to: "203.0.113.77:80", is: unreachable, by: home, reason: neighbour-unresolved}
          - {from: server, to: "box:81", is: blocked, by: home, reason: no-port-forward}
        """))
    #expect(report.expectations.map(\.passed) == [true, false, true, true], "\(report.expectations)")
  }

  @Test func theNamesOfPortsAreThoseOfTheWorld() throws {
    for text in [Labs.small, Labs.busy, Labs.lossy] {
      let topology = try topology(text)
      #expect(topology.portNames == (try Simulation(topology)).world.graph.ports.array.map(\.name))
    }
  }
}
