import Foundation

/// The repository that the tests are part of.
public enum Repository {
  public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// The examples, by name.
  public static let topologies: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: "\(root)/topologies")
    return (names ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  public static func topology(_ name: String) -> String { "\(root)/topologies/\(name)" }
}
