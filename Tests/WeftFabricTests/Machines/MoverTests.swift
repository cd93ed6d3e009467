import Testing
import WeftCore
import WeftHypervisor
import WeftImage
import WeftTopology

@testable import WeftFabric

/// What becomes of cpus, packets and promises where a VM goes to another host, whoever moves it.
@Suite struct MoverTests {
  /// Two hosts with cpus, the first with a driver domain, and one with one system at a time.
  private static func lab(_ events: String = "", web: String = "", expect: String = "", root: String = "") -> String {
    """
    duration: 8 s
    \(root)
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      one: {uplink: net 203.0.113.2, networks: {lan1: bridge}, cpus: 1, hypervisor: {type1: {driver-domain: dom0}}}
      two: {uplink: net 203.0.113.3, networks: {lan2: bridge}, cpus: 2}
      bare: {uplink: net 203.0.113.4, networks: {lan3: bridge}, cpus: 1, hypervisor: none}
      client: {uplink: net 203.0.113.9, programs: [{ping: {to: web, count: 500, interval: 10 ms}}]}
    vms:
      dom0: {network: lan1, address: 203.0.113.10}
      web: {network: lan1, address: 203.0.113.11, memory: 1 MiB, programs: [udp-echo], \(web)}
      sys: {network: lan3, address: 203.0.113.12}
      other: {network: lan3, address: 203.0.113.13, autostart: false}
    events: [\(events)]
    expect: [\(expect)]
    """
  }

  private static func start(_ text: String) throws -> Simulation {
    try Simulation(topology(text), captures: CaptureOptions(directory: nil))
  }

