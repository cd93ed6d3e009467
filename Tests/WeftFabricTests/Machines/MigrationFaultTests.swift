import Testing
import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// Whatever fails, whenever it does: two sides never run a VM, and one does again, or the report says why none can.
@Suite struct MigrationFaultTests {
  /// `storage`: the source, which has the VM's disk too.
  enum Fault: String, CaseIterable {
    case source, target, pool, storage, memory

    var hasDisk: Bool { self == .pool || self == .storage }
  }

  private static func lab(_ events: String, seed: UInt64 = 1, hasDisk: Bool = false) -> String {
    """
    duration: 10 s
    seed: \(seed)
    segments: {campus: {subnet: 10.0.0.0/24, delay: 5 ms, rate: 100 Mbit/s}}
    hosts:
      server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}, pools: {ssd: {size: 1 GiB}}}
      server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}, memory: 4 MiB, overcommit: balloon, pools: {vault: {}, ssd2: {}}}
      client: {uplink: campus 10.0.0.9, programs: [{ping: {to: web, count: 180, interval: 50 ms}}]}
    vms:
      web:
        {network: lan1, address: 10.0.0.10, memory: 1 MiB, on-host-failure: restart,
         disks: [\(hasDisk ? "{name: root, size: 8 MiB, pool: ssd}" : "")], programs: [{dirty: {rate: 50/s, set: 64 KiB, fill: 256 KiB}}]}
      big: {network: lan2, address: 10.0.0.11, memory: 4 MiB, autostart: false, programs: [{dirty: {set: 0, fill: 3900 KiB}}]}
    events: [\(events)]
    """
  }

  private static let migrate = "{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: 512 KiB/s, activation: 20 ms}}"

  /// Moments of a migration that nothing disturbs: of connecting, of rounds, of stop-and-copy, between the two, after it.
  private static func moments(
    _ seed: UInt64, hasDisk: Bool
  ) throws -> (all: [UInt64], committed: UInt64, resumed: UInt64) {
    var simulation = try Simulation(topology(lab(migrate, seed: seed, hasDisk: hasDisk)), captures: nil)
    var committed: UInt64 = 0
    simulation.advance(to: .seconds(1))
    while simulation.world.migrations.all.first?.resumedAt == nil, simulation.now < .seconds(5) {
      simulation.advance(to: simulation.now + .microseconds(500))
      if committed == 0, simulation.world.migrations.all.first?.lease == .target { committed = simulation.now.rawValue }
    }
    let migration = try #require(simulation.world.migrations.all.first)
    let stopped = try #require(migration.stoppedAt).rawValue
    let copied = try #require(migration.copiedAt).rawValue
    let resumed = try #require(migration.resumedAt).rawValue
    let begun: UInt64 = 1_000_000_000
    var jitter = RandomStream(seed: seed, owner: "faults", purpose: "test")
    let all = [
      begun + 3_000_000, begun + 13_000_000, begun + (stopped - begun) / 4, begun + (stopped - begun) / 2,
      begun + (stopped - begun) * 3 / 4, stopped + (copied - stopped) / 2, copied + 1_000_000, committed + 1_000_000,
      committed + 15_000_000, resumed + 1_000_000, resumed + 60_000_000, resumed + 900_000_000,
    ].map { $0 + jitter.next(below: 900_000) }
    return (all, committed, resumed)
  }

  /// Whether two could run it now: it is on one host, which is on, and while it is on its way the lease is that host's.
  private static func isRunTwice(_ world: borrowing World) -> Bool {
    let homes = world.hosts.filter { $0.virtualMachines.contains("web") }
    guard homes.count == 1, let vm = world.machine(named: "web")?.vm, vm.host == homes[0].name else { return true }
    guard vm.state.runs else { return false }
    let isAway = world.migrations.all.contains { $0.isUnderWay && $0.resumedAt == nil && $0.lease == .target }
    return homes[0].hasFailed || isAway
  }

  private static func inject(_ fault: Fault, into simulation: inout Simulation) throws {
    switch fault {
    case .source, .storage: try simulation.act { (world) throws(EventFailure) in try world.failHost("server1") }
    case .target: try simulation.act { (world) throws(EventFailure) in try world.failHost("server2") }
    case .pool: try simulation.failMedia("ssd")
    // It fills nearly all of the target's memory, of which a balloon was to take what it didn't use.
    case .memory: try simulation.perform(.start, on: "big")
    }
  }

