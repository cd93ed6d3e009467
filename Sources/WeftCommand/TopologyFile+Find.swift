import Foundation
import Weft

extension TopologyFile {
  /// A path to read, or why there is none.
  enum Found {
    case file(String)
    case problem(path: String, String)
  }

  /// The topology files at some paths: themselves, or every `.yaml` and `.yml` below a directory, by name. What is named
  /// twice comes once. Hidden directories belong to tools.
  static func find(_ paths: [String]) -> [Found] {
    var found: [Found] = []
    var seen: Set<String> = []
    for path in paths {
      guard isDirectory(path) else {
        if path == "-" || seen.insert(normal(path)).inserted { found.append(.file(path)) }
        continue
      }
      var visited: Set<String> = []
      let inside = below(path, &visited)
      if inside.isEmpty {
        found.append(.problem(path: path, "no topology file (.yaml, .yml) in this directory or below it"))
      }
      for case let entry in inside {
        guard case .file(let file) = entry else {
          found.append(entry)
          continue
        }
        if seen.insert(normal(file)).inserted { found.append(entry) }
      }
    }
    return found
  }

  private static func below(_ directory: String, _ visited: inout Set<String>) -> [Found] {
    // A link may lead back up.
    guard visited.insert(URL(fileURLWithPath: directory).resolvingSymlinksInPath().path).inserted else { return [] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    } catch {
      return [.problem(path: directory, "can't be read: \((error as NSError).localizedDescription)")]
    }
    let base = directory.hasSuffix("/") ? directory : directory + "/"
    var found: [Found] = []
    for name in names where !name.hasPrefix(".") {
      let path = base + name
      if isDirectory(path) {
        found += below(path, &visited)
      } else if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
        found.append(.file(path))
      }
    }
    return found
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func normal(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}
