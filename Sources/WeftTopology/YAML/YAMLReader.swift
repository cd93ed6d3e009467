import WeftCore
import WeftSettings
import Yams

// Yams has one too.
private typealias Mark = WeftSettings.Mark

/// Text → one tree of `Written`, or diagnostics. Only Yams' nodes are used, never its typed loading, which would
/// take 52:54:00:12:34:56 for a number.
struct YAMLReader {
  /// Aliases count each time they are used.
  static let maximumNodes = 1_000_000

  private let source: SourceText
  private(set) var diagnostics: [Diagnostic] = []
  /// Keys that were renamed so that Yams goes on after a key that stands twice: new name → what it was.
  private var renamed: [String: String] = [:]
  private var count = 0
  private var seen: Set<Diagnostic> = []
  private var gaveUp = false

  private let mayHaveTags: Bool
  /// What a tagged value is, nobody here knows: what follows from it would be noise.
  private(set) var isForeign = false
  /// Whether a key stands twice in a map.
  private(set) var hasDuplicates = false

  init(_ source: SourceText) {
    self.source = source
    mayHaveTags = source.text.utf8.contains(UInt8(ascii: "!"))
  }

  private mutating func report(_ message: String, at mark: Mark, length: Int = 1, hint: String? = nil) {
    let diagnostic = source.diagnostic(.error, at: mark, length: length, message, hint: hint)
    // What an alias brings in again is no second mistake.
    if diagnostics.count < 1000, seen.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
  }

  /// The document's root; nil with a diagnostic when there is none.
  mutating func read() -> Written? {
    let bytes = Array(source.text.utf8)
    guard bytes.count <= TextGuard.maximumBytes else {
      report("the file is larger than \(TextGuard.maximumBytes >> 20) MiB", at: Mark(line: 1, column: 1))
      return nil
    }
    if let refusal = TextGuard.refusal(of: bytes) {
      let isQuestion = refusal.offset < bytes.count && bytes[refusal.offset] == UInt8(ascii: "?")
      report(
        refusal.message, at: source.mark(atByte: refusal.offset),
        hint: isQuestion ? "quote text that begins with ?" : nil)
      return nil
    }
    guard let root = compose() else { return nil }
    let value = convert(root, depth: 0)
    return gaveUp ? nil : value
  }

  private mutating func compose() -> Node? {
    // Yams keeps a pointer into the string, which only large strings have a stable one for.
    var text = source.text + String(repeating: "\n", count: 16)
    // Each key that stands twice costs a reading.
    let attempts = text.utf8.count < 1 << 20 ? 32 : 3
    for attempt in 0..<attempts {
      do {
        guard let node = try Yams.compose(yaml: text, .basic, .default, .utf8) else {
          report("the file is empty", at: Mark(line: 1, column: 1), hint: "weft init writes one to begin with")
          return nil
        }
        return node
      } catch let error as YamlError {
        if case .duplicatedKeysInMapping(_, let context) = error, attempt < attempts - 1,
          let changed = rename(keyAt: Mark(context.mark), in: text, attempt)
        {
          text = changed
          continue
        }
        report(error)
        return nil
      } catch {
        report("cannot be read as YAML: \(error)", at: Mark(line: 1, column: 1))
        return nil
      }
    }
    return nil
  }

