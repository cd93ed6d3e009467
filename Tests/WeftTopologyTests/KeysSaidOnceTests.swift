import Foundation
import Testing

@testable import WeftTopology

/// A key of the file stands in its row and nowhere else: all others ask the row by what it sets.
@Suite struct KeysSaidOnceTests {
  /// Words that are no keys where they are asked for: what other tools have there, what is misplaced, a port's name.
  static let allowed: [String: Set<String>] = [
    "Reading/Resolver.swift": ["networks", "network", "vms", "vm"],
    "Reading/Resolver+Events.swift": ["uplink"],
    "Reading/Reader+Check.swift": ["port"],
    "Reading/Reader+Meant.swift": ["port"],
    "Reading/Reader+Forms.swift": ["url", "to", "name"],
    // cloud-init's own keys, of a disc's texts.
    "Reading/Resolver+CloudInit.swift": ["path", "dhcp", "name", "address", "via", "to", "addresses", "gateway", "network"],
    // What stands in a bundle's own file, which is none of a lab's.
    "Reading/Resolver+Bundles.swift": ["network", "disks", "vm", "networks", "nics", "from", "image"],
    "Topology+Bundle.swift": ["nics", "disks", "vms", "vm", "defaults", "from"],
    // For the place of a mistake under an event that has been read already.
    "Reading/Resolver+Disks.swift": ["to", "disk", "pool", "vm", "from"],
    "Reading/Resolver+Stored.swift": ["snapshot", "in", "what", "to", "disk"],
  ]

  @Test func noKeyIsAskedForByItsText() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/WeftTopology")
      .standardizedFileURL
    let keys = Set(TopologySchema.tables().flatMap(\.keys).map(\.name)).union(["url"])
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var found: [String: Set<String>] = [:]
    for case let file as URL in files where file.pathExtension == "swift" {
      let name = String(file.path.dropFirst(folder.path.count + 1))
      let source = try String(contentsOf: file, encoding: .utf8)
      for match in source.matches(of: /\["([a-z-]+)"\]|(?:key|key\.name) == "([a-z-]+)"|case "([a-z-]+)"/) {
        let word = String(match.output.1 ?? match.output.2 ?? match.output.3 ?? "")
        if keys.contains(word) { found[name, default: []].insert(word) }
      }
    }
    #expect(found == Self.allowed)
  }
}
