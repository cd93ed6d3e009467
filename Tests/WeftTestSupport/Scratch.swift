import Foundation

/// A directory of its own for each test, gone with it.
public final class Scratch: Sendable {
  public let path: String

  public init() {
    path = NSTemporaryDirectory() + "weft-test-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Everything inside, at any depth, hidden files too, sorted.
  public var entries: [String] { (FileManager.default.subpaths(atPath: path) ?? []).sorted() }

  public func file(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  public func write(_ text: String, _ name: String) -> String { write(Data(text.utf8), name) }

  @discardableResult
  public func write(_ data: Data, _ name: String) -> String {
    _ = FileManager.default.createFile(atPath: file(name), contents: data)
    return file(name)
  }

  public func contents(_ name: String) -> Data? { FileManager.default.contents(atPath: file(name)) }
  public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// The files under a directory and what is in them.
  public func files(in directory: String) -> [String: Data] {
    let root = file(directory)
    let paths = FileManager.default.subpaths(atPath: root) ?? []
    return paths.reduce(into: [:]) { files, path in
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory), !isDirectory.boolValue
      else { return }
      files[path] = FileManager.default.contents(atPath: "\(root)/\(path)")
    }
  }
}
