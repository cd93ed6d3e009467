import Foundation
import Testing
import WeftFabric
import WeftTestSupport
import WeftTopology

/// A line for each topology over all that happens in it (time, port, frame, verdict), kept in git: what moves one that
/// shouldn't is found before it lands, and what should is named in the changelog beside the new lines.
@Suite struct FingerprintTests {
  static let file = "\(Repository.root)/Tests/WeftFabricTests/fingerprints.txt"

  static func line(_ topology: String) throws -> String {
    var simulation = try Simulation(example(topology))
    simulation.recordFingerprint()
    simulation.run()
    let recorded = simulation.fingerprint
    let fingerprint = try #require(recorded)
    let report = try simulation.finish()
    let passed = report.expectations.filter(\.passed).count
    return "\(topology) \(fingerprint) \(passed) of \(report.expectations.count) hold at \(report.endedAt)"
  }

  @Test func everyTopologyDoesWhatItDidBefore() throws {
    let lines = try Repository.topologies.map(Self.line)
    let text = lines.joined(separator: "\n") + "\n"
    if ProcessInfo.processInfo.environment["WEFT_UPDATE_GENERATED"] != nil {
      try text.write(toFile: Self.file, atomically: true, encoding: .utf8)
    }
    let known = try String(contentsOfFile: Self.file, encoding: .utf8)
    let changed = Set(lines).symmetricDifference(known.split(separator: "\n").map(String.init)).sorted()
    #expect(
      changed.isEmpty,
      """
      What happens in these topologies is other than before: \(changed.joined(separator: "\n"))
      If it is meant, run the tests with WEFT_UPDATE_GENERATED=1 and say in CHANGELOG.md why.
      """)
  }

  @Test func capturesAndSeedsOfOthersDontShowButWhatHappensDoes() throws {
    let lab = try example("lossy-bulk.yaml")
    func fingerprint(seed: UInt64?, captures: CaptureOptions? = nil) throws -> Fingerprint? {
      var simulation = try Simulation(lab, seed: seed, captures: captures)
      simulation.recordFingerprint()
      simulation.run()
      return simulation.fingerprint
    }
    let plain = try fingerprint(seed: nil)
    #expect(try fingerprint(seed: nil, captures: CaptureOptions(directory: nil)) == plain)
    #expect(try fingerprint(seed: 77) != plain)
  }
}
