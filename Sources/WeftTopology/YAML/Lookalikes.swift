import WeftCore
import WeftSettings

/// Characters that a word processor or a chat puts in place of those that YAML knows: curly quotes, dashes, blanks that
/// don't break, blanks of no width. They are legal text, so that they are only told where they broke something.
enum Lookalikes {
  /// What was meant; nil: nothing.
  static func meant(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar.value {
    case 0x201c...0x201f, 0xab, 0xbb, 0x2033, 0xff02, 0x301d...0x301f: "\""
    case 0x2018...0x201b, 0x2032, 0xff07, 0xb4, 0x2039, 0x203a: "'"
    case 0x2010...0x2015, 0x2212, 0xfe58, 0xfe63, 0xff0d: "-"
    case 0xa0, 0x2000...0x200a, 0x202f, 0x205f, 0x3000: " "
    case 0xff1a, 0xa789: ":"
    case 0xff0c, 0x201a: ","
    case 0xff0e: "."
    case 0xff0f, 0x2044, 0x2215: "/"
    case 0xff3b: "["
    case 0xff3d: "]"
    case 0xff5b: "{"
    case 0xff5d: "}"
    case 0xff03: "#"
    default: letters[scalar]
    }
  }

  /// Letters and digits of other scripts that look like those of ASCII (the commonest of UTS #39's confusables).
  private static let letters: [Unicode.Scalar: Unicode.Scalar] = {
    let twins = [
      ("аеорсухіјѕһԁԛԝкАВЕКМНОРСТХЅІЈҮ", "aeopcyxijshdqwkABEKMHOPCTXSIJY"),
      ("ονρακιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovpakiABEZHIKMNOPTYX"),
    ]
    var letters: [Unicode.Scalar: Unicode.Scalar] = [:]
    for (strange, plain) in twins {
      for (twin, letter) in zip(strange.unicodeScalars, plain.unicodeScalars) { letters[twin] = letter }
    }
    for value: UInt32 in Array(0x30...0x39) + Array(0x41...0x5a) + Array(0x61...0x7a) {
      if let wide = Unicode.Scalar(value + 0xfee0), let plain = Unicode.Scalar(value) { letters[wide] = plain }
    }
    return letters
  }()

  /// The first such character in a text.
  static func first(_ text: String) -> Unicode.Scalar? {
    let scalars = Array(text.unicodeScalars)
    return scalars.indices.first { scalars[$0].value >= 0x80 && meant(scalars[$0]) != nil && isStranger($0, scalars) }
      .map { scalars[$0] }
  }

  /// A letter is taken for another's twin only where its whole word would be ASCII: other languages are none.
  private static func isStranger(_ index: Int, _ line: [Unicode.Scalar]) -> Bool {
    guard letters[line[index]] != nil else { return true }
    func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "-" || scalar == "_"
    }
    var (first, last) = (index, index)
    while first > 0, isOfWord(line[first - 1]) { first -= 1 }
    while last + 1 < line.count, isOfWord(line[last + 1]) { last += 1 }
    return line[first...last].allSatisfy { $0.isASCII || letters[$0] != nil }
  }

  private static func isNothing(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value == 0x200b || scalar.value == 0x2060 || scalar.value == 0xfeff || scalar.value == 0xad
  }

  /// The columns (from 0) of a line where such a character stands, outside straight quotes and comments.
  static func columns(_ line: [Unicode.Scalar]) -> [Int] {
    var columns: [Int] = []
    var quote: Unicode.Scalar?
    for (i, scalar) in line.enumerated() {
      let before: Unicode.Scalar = i > 0 ? line[i - 1] : " "
      if let open = quote {
        if scalar == open, open == "'" || before != "\\" { quote = nil }
      } else if scalar == "\"" || scalar == "'", " \t,[{:".unicodeScalars.contains(before) {
        quote = scalar
      } else if scalar == "#", before == " " || before == "\t" {
        break
      } else if scalar.value >= 0x80, (meant(scalar) != nil && isStranger(i, line)) || isNothing(scalar) {
        columns.append(i)
      }
    }
    return columns
  }

  /// The line as it was meant.
  static func mended(_ line: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var mended = line
    for column in columns(line).reversed() {
      if let meant = meant(line[column]) { mended[column] = meant } else { mended.remove(at: column) }
    }
    return mended
  }

  /// The column (from 1) in the line as it is for one in the line as it was meant.
  static func column(_ mended: Int, in line: [Unicode.Scalar]) -> Int {
    columns(line).filter { meant(line[$0]) == nil }.reduce(mended) { $1 < $0 ? $0 + 1 : $0 }
  }

  static func message(_ scalar: Unicode.Scalar) -> (message: String, hint: String) {
    let name = scalar.properties.name?.lowercased() ?? "another character"
    guard let meant = meant(scalar) else {
      return ("an invisible \(name) (\(scalar.notation)) stands here", "take it away")
    }
    if meant == " " { return ("this blank is a \(name) (\(scalar.notation))", "type a plain space instead") }
    let what: String =
      switch meant {
      case "\"", "'": "not a straight quote"
      case "-": "not a hyphen"
      default: "not \(meant)"
      }
    return ("\(scalar) (\(scalar.notation), \(name)) is \(what)", "type \(meant) instead")
  }
}

