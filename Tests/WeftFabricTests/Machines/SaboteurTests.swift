import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// A topology teaches a notion only if its checks fail where the notion is a sham.
@Suite struct SaboteurTests {
  private static func failures(_ topology: Topology) throws -> [String] {
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    return report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test(arguments: [
    "vm-life.yaml", "snapshot-revert.yaml", "live-migration.yaml", "migration-breaks-local-nat.yaml", "migration-under-load.yaml",
  ])
  func withoutAnyOneOfItsEventsAFileFails(file: String) throws {
    let whole = try example(file)
    let failures = try Self.failures(whole)
    #expect(failures == [])
    for index in whole.events.indices {
      var topology = whole
      topology.events.remove(at: index)
      #expect(try !Self.failures(topology).isEmpty, "\(file) holds without \(whole.events[index].action)")
    }
  }

  /// A switch that looks at nothing, one that looks at everybody, and attackers who do nothing.
  @Test func attackerNextDoorFailsWithoutItsGuardsAndWithoutItsAttacks() throws {
    let whole = try example("attacker-next-door.yaml")
    #expect(try Self.failures(whole) == [])
    let guarded = try #require(whole.hosts[0].networks.firstIndex { $0.name == "guarded" })
    var blind = whole
    blind.hosts[0].networks[guarded].guards = GuardSettings()
    #expect(try Self.failures(blind).count >= 3)
    for drop in [\GuardSettings.portSecurity as PartialKeyPath<GuardSettings>, \.arpInspection] {
      var partly = whole
      if drop == \GuardSettings.portSecurity { partly.hosts[0].networks[guarded].guards.portSecurity = nil }
      if drop == \GuardSettings.arpInspection { partly.hosts[0].networks[guarded].guards.arpInspection = nil }
      #expect(try !Self.failures(partly).isEmpty, "holds without \(drop)")
    }
    var strict = whole
    strict.hosts[0].networks[1 - guarded].guards = whole.hosts[0].networks[guarded].guards
    #expect(try Self.failures(strict).count >= 3)
    for name in ["mallory1", "mallory2"] {
      var idle = whole
      for index in idle.vms.indices where idle.vms[index].name == name { idle.vms[index].programs = [] }
      #expect(try !Self.failures(idle).isEmpty, "holds without what \(name) does")
    }
  }
}
