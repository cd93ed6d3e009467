import Testing
import WeftCore
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// What becomes of a VM's frames, clock and connections when something is done to it.
@Suite struct LifeTests {
  private static func lab(_ web: String, _ events: String, _ rest: String = "") -> String {
    """
    name: life
    duration: 20 s
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      h: {uplink: net 203.0.113.2, networks: {lan: {mode: isolated, subnet: 10.1.0.0/24, delay: 1 ms}}}
    vms:
      web: {network: lan, address: 10.1.0.1, \(web)}
      peer: {network: lan, address: 10.1.0.2, \(rest)}
    events: [\(events)]
    """
  }

  /// When packets with this protocol left a port, in seconds.
  private static func times(_ yaml: String, _ port: String, _ wanted: (RawSpan) -> Bool) throws -> [Double] {
    var simulation = try Simulation(topology(yaml), captures: CaptureOptions(directory: nil))
    let outcome = try simulation.outcome()
    return try packets(try #require(outcome.captures[port])).filter { wanted($0.bytes.span.bytes) }.map(\.seconds)
  }

  @Test func aPausedGuestsClockStandsStill() throws {
    let ping = "programs: [{ping: {to: peer, count: 8, interval: 1 s}}]"
    let requests = try Self.times(Self.lab(ping, "{at: 3.5 s, pause: web}, {at: 13.5 s, resume: web}"), "web/eth0") {
      $0.byteCount > 34 && $0.u16(12) == 0x0800 && $0.u8(23) == 1 && $0.u8(34) == 8
    }
    // Overdue is nothing: the fifth comes as much later as it stood still.
    #expect(requests.map { Int(($0 * 10).rounded()) } == [1, 11, 21, 31, 141, 151, 161, 171])
  }

  @Test func aConnectionOfAPausedMachineGoesOnWhereItWas() throws {
    let lab =
      Self.lab("programs: [tcp-echo]", "{at: 5 s, pause: web}, {at: 11 s, resume: web}", "autostart: true") + """

        expect:
          - {from: peer, idle: {to: "web:7/tcp", for: 3 s}, at: 1 s, is: open}
          - {from: peer, ping: {to: web}, at: 12 s, is: open}
        """
    let report = try run(lab)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  @Test func whatWaitsInTheRingsOfAStoppedMachineIsDroppedOnRecord() throws {
    let flood = "programs: [{udp-rate: {to: \"web:9\", interval: 2 ms, size: 100, start: 1 s}}]"
    let report = try run(Self.lab("programs: [udp-echo]", "{at: 2 s, pause: web}, {at: 4 s, stop: web}", flood))
    let drops = report.drops.filter { $0.port == "web/eth0" }
    func count(_ reason: String) -> Int { Int(drops.filter { $0.reason == reason }.reduce(0) { $0 + $1.count }) }
    #expect(count("rx-ring-full") > 700)
    // 256 in the ring, and all that came after.
    let after = count("machine-stopped")
    let whole = try run(Self.lab("programs: [udp-echo]", "{at: 2 s, pause: web}", flood))
    let missed = Int(whole.drops.filter { $0.port == "web/eth0" && $0.reason == "rx-ring-full" }.reduce(0) { $0 + $1.count })
    #expect(count("rx-ring-full") + after == missed + 256)
  }

  @Test func aShutdownClosesConnectionsAndGoesOff() throws {
    let lab =
      Self.lab(
        "programs: [http-server]", "{at: 3 s, shutdown: web}, {at: 6 s, start: web}", "autostart: true")
        + """

        expect:
          - {from: peer, ping: {to: web}, at: 2 s, is: open}
          - {from: peer, ping: {to: web}, at: 4 s, within: 1 s, is: blocked}
          - {from: peer, ping: {to: web}, at: 7 s, is: open}
        """
    let report = try run(lab)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
    #expect(report.complaints.isEmpty)
  }

  @Test func aMachineWhosePeerIsGoneHasItsPlugPulled() throws {
    let talk = "programs: [{udp-rate: {to: \"peer:9\", interval: 1 s}}, tcp-echo]"
    let events = "{at: 2 s, stop: peer}, {at: 3 s, shutdown: {vm: web, timeout: 2 s}}, {at: 5.5 s, start: web}"
    var simulation = try Simulation(topology(Self.lab(talk, events)), captures: CaptureOptions(directory: nil))
    simulation.run(until: .milliseconds(5400))
    let state = simulation.world.machine(named: "web")?.state
    #expect(state == .stopped)
    let report = try simulation.complete()
    #expect(report.complaints.isEmpty)
  }

  /// Its peer's word never comes: it goes on ending, and the run tells.
  @Test func aShutdownThatIsLateMayBeAnErrorInstead() throws {
    let events = "{at: 2 s, stop: peer}, {at: 3 s, shutdown: {vm: web, timeout: 500 ms, then: error}}"
    var simulation = try Simulation(
      topology(
        Self.lab("rate: 1 Mbit/s, programs: [{bulk: {to: \"peer:5001\", size: 500 MB}}]", events, "programs: [{sink: 5001}]")),
      captures: nil)
    simulation.run(until: .milliseconds(3600))
    let state = simulation.world.machine(named: "web")?.state
    #expect(state == .shuttingDown)
    let report = try simulation.complete()
    #expect(report.complaints == ["at 3.5 s: web hasn't shut down in time"])
    #expect(report.text().contains("web: bulk") && report.text().contains("ended with its machine"))
  }

  @Test func aCheckMayComeAfterAnEvent() throws {
    let events = "{at: 3 s, pause: web}, {at: 4 s, resume: web}, {at: 6 s, pause: peer}, {at: 7 s, pause: peer}"
    func load(_ check: String) -> TopologyLoad {
      Topology.load(text: Self.lab("", events) + "\nexpect: [{\(check)}]", file: "after.yaml")
    }
    let report = try run(
      Self.lab("", events)
        + "\nexpect: [{vm: web, state: paused, after: pause, within: 0 s}, {vm: web, state: running, after: resume, within: 0 s}]"
    )
    #expect(report.expectations.allSatisfy(\.passed) && report.expectations.map(\.decidedAt) == [.seconds(3), .seconds(4)])
    #expect(load("vm: web, state: paused, after: revert").diagnostics.last?.message == "no event does a \"revert\" to \"web\"")
    #expect(
      load("vm: peer, state: paused, after: pause").diagnostics.first { $0.severity == .error }?.message
        == "2 events do a \"pause\" to \"peer\"")
    #expect(
      load("vm: web, state: paused, after: pause, at: 1 s").diagnostics.first { $0.severity == .error }?.message
        == "\"at\" cannot stand beside \"after\"")
    #expect(load("vm: web, state: paused, after: pawse").topology == nil)
  }

