import WeftSettings

// Mistakes within a line: colons, commas, quotes and what a value cannot begin with.

extension SyntaxSearch {
  /// `to: one: 80`, `from: two, to: "one:80"`, `{from: two to: one}`: a second colon where a value should end.
  func colons() -> SyntaxMistake? {
    for number in [line.number, line.number - 1] {
      guard let line = outline.line(number) else { continue }
      for (index, token) in line.tokens.enumerated() where token.kind == .colon {
        guard let second = secondColon(line.tokens, after: index) else { continue }
        return colons(line, first: index, second: second)
      }
    }
    return nil
  }

  /// The next colon of the same depth with nothing but a plain value before it.
  private func secondColon(_ tokens: [YAMLOutline.Token], after index: Int) -> Int? {
    guard index + 2 < tokens.count, tokens[index + 2].kind == .colon, tokens[index + 2].depth == tokens[index].depth
    else { return nil }
    switch tokens[index + 1].kind {
    case .word, .quote: return index + 2
    default: return nil
    }
  }

  private func colons(_ line: YAMLOutline.Line, first: Int, second: Int) -> SyntaxMistake? {
    let tokens = line.tokens
    let value = tokens[second - 1]
    let text = outline.text(value)
    let inFlow = tokens[first].depth > 0
    // In a map, a name may be the next one's: `{wan: 203.0.113.0/24 lan: …}`; but prose has colons.
    let owner = first > 0 ? outline.text(tokens[first - 1]) : ""
    let isProse = ["name", "body", "filter", "capture"].contains(owner)
    if let key = lastKey(value, text) ?? (inFlow && !isProse ? lastName(value, text) : nil) {
      let before = text.dropLast(key.text.count).drop { $0 == " " }
      let trimmed = String(before.reversed().drop { $0 == " " || $0 == "," || $0 == ";" }.reversed())
      if inFlow {
        return SyntaxMistake(
          message: "a comma is missing before \"\(key.text)\"", mark: key.mark, length: key.text.unicodeScalars.count,
          hint: "write \(outline.text(tokens[first - 1])): \(trimmed), \(key.text): …")
      }
      let start = tokens.first { $0.kind != .dash } ?? value
      let row = source.line(line.number)
      let whole = String(String.UnicodeScalarView(row[min(start.mark.column - 1, row.count)...]))
      if whole.hasPrefix("-{") || whole.hasPrefix("-\"")
        || whole.dropFirst().first.map({ whole.first == "-" && $0.isLetter }) ?? false
      {
        return SyntaxMistake(
          message: "a space is missing after the dash", mark: start.mark,
          hint: "write - \(whole.dropFirst().prefix(100))")
      }
      return SyntaxMistake(
        message: "several keys stand on one line without braces", mark: start.mark,
        length: max(1, whole.unicodeScalars.count),
        hint: "put { } around them: {\(whole.prefix(100))}; or give each a line of its own")
    }
    // All up to the end of the entry is the value.
    let rest = tokens[second...].prefix { $0.kind != .comma && ($0.depth > tokens[first].depth || !$0.kind.isClosing) }
    guard let last = rest.last else { return nil }
    let row = source.line(line.number)
    // In a list, what looks like a key is the text's beginning: `- 8080: web: 80`.
    let isItem = first > 0 && isItem(tokens, first - 1) && !Self.knownKeys.contains(outline.text(tokens[first - 1]))
    let begin = isItem ? tokens[first - 1].mark : value.mark
    let from = begin.column - 1
    let whole = String(String.UnicodeScalarView(row[min(from, row.count)..<min(row.count, last.end - 1)]))
    guard !whole.contains("\"") else { return nil }
    let key = first > 0 && !isItem ? outline.text(tokens[first - 1]) + ": " : ""
    return SyntaxMistake(
      message: "a value with \": \" in it must be quoted", mark: begin, length: whole.unicodeScalars.count,
      hint: "write \(key)\"\(Self.joined(whole))\"")
  }

  /// Whether a token begins an item of a list.
  private func isItem(_ tokens: [YAMLOutline.Token], _ index: Int) -> Bool {
    guard let bracket = tokens[..<index].last(where: { $0.kind != .comma && !$0.kind.isWhole && $0.kind != .word })
    else { return false }
    return bracket.kind == .dash || bracket.kind == .open("[")
  }

  /// `one: 80` is meant to be `one:80`; `lab: the first` stays as it is.
  static func joined(_ text: String) -> String {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    let isEndpoint = parts.allSatisfy { !$0.isEmpty && !$0.contains(" ") } && parts.contains { $0.first?.isNumber ?? false }
    return isEndpoint ? parts.joined(separator: ":") : text
  }

