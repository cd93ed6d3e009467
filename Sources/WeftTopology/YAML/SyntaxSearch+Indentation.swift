import WeftSettings

// Lines that stand in the wrong column.

extension SyntaxSearch {
  private struct Level {
    var column: Int
    var name: String
    var line: Int
    var isItem: Bool
    /// Its line ends with a value, so that nothing can stand below it.
    var hasValue: Bool
  }

  /// A line that begins in no column of those above it, or below a key that has its value already.
  func indentation() -> SyntaxMistake? {
    var levels: [Level] = []
    for line in outline.lines where line.number <= self.line.number && line.depth == 0 && !line.tokens.isEmpty {
      var popped: [Level] = []
      while let last = levels.last, last.column > line.indent { popped.append(levels.removeLast()) }
      let own = Self.levels(of: line, outline)
      guard let first = own.first else { continue }
      if let same = levels.last, same.column == line.indent {
        if same.isItem != first.isItem, line.number == self.line.number, let mistake = mixed(same, first, line) {
          return mistake
        }
        levels.removeLast()
        // `key:` and the dashes below it may stand in one column.
        if first.isItem, !same.isItem, same.hasValue == false { levels.append(same) }
      } else if line.number == self.line.number {
        let nearest = popped.last ?? levels.last
        if let mistake = astray(first, line, popped: popped.last, above: levels.last, nearest) { return mistake }
      }
      levels += own
    }
    return nil
  }

  /// The columns that a line opens: one for each dash, one for its key.
  private static func levels(of line: YAMLOutline.Line, _ outline: YAMLOutline) -> [Level] {
    var levels: [Level] = []
    for token in line.tokens {
      guard token.kind == .dash else { break }
      levels.append(
        Level(column: token.mark.column - 1, name: "-", line: line.number, isItem: true, hasValue: false))
    }
    let rest = line.tokens.drop { $0.kind == .dash }
    guard let first = rest.first else { return levels }
    levels.append(
      Level(
        column: first.mark.column - 1, name: outline.text(first), line: line.number, isItem: false,
        hasValue: rest.count > 2 || rest.dropFirst().first?.kind != .colon))
    return levels
  }

  private func mixed(_ above: Level, _ own: Level, _ line: YAMLOutline.Line) -> SyntaxMistake? {
    // A list may stand in the column of its own key.
    if own.isItem, !above.isItem, !above.hasValue { return nil }
    let mark = Mark(line: line.number, column: line.indent + 1)
    if own.isItem {
      return SyntaxMistake(
        message: "a list's item stands among the keys of a map", mark: mark,
        hint: "keys of \"\(above.name)\"'s map (line \(above.line)) have no dash; a list stands below its key")
    }
    return SyntaxMistake(
      message: "\"\(own.name.prefix(60))\" stands in the column of a list's items, without their dash", mark: mark,
      length: own.name.unicodeScalars.count,
      hint: "items begin with \"- \"; more keys of the item of line \(above.line) stand under its first one")
  }

  private func astray(
    _ own: Level, _ line: YAMLOutline.Line, popped: Level?, above: Level?, _ nearest: Level?
  ) -> SyntaxMistake? {
    let mark = Mark(line: line.number, column: line.indent + 1)
    let length = own.name.unicodeScalars.count
    let what = own.isItem ? "this item" : "\"\(own.name.prefix(60))\""
    // Deeper than all: below a key that has its value.
    if popped == nil {
      guard let above, above.hasValue, line.indent > above.column else { return nil }
      return SyntaxMistake(
        message: "indentation: \(what) is indented below \"\(above.name.prefix(60))\", which has its value already",
        mark: mark, length: length,
        hint: "\(distance(line.indent - above.column, "left")) it would stand beside \"\(above.name.prefix(60))\" "
          + "(line \(above.line))")
    }
    guard let nearest = closest(popped, above, to: line.indent) else { return nil }
    let off = line.indent - nearest.column
    let other = nearest.isItem ? "the item of line \(nearest.line)" : "\"\(nearest.name.prefix(60))\" (line \(nearest.line))"
    return SyntaxMistake(
      message: "indentation: \(what) stands \(distance(abs(off), off < 0 ? "left" : "right")) of \(other)", mark: mark,
      length: length, hint: "what belongs together begins in the same column: indent it by \(nearest.column) spaces")
  }

  private func closest(_ popped: Level?, _ above: Level?, to column: Int) -> Level? {
    guard let popped else { return above }
    guard let above else { return popped }
    return popped.column - column <= column - above.column ? popped : above
  }

  private func distance(_ columns: Int, _ side: String) -> String {
    "\(columns) column\(columns == 1 ? "" : "s") \(side)"
  }
}