  private static func failures(_ report: Report) -> [String] {
    report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test func aDriverDomainThatHasLeftWorksForNobodyUntilItIsBack() throws {
    var simulation = try Self.start(
      Self.lab(
        expect: """
          {from: client, ping: web, at: 500 ms, within: 0 s}, {from: client, ping: web, at: 3.5 s, within: 0 s}, \
          {from: client, ping: web, at: 1.5 s, within: 0 s, timeout: 1 s, is: dropped, by: web, reason: driver-domain-off}
          """))
    simulation.advance(to: .seconds(1))
    try simulation.perform(.moveVM("dom0", to: "two", networks: ["lan2"]))
    simulation.advance(to: .seconds(3))
    try simulation.perform(.moveVM("dom0", to: "one", networks: ["lan1"]))
    let report = try simulation.complete()
    #expect(Self.failures(report) == [])
  }

  @Test func aCheckpointHasTheCPUsOfOneThatMovedAndOfItsClones() throws {
    let text = Self.lab(
      "{at: 1 s, migrate: {vm: web, to: two}}, {at: 2.5 s, clone: {vm: web, name: web2, identity: keep}}, "
        + "{at: 4 s, stop: web2}, {at: 4 s, stop: web}")
    var whole = try Self.start(text)
    let expected = try whole.outcome()
    for moment: UInt64 in [2_000, 3_000, 5_000] {
      var first = try Self.start(text)
      first.run(until: .milliseconds(moment))
      let bytes = try first.image().encoded()
      let pool = FramePool()
      var second = try Simulation(resuming: SimulationImage(decoding: bytes, pool: pool), pool: pool, captures: nil)
      let found = try second.outcome()
      #expect(found.isSame(expected), "\(moment) ms: \(expected.difference(found))")
    }
  }

  /// From a host with slow hands: frames lie between card and cable as it leaves.
  @Test(arguments: [false, true]) func whatLiesBetweenCardAndCableIsDroppedOnRecordAndTheRingComesAlong(isPaused: Bool) throws {
    let flood = "programs: [{udp-rate: {to: \"web:7\", interval: 1 ms, count: 1500, size: 100, start: 500 ms}}]"
    let text = Self.lab(
      (isPaused ? "{at: 990 ms, pause: web}, {at: 3 s, resume: web}, " : "")
        + "{at: 1 s, migrate: {vm: web, to: two, max-bandwidth: 16 MiB/s}}", root: "costs: {hypervisor: 2 ms}"
    ).replacingOccurrences(of: "programs: [{ping: {to: web, count: 500, interval: 10 ms}}]", with: flood)
      .replacingOccurrences(of: "hypervisor: {type1: {driver-domain: dom0}}", with: "hypervisor: type1")
    var simulation = try Self.start(text)
    let report = try simulation.complete()
    #expect(report.migrations.map(\.phase) == ["done"] && report.complaints.isEmpty)
    let node = try #require(simulation.world.names.machines["web"])
    let port = simulation.world.graph.ports[simulation.world.graph.port(PortIndex(0), of: node)]
    let found = simulation.world.machine(named: "web")
    let machine = try #require(found)
    let work = try #require(machine.work?.value)
    let (nic, made) = (machine.interfaces[0], simulation.world.packetCounts[node])
    let moved = report.drops.filter { $0.port == "web/eth0" && $0.reason == "machine-moved" }.reduce(0) { $0 + $1.count }
    let others = report.drops.filter {
      $0.port == "web/eth0" && ["rx-ring-full", "back-end-full", "tx-ring-full", "machine-stopped"].contains($0.reason)
    }.reduce(0) { $0 + $1.count }
    #expect(moved > 5, "a queue in the hypervisor's hands")
    let waiting = UInt64(work.waiting.coming + work.waiting.going + nic.waitingToReceive)
    #expect(port.counters.received + made == nic.counters.received + port.counters.transmitted + moved + others + waiting)
    let capture = try #require(try simulation.captured()["web/eth0"])
    let comment = Array("machine-moved".utf8)
    #expect(capture.indices.dropLast(comment.count).contains { capture[$0..<$0 + comment.count].elementsEqual(comment) })
    if isPaused { #expect(report.programs.first { $0.machine == "web" }?.report.bytesIn ?? 0 > 0, "what had come before") }
  }

  @Test func whoBootsIntoASystemLeavesThoseThatHaveLeftAlone() throws {
    var simulation = try Self.start(
      Self.lab(expect: "{vm: sys, alive-on: two, at: 6 s, within: 0 s}, {from: client, ping: sys, at: 6 s, within: 0 s}"))
    simulation.advance(to: .seconds(1))
    try simulation.perform(.moveVM("sys", to: "two", networks: ["lan2"]))
    try simulation.act { (world) throws(EventFailure) in
      try world.bootInto("other", boot: .seconds(1), within: .seconds(1))
    }
    let report = try simulation.complete()
    #expect(Self.failures(report) == [])
    #expect(report.machines.first { $0.name == "other" }?.state == "running")
    #expect(report.hosts.map(\.virtualMachines) == [["dom0", "web"], ["sys"], ["other"], []])
  }

  @Test func aRestartDoesNotBootASystemBesideAnother() throws {
    var simulation = try Self.start(Self.lab("{at: 1 s, fail-host: one}", web: "on-host-failure: restart"))
    simulation.advance(to: .milliseconds(1_100))
    try simulation.perform(.moveVM("web", to: "bare", networks: ["lan3"]))
    let report = try simulation.complete()
    #expect(report.complaints == ["at 1.3 s: can't start web: sys has the host"])
    #expect(report.machines.first { $0.name == "web" }?.state == "stopped")
  }

  /// Ones that are off are moved as all others are: with their cpus, where there is room, with word from the new place.
  @Test func aRestoreOnAnotherHostIsAMove() throws {
    func lab(_ two: String, _ network: String = "bridge") -> String {
      """
      duration: 8 s
      segments: {net: {subnet: 203.0.113.0/24}}
      hosts:
        one: {uplink: net 203.0.113.2, networks: {lan1: bridge}, cpus: 1, pools: {ssd: {size: 20 GiB}}}
        two: {uplink: net 203.0.113.3, networks: {lan2: \(network)}, pools: {ssd: {size: 20 GiB}, vault: {}}, \(two)}
        client: {uplink: net 203.0.113.9}
      vms:
        web: {network: lan1, address: 203.0.113.11, memory: 8 MiB, disks: [{name: root, size: 1 GiB, pool: ssd}], programs: [spin]}
      events: [{at: 1 s, backup: {vm: web, to: vault}}, {at: 2 s, stop: web}, {at: 3 s, restore-backup: {from: vault/web, host: two}}, {at: 4 s, start: web}]
      expect: [{vm: web, alive-on: none, at: 3.9 s, within: 0 s}, {from: client, ping: web, at: 4.5 s, within: 0 s}]
      """
    }
    var simulation = try Self.start(lab("cpus: 2"))
    let report = try simulation.complete()
    #expect(Self.failures(report) == [])
    #expect(report.vcpus.map(\.host) == ["two"] && report.vcpus.first.map { $0.times.ran > .milliseconds(5_900) } == true)
    #expect(report.hosts.map(\.virtualMachines) == [[], ["web"], []])
    let rarp = try packets(#require(simulation.captured()["web/eth0"])).filter { Array($0.bytes[12..<14]) == [0x80, 0x35] }
    #expect(rarp.map { Int($0.seconds) } == [4])
    #expect(
      try run(lab("memory: 4 MiB")).complaints.map { $0.split(separator: "s: ", maxSplits: 1).last.map(String.init) } == [
        "can't restore web from a backup: two has 4 MiB free, and it needs 8 MiB"
      ])
    #expect(
      try run(lab("cpus: 1", "{mode: isolated, subnet: 10.0.0.0/24}")).complaints.first?.hasSuffix(
        "can't restore web from a backup: two has no network like lan1") == true)
  }

  /// A saved one that was drained is heard of as it goes on.
  @Test func aSavedMachineThatWasMovedSaysWhereItIs() throws {
    var simulation = try Self.start(
      Self.lab(
        "{at: 1 s, save: web}, {at: 1.5 s, drain: one}, {at: 3 s, restore: web}",
        expect: "{vm: web, alive-on: two, at: 4 s, within: 0 s}, {from: client, ping: web, at: 4 s, within: 0 s}"))
    let report = try simulation.complete()
    #expect(Self.failures(report) == ["line 14, at 1.5 s: can't move dom0: it has the drivers of its host"])
    let rarp = try packets(#require(simulation.captured()["web/eth0"])).filter { Array($0.bytes[12..<14]) == [0x80, 0x35] }
    #expect(rarp.map { Int($0.seconds) } == [3])
  }
}
