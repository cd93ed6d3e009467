import Testing
import WeftCore
import WeftDisk
import WeftTopology

@testable import WeftFabric

/// Pools: whose disks are in them wherever VMs run, and what becomes of who needs them when medium or host fails.
@Suite struct PoolTests {
  private static func lab(_ events: String, expect: String = "", web: String = "", duration: String = "12 s") -> String {
    """
    name: pools
    duration: \(duration)
    segments: {net: {subnet: 10.0.0.0/24, delay: 100 us, rate: 100 Mbit/s}}
    hosts:
      one: {uplink: net 10.0.0.1, networks: {lan1: bridge}, pools: {ssd: {}}}
      two: {uplink: net 10.0.0.2, networks: {lan2: bridge}, pools: {ssd: {}, vault: {rate: 100 kB/s}}}
      client: {uplink: net 10.0.0.9, programs: [{http-put: {to: "web:80", count: 20, interval: 10 ms}}]}
    vms:
      web: {network: lan1, address: 10.0.0.10, memory: 4 MiB, disks: [{name: root, size: 1 GiB, pool: ssd}], programs: [kv-store]\(web)}
    events: [\(events)]
    expect: [\(expect)]
    """
  }

  private static func state(_ report: Report) -> String? { report.machines.first { $0.name == "web" }?.state }

  @Test func aMediumTakesItsDisksWhereverTheirMachinesRun() throws {
    let moved = "{at: 1 s, migrate: {vm: web, to: two}}, "
    let lost = try run(
      Self.lab(
        moved + "{at: 5 s, snapshot: {vm: web, name: s}}, {at: 6 s, fail-media: {pool: ssd, host: one}}, {at: 7 s, reset: web}"))
    #expect(lost.machines.first { $0.name == "web" }?.host == "two")
    #expect(Self.state(lost) == "crashed")
    #expect(lost.complaints.map { $0.split(separator: ":", maxSplits: 1)[1] } == [" can't reset web: it has lost disk root"])
    #expect(lost.text().contains("web/root: lost with its medium"))
    let other = try run(Self.lab(moved + "{at: 6 s, fail-media: {pool: ssd, host: two}}"))
    #expect(Self.state(other) == "running" && other.complaints == [])
  }

