import Testing
import WeftCore
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// A client outside never knows more than the standby has.
@Suite struct StandbyTests {
  @Test func theFileHoldsAndFailsWithoutItsStandby() throws {
    func failures(_ change: (inout Topology) -> Void) throws -> [String] {
      var file = try example("lockstep-standby.yaml")
      change(&file)
      var simulation = try Simulation(file, captures: CaptureOptions(directory: nil))
      let report = try simulation.complete()
      return report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
    }
    #expect(try failures { _ in } == [])
    #expect(try !failures { $0.vms[0].standby = nil }.isEmpty)
    #expect(try !failures { $0.vms[0].standby?.holdOutput = false }.isEmpty)
    #expect(try !failures { $0.events = [] }.isEmpty)
  }

  @Test func aStandbyThatFailsIsDoneWithout() throws {
    var file = try example("lockstep-standby.yaml")
    file.events[0].action = .failHost("server2")
    file.expectations = []
    var simulation = try Simulation(file, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    #expect(report.standbys.count == 1)
    #expect(report.standbys[0].contains("lost at 3.3 s: server2 has failed"))
  }
}
