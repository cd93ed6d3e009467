import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// A clone is guarded as its original is, and is where that is.
@Suite struct CloneGuardTests {
  private static func lab(web: String, _ events: String, lan: String = "", expect: String = "") -> String {
    """
    duration: 8 s
    segments: {net: {subnet: 10.0.0.0/24}}
    hosts:
      one: {uplink: net 10.0.0.1, networks: {lan1: {mode: bridge, \(lan)}}}
      two: {uplink: net 10.0.0.2, networks: {lan2: bridge}}
    vms:
      web: {network: lan1, address: 10.0.0.11, memory: 1 MiB, \(web)}
      peer: {network: lan1, address: 10.0.0.12, programs: [udp-echo]}
    events: [\(events)]
    expect: [\(expect)]
    """
  }

  private static func drops(_ report: Report, of machine: String) -> [String: UInt64] {
    let own = report.drops.filter { $0.port == "lan1/\(machine)" }
    return Dictionary(own.map { ($0.reason, $0.count) }) { $0 + $1 }
  }

  /// What stands at the NIC and not at its network.
  @Test func theNICsOwnGuardsAreTheClonesToo() throws {
    let attack = "{attack: {kind: ip-spoof, victim: peer, to: peer, start: 1 s, pps: 20}}"
    let spoof = "guards: {source-guard: true}, programs: [\(attack)]"
    for identity in ["keep", "regenerate, address: 10.0.0.13"] {
      let report = try run(Self.lab(web: spoof, "{at: 3 s, clone: {vm: web, name: web2, identity: \(identity)}}"))
      #expect(report.complaints.isEmpty)
      #expect(Self.drops(report, of: "web")["ip-spoof"] ?? 0 > 50)
      #expect(Self.drops(report, of: "web2")["ip-spoof"] ?? 0 > 50, "\(identity): \(Self.drops(report, of: "web2"))")
    }
  }

  /// What it says in its own name passes: from the MAC address that it kept, and from the address that the event gave it.
  @Test func aCloneIsNoStrangerToItsGuards() throws {
    let guards = "guards: {port-security: 1, source-guard: true, arp-inspection: true}"
    let pings = "programs: [{ping: {to: peer, count: 100, interval: 50 ms}}]"
    for identity in ["keep", "regenerate, address: 10.0.0.13"] {
      let report = try run(
        Self.lab(web: pings, "{at: 3 s, clone: {vm: web, name: web2, identity: \(identity)}}", lan: guards))
      #expect(report.complaints.isEmpty && report.guards.isEmpty, "\(identity): \(report.guards)")
    }
  }

  @Test func aCloneIsRestartedElsewhereAsItsOriginalIs() throws {
    let report = try run(
      Self.lab(
        web: "on-host-failure: restart",
        "{at: 2 s, clone: {vm: web, name: web2, identity: regenerate, address: 10.0.0.13}}, {at: 3 s, fail-host: one}",
        expect: "{vm: web2, alive-on: two, at: 5 s, within: 0 s}, {vm: peer, state: stopped, at: 5 s, within: 0 s}"))
    #expect(report.expectations.allSatisfy { $0.passed }, "\(report.expectations.map(\.observed))")
    #expect(report.hosts.map(\.virtualMachines) == [["peer"], ["web", "web2"]])
  }

  @Test func aCloneIsOnTheHostOfItsOriginalWhereverItsCableLeads() throws {
    let report = try run(
      Self.lab(web: "", "{at: 1 s, plug: {nic: web, into: lan2}}, {at: 2 s, clone: {vm: web, name: web2, identity: keep}}"))
    #expect(report.complaints.isEmpty)
    #expect(report.hosts.map(\.virtualMachines) == [["web", "peer", "web2"], []])
    #expect(report.machines.first { $0.name == "web2" }?.host == "one")
  }
}