  /// The text with the key at `mark` replaced by as many private-use characters, so that every place stays where it is.
  private mutating func rename(keyAt mark: Mark, in text: String, _ attempt: Int) -> String? {
    let line = source.line(mark.line)
    var start = mark.column - 1
    guard start >= 0, start < line.count else { return nil }
    let quoted = line[start] == "\"" || line[start] == "'"
    if quoted { start += 1 }
    var end = start
    while end < line.count, quoted ? line[end] != line[start - 1] : (line[end] != ":" && line[end] != " ") { end += 1 }
    guard end > start, let filler = Unicode.Scalar(0xe000 + UInt32(attempt)) else { return nil }
    var original = String.UnicodeScalarView()
    original.append(contentsOf: line[start..<end])
    let name = String(String.UnicodeScalarView(repeatElement(filler, count: end - start)))
    renamed[name] = String(original)

    var scalars = text.unicodeScalars
    var offset = scalars.startIndex
    var current = 1
    while current < mark.line, offset < scalars.endIndex {
      let scalar = scalars[offset]
      offset = scalars.index(after: offset)
      switch scalar {
      case "\r" where offset < scalars.endIndex && scalars[offset] == "\n": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": current += 1
      default: break
      }
    }
    guard let from = scalars.index(offset, offsetBy: start, limitedBy: scalars.endIndex),
      let to = scalars.index(from, offsetBy: end - start, limitedBy: scalars.endIndex)
    else { return nil }
    scalars.replaceSubrange(from..<to, with: name.unicodeScalars)
    return String(scalars)
  }

