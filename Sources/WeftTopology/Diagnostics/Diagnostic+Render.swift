import WeftCore
import WeftSettings

extension Diagnostic {
  /// `file:line:column: error: message`, the source line, a caret below the place, and the hint; no newline at the end.
  /// With `color`, ANSI escapes for a terminal.
  public func render(color: Bool) -> String {
    func paint(_ text: String, _ code: String) -> String { color ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
    let tint = severity == .error ? "1;31" : "1;35"
    var text = paint("\(file.visible):\(line):\(column):", "1")
    text += " \(paint("\(severity.rawValue):", tint)) \(paint(message.visible, "1"))"
    if !sourceLine.isEmpty {
      let (margin, carets) = caretLine
      text += "\n  \(shownLine)\n  \(margin)\(paint(carets, tint))"
    }
    if let hint { text += "\n  \(paint("help:", "1;36")) \(hint.visible)" }
    return text
  }

  /// What stands before the carets, and the carets. Tabs are repeated so that any tab width lines up.
  private var caretLine: (margin: String, carets: String) {
    let scalars = Array(sourceLine.unicodeScalars)
    let start = min(max(0, column - 1 - cut), scalars.count)
    let end = min(start + length, scalars.count)
    var margin = ""
    for scalar in scalars[..<start] {
      margin += scalar == "\t" ? "\t" : String(repeating: " ", count: scalar.shownWidth)
    }
    let width = scalars[start..<end].reduce(0) { $0 + $1.shownWidth }
    return (margin, String(repeating: "^", count: max(1, width)))
  }

  /// The line with all that is not to be seen escaped, but for tabs.
  private var shownLine: String {
    sourceLine.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).visible }
      .joined(separator: "\t")
  }
}

extension Unicode.Scalar {
  /// Terminal columns of what is shown for it.
  fileprivate var shownWidth: Int { isUnseen && self != "\t" ? escaped.utf8.count : terminalWidth }

  /// Terminal columns: 0 for combining marks, 2 for the wide blocks of UAX #11, else 1.
  var terminalWidth: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    let wide: [ClosedRange<UInt32>] = [
      0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
    ]
    return wide.contains { $0.contains(value) } ? 2 : 1
  }
}
