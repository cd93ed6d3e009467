import WeftTopology

/// Where a run's captures go unless told otherwise: `captures/NAME`, and `captures/NAME/seed-N` with a seed other than the
/// file's, so that runs with many seeds (a CI matrix) don't write over each other, at once or one after the other.
public enum CaptureDirectory {
  public static func path(of topology: Topology, seed: UInt64, in parent: String = "captures", name: String? = nil)
    -> String
  {
    let directory = "\(parent)/\(self.name(for: name ?? topology.name))"
    return seed == topology.seed ? directory : "\(directory)/seed-\(seed)"
  }

  /// File systems allow 255 octets.
  private static let longest = 200

  /// A lab's name as that of one directory: never the parent, never another place, and nothing that shells take for more
  /// than a word.
  public static func name(for lab: String) -> String {
    var name = ""
    for scalar in lab.unicodeScalars {
      let isSafe =
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil || "._-".unicodeScalars.contains(scalar)
      name.unicodeScalars.append(isSafe ? scalar : "-")
    }
    if name.hasPrefix(".") || name.hasPrefix("-") { name = "_" + name.dropFirst() }
    if name.isEmpty { name = "lab" }
    guard name.utf8.count > longest else { return name }
    // Long names differ at their ends as a rule.
    let sum = lab.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    while name.utf8.count > longest - 17 { name.unicodeScalars.removeLast() }
    return "\(name)-\(String(sum, radix: 16))"
  }
}