  private mutating func report(_ error: YamlError) {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
      report(
        SyntaxMistake.find(
          .init(problem: problem, mark: Mark(mark), context: context.map { Mark($0.mark) }), in: source))
    case .composer(_, let problem, let mark, _): report(composer: problem, at: Mark(mark))
    case .reader(let problem, let offset, _, let yaml):
      let mark = offset.map {
        source.mark(atByte: yaml.utf8.distance(from: yaml.startIndex, to: yaml.index(yaml.startIndex, offsetBy: $0)))
      }
      report(unreadable: problem, at: mark ?? Mark(line: 1, column: 1))
    case .duplicatedKeysInMapping(let keys, let context):
      report("the key \"\(keys.first ?? "")\" stands twice in a map", at: Mark(context.mark))
    default:
      report("cannot be read as YAML", at: Mark(line: 1, column: 1))
    }
  }

  private mutating func report(_ mistake: SyntaxMistake) {
    report(mistake.message, at: mistake.mark, length: mistake.length, hint: mistake.hint)
  }

  private mutating func report(composer problem: String, at mark: Mark) {
    if problem.contains("another document") {
      return report(
        "a second document begins here; a topology file is one document", at: mark,
        hint: "take the --- away, or put each into a file of its own")
    }
    // What is left are references to anchors that there are none of.
    let line = source.line(mark.line)
    let rest = line.dropFirst(mark.column - 1)
    let text = String(String.UnicodeScalarView(rest.prefix { $0 != " " && $0 != "," && $0 != "]" && $0 != "}" }))
    let name = String(text.drop { $0 == "*" })
    let anchors = Self.anchors(source)
    let hint =
      name.contains("/") || name.contains("*")
      ? "quote it: \"\(text)\""
      : Suggestion.nearest(to: name, in: anchors).map { "did you mean *\($0)?" }
        ?? "&\(name) in front of a value would make it one; text that begins with * is quoted: \"\(text)\""
    report(
      "\(text) refers to an anchor, and no &\(name) stands above it", at: mark,
      length: max(1, text.unicodeScalars.count), hint: hint)
  }

  private static func anchors(_ source: SourceText) -> [String] {
    let outline = YAMLOutline(source, lines: source.lineCount)
    return outline.lines.flatMap { $0.tokens.filter { $0.kind == .anchor } }.map {
      String(outline.text($0).dropFirst())
    }
  }

  private mutating func report(unreadable problem: String, at mark: Mark) {
    let line = source.line(mark.line)
    let found = mark.column >= 1 && mark.column <= line.count ? line[mark.column - 1] : nil
    let message =
      found.map { "the control character \($0.notation) cannot stand in a text file" } ?? "this is no text"
    report(
      "not a text file: \(message)", at: mark,
      hint: found.map { "take it away, or write it inside \"…\" as \($0.escaped)" } ?? "a topology is YAML in UTF-8")
  }

  /// Tags would change what a value is; what YAML has of its own is what values are anyway.
  private mutating func checkTag(_ tag: Tag, at mark: Mark) {
    let name = tag.description
    guard !name.isEmpty, !name.hasPrefix("tag:yaml.org,2002:"), name != "!" else { return }
    isForeign = true
    let place = source.mark(tag: name, near: mark) ?? mark
    report(
      "tags are not supported: \(name)", at: place, length: name.unicodeScalars.count,
      hint: name.contains("include")
        ? "a topology is one file; anchors (&a, *a, <<) save repetition within it"
        : "text that begins with ! is quoted")
  }

  private mutating func convert(_ node: Node, depth: Int) -> Written {
    count += 1
    let mark = node.mark.map { Mark($0) } ?? Mark(line: 1, column: 1)
    let nothing = Written(kind: .scalar("", quoted: false), mark: mark)
    if count > Self.maximumNodes || depth > 4 * TextGuard.maximumDepth {
      let large = "aliases make this file grow to more than \(Self.maximumNodes) entries"
      if !gaveUp { report(count > Self.maximumNodes ? large : "aliases nest too deep", at: mark) }
      gaveUp = true
    }
    if gaveUp { return nothing }
    switch node {
    case .scalar(let scalar):
      if mayHaveTags { checkTag(scalar.tag, at: mark) }
      return Written(kind: .scalar(scalar.string, quoted: scalar.style != .plain && scalar.style != .any), mark: mark)
    case .sequence(let sequence):
      if mayHaveTags { checkTag(sequence.tag, at: mark) }
      var items: [Written] = []
      for item in sequence {
        items.append(convert(item, depth: depth + 1))
        if gaveUp { return nothing }
      }
      return Written(kind: .list(items), mark: mark)
    case .mapping(let mapping):
      if mayHaveTags { checkTag(mapping.tag, at: mark) }
      return convert(mapping, mark, depth: depth)
    case .alias: return nothing
    }
  }

  private mutating func convert(_ mapping: Node.Mapping, _ mark: Mark, depth: Int) -> Written {
    var entries: [Written.Entry] = []
    var duplicated: [String: Mark] = [:]
    var earlier: [String: Written] = [:]
    var below: [Written] = []
    for (key, node) in mapping {
      guard case .scalar(let scalar) = key else {
        report(
          "keys must be plain words", at: key.mark.map { Mark($0) } ?? mark,
          hint: "a { inside { } begins a key that is a map; templates ({{ … }}) are not filled in")
        isForeign = true
        continue
      }
      let value = convert(node, depth: depth + 1)
      if gaveUp { break }
      let keyMark = scalar.mark.map { Mark($0) } ?? mark
      if let original = renamed[scalar.string] {
        if duplicated[original] == nil {
          duplicated[original] = keyMark
          earlier[original] = value
        }
      } else if scalar.string == "<<", scalar.style == .plain {
        below += value.items ?? [value]
      } else {
        entries.append(.init(key: scalar.string, keyMark: keyMark, value: value))
      }
    }
    if !duplicated.isEmpty {
      hasDuplicates = true
      for (index, entry) in entries.enumerated() {
        guard let first = duplicated[entry.key] else { continue }
        if let value = earlier[entry.key] { entries[index].value = value.joined(with: entry.value) }
        report(
          "the key \"\(entry.key)\" stands twice in this map; the first is on line \(first.line)", at: entry.keyMark,
          length: entry.key.unicodeScalars.count)
      }
    }
    // Keys of the map itself win, then the earlier of several (https://yaml.org/type/merge.html).
    if !below.isEmpty {
      var known = Set(entries.map(\.key))
      for map in below {
        guard let more = map.entries else {
          report("\"<<\" takes a map or a list of maps", at: map.mark)
          continue
        }
        for entry in more where known.insert(entry.key).inserted { entries.append(entry) }
      }
    }
    return Written(kind: .map(entries), mark: mark)
  }
}

extension Mark {
  init(_ mark: Yams.Mark) { self.init(line: mark.line, column: mark.column) }
}
