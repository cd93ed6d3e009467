import WeftSettings

/// What is most likely wrong where the YAML parser gave up: in people's words, at the place where it is to be mended.
/// The parser names where it noticed, often lines later, and in words of its grammar; neither reaches a user.
struct SyntaxMistake {
  var message: String
  var mark: Mark
  var length = 1
  var hint: String?

  /// What the parser said.
  struct Complaint {
    var problem: String
    var mark: Mark
    /// Where what it was reading began.
    var context: Mark?
  }

  static func find(_ complaint: Complaint, in source: SourceText) -> SyntaxMistake {
    SyntaxSearch(complaint, source).mistake()
  }
}

/// Looks at the text up to where the parser stopped, the surest signs first.
struct SyntaxSearch {
  let complaint: SyntaxMistake.Complaint
  let source: SourceText
  let outline: YAMLOutline
  /// The line where the parser noticed, inside the text.
  let line: YAMLOutline.Line

  static let knownKeys: Set<String> = Set(TopologySchema.tables().flatMap { $0.keys.map(\.name) })

  init(_ complaint: SyntaxMistake.Complaint, _ source: SourceText) {
    self.complaint = complaint
    self.source = source
    outline = YAMLOutline(source, lines: source.lineCount)
    let number = min(max(1, complaint.mark.line), source.lineCount)
    line = outline.line(number) ?? YAMLOutline.Line(number: 1, indent: 0, depth: 0)
  }

  func mistake() -> SyntaxMistake {
    escapes() ?? openQuote() ?? tab() ?? strayBracket() ?? openBracket() ?? start() ?? colons() ?? afterWhole()
      ?? listOnKeysLine()
      ?? missingColon() ?? emptyPlace() ?? secondRoot() ?? indentation() ?? blockText() ?? directive() ?? unknown()
  }

  // MARK: Quotes

  private func openQuote() -> SyntaxMistake? {
    for line in outline.lines where line.number <= max(complaint.mark.line, self.line.number) {
      for token in line.tokens {
        guard case .quote(let mark, isClosed: false) = token.kind else { continue }
        return SyntaxMistake(
          message: "the \(mark) that opens here is not closed on its line", mark: token.mark,
          hint: mark == "'" ? "close it with '; an apostrophe inside '…' is written ''" : "close it with \"")
      }
    }
    return nil
  }

  private func escapes() -> SyntaxMistake? {
    let isEscape = complaint.problem.contains("escape character") || complaint.problem.contains("escape code")
    guard isEscape || complaint.problem.contains("hexdecimal") else { return nil }
    let text = source.line(line.number)
    let at = text.prefix(complaint.mark.column).lastIndex(of: "\\") ?? max(0, min(complaint.mark.column, text.count) - 1)
    let escape = String(String.UnicodeScalarView(text[min(at, text.count)..<min(text.count, at + 2)]))
    return SyntaxMistake(
      message: "\(escape) means nothing inside \"…\"", mark: Mark(line: line.number, column: at + 1), length: 2,
      hint: "write \\\\ for a backslash, or quote with '…', where it stands for itself")
  }

  // MARK: Brackets

