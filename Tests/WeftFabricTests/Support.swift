import Foundation
import Testing
import WeftCapture
import WeftCore
import WeftStorage
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

func topology(_ yaml: String) throws -> Topology {
  let load = Topology.load(
    bytes: Array(yaml.utf8), file: "test.yaml", readFile: FilesBeside(Repository.topology("test.yaml")).read)
  return try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
}

func example(_ name: String) throws -> Topology {
  let load = try Topology.load(path: Repository.topology(name))
  return try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
}

/// An example, or one of the labs made for tests.
func lab(_ name: String) throws -> Topology {
  switch name {
  case "lossy": try topology(Labs.lossy)
  case "busy": try topology(Labs.busy)
  default: try example("\(name).yaml")
  }
}

/// Everything a run leaves behind, to be compared byte for byte.
struct Outcome: Equatable {
  var report: Data
  /// By port.
  var captures: [String: [UInt8]]

  /// As `==`, in a form that doesn't print all the bytes of a difference.
  func isSame(_ other: Outcome) -> Bool { self == other }

  /// What a failed comparison says: the ports whose captures differ, the first line of the reports that does.
  func difference(_ other: Outcome) -> String {
    let ports = Set(captures.keys).union(other.captures.keys).filter { captures[$0] != other.captures[$0] }.sorted()
    let lines = zip(
      String(decoding: report, as: UTF8.self).split(separator: "\n"),
      String(decoding: other.report, as: UTF8.self).split(separator: "\n"))
    let first = lines.first { $0 != $1 }.map { "\($0) / \($1)" } ?? "same report"
    return "captures differ at \(ports); \(first)"
  }
}

extension Simulation {
  /// Runs to the end; captures stay in memory.
  mutating func complete() throws -> Report {
    run()
    var report = try finish()
    try tellFutures(in: &report, captures: { _ in nil }) { future in
      future.run()
      return true
    }
    return report
  }

  mutating func outcome() throws -> Outcome {
    let report = try complete()
    return Outcome(report: try encode(report), captures: try captured())
  }

  /// What was captured so far, by port.
  func captured() throws -> [String: [UInt8]] {
    guard let set = world.recorder.captures else { return [:] }
    return try world.graph.ports.array.reduce(into: [:]) { bytes, port in
      guard let capture = port.capture?.index, set.isWritten(port: capture) else { return }
      bytes[port.name] = try set.bytesSoFar(port: capture)
    }
  }
}

func encode(_ report: Report) throws -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
  return try encoder.encode(report)
}

/// Runs a file in memory.
func run(_ yaml: String, seed: UInt64? = nil, until: Instant? = nil) throws -> Report {
  var simulation = try Simulation(topology(yaml), seed: seed, until: until, captures: CaptureOptions(directory: nil))
  return try simulation.complete()
}

/// The verdict of one expectation, added to a lab.
func verdict(_ expectation: String, in lab: String = Labs.small, until: Instant? = nil) throws -> Verdict {
  let report = try run("\(lab)\nexpect:\n  - {\(expectation)}\n", until: until)
  return try #require(report.expectations.first)
}

/// The same run without what isn't the world's: which files show it.
func withoutCaptures(_ report: Report) -> Report {
  var report = report
  report.captures = []
  report.silentPorts = 0
  for verdict in report.expectations.indices {
    for index in report.expectations[verdict].evidence.indices {
      report.expectations[verdict].evidence[index].capture = nil
      report.expectations[verdict].evidence[index].frame = nil
    }
  }
  return report
}