extension SourceText {
  /// The text with the characters of some lines as they were meant.
  func mended(_ lines: Set<Int>) -> String {
    var text = String.UnicodeScalarView()
    for number in 1...lineCount {
      let line = line(number)
      text.append(contentsOf: lines.contains(number) ? Lookalikes.mended(line) : line)
      text.append("\n")
    }
    return String(text)
  }
}

extension TopologyLoad {
  /// Loads again with the characters mended that broke something: what is still wrong then is told beside them.
  mutating func mendLookalikes(of source: SourceText, _ load: (String) -> TopologyLoad) {
    guard source.text.utf8.count <= 1 << 20, source.text.utf8.contains(where: { $0 >= 0x80 }) else { return }
    var mended: Set<Int> = []
    var best = self
    for _ in 0..<16 {
      let wrong = best.diagnostics.filter { $0.severity == .error }
      let lines = Set(wrong.flatMap { [$0.line, $0.line - 1] }).subtracting(mended).filter {
        $0 >= 1 && !Lookalikes.columns(source.line($0)).isEmpty
      }
      guard !lines.isEmpty else { break }
      let next = load(source.mended(mended.union(lines)))
      let left = Set(next.diagnostics.map(\.place))
      // A line whose mistakes are all still there has others.
      let helped = lines.filter { line in
        wrong.contains { ($0.line == line || $0.line == line + 1) && !left.contains($0.place) }
      }
      guard !helped.isEmpty else { break }
      mended.formUnion(helped)
      best = helped == lines ? next : load(source.mended(mended))
    }
    guard !mended.isEmpty else { return }
    var all = best.diagnostics.compactMap { diagnostic -> Diagnostic? in
      guard mended.contains(diagnostic.line) else { return diagnostic }
      let line = source.line(diagnostic.line)
      let column = Lookalikes.column(diagnostic.column, in: line)
      // What even the mended character breaks is the same mistake.
      if Lookalikes.columns(line).contains(where: { column - 1 <= $0 && $0 < column - 1 + diagnostic.length }) {
        return nil
      }
      return source.diagnostic(
        diagnostic.severity, at: Mark(line: diagnostic.line, column: column), length: diagnostic.length,
        diagnostic.message, hint: diagnostic.hint)
    }
    for number in mended.sorted() {
      let line = source.line(number)
      guard let column = Lookalikes.columns(line).first else { continue }
      let (message, hint) = Lookalikes.message(line[column])
      all.append(source.diagnostic(.error, at: Mark(line: number, column: column + 1), length: 1, message, hint: hint))
    }
    diagnostics = all.enumerated().sorted {
      ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
    }.map(\.element)
    topology = nil
  }
}

extension Diagnostic {
  fileprivate var place: String { "\(line):\(column) \(message)" }
}
