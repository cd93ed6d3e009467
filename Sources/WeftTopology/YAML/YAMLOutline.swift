import WeftSettings

/// A lenient reading of YAML, also of text that no parser takes: where brackets, quotes, keys and list items stand. It
/// is asked only after the parser gave up, to say what is likely wrong; where it guesses wrong, a message is worse.
struct YAMLOutline {
  enum Kind: Equatable {
    case open(Unicode.Scalar)
    case close(Unicode.Scalar)
    case comma, colon, dash
    /// `isClosed`: on its own line.
    case quote(Unicode.Scalar, isClosed: Bool)
    /// A plain scalar, as far as it goes on its line.
    case word
    case alias, anchor, tag, blockText
  }

  struct Token {
    var kind: Kind
    var mark: Mark
    var length: Int
    /// How many brackets are open before it.
    var depth: Int

    var end: Int { mark.column + length }
  }

  struct Line {
    var number: Int
    /// Blanks in front, a tab counted as one.
    var indent: Int
    /// The first tab among them.
    var tab: Mark?
    var tokens: [Token] = []
    /// Brackets open before it.
    var depth: Int
  }

  private(set) var lines: [Line] = []
  /// Brackets that are open at the end of the text.
  private(set) var unclosed: [Token] = []
  /// Brackets that their line opens, says more behind, and doesn't close.
  private(set) var halfOpen: [Token] = []
  /// The first closing bracket that has no partner, or another one than it needs.
  private(set) var stray: (close: Token, open: Token?)?
  private let source: SourceText
  /// Lines deeper than this belong to the `|` or `>` above them.
  private var blockText: Int?

  /// The first `count` lines.
  init(_ source: SourceText, lines count: Int) {
    self.source = source
    for number in 1...max(1, count) { read(number) }
  }

  func line(_ number: Int) -> Line? { number >= 1 && number <= lines.count ? lines[number - 1] : nil }

  func text(_ token: Token) -> String {
    let line = source.line(token.mark.line)
    let start = min(token.mark.column - 1, line.count)
    return String(String.UnicodeScalarView(line[start..<min(line.count, start + token.length)]))
  }

  /// The key that a line of block style begins with: the token before its first colon.
  func key(_ line: Line) -> Token? {
    let tokens = line.tokens.drop { $0.kind == .dash || $0.kind == .anchor || $0.kind == .tag }
    guard let first = tokens.first, tokens.dropFirst().first?.kind == .colon else { return nil }
    return first
  }

  private mutating func read(_ number: Int) {
    let text = source.line(number)
    let blanks = text.prefix { $0 == " " || $0 == "\t" }.count
    var line = Line(number: number, indent: blanks, depth: unclosed.count)
    if let tab = text[..<blanks].firstIndex(of: "\t") { line.tab = Mark(line: number, column: tab + 1) }
    if let indent = blockText {
      if blanks == text.count || blanks > indent {
        lines.append(line)
        return
      }
      blockText = nil
    }
    scan(text, from: blanks, &line)
    for token in unclosed where token.mark.line == number && token.mark != line.tokens.last?.mark {
      halfOpen.append(token)
    }
    lines.append(line)
  }

  private mutating func scan(_ text: [Unicode.Scalar], from start: Int, _ line: inout Line) {
    var i = start
    var atToken = true
    func at(_ i: Int) -> Unicode.Scalar { i < text.count ? text[i] : "\n" }
    func isBlank(_ c: Unicode.Scalar) -> Bool { c == " " || c == "\t" || c == "\n" }
    func isFlow(_ c: Unicode.Scalar) -> Bool { c == "," || c == "[" || c == "]" || c == "{" || c == "}" }
    while i < text.count {
      let c = text[i]
      let (first, depth) = (i, unclosed.count)
      var kind: Kind?
      switch c {
      case " ", "\t":
        i += 1
        continue
      case "#" where i == 0 || isBlank(at(i - 1)): return
      case "-" where atToken && depth == 0 && isBlank(at(i + 1)):
        kind = .dash
        i += 1
      case "\"" where atToken || isAfterWhole(line), "'" where atToken || isAfterWhole(line):
        let end = endOfQuote(text, i)
        kind = .quote(c, isClosed: end != nil)
        i = end ?? text.count
        atToken = false
      case "[" where atToken || depth > 0 || isAfterWhole(line), "{" where atToken || depth > 0 || isAfterWhole(line):
        kind = .open(c)
        i += 1
        atToken = true
      case "]" where depth > 0 || isAfterWhole(line), "}" where depth > 0 || isAfterWhole(line):
        kind = .close(c)
        i += 1
        atToken = false
      case "," where depth > 0:
        kind = .comma
        i += 1
        atToken = true
      case ":" where isBlank(at(i + 1)) || depth > 0 && isFlow(at(i + 1)) || isAfterQuote(line):
        kind = .colon
        i += 1
        atToken = true
      case "|" where atToken && depth == 0, ">" where atToken && depth == 0:
        kind = .blockText
        i = text.count
        blockText = line.indent
      case "*" where atToken, "&" where atToken, "!" where atToken:
        kind = c == "*" ? .alias : c == "&" ? .anchor : .tag
        while i < text.count, !isBlank(text[i]), depth == 0 || !isFlow(text[i]) { i += 1 }
        if c == "*" { atToken = false }
      default:
        kind = .word
        while i < text.count {
          if depth > 0, isFlow(text[i]) { break }
          if text[i] == ":", isBlank(at(i + 1)) || depth > 0 && isFlow(at(i + 1)) { break }
          if text[i] == "#", isBlank(at(i - 1)) { break }
          i += 1
        }
        while i > first + 1, isBlank(text[i - 1]) { i -= 1 }
        atToken = false
      }
      guard let kind else { continue }
      let token = Token(
        kind: kind, mark: Mark(line: line.number, column: first + 1), length: max(1, i - first), depth: depth)
      line.tokens.append(token)
      bracket(token)
    }
  }

  /// After `"…"`, `]` or `}` nothing may follow but `:`, `,` or a closing bracket; what does is a token of its own.
  private func isAfterWhole(_ line: Line) -> Bool {
    switch line.tokens.last?.kind {
    case .quote, .close: true
    default: false
    }
  }

  private func isAfterQuote(_ line: Line) -> Bool {
    if case .quote = line.tokens.last?.kind { true } else { false }
  }

  private mutating func bracket(_ token: Token) {
    switch token.kind {
    case .open: unclosed.append(token)
    case .close(let mark):
      let wanted: Unicode.Scalar = mark == "]" ? "[" : "{"
      if unclosed.last?.kind == .open(wanted) {
        unclosed.removeLast()
      } else if stray == nil {
        stray = (token, unclosed.last)
        if let match = unclosed.lastIndex(where: { $0.kind == .open(wanted) }) { unclosed.removeSubrange(match...) }
      }
    default: break
    }
  }

  /// Behind the quote that closes the one at `start`, on this line.
  private func endOfQuote(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
    var i = start + 1
    while i < text.count {
      if text[i] == "\\", text[start] == "\"" {
        i += 2
      } else if text[i] == text[start] {
        if text[start] == "'", i + 1 < text.count, text[i + 1] == "'" { i += 2 } else { return i + 1 }
      } else {
        i += 1
      }
    }
    return nil
  }
}
