import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// Programs that a quiesced backup has stopped go on, whatever becomes of their machine meanwhile; and the backup says so.
@Suite struct FreezeTests {
  /// It is frozen from 2.4 s on, for as long as its slow disk takes for what it has in memory.
  private static func lab(_ events: String, expect: String = "") -> String {
    """
    name: freeze
    duration: 12 s
    segments: {net: {subnet: 10.0.0.0/24}}
    hosts:
      one: {uplink: net 10.0.0.1, networks: {lan1: bridge}, pools: {ssd: {}, vault: {}}}
      two: {uplink: net 10.0.0.2, networks: {lan2: bridge}}
      till: {uplink: net 10.0.0.9, programs: [{http-put: {to: "web:80", count: 220, interval: 10 ms}}]}
    vms:
      web: {network: lan1, address: 10.0.0.10, memory: 4 MiB, disks: [{name: root, size: 1 GiB, pool: ssd, rate: 40 kB/s}], programs: [{kv-store: {write-back: 1900 ms}}]}
    events: [{at: 2.4 s, backup: {vm: web, to: vault}}, \(events)]
    expect: [{from: till, http: "http://web/order-1", status: 200, at: 8 s, timeout: 1 s, within: 2 s}, \(expect)]
    """
  }

  private static func failures(_ report: Report) -> [String] {
    report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test func itIsFrozenAllThatTime() throws {
    var simulation = try Simulation(topology(Self.lab("")), captures: nil)
    simulation.run(until: .milliseconds(2410))
    let began = simulation.world.machine(named: "web")?.guest.isFrozen
    simulation.run(until: .milliseconds(2600))
    let later = simulation.world.machine(named: "web")?.guest.isFrozen
    #expect(began == true && later == true)
    let report = try simulation.complete()
    #expect(Self.failures(report) == [] && report.backups.map(\.failure) == [nil])
    #expect(try #require(report.backups.first).frozen > .milliseconds(200))
  }

  @Test(arguments: [
    ("{at: 2.5 s, save: web}, {at: 5 s, restore: web}", "web is saved"),
    ("{at: 2.5 s, pause: web}, {at: 5 s, resume: web}", "web is paused"),
    ("{at: 2.5 s, pause: web}, {at: 2.6 s, resume: web}", "web didn't run through: it goes on since 2.6 s"),
    ("{at: 2.5 s, reset: web}", "web didn't run through: it goes on since 2.5 s"),
    ("{at: 2.5 s, migrate: {vm: web, to: two, activation: 2 s}}", "web is migrating"),
    ("{at: 2.5 s, snapshot: {vm: web, name: s}}, {at: 2.55 s, revert: {vm: web, to: s}}", "web was reverted"),
  ])
  func whatBreaksTheFreezeEndsItAndTheBackup(events: String, why: String) throws {
    let report = try run(Self.lab(events))
    #expect(Self.failures(report) == [])
    #expect(report.backups.map(\.failure) == [why])
  }

  /// A snapshot has the freeze, and the backup that it was for is long done when it is gone back to.
  @Test func aSnapshotThatWasTakenFrozenGoesOn() throws {
    let taken = "{at: 2.5 s, snapshot: {vm: web, name: s}}, "
    let report = try run(Self.lab(taken + "{at: 6 s, revert: {vm: web, to: s}}"))
    #expect(Self.failures(report) == [] && report.backups.map(\.failure) == [nil])
    let paused = try run(
      Self.lab(
        "{at: 2.45 s, pause: web}, {at: 2.5 s, snapshot: {vm: web, name: s}}, {at: 6 s, revert: {vm: web, to: s}}, {at: 7 s, resume: web}"
      ))
    #expect(Self.failures(paused) == [])
  }

  @Test(arguments: ["keep", "regenerate, address: 10.0.0.11"]) func aCloneOfAFrozenMachineGoesOn(identity: String) throws {
    let events = "{at: 2.5 s, clone: {vm: web, name: twin, identity: \(identity)}}"
    var simulation = try Simulation(topology(Self.lab(events)), captures: nil)
    simulation.run(until: .milliseconds(2600))
    let (own, twin) = (
      simulation.world.machine(named: "web")?.guest.isFrozen, simulation.world.machine(named: "twin")?.guest.isFrozen
    )
    #expect(own == true && twin == false)
    let report = try simulation.complete()
    #expect(report.backups.map(\.failure) == [nil])
  }

  /// While it stands still it says nothing.
  @Test func aPausedMachineIsNotThawed() throws {
    var simulation = try Simulation(topology(Self.lab("{at: 2.5 s, pause: web}")), captures: nil)
    simulation.run(until: .milliseconds(2500))
    let before = simulation.world.machine(named: "web")?.interfaces[0].counters.transmitted
    simulation.run(until: .seconds(6))
    let machine = simulation.world.machine(named: "web")
    #expect(machine?.interfaces[0].counters.transmitted == before && machine?.guest.isFrozen == true)
  }
}
