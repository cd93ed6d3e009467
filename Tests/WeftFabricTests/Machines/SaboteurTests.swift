import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftStorage
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
    "host-failure.yaml", "consolidation.yaml", "iso-cidata.yaml", "clones.yaml", "experiment-in-a-fork.yaml",
    "portable-bundle.yaml", "snapshot-vs-backup.yaml", "media-failure.yaml",
    "quiesced-backup.yaml",
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
    let one: [(String, (inout GuardSettings) -> Void)] = [
      ("port-security", { $0.portSecurity = nil }), ("arp-inspection", { $0.arpInspection = nil }), ("rate", { $0.rate = nil }),
    ]
    for (word, remove) in one {
      var partly = whole
      remove(&partly.hosts[0].networks[guarded].guards)
      #expect(try !Self.failures(partly).isEmpty, "holds without \(word)")
    }
    var strict = whole
    strict.hosts[0].networks[1 - guarded].guards = whole.hosts[0].networks[guarded].guards
    #expect(try Self.failures(strict).count >= 3)
    for index in whole.vms.indices {
      for program in whole.vms[index].programs.indices where whole.vms[index].name.hasPrefix("mallory") {
        // Whether the guarded one floods shows only in what is refused.
        if whole.vms[index].name == "mallory2", program == 0 { continue }
        var idle = whole
        idle.vms[index].programs.remove(at: program)
        #expect(try !Self.failures(idle).isEmpty, "holds without attack \(program) of \(idle.vms[index].name)")
      }
    }
  }

  @Test func withAModernStackTheFileOfALegacyOneFails() throws {
    var topology = try example("legacy-guest.yaml")
    #expect(try Self.failures(topology) == [])
    topology.vms[0].stack = .modern
    #expect(try Self.failures(topology).count == 2)
  }

  @Test func withoutItsDiscAFileOfDiscsFails() throws {
    var topology = try example("iso-cidata.yaml")
    topology.vms[0].cd?.seed = nil
    #expect(try !Self.failures(topology).isEmpty)
  }

  @Test(arguments: [0, 1]) func withTheOtherIdentityAFileOfClonesFails(index: Int) throws {
    var topology = try example("clones.yaml")
    guard case .clone(let vm, let name, let identity, _) = topology.events[index].action else {
      Issue.record("no clone")
      return
    }
    topology.events[index].action = .clone(vm: vm, name: name, identity == .keep ? .regenerate : .keep)
    #expect(try !Self.failures(topology).isEmpty)
  }

  /// The same disks, programs and orders, and one notion a sham.
  @Test(arguments: [
    ("snapshot-vs-backup.yaml", "kind: incremental", "kind: full"), ("quiesced-backup.yaml", "quiesce: true", "quiesce: false"),
    ("quiesced-backup.yaml", "quiesce: false", "quiesce: true"), ("quiesced-backup.yaml", "write-back: 500 ms", "port: 80"),
    ("media-failure.yaml", "to: vault", "to: ssd2"),
    ("portable-bundle.yaml", "networks: {front: lan}", "networks: {front: lan}, disks: [{name: root, size: 16 MiB}]"),
    ("portable-bundle.yaml", "networks: {front: lan}", "networks: {front: lan}, programs: [http-server]"),
  ])
  func oneWordChangedAFileFails(file: String, word: String, other: String) throws {
    let text = try String(contentsOfFile: Repository.topology(file), encoding: .utf8)
    try #require(text.contains(word))
    let load = Topology.load(
      text: text.replacing(word, with: other), file: file, readFile: FilesBeside(Repository.topology(file)).read)
    #expect(try !Self.failures(#require(load.topology)).isEmpty)
  }
}
