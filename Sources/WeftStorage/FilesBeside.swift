import Foundation

/// Reads the files that a topology file names: paths count from its folder.
public struct FilesBeside: Sendable {
  /// No disc may be larger: it is a part of the lab, and of each of its checkpoints.
  public static let maximumBytes = 256 << 20

  private let folder: URL

  /// `file`: the topology file's path.
  public init(_ file: String) { folder = URL(fileURLWithPath: file).deletingLastPathComponent() }

  struct Unreadable: Error, CustomStringConvertible { let description: String }

  public func read(_ path: String) throws -> [UInt8] {
    let place = URL(fileURLWithPath: path, relativeTo: folder).path
    var info = stat()
    guard stat(place, &info) == 0 else { throw Unreadable(description: "no such file") }
    guard info.st_mode & S_IFMT == S_IFREG else { throw Unreadable(description: "it is no file") }
    guard Int(info.st_size) <= Self.maximumBytes else {
      throw Unreadable(description: "it is larger than \(Self.maximumBytes >> 20) MiB")
    }
    do { return [UInt8](try Data(contentsOf: URL(fileURLWithPath: place))) } catch {
      throw Unreadable(description: WholeFile.reason(error, place))
    }
  }
}
