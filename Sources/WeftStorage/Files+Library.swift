import Foundation
import WeftCapture
import WeftFabric
import WeftTopology

/// A topology file that can't be run: its mistakes, as `weft check` prints them.
public struct TopologyError: Error, CustomStringConvertible {
  public var diagnostics: [Diagnostic]
  public var description: String { diagnostics.map { $0.render(color: false) }.joined(separator: "\n") }
}

extension TopologyLoad {
  /// The topology, or its mistakes as an error.
  public func get() throws(TopologyError) -> Topology {
    guard let topology else { throw TopologyError(diagnostics: diagnostics) }
    return topology
  }
}

extension Topology {
  /// Reads a topology file, what it captures included.
  public static func load(path: String, settings: [String] = []) throws -> TopologyLoad {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return load(
      bytes: [UInt8](data), file: path, settings: settings, filterChecker: CaptureFilter.problem,
      portNames: \.portNames, opening: files(besides: path))
  }
}

extension Topology {
  /// Reads the files that a topology file names: from its folder.
  public static func files(besides path: String) -> (String) -> [UInt8]? {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    return { name in (try? Data(contentsOf: URL(fileURLWithPath: name, relativeTo: folder))).map { [UInt8]($0) } }
  }
}

extension PcapngReader {
  public init(path: String) throws { self.init(try Data(contentsOf: URL(fileURLWithPath: path))) }
}

extension PacketRecords {
  /// Every pcapng file of a directory, by name.
  public init(directory: String) throws {
    self.init()
    for name in try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    where name.hasSuffix(".pcapng") && !name.hasPrefix(".") {
      let path = "\(directory)/\(name)"
      try add(try Data(contentsOf: URL(fileURLWithPath: path)), file: path)
    }
  }
}
