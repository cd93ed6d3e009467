import Foundation
import Testing
import WeftFabric
import WeftTopology

/// Every file in topologies/ is run, and what it expects holds.
@Suite struct TopologiesTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let files: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("topologies").path)
    return (names ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  static func load(_ name: String) throws -> Topology {
    let bytes = [UInt8](try Data(contentsOf: root.appendingPathComponent("topologies/\(name)")))
    let load = Topology.load(bytes: bytes, file: name)
    return try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
  }

  @Test func theExamplesAreThere() { #expect(Self.files.count >= 7) }

  @Test(arguments: files) func whatATopologyExpectsHolds(file: String) throws {
    var simulation = try Simulation(Self.load(file), captures: CaptureOptions(directory: nil))
    simulation.run()
    let report = try simulation.finish()
    for verdict in report.expectations {
      #expect(verdict.passed, "\(verdict.name): \(verdict.observed); expected \(verdict.expected)")
    }
    #expect(report.complaints.isEmpty)
  }

  /// A reader learns from the head of the file what it is about.
  @Test(arguments: files) func aTopologySaysInCommentsWhatItTeaches(file: String) throws {
    let text = try String(contentsOf: Self.root.appendingPathComponent("topologies/\(file)"), encoding: .utf8)
    let comments = text.split(separator: "\n").prefix { $0.hasPrefix("#") }.filter { !$0.contains("$schema") }
    #expect(comments.count >= 2)
  }
}
