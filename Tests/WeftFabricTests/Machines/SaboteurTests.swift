import Foundation
import Testing
import WeftCore
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
    "vm-life.yaml", "snapshot-revert.yaml", "portable-bundle.yaml", "snapshot-vs-backup.yaml", "media-failure.yaml",
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
      text: text.replacing(word, with: other), file: file, opening: Topology.files(besides: Repository.topology(file)))
    #expect(try !Self.failures(#require(load.topology)).isEmpty)
  }
}
