/// A way in which we differ from Linux on purpose, under the name that docs/nat-vs-linux.md gives the reason for.
struct AcceptedDifference: Sendable {
  var name: String
  var stimuli: [String]

  static func about(_ stimulus: String) -> AcceptedDifference? { all.first { $0.stimuli.contains(stimulus) } }

  static let all: [AcceptedDifference] = []
}
