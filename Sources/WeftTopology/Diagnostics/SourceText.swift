import WeftSettings

/// The text of a file and its lines, counted as libyaml counts them.
struct SourceText {
  let file: String
  let text: String
  /// The line on which what is set beside the file begins: behind its own lines, so that it has places too.
  private(set) var settingsLine = Int.max
  /// Where each line starts, in UTF-8 bytes; the last entry is the end of the text.
  private var starts: [Int] = [0]
  private let bytes: [UInt8]
  private let recent = RecentLine()

  /// The line asked for last: a thousand mistakes may stand in one line of ten megabytes.
  private final class RecentLine {
    var number = 0
    var scalars: [Unicode.Scalar] = []
  }

  init(text: String, file: String, settings: [String] = []) {
    self.file = file
    self.text = text
    var bytes = Array(text.utf8)
    var settingsStart = Int.max
    if !settings.isEmpty {
      bytes.append(0x0a)
      settingsStart = bytes.count
      bytes += settings.joined(separator: "\n").utf8
    }
    self.bytes = bytes
    var i = 0
    while i < bytes.count {
      // Most bytes begin no break of any kind.
      let c = bytes[i]
      let breakLength = c == 0x0a || c == 0x0d || c == 0xc2 || c == 0xe2 ? Self.lineBreak(bytes, i) : 0
      i += breakLength > 1 ? breakLength : 1
      if breakLength > 0 { starts.append(i) }
    }
    if starts.last != bytes.count { starts.append(bytes.count) }
    if !settings.isEmpty { settingsLine = (starts.firstIndex(of: settingsStart) ?? 0) + 1 }
  }

  /// The length of the line break at `i`, or 0: LF, CR, CR LF, and NEL, LS, PS as YAML 1.1 has it.
  static func lineBreak(_ bytes: [UInt8], _ i: Int) -> Int {
    switch bytes[i] {
    case 0x0a: return 1
    case 0x0d: return i + 1 < bytes.count && bytes[i + 1] == 0x0a ? 2 : 1
    case 0xc2: return i + 1 < bytes.count && bytes[i + 1] == 0x85 ? 2 : 0
    case 0xe2:
      return i + 2 < bytes.count && bytes[i + 1] == 0x80 && (bytes[i + 2] == 0xa8 || bytes[i + 2] == 0xa9) ? 3 : 0
    default: return 0
    }
  }

  /// Lines that have text, at least 1.
  var lineCount: Int { max(1, starts.count - 1) }

  private func lineBytes(_ number: Int) -> ArraySlice<UInt8> {
    guard number >= 1, number < starts.count else { return [] }
    var end = starts[number]
    while end > starts[number - 1], bytes[end - 1] == 0x0a || bytes[end - 1] == 0x0d { end -= 1 }
    return bytes[starts[number - 1]..<end]
  }

  /// The line, without its break; "" outside the file.
  func line(_ number: Int) -> [Unicode.Scalar] {
    if recent.number != number {
      recent.scalars = Array(String(decoding: lineBytes(number), as: UTF8.self).unicodeScalars)
      recent.number = number
    }
    return recent.scalars
  }

  /// Line and column of a byte.
  func mark(atByte offset: Int) -> Mark {
    var low = 0
    var high = starts.count - 1
    while low + 1 < high {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    let column = String(decoding: bytes[starts[low]..<max(starts[low], min(offset, bytes.count))], as: UTF8.self)
      .unicodeScalars.count
    return Mark(line: low + 1, column: column + 1)
  }

  /// Where `part` stands in the scalar that begins at `mark`, so that a caret points into `"8080:web:80/tcp"`.
  func mark(of part: String, from mark: Mark) -> Mark? {
    let wanted = Array(part.unicodeScalars)
    let line = line(mark.line)
    guard !wanted.isEmpty, mark.column >= 1, mark.column - 1 + wanted.count <= line.count else { return nil }
    for start in (mark.column - 1)...min(line.count - wanted.count, mark.column + 200)
    where line[start..<start + wanted.count].elementsEqual(wanted) {
      return Mark(line: mark.line, column: start + 1)
    }
    return nil
  }

  /// Where a tag stands: before the value that it goes with, on its line or the one above.
  func mark(tag: String, near mark: Mark) -> Mark? {
    let wanted = Array(tag.unicodeScalars)
    for number in [mark.line, mark.line - 1] where number >= 1 {
      let line = line(number)
      guard line.count >= wanted.count else { continue }
      let end = number == mark.line ? min(line.count - wanted.count, mark.column - 1) : line.count - wanted.count
      guard end >= 0 else { continue }
      for start in (max(0, end - 240)...end).reversed() where line[start..<start + wanted.count].elementsEqual(wanted) {
        return Mark(line: number, column: start + 1)
      }
    }
    return nil
  }

  /// The parser is given line breaks behind the text: what it misses there is missing at the text's end.
  private func inside(_ mark: Mark) -> Mark {
    let last = max(1, starts.count - 1)
    return mark.line > last ? Mark(line: last, column: line(last).count + 1) : mark
  }

  /// A diagnostic at `mark`; lines over 240 scalars are cut around it.
  func diagnostic(
    _ severity: Diagnostic.Severity, at mark: Mark, length: Int, _ message: String, hint: String?
  ) -> Diagnostic {
    let mark = inside(mark)
    let line = line(mark.line)
    let cut = line.count > 240 ? max(0, min(mark.column - 81, line.count - 200)) : 0
    let shown = line[min(cut, line.count)..<min(line.count, cut + 240)]
    var view = String.UnicodeScalarView()
    view.append(contentsOf: shown)
    let isSet = mark.line >= settingsLine
    var diagnostic = Diagnostic(
      severity: severity, file: isSet ? "--set" : file, line: isSet ? mark.line - settingsLine + 1 : mark.line,
      column: mark.column, message: message, hint: hint, sourceLine: String(view), length: length)
    diagnostic.cut = cut
    return diagnostic
  }
}