  @Test(arguments: Fault.allCases, [1, 2] as [UInt64])
  func atNoMomentTwoRunItAndInTheEndOneDoes(fault: Fault, seed: UInt64) throws {
    let (moments, committed, resumed) = try Self.moments(seed, hasDisk: fault.hasDisk)
    var base = try Simulation(topology(Self.lab(Self.migrate, seed: seed, hasDisk: fault.hasDisk)), captures: nil)
    for moment in moments {
      base.advance(to: Instant(moment))
      var simulation = try base.fork()
      try Self.inject(fault, into: &simulation)
      var isTwice = false
      while simulation.now < Instant(moment + 5_000_000_000) {
        isTwice = isTwice || Self.isRunTwice(simulation.world)
        let isNear = simulation.now < Instant(moment + 60_000_000)
        simulation.advance(to: simulation.now + (isNear ? .milliseconds(1) : .milliseconds(100)))
      }
      #expect(!isTwice, "at \(moment)")
      let found = simulation.world.machine(named: "web")
      let vm = try #require(found?.vm)
      let (place, failure) = ("\(vm.state.rawValue) on \(vm.host)", simulation.world.migrations.all.first?.failure ?? "")
      switch fault {
      case .source: #expect(place == "running on server2", "at \(moment): \(failure)")
      case .target: #expect(place == "running on server1", "at \(moment): \(failure)")
      case .pool where moment < resumed:
        #expect(place == "crashed on server1" && failure == "its disk root was lost", "at \(moment): \(place), \(failure)")
      case .pool: #expect(place == "crashed on server2", "at \(moment)")
      case .storage:
        let said = simulation.world.complaints + simulation.world.storage.news + [failure]
        #expect(!vm.state.runs && said.contains { $0.contains("disk") }, "at \(moment): \(place), \(said)")
      case .memory where moment < committed:
        #expect(place == "running on server1", "at \(moment)")
        #expect(failure == "server2 refuses it" || failure.hasPrefix("server2 has 4 MiB, and too little"), "\(failure)")
      case .memory: #expect(place == "running on server2", "at \(moment): \(failure)")
      }
    }
  }