  @Test func aSavedMachineGoesOnWithItsMemory() throws {
    let ping = "programs: [{ping: {to: peer, count: 6, interval: 1 s}}]"
    let requests = try Self.times(Self.lab(ping, "{at: 2.5 s, save: web}, {at: 7.5 s, restore: web}"), "web/eth0") {
      $0.byteCount > 34 && $0.u16(12) == 0x0800 && $0.u8(23) == 1 && $0.u8(34) == 8
    }
    #expect(requests.map { Int(($0 * 10).rounded()) } == [1, 11, 21, 81, 91, 101])
  }

  @Test func whatAStateDoesNotAllowIsSaidByTheCheckAndByTheRun() throws {
    let lab = Self.lab("", "{at: 1 s, restore: web}, {at: 2 s, crash: web}, {at: 3 s, start: web}, {at: 4 s, reset: web}")
    let load = Topology.load(text: lab, file: "life.yaml")
    #expect(
      load.diagnostics.map(\.message) == [
        "can't restore \"web\": it is running from the beginning", "can't start \"web\": it is crashed since line 9",
      ])
    #expect(load.diagnostics.last?.hint == "reset starts it again")
    let report = try run(lab)
    #expect(
      report.complaints == [
        "line 9, at 1 s: can't restore web: it is running", "line 9, at 3 s: can't start web: it is crashed",
      ])
  }

  /// What it says last may wait in a ring; nothing is lost without a word, and nothing is left for the next boot.
  @Test func aShutdownWaitsForItsTransmitRing() throws {
    let burst =
      "rate: 1 Mbit/s, queue: 3, rings: {tx: 64}, programs: [{udp-rate: {to: \"peer:9\", pps: 100000, count: 60, size: 1000}}]"
    var simulation = try Simulation(
      topology(Self.lab(burst, "{at: 130 ms, shutdown: web}, {at: 5 s, start: web}", "programs: [sink]")),
      captures: CaptureOptions(directory: nil))
    simulation.run(until: .milliseconds(4000))
    let vm = simulation.world.machine(named: "web")?.vm
    // Sixty frames of 1,066 octets at 1 Mbit/s are out after half a second, long before its ten seconds are over.
    #expect(vm?.state == .stopped && vm.map { $0.changedAt > .milliseconds(400) && $0.changedAt < .milliseconds(900) } ?? false)
    #expect(simulation.world.elements.machines.allSatisfy { $0.interfaces[0].waitingToTransmit == 0 })
  }

  @Test func aTryOnAMachineThatGoesOffEndsWithIt() throws {
    let lab =
      Self.lab("programs: [tcp-echo]", "{at: 3 s, shutdown: {vm: peer, timeout: 1 s}}", "autostart: true") + """

        expect:
          - {from: peer, idle: {to: "web:7/tcp", for: 8 s}, at: 2 s, timeout: 12 s, within: 12 s}
        """
    var simulation = try Simulation(topology(lab), captures: CaptureOptions(directory: nil))
    let node = simulation.world.names.machines["peer"]?.index ?? 0
    simulation.run(until: .milliseconds(2500))
    let before = simulation.world.probes.isOn(node)
    simulation.run(until: .milliseconds(4100))
    let after = simulation.world.probes.isOn(node)
    #expect(before && !after)
  }
}