  /// The known key that a plain value ends with, behind a blank: `two, to`.
  private func lastKey(_ token: YAMLOutline.Token, _ text: String) -> (text: String, mark: Mark)? {
    guard token.kind == .word, let blank = text.lastIndex(of: " ") else { return nil }
    let word = String(text[text.index(after: blank)...])
    guard Self.knownKeys.contains(word) else { return nil }
    let offset = text.unicodeScalars.count - word.unicodeScalars.count
    return (word, Mark(line: token.mark.line, column: token.mark.column + offset))
  }

  /// The name that a plain value ends with, behind a blank.
  private func lastName(_ token: YAMLOutline.Token, _ text: String) -> (text: String, mark: Mark)? {
    guard token.kind == .word, let blank = text.lastIndex(of: " ") else { return nil }
    let word = String(text[text.index(after: blank)...])
    guard (try? Parse.name(word)) != nil, word.first?.isLetter ?? false else { return nil }
    let offset = text.unicodeScalars.count - word.unicodeScalars.count
    return (word, Mark(line: token.mark.line, column: token.mark.column + offset))
  }

  /// Text behind a closing quote or bracket, or entries of a list or map without a comma between them.
  func afterWhole() -> SyntaxMistake? {
    for number in [line.number, line.number - 1] {
      guard let line = outline.line(number) else { continue }
      for (index, token) in line.tokens.enumerated().dropFirst() {
        let before = line.tokens[index - 1]
        guard before.kind.isWhole, token.kind.isValue else { continue }
        if token.depth > 0 { return missingComma(after: before) }
        if case .close(let mark) = before.kind {
          return SyntaxMistake(
            message: "nothing can follow the closing \(mark) on its line", mark: token.mark, length: token.length,
            hint: "put it inside the brackets, or on a line of its own")
        }
        guard case .quote(let mark, _) = before.kind else { continue }
        return SyntaxMistake(
          message: "text follows the closing \(mark)", mark: token.mark, length: token.length,
          hint: mark == "'"
            ? "an apostrophe inside '…' is written ''; or quote with \"…\"" : "a \" inside \"…\" is written \\\"")
      }
    }
    return missingCommaAtLineEnd()
  }

  private func missingComma(after token: YAMLOutline.Token) -> SyntaxMistake {
    SyntaxMistake(
      message: "a comma is missing here", mark: Mark(line: token.mark.line, column: token.end),
      hint: "the entries of [ ] and { } are parted by commas")
  }

  /// Inside brackets, a line that goes on where the one before it ended with a whole entry.
  private func missingCommaAtLineEnd() -> SyntaxMistake? {
    guard line.depth > 0, let first = line.tokens.first, first.kind.isValue else { return nil }
    let previous = outline.lines[..<(line.number - 1)].last { !$0.tokens.isEmpty }
    guard let last = previous?.tokens.last, last.kind.isWhole || last.kind == .word,
      first.kind != .word || line.tokens.dropFirst().first?.kind == .colon
    else { return nil }
    return missingComma(after: last)
  }

  /// What begins a value but means something else to YAML: `@`, `` ` ``, `%`, `*`, `&`, `!`.
  func start() -> SyntaxMistake? {
    let problem = complaint.problem
    if source.line(line.number).first == "%" { return directive() }
    for (index, token) in line.tokens.enumerated() {
      let text = outline.text(token)
      switch token.kind {
      case .word where text.hasSuffix("$") && line.tokens.dropFirst(index + 1).first?.kind == .open("{"):
        return SyntaxMistake(
          message: "${…} is not replaced: a topology is plain YAML", mark: token.mark, length: token.length,
          hint: "write the value, or set it from outside: --set segments.wan.delay=5ms")
      case .word where text.first == "@" || text.first == "`" || text.first == "%":
        return SyntaxMistake(
          message: "a value cannot begin with \(text.prefix(1))", mark: token.mark, length: token.length,
          hint: "quote it: \"\(text)\"")
      case .alias where problem.contains("alphabetic or numeric") || text.count == 1:
        return SyntaxMistake(
          message: "a value that begins with * is a reference to an anchor", mark: token.mark, length: token.length,
          hint: "quote it: \"\(text)\"")
      case .anchor where problem.contains("alphabetic or numeric") || text.count == 1:
        return SyntaxMistake(
          message: "a value that begins with & names an anchor", mark: token.mark, length: token.length,
          hint: "quote it: \"\(text)\"")
      case .tag
      where problem.contains("whitespace or line break") || problem.contains("tag") || problem.contains("URI")
        || problem.contains("'!'"):
        return SyntaxMistake(
          message: "a value that begins with ! is a tag, and tags are not supported", mark: token.mark,
          length: token.length, hint: "quote it: \"\(text)\"")
      default: continue
      }
    }
    return nil
  }

