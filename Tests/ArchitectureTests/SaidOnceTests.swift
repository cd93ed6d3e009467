import Foundation
import Testing

/// What stands in one place, or nowhere.
@Suite struct SaidOnceTests {
  /// Who wants to do something to an element of whatever kind hands `Elements` a visitor.
  @Test func oneFileTellsElementKindsApart() throws {
    let places = try Self.lines { $0.contains(/case \.(virtualSwitch|machine|custom)\(/) }
    #expect(Set(places.map(\.file)) == ["WeftFabric/World/Elements.swift"])
  }

  /// Nobody is an optional, or a case of an enum. So many −1 are something else, or an index in a table whose rows are read for
  /// each packet.
  static let allowed: [String: (count: Int, reason: String)] = [
    "WeftCore/Tables/FlatMap.swift": (3, "a slot's place, looked up for each packet; a mask of no slots"),
    "WeftFabric/World/FloodTable.swift": (5, "places in rows of 64 bytes, without an optional's tag"),
    "WeftFabric/World/World+Flood.swift": (2, "the same"),
    "WeftCapture/Pcapng/PcapngWriter.swift": (1, "where in the buffer a comment begins, while one is open"),
    "WeftCapture/Pcapng/PcapngWriter+Comment.swift": (1, "the same"),
    "WeftCapture/Pcapng/PcapngWriter+Packet.swift": (1, "the same"),
    "WeftTopology/YAML/TextGuard.swift": (2, "the column before the first"),
    "WeftCommand/Sweep/Job.swift": (3, "what a call of the system answers; a line not yet shown"),
  ]

  @Test func minusOneIsNobodysIdentity() throws {
    let pattern = /(= |== |!= |\?\? |return )-1\b|\(-1\)/
    let found = Dictionary(grouping: try Self.lines { $0.contains(pattern) }, by: \.file)
    for (file, places) in found {
      #expect(places.count <= Self.allowed[file]?.count ?? 0, "\(file): \(places.map(\.line)): say nil, or a case")
    }
  }

  static func lines(_ isMeant: (Substring) -> Bool) throws -> [(file: String, line: Int)] {
    let folder = PurityTests.root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var found: [(String, Int)] = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let name = String(file.path.dropFirst(folder.path.count + 1))
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() where isMeant(line) && !line.drop(while: { $0 == " " }).hasPrefix("//") {
        found.append((name, index + 1))
      }
    }
    return found
  }
}
