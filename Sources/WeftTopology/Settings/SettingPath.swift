import WeftSettings

/// The left side of `--set segments.campus.delay=5ms`, with the place of each word of it.
struct SettingPath {
  struct Step {
    var name: String
    var mark: Mark
  }

  var steps: [Step] = []
  /// The right side, and the column at which it begins.
  var value: String
  var valueColumn: Int

  /// Nil where it isn't a path, `=` and a value.
  init?(_ text: String, line: Int) {
    let scalars = Array(text.unicodeScalars)
    guard let equals = scalars.firstIndex(of: "="), equals > 0 else { return nil }
    var start = 0
    for end in 0...equals where end == equals || scalars[end] == "." {
      guard end > start else { return nil }
      steps.append(Step(name: Self.text(scalars[start..<end]), mark: Mark(line: line, column: start + 1)))
      start = end + 1
    }
    value = Self.text(scalars[(equals + 1)...])
    valueColumn = equals + 2
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}
