import Foundation
import Testing
import WeftCore
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

  @Test(arguments: ["vm-life.yaml", "snapshot-revert.yaml", "iso-cidata.yaml", "clones.yaml", "experiment-in-a-fork.yaml"])
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
}