  /// At whatever moment of a migration: the VM crashes, the migration ends, and both say why.
  @Test func aMediumThatFailsAmidAMigrationLeavesNobodyOnALostDisk() throws {
    let text = Self.lab("{at: 1 s, migrate: {vm: web, to: two, activation: 40 ms}}", duration: "9 s")
    var simulation = try Simulation(topology(text), captures: nil)
    simulation.advance(to: .seconds(1))
    var phases: [String: Int] = [:]
    for step in 1..<400 {
      simulation.advance(to: .seconds(1) + .microseconds(200 * UInt64(step)))
      let phase = simulation.world.migrations.all[0].phase.rawValue
      phases[phase, default: 0] += 1
      guard phases[phase] == 1 || phases[phase] == 3 else { continue }
      var future = try simulation.fork()
      try future.failMedia("ssd", of: "one")
      let report = try future.complete()
      let migration = try #require(report.migrations.first)
      #expect(Self.state(report) == "crashed", "in \(phase)")
      #expect(
        phase == "done" || migration.phase == "failed" && migration.failure == "its disk root was lost",
        "in \(phase): \(migration)")
      #expect(future.world.machine(named: "web")?.guest.isBooted == false)
    }
    #expect(Set(phases.keys).isSuperset(of: ["precopy", "stop-and-copy", "activating", "done"]), "\(phases)")
  }

  @Test func whatIsInAFailedHostCantBeReadOrWritten() throws {
    let backup = "{at: 1 s, backup: {vm: web, to: vault}}"
    let whole = "{vm: web, backup-verifies: vault, at: 4 s, within: 0 s}"
    let good = try run(Self.lab(backup, expect: whole))
    #expect(good.backups.map(\.failure) == [nil] && good.expectations[0].passed)
    let late = try run(
      Self.lab(
        backup
          + ", {at: 3 s, fail-host: two}, {at: 5 s, backup: {vm: web, to: vault}}, {at: 6 s, stop: web}, {at: 7 s, restore-backup: {from: vault/web}}",
        expect: whole))
    #expect(!late.expectations[0].passed && late.expectations[0].observed == "pool vault is in two, which has failed")
    #expect(late.complaints.count == 2 && late.complaints.allSatisfy { $0.hasSuffix("pool vault is in two, which has failed") })
    for (host, why) in [("two", "pool vault is in two, which has failed"), ("one", "pool ssd is in one, which has failed")] {
      let amid = try run(Self.lab(backup + ", {at: 1.2 s, fail-host: \(host)}"))
      #expect(amid.backups.map(\.failure) == [why])
      #expect(amid.text().contains("backup web#1: failed: \(why)"))
    }
    let medium = try run(Self.lab(backup + ", {at: 1.2 s, fail-media: {pool: ssd, host: one}}"))
    #expect(medium.backups.map(\.failure) == ["pool ssd is lost"])
  }

  @Test func aHostThatIsOffKeepsItsPoolsToItself() throws {
    let report = try run(
      Self.lab(
        "{at: 1 s, backup: {vm: web, to: vault}}, {at: 3 s, consolidate: {off: true}}, {at: 5 s, backup: {vm: web, to: vault}}",
        expect: "{vm: web, backup-verifies: vault, at: 6 s, within: 0 s}"))
    #expect(report.complaints.count == 1 && report.complaints[0].hasSuffix("pool vault is in two, which is off"))
    #expect(report.expectations[0].observed == "pool vault is in two, which is off")
  }

  /// Whose VMs have left, and not their disks.
  @Test func aHostWithSomebodysDiskIsNotSwitchedOff() throws {
    let report = try run(Self.lab("{at: 1 s, drain: one}, {at: 4 s, consolidate: {policy: first-fit, off: true}}"))
    let vm = try #require(report.machines.first { $0.name == "web" })
    #expect(vm.state == "running")
    var simulation = try Simulation(
      topology(Self.lab("{at: 1 s, migrate: {vm: web, to: two}}, {at: 4 s, consolidate: {off: true}}")), captures: nil)
    simulation.run(until: .seconds(8))
    let one = simulation.world.host("one")
    #expect(one?.offAt == nil)
  }

  @Test func aFailedHostTakesTheDisksOfMachinesElsewhereAlong() throws {
    let report = try run(Self.lab("{at: 1 s, migrate: {vm: web, to: two}}, {at: 5 s, fail-host: one}"))
    #expect(Self.state(report) == "crashed")
    #expect(report.text().contains("web lost its disk root with one at 5 s"))
  }

  /// Its memory is whole at the other host, and its disk was in the one that failed.
  @Test func aTargetDoesNotGoOnWithoutTheDisk() throws {
    let text = Self.lab("{at: 1 s, migrate: {vm: web, to: two, activation: 300 ms}}, {at: 1.2 s, fail-host: one}")
    let report = try run(text)
    #expect(Self.state(report) != "running")
    #expect(report.migrations.first?.phase == "failed", "\(report.migrations)")
  }

  /// What a restored disk does with its cache is what the file says.
  @Test func aRestoredDiskKeepsItsCache() throws {
    let report = try run(
      Self.lab(
        "{at: 1 s, backup: {vm: web, to: vault}}, {at: 3 s, stop: web}, {at: 3 s, stop: client}, {at: 4 s, restore-backup: {from: vault/web}}, {at: 5 s, start: web}, {at: 8 s, stop: web}"
      )
      .replacing("pool: ssd}]", with: "pool: ssd, flush: ignored}]")
      .replacing("count: 20, interval: 10 ms", with: "count: 200, interval: 100 ms").replacing(
        "{at: 3 s, stop: client}, ", with: ""))
    let cut = try #require(report.machines.first { $0.name == "web" }?.disks.first?.cut)
    #expect(cut.at == .seconds(8) && cut.unflushed > 0)
  }

  @Test func aMachineIsNotRestartedWithoutItsDisk() throws {
    let report = try run(Self.lab("{at: 5 s, fail-host: one}", web: ", on-host-failure: restart"))
    #expect(Self.state(report) == "stopped")
    #expect(report.complaints == ["at 5.3 s: can't restart web: its disk root: pool ssd is in one, which has failed"])
  }
}
