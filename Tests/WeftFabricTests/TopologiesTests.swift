import Foundation
import Testing
import WeftFabric
import WeftTestSupport

/// Every file in topologies/ is run, and what it expects holds.
@Suite struct TopologiesTests {
  @Test func theExamplesAreThere() { #expect(Repository.topologies.count >= 7) }

  @Test(arguments: Repository.topologies) func whatATopologyExpectsHolds(file: String) throws {
    var simulation = try Simulation(example(file), captures: CaptureOptions(directory: nil))
    simulation.run()
    let report = try simulation.finish()
    for verdict in report.expectations {
      #expect(verdict.passed, "\(verdict.name): \(verdict.observed); expected \(verdict.expected)")
    }
    #expect(report.complaints.isEmpty)
  }

  /// A reader learns from the head of the file what it is about.
  @Test(arguments: Repository.topologies) func aTopologySaysInCommentsWhatItTeaches(file: String) throws {
    let text = try String(contentsOfFile: Repository.topology(file), encoding: .utf8)
    let comments = text.split(separator: "\n").prefix { $0.hasPrefix("#") }.filter { !$0.contains("$schema") }
    #expect(comments.count >= 2)
  }
}
