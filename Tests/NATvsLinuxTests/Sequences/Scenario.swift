import Foundation

/// The sequences in files beside this one.
enum Scenario {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  /// The fields of a file's lines.
  static func read(_ file: String) throws -> [[String]] {
    let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.components(separatedBy: " | ") }
  }

  static func all() throws -> [StepSequence] {
    try (read("fixed.txt") + read("random.txt")).map { fields in
      guard fields.count > 1, let steps = fields.last else { throw SequenceError("no sequence: \(fields)") }
      return try StepSequence(name: fields[0], steps)
    }
  }

  /// The sequences that differ, at which steps, and why: a point of ours to be fixed (`N12`: see the issue), or the name of a
  /// row of docs/nat-vs-linux.md.
  struct Baseline {
    var steps: [String: [Int]] = [:]
    var reasons: [String: String] = [:]
    /// Steps with a question mark: Linux draws lots there.
    var chances: [String: Set<Int>] = [:]

    init() throws {
      for fields in try Scenario.read("differing.txt") {
        guard fields.count == 3 else { throw SequenceError("no line of differing.txt: \(fields)") }
        let words = fields[1].split(separator: " ")
        steps[fields[0]] = words.compactMap { Int($0) }
        chances[fields[0]] = Set(words.filter { $0.hasSuffix("?") }.compactMap { Int($0.dropLast()) })
        reasons[fields[0]] = fields[2]
      }
    }

    /// Writes down what differs now, with the reasons that are known.
    func update(_ now: [(name: String, steps: [Int])]) throws {
      let path = folder.appendingPathComponent("differing.txt")
      let head = try String(contentsOf: path, encoding: .utf8).split(separator: "\n").prefix { $0.hasPrefix("#") }
      let lines = now.compactMap { name, steps -> String? in
        let chances = chances[name] ?? []
        let words = Set(steps).union(chances).sorted().map { chances.contains($0) ? "\($0)?" : "\($0)" }
        return words.isEmpty ? nil : "\(name) | \(words.joined(separator: " ")) | \(reasons[name] ?? "?")"
      }
      try (head.joined(separator: "\n") + "\n\n" + lines.joined(separator: "\n") + "\n")
        .write(to: path, atomically: true, encoding: .utf8)
    }
  }
}
