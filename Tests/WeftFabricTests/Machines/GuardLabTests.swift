import Testing
import WeftCapture
import WeftCore
import WeftSettings
import WeftSwitch
import WeftTopology
import WeftWire

@testable import WeftFabric

/// Guards in a lab: what they must not take for an attack, where they go, and what is said of them.
@Suite struct GuardLabTests {
  static let all =
    "guards: {port-security: 1, source-guard: true, arp-inspection: true, dhcp-guard: true, storm-control: 100/s}"

  private static func lab(
    _ events: String, vms: String = "", dhcp: String = "dhcp: {lease-time: 4 s}", guards: String = all, more: String = ""
  )
    -> String
  {
    """
    name: guarded
    duration: 14 s
    segments: {wan: {subnet: 203.0.113.0/24}}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {lan: {mode: nat, subnet: 10.0.0.0/24, \(dhcp), \(guards)}, other: {mode: host-only, subnet: 10.9.0.0/24, \(guards)}}}
      srv: {uplink: wan 203.0.113.9, programs: [udp-echo, tcp-echo]}
    vms:
      web: {network: lan, programs: [udp-echo, {ping: {to: srv, count: 120, interval: 100 ms, start: 1 s}}]}
      peer: {network: lan, address: 10.0.0.7, programs: [udp-echo]}
      \(vms)
    events: [\(events)]
    \(more)
    """
  }

  private static func refused(_ report: Report) -> [String] { report.guards.map { "\($0.port) \($0.reason) \($0.count)" } }

  private static func replies(_ report: Report, _ vm: String = "web") -> UInt64 {
    report.programs.first { $0.machine == vm && $0.report.title.hasPrefix("ping") }?.report.replies ?? 0
  }

