/// What a random sequence may differ in: the fewest ways that do, each a row of docs/nat-vs-linux.md or a point of
/// `differing.txt` that is still to be fixed.
struct KnownDifference {
  var reason: String
  /// Whether what comes after it can still be compared.
  var isHarmless: Bool
  private var matches: @Sendable (StepDifference) -> Bool

  static func of(_ difference: StepDifference) -> KnownDifference? { all.first { $0.matches(difference) } }

  static let all = [
    KnownDifference(reason: "invalid-is-silent", isHarmless: true) { difference in
      difference.text.hasPrefix("< tcp") && difference.table.isEmpty && difference.ours.allSatisfy { $0.contains(" icmp 11/0 ") }
        && difference.kernel.allSatisfy { $0.hasPrefix("outside") && ($0.contains(" tcp [R] ") || $0.contains(" tcp [RA] ")) }
    },
    KnownDifference(reason: "forward-both-ways", isHarmless: false) { difference in
      [" vm:80 ", " vm:53 ", " vm2:2222 "].contains(where: difference.text.contains) && difference.text.hasPrefix(">")
        && difference.ours.count == 1 && difference.kernel.count == 1
    },
  ]
}
