import ArgumentParser
import Foundation
import Weft

/// Reads topology files for the commands.
enum TopologyFile {
  /// The topology, or its mistakes on stderr and exit code 2.
  static func load(_ path: String) throws -> Topology {
    guard let topology = read(path) else { throw Exit.badFile }
    return topology
  }

  /// Prints what is wrong (and warnings); nil if it can't be run.
  static func read(_ path: String) -> Topology? {
    let bytes: [UInt8]
    do {
      bytes = try contents(path)
    } catch {
      Terminal.error("\(path): error: \(error)\n")
      return nil
    }
    let load = Topology.load(bytes: bytes, file: path) { expression in
      do throws(CaptureFilterError) {
        _ = try CaptureFilter(expression: expression)
        return nil
      } catch {
        return error.reason
      }
    }
    for diagnostic in load.diagnostics { Terminal.error(diagnostic.render(color: Terminal.colorsErrors) + "\n") }
    return load.topology
  }

  private struct Unreadable: Error, CustomStringConvertible { let description: String }

  private static func contents(_ path: String) throws -> [UInt8] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw Unreadable(description: "no such file")
    }
    if isDirectory.boolValue { throw Unreadable(description: "it is a directory, not a topology file") }
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw Unreadable(description: (error as NSError).localizedDescription)
    }
  }

  /// The topology files at a path: itself, or all `.yaml` and `.yml` in a directory, by name.
  static func find(_ path: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return [path]
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
    let base = path.hasSuffix("/") ? path : path + "/"
    return names.map { base + $0 }
  }
}