  /// `expect: - {from: a}`.
  func listOnKeysLine() -> SyntaxMistake? {
    guard complaint.problem.contains("block sequence entries") else { return nil }
    for (index, token) in line.tokens.enumerated().dropFirst() where token.kind == .dash {
      guard line.tokens[index - 1].kind == .colon else { continue }
      return SyntaxMistake(
        message: "a list cannot begin on the line of its key", mark: token.mark,
        hint: "put \"- …\" on the next line, or write [ … ]")
    }
    return nil
  }

  /// A line with a word and no colon, or no blank behind it: `hosts`, `subnet:10.0.0.0/24`.
  func missingColon() -> SyntaxMistake? {
    let words = ["could not find expected ':'", "expected key", "mapping values", "expected ',' or"]
    guard words.contains(where: complaint.problem.contains) else { return nil }
    let first = min(complaint.context?.line ?? line.number, line.number)
    for number in [first, line.number, line.number - 1] {
      guard let line = outline.line(number), line.depth == 0 else { continue }
      let tokens = line.tokens.drop { $0.kind == .dash }
      guard let word = tokens.first, word.kind == .word, tokens.count == 1 else { continue }
      let text = outline.text(word)
      if text.hasPrefix("<<<<<<<") || text.hasPrefix(">>>>>>>") || text == "=======" {
        return SyntaxMistake(
          message: "a merge conflict is left in the file", mark: word.mark, length: word.length,
          hint: "keep one side, and take the lines with <<<<<<<, ======= and >>>>>>> away")
      }
      if let mark = ["//", "--", ";"].first(where: text.hasPrefix) {
        return SyntaxMistake(
          message: "a comment begins with #, not \(mark)", mark: word.mark, length: word.length,
          hint: "write # \(text.dropFirst(mark.count).drop { $0 == " " })")
      }
      if let colon = text.firstIndex(of: ":"), Self.knownKeys.contains(String(text[..<colon])) || !text.contains(" ") {
        let key = text[..<colon]
        return SyntaxMistake(
          message: "a space is missing after the colon of \"\(key)\"", mark: word.mark, length: word.length,
          hint: "write \(key): \(text[text.index(after: colon)...])")
      }
      if let sign = text.firstIndex(of: "="), sign > text.startIndex {
        let key = text[..<sign].split(separator: " ").first ?? text[..<sign]
        return SyntaxMistake(
          message: "a key and its value are parted by a colon and a space, not by =", mark: word.mark,
          length: word.length,
          hint: "write \(key): \(text[text.index(after: sign)...].drop { $0 == " " })")
      }
      let parts = text.split(separator: " ", maxSplits: 1)
      if parts.count == 2, Self.knownKeys.contains(String(parts[0])) {
        return SyntaxMistake(
          message: "a colon is missing after \"\(parts[0])\"", mark: word.mark, length: word.length,
          hint: "write \(parts[0]): \(parts[1])")
      }
      if hasNeighbours(line) || Self.knownKeys.contains(text) {
        return SyntaxMistake(
          message: "\"\(text.prefix(60))\" has no colon", mark: word.mark, length: word.length,
          hint: "a key is followed by a colon: \(text.prefix(60)):")
      }
    }
    return nil
  }

  /// Whether other lines of this indentation have keys: then it should have one.
  private func hasNeighbours(_ line: YAMLOutline.Line) -> Bool {
    outline.lines.contains { $0.number != line.number && $0.indent == line.indent && outline.key($0) != nil }
  }

  /// `[a, , b]`, `{, a: 1}`, `a: ]`.
  func emptyPlace() -> SyntaxMistake? {
    for (index, token) in line.tokens.enumerated() where token.kind == .comma {
      let before = index > 0 ? line.tokens[index - 1].kind : nil
      let isEmpty: Bool =
        switch before {
        case .comma, .open: true
        default: false
        }
      guard isEmpty else { continue }
      return SyntaxMistake(
        message: "nothing stands before this comma", mark: token.mark, hint: "take the comma away")
    }
    return nil
  }
}

extension YAMLOutline.Kind {
  var isClosing: Bool { if case .close = self { true } else { false } }

  /// Ends an entry by itself.
  var isWhole: Bool {
    switch self {
    case .quote, .close: true
    default: false
    }
  }

  /// Begins an entry.
  var isValue: Bool {
    switch self {
    case .quote, .open, .word, .alias: true
    default: false
    }
  }
}