  /// ARP that a guard turns away is no matter of chance: the advice names the guard, and its line.
  @Test func adviceOfLostARPNamesTheGuard() throws {
    let text = """
      name: advice
      duration: 9 s
      hosts: {box: {networks: {lan: {mode: isolated, subnet: 10.0.0.0/24, guards: {arp-inspection: true}}}}}
      vms:
        web: {network: lan, address: 10.0.0.5}
        peer: {network: lan, address: 10.0.0.7}
      expect: [{from: peer, ping: web, at: 1 s, within: 0 s}]
      """
    var simulation = try Simulation(topology(text), captures: nil)
    // As if web were another's by the file.
    let node = try #require(simulation.world.names.machines["web"])
    let port = simulation.world.graph.port(PortIndex(0), of: node)
    let link = try #require(simulation.world.graph.ports[port].link)
    let (bridge, far) = (simulation.world.graph.ends[link].toNode, simulation.world.graph.ends[link].toPort)
    var guards = GuardSettings()
    guards.arpInspection = true
    let found = simulation.world.mac(of: port)
    let mac = try #require(found)
    simulation.world.withSwitch(bridge) {
      $0.setGuard(guards, station: Station(mac: mac, address: IPv4Address(10, 0, 0, 99)), on: far)
    }
    let report = try simulation.complete()
    let advice = try #require(report.expectations.first?.advice)
    #expect(
      advice.text
        == "web's ARP is turned away at lan/web (arp-spoof): it claims an address that isn't that of who is behind the port: ARP inspection (`arp-inspection` of lan, line 3)"
    )
    #expect(advice.line == 3)
  }

  // MARK: What is no attack

  @Test func leasesAndTheirRenewalsAreFollowed() throws {
    // A lease of four seconds is renewed six times.
    let report = try run(Self.lab(""))
    #expect(Self.replies(report) == 120)
    #expect(Self.refused(report) == [])
  }

  @Test(arguments: [
    "{at: 3 s, link-down: web}, {at: 4 s, link-up: web}", "{at: 3 s, pause: web}, {at: 4 s, resume: web}",
    "{at: 3 s, save: web}, {at: 4 s, restore: web}", "{at: 3 s, reset: web}", "{at: 3 s, stop: web}, {at: 4 s, start: web}",
    "{at: 2 s, snapshot: {vm: web, name: s}}, {at: 3 s, revert: {vm: web, to: s}}",
    "{at: 3 s, plug: {nic: web, into: lan}}", "{at: 3 s, add-nic: {vm: web, nic: {network: other}}}",
    "{at: 3 s, remove-vm: peer}, {at: 4 s, remove-nic: web}",
  ])
  func whatIsDoneToAMachineIsNoForgery(events: String) throws {
    let report = try run(Self.lab(events))
    #expect(Self.refused(report) == [], "\(report.guards)")
    #expect(report.complaints.isEmpty)
    if !events.contains("remove") { #expect(Self.replies(report) > 60) }
  }

  @Test func aMachineThatWakesUpAfterItsLeaseMayNotSpeakFromIt() throws {
    let report = try run(Self.lab("{at: 3 s, pause: web}, {at: 9 s, resume: web}"))
    // By its own clock it still has it: what it says is refused until it has asked again.
    #expect(report.guards.contains { $0.port == "lan-switch/web" && $0.reason == "ip-spoof" && $0.first >= .start + .seconds(9) })
    #expect(Self.replies(report) > 20)
  }

  // MARK: Where they go

  @Test func guardsGoWhereTheirNICGoes() throws {
    let mallory =
      "mallory: {network: lan, address: 10.0.0.66, programs: [{attack: {kind: arp-spoof, victim: 10.0.0.1, start: 1 s}}], guards: {port-security: 2}}"
    let report = try run(Self.lab("{at: 4 s, plug: {nic: mallory, into: other}}", vms: mallory))
    for port in ["lan-switch/mallory", "other/mallory"] {
      #expect(report.guards.contains { $0.port == port && $0.reason == "arp-spoof" && $0.count > 100 }, "\(report.guards)")
    }
  }

  @Test func anAddedNICIsGuardedAsItsNetworkHasIt() throws {
    let mallory = "mallory: {network: other, address: 10.9.0.66, programs: [{attack: {kind: fdb-flood, start: 1 s}}]}"
    // On eth0 of what has no guards; the other begins to look with the first NIC that asks for it.
    let events = "{at: 2 s, add-nic: {vm: peer, nic: {network: other, guards: {isolated: true}}}}"
    let report = try run(Self.lab(events, vms: mallory, guards: "delay: 0"))
    #expect(report.guards.isEmpty)
    let guarded = try run(Self.lab(events, vms: mallory))
    #expect(guarded.guards.contains { $0.port == "other/mallory" && $0.reason == "mac-limit" })
  }

  @Test func aNICsOwnGuardsGoBeforeItsNetworks() throws {
    let attack = "programs: [{attack: {kind: arp-spoof, victim: peer, start: 1 s, count: 10}}]"
    let trusted = try run(Self.lab("", vms: "x: {network: lan, address: 10.0.0.66, guards: {trusted: true}, \(attack)}"))
    #expect(trusted.guards.isEmpty)
    let alone = try run(
      Self.lab("", vms: "x: {network: lan, address: 10.0.0.66, guards: {arp-inspection: true}, \(attack)}", guards: "delay: 0"))
    #expect(alone.guards.map(\.port) == ["lan-switch/x"] && alone.guards[0].count == 10)
  }

  @Test func aShutPortComesBackWithItsCable() throws {
    let flood =
      "x: {network: lan, address: 10.0.0.66, guards: {port-security: {macs: 1, on-violation: shutdown}}, "
      + "programs: [{attack: {kind: fdb-flood, start: 1 s, count: 5}}]}"
    let checks = """
      expect:
        - {from: x, ping: peer, at: 1.5 s, within: 0 s, is: unreachable}
        - {from: x, ping: peer, at: 7 s, within: 0 s, is: open}
        - {event: {kind: port-shut-down, count: 1}, at: 7 s, within: 0 s}
      """
    let report = try run(Self.lab("{at: 5 s, link-down: x}, {at: 6 s, link-up: x}", vms: flood, more: checks))
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict.name): \(verdict.observed)") }
  }

  @Test func isolatedNICsReachTheGatewayAndNotEachOther() throws {
    let checks = """
      expect:
        - {from: web, ping: peer, at: 2 s, within: 0 s, is: unreachable}
        - {from: web, to: "srv:7/udp", at: 2 s, within: 0 s}
        - {from: peer, ping: srv, at: 2 s, within: 0 s}
      """
    let report = try run(Self.lab("", guards: "guards: {isolated: true}", more: checks))
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict.name): \(verdict.observed)") }
  }

  // MARK: What is said of them

  private static let forger =
    "mallory: {network: lan, address: 10.0.0.66, mac: 52:54:00:00:00:66, programs: [{attack: {kind: arp-spoof, victim: 10.0.0.5, start: 1 s, count: 3}}]}"
    + "\n  shop: {network: lan, address: 10.0.0.5, mac: 52:54:00:00:00:05}"

  @Test func theCaptureSaysWhoseAddressWasClaimed() throws {
    var simulation = try Simulation(topology(Self.lab("", vms: Self.forger)), captures: CaptureOptions(directory: nil))
    let outcome = try simulation.outcome()
    let comment = "dropped by lan-switch: arp-spoof (10.0.0.5 is at 52:54:00:00:00:05)"
    let file = try #require(outcome.captures["mallory/eth0"])
    #expect(String(decoding: file, as: UTF8.self).ranges(of: comment).count == 3)
    let text = simulation.end().text()
    #expect(text.contains("Guards\n  lan-switch/mallory: arp-spoof: 3 times, 1 s to 1.02 s"), "\(text)")
    #expect(text.contains("  lan-switch: guard-violation: 3 times"))
  }

  @Test func explainTellsWhatTheGuardsLookAt() throws {
    let vm =
      "x: {network: lan, address: 10.0.0.66, guards: {rate: 1 kbit/s, burst: 1514}, programs: [{ping: {to: peer, size: 1400, start: 1.9 s}}]}"
    var simulation = try Simulation(topology(Self.lab("", vms: vm)))
    simulation.run(until: .start + .seconds(2))
    let explanation = try simulation.explain(from: "x", PingProbeSettings.ping(to: .node("peer"), size: 1400), to: "peer")
    let text = explanation.steps.flatMap(\.details).joined(separator: "\n")
    #expect(text.contains("port security: 1 of 1: "), "\(text)")
    #expect(text.contains("guards: the port has 10.0.0.66"))
    #expect(text.contains("rate-limit"))
  }

  @Test func aCheckOfEventsSaysWhatItAskedFor() throws {
    let checks =
      "expect: [{event: {kind: duplicate-address, count: 0}, at: 3 s, within: 0 s}, {event: fdb-full, at: 3 s, within: 0 s}]"
    let report = try run(Self.lab("", vms: Self.forger, guards: "delay: 0", more: checks))
    #expect(report.expectations.map(\.name) == ["duplicate-address 0", "fdb-full >= 1"])
    #expect(report.expectations.map(\.observed) == ["3 times", "0 times"])
    #expect(report.expectations.map(\.expected) == ["duplicate-address 0", "fdb-full >= 1"])
    #expect(report.noticed.map { "\($0.node) \($0.event) \($0.count)" } == ["shop duplicate-address 3"])
  }

  /// What the lab saw is none of a machine's memory.
  @Test func aRevertTakesNothingBackThatWasNoticed() throws {
    let events = "{at: 500 ms, snapshot: {vm: shop, name: s}}, {at: 2 s, revert: {vm: shop, to: s}}"
    let report = try run(Self.lab(events, vms: Self.forger, guards: "delay: 0"))
    #expect(report.noticed.contains { $0.node == "shop" && $0.event == "duplicate-address" && $0.count == 3 })
  }

  // MARK: Checkpoints

  @Test func aLabWithGuardsGoesOnFromItsImage() throws {
    let flood =
      "x: {network: lan, address: 10.0.0.67, guards: {port-security: 3, rate: 100 kbit/s, burst: 2 kB}, "
      + "programs: [{attack: {kind: fdb-flood, start: 1 s, pps: 500}}, {attack: {kind: dhcp-starvation, start: 2 s}}]}"
    let text = Self.lab("{at: 6 s, plug: {nic: x, into: lan}}", vms: flood + "\n  \(Self.forger)")
    var whole = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let expected = try whole.outcome()
    for moment in [1500, 3210, 6000, 9999] as [UInt64] {
      var first = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
      first.run(until: .start + .milliseconds(moment))
      let pool = FramePool()
      let image = try SimulationImage(decoding: first.image().encoded(), pool: pool)
      var second = try Simulation(resuming: image, pool: pool, captures: nil)
      let outcome = try second.outcome()
      #expect(outcome.isSame(expected), "at \(moment) ms: \(outcome.difference(expected))")
    }
  }

  // MARK: Mistakes in the file

  @Test(arguments: [
    ("guards: {port-secutiry: 1}", "unknown key \"port-secutiry\""), ("guards: {port-security: 0}", "0 is out of range: 1…1024"),
    ("guards: {storm-control: 100}", "\"100\" is not a number per second"),
    ("guards: {storm-control: {burst: 5}}", "\"storm-control\" needs broadcast, multicast or unknown"),
    ("guards: {burst: 10 kB}", "\"burst\" goes with \"rate\": without one there is no bucket"),
    ("guards: {trusted: true, source-guard: true}", "\"source-guard\" cannot stand beside \"trusted: true\""),
    ("guards: {port-security: {on-violation: explode}}", "\"explode\""),
    ("programs: [{attack: {kind: arp-spoof}}]", "\"arp-spoof\" needs \"victim\""),
    ("programs: [{attack: {kind: ip-spoof, victim: peer}}]", "\"ip-spoof\" needs \"to\": who is to believe it"),
    ("programs: [{attack: {kind: fdb-flood, victim: peer}}]", "\"fdb-flood\" has no victim: it is everybody's trouble"),
    ("programs: [{attack: {kind: rogue-dhcp, pps: 5}}]", "\"rogue-dhcp\" answers who asks, and has no pace of its own"),
    ("programs: [{attack: {kind: arp-spof, victim: peer}}]", "\"arp-spof\""),
  ])
  func mistakesAreToldWhereTheyStand(keys: String, message: String) throws {
    let load = Topology.load(
      text: Self.lab("", vms: "x: {network: lan, address: 10.0.0.9, \(keys)}", guards: "delay: 0"), file: "x.yaml")
    #expect(load.diagnostics.contains { $0.message.hasPrefix(message) || $0.message.contains(message) }, "\(load.diagnostics)")
    #expect(load.topology == nil && load.diagnostics.allSatisfy { $0.line == 10 })
  }

  @Test(arguments: [
    ("{event: mac-flip}", "\"mac-flip\""),
    ("{event: {kind: mac-flap, count: many}}", "\"many\" is not a number or a bound on one"),
    ("{event: {kind: mac-flap, network: lam}}", "\"lam\""), ("{from: web, event: mac-flap}", "\"event\" has no \"from\""),
    ("{event: mac-flap, is: refused}", "an event is obtained or not"),
  ])
  func aCheckOfEventsIsChecked(check: String, message: String) throws {
    let load = Topology.load(text: Self.lab("", more: "expect: [\(check)]"), file: "x.yaml")
    #expect(load.topology == nil)
    #expect(load.diagnostics.contains { $0.message.contains(message) }, "\(load.diagnostics)")
  }
}