  /// A closing bracket too many, or of the other kind.
  private func strayBracket() -> SyntaxMistake? {
    guard let (close, open) = outline.stray, case .close(let mark) = close.kind, close.mark.line <= line.number
    else { return nil }
    guard let open, case .open(let opener) = open.kind else {
      // `- from: two, to: one}`: keys that should have stood in braces.
      let keys = outline.line(close.mark.line)?.tokens.prefix { $0.mark.column < close.mark.column } ?? []
      let first = keys.first { $0.kind == .word }
      let isMap = mark == "}" && keys.count { $0.kind == .colon } > 1 && !keys.contains { $0.kind == .open("{") }
      return SyntaxMistake(
        message: "this \(mark) closes nothing", mark: close.mark,
        hint: isMap ? "put a { before \"\(first.map(outline.text) ?? "the first key")\", or take it away" : "take it away")
    }
    return SyntaxMistake(
      message: "the \(opener) of \(open.mark) is closed by a \(mark)", mark: close.mark,
      hint: "close it with \(opener == "[" ? "]" : "}")")
  }

  /// A bracket that is never closed. Of several, the one that its own line seems to want closed.
  private func openBracket() -> SyntaxMistake? {
    let open = outline.unclosed
    guard !open.isEmpty else { return nil }
    // Nobody begins a map that goes on for lines behind a first entry on the same line.
    let halfOpen = outline.halfOpen
    let likely = halfOpen.first { half in open.contains { $0.mark == half.mark } } ?? halfOpen.first ?? open[0]
    guard case .open(let mark) = likely.kind, likely.mark.line <= max(complaint.mark.line, line.number) else {
      return nil
    }
    let isHalf = halfOpen.contains { $0.mark == likely.mark }
    let ofLine = (isHalf ? halfOpen : [likely]).filter { $0.mark.line == likely.mark.line }
    let closing = ofLine.reversed().map { $0.kind == .open("[") ? "]" : "}" }.joined()
    // What is indented deeper still belongs to it.
    let indent = outline.line(likely.mark.line)?.indent ?? 0
    let further = outline.lines.drop { $0.number <= likely.mark.line }.prefix { $0.tokens.isEmpty || $0.indent > indent }
    let last = further.last { !$0.tokens.isEmpty }?.number ?? likely.mark.line
    let goesOn = outline.line(likely.mark.line)?.tokens.last?.kind == .comma
    return SyntaxMistake(
      message: "the \(mark) that opens here is not closed", mark: likely.mark,
      hint: "add \(closing) "
        + (isHalf ? "at the end of line \(goesOn ? last : likely.mark.line)" : "where its last entry ends"))
  }

  /// `{name: x}` on a line of its own, and more of the file below it.
  private func secondRoot() -> SyntaxMistake? {
    guard complaint.problem.contains("document start"),
      let root = outline.lines.first(where: { !$0.tokens.isEmpty })?.tokens.first, case .open(let mark) = root.kind
    else { return nil }
    return SyntaxMistake(
      message: "the \(mark) of \(root.mark) is the whole file; nothing can follow its end",
      mark: Mark(line: line.number, column: line.indent + 1), length: line.tokens.first?.length ?? 1,
      hint: "take the outer brackets away, or put this inside them")
  }

  // MARK: Blanks

  private func tab() -> SyntaxMistake? {
    for line in outline.lines where line.number <= self.line.number && line.depth == 0 && !line.tokens.isEmpty {
      guard let tab = line.tab else { continue }
      return SyntaxMistake(
        message: "a tab indents this line; YAML takes only spaces there", mark: tab, hint: "two spaces for each level")
    }
    return nil
  }

  private func blockText() -> SyntaxMistake? {
    guard let token = line.tokens.first(where: { $0.kind == .blockText }) else { return nil }
    let mark = String(outline.text(token).prefix(1))
    return SyntaxMistake(
      message: "a value that begins with \(mark) announces lines of text below", mark: token.mark,
      hint: "quote it: \"\(outline.text(token))\"")
  }

  func directive() -> SyntaxMistake? {
    guard source.line(line.number).first == "%" else { return nil }
    return SyntaxMistake(
      message: "a line that begins with % is a directive of YAML, and a topology needs none",
      mark: Mark(line: line.number, column: 1), hint: "take the line away, or quote the text")
  }

  /// No sign was found.
  private func unknown() -> SyntaxMistake {
    let token = line.tokens.first { $0.mark.column >= complaint.mark.column } ?? line.tokens.last
    let mark =
      complaint.mark.line > source.lineCount
      ? Mark(line: source.lineCount, column: source.line(source.lineCount).count + 1) : complaint.mark
    return SyntaxMistake(
      message: "this cannot be read as YAML", mark: mark, length: max(1, token.map { $0.end - mark.column } ?? 1),
      hint: "a map's entries are \"key: value\", a list's begin with \"- \"; quote text that has : # { } [ ] , in it")
  }
}