  /// Its peer, on the same host, goes on pinging it all the while.
  @Test func oneThatGoesOnAtTheSourceIsAsIfItHadBeenPaused() throws {
    func lab(_ events: String) -> String {
      Self.lab(events).replacingOccurrences(
        of: "programs: [{dirty: {rate: 50/s, set: 64 KiB, fill: 256 KiB}}]",
        with: "programs: [udp-echo, {sink: 5001}, {ping: {to: peer, count: 60, interval: 70 ms}}, "
          + "{dirty: {rate: 50/s, set: 64 KiB, fill: 256 KiB}}]"
      ).replacingOccurrences(
        of: "  big:",
        with: """
            peer:
              {network: lan1, address: 10.0.0.12, memory: 1 MiB,
               programs: [{ping: {to: web, count: 90, interval: 53 ms}}, {bulk: {to: "web:5001", size: 2 MB, start: 900 ms}}],
               rate: 5 Mbit/s}
            big:
          """
      ).replacingOccurrences(of: "{ping: {to: web, count: 180, interval: 50 ms}}", with: "")
    }
    let stopped = try Self.momentOfStop(lab(Self.migrate))
    let cut = "\(stopped + 3_000_000) ns"
    var failed = try Simulation(topology(lab(Self.migrate + ", {at: \(cut), link-down: server2.uplink}")), captures: nil)
    failed.advance(to: Instant(stopped + 1_000_000))
    while failed.world.machine(named: "web")?.state == .migrating, failed.now < .seconds(8) {
      failed.advance(to: failed.now + .milliseconds(1))
    }
    let found = failed.world.machine(named: "web")
    let resumed = try #require(found?.vm).changedAt
    #expect(failed.world.migrations.all.first?.phase == .failed && resumed.rawValue - stopped > 1_900_000_000)
    var paused = try Simulation(
      topology(lab("{at: \(stopped) ns, pause: web}, {at: \(resumed.rawValue) ns, resume: web}")), captures: nil)
    failed.advance(to: .seconds(9))
    paused.advance(to: .seconds(9))
    let (there, here) = (failed.world.machine(named: "web"), paused.world.machine(named: "web"))
    let (one, other) = (try #require(there), try #require(here))
    #expect(one.state == .running && one.vm?.lag == other.vm?.lag)
    #expect(try one.memory(at: .seconds(9)).digest == other.memory(at: .seconds(9)).digest)
    // The hosts' own ARP for each other passes it too.
    let (mine, its) = (one.interfaces[0].counters, other.interfaces[0].counters)
    #expect(mine.transmitted == its.transmitted && mine.transmittedBytes == its.transmittedBytes && mine.dropped == its.dropped)
    #expect((0...2).contains(Int(mine.received) - Int(its.received)))
    let (first, second) = (try failed.finish(), try paused.finish())
    func lines(_ report: Report) -> [String] {
      report.programs.filter { $0.machine != "client" }.map { "\($0.machine) \($0.report)" }
    }
    #expect(lines(first) == lines(second))
    func drops(_ report: Report) -> [String] { report.drops.filter { $0.port == "web/eth0" }.map(\.reason) }
    #expect(drops(first) == drops(second))
  }

  private static func momentOfStop(_ text: String) throws -> UInt64 {
    var simulation = try Simulation(topology(text), captures: nil)
    simulation.advance(to: .seconds(1))
    while simulation.world.migrations.all.first?.stoppedAt == nil, simulation.now < .seconds(5) {
      simulation.advance(to: simulation.now + .milliseconds(5))
    }
    return try #require(simulation.world.migrations.all.first?.stoppedAt).rawValue
  }

  /// What comes while it stands still is the old place's, and is dropped there once it is gone.
  @Test func whatCameAfterItWasStoppedDoesNotGoAlong() throws {
    let report = try run(
      Self.lab(Self.migrate).replacingOccurrences(of: "count: 180, interval: 50 ms", with: "count: 5000, interval: 1 ms"))
    #expect(report.migrations.first?.phase == "done")
    let moved = report.drops.filter { $0.port == "web/eth0" && $0.reason == "machine-moved" }.reduce(0) { $0 + $1.count }
    #expect(moved > 10)
  }

  // MARK: Said by the check

  private static func said(_ events: String, web: String = "") -> [String] {
    let text = lab(events, hasDisk: true).replacingOccurrences(
      of: "on-host-failure: restart", with: web.isEmpty ? "on-host-failure: stop" : web)
    return Topology.load(text: text, file: "f.yaml").diagnostics.map(\.message)
  }

  @Test func theCheckKnowsWhatAFailedHostTakesAlong() {
    let fail = "{at: 1 s, fail-host: server1}"
    #expect(Self.said(fail + ", {at: 2 s, start: web}") == ["can't start \"web\": its host \"server1\" failed in line 13"])
    #expect(Self.said(fail + ", {at: 2 s, pause: web}") == ["can't pause \"web\": it is stopped since line 13"])
    #expect(Self.said(fail + ", {at: 2 s, pause: big}") == ["can't pause \"big\": it is stopped from the beginning"])
    #expect(Self.said(fail + ", {at: 2 s, fail-host: server1}") == ["\"server1\" has failed already, in line 13"])
    #expect(
      Self.said("{at: 1 s, fail-host: server2}, {at: 2 s, migrate: {vm: web, to: server2}}") == [
        "can't migrate \"web\": \"server2\" failed in line 13"
      ])
    #expect(
      Self.said("{at: 1 s, stop: web}, {at: 2 s, migrate: {vm: web, to: server2}}") == [
        "can't migrate \"web\": it is stopped since line 13"
      ])
    // It may be running elsewhere by then, or nobody knows where it is.
    #expect(Self.said(fail + ", {at: 2 s, pause: web}", web: "on-host-failure: restart") == [])
    let clone = "{at: 500 ms, clone: {vm: web, name: web2, identity: keep}}, "
    #expect(Self.said(clone + fail + ", {at: 2 s, pause: web2}", web: "on-host-failure: restart") == [])
    #expect(Self.said("{at: 500 ms, migrate: {vm: web, to: server2}}, " + fail + ", {at: 2 s, pause: web}") == [])
    #expect(Self.said("{at: 500 ms, drain: server1}, " + fail + ", {at: 2 s, start: web}") == [])
  }

  @Test func theCheckKnowsThatARestoreTakesAMachineToAnotherHost() {
    let events = """
      {at: 1 s, backup: {vm: web, to: vault}}, {at: 2 s, fail-host: server1}, \
      {at: 3 s, restore-backup: {from: vault/web, host: server2}}, {at: 4 s, start: web}
      """
    #expect(Self.said(events) == [])
  }
}
