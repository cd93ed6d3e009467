// Text from a file on its way to people: what would move a terminal's cursor, change its colours or the order of letters,
// or be seen by nobody, is shown as YAML writes it inside "…", and never sent.

extension String {
  /// This text on one line, its control characters and invisible marks escaped: `\e[31m`, `\n`, `\u202E`.
  public var visible: String {
    guard unicodeScalars.contains(where: \.isUnseen) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if scalar.isUnseen { result += scalar.escaped } else { result.unicodeScalars.append(scalar) }
    }
    return result
  }
}

extension Unicode.Scalar {
  /// Whether it is nothing to look at: C0 and C1 controls, line and paragraph separators, marks that turn the direction of
  /// text (UAX #9), blanks of no width, and the values that are no characters.
  public var isUnseen: Bool {
    switch value {
    case 0x20..<0x7f, 0xae..<0x61c: false
    case 0..<0x20, 0x7f..<0xa0, 0xad, 0x61c: true
    case 0x200b, 0x200e, 0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb: true
    case 0xfdd0...0xfdef, 0xe0000...0xe007f: true
    default: value & 0xfffe == 0xfffe
    }
  }

  /// As YAML writes it inside "…".
  public var escaped: String {
    switch self {
    case "\0": return "\\0"
    case "\u{7}": return "\\a"
    case "\u{8}": return "\\b"
    case "\t": return "\\t"
    case "\n": return "\\n"
    case "\u{b}": return "\\v"
    case "\u{c}": return "\\f"
    case "\r": return "\\r"
    case "\u{1b}": return "\\e"
    default:
      let hex = String(value, radix: 16, uppercase: true)
      let width = value < 0x100 ? 2 : value < 0x10000 ? 4 : 8
      let letter = width == 2 ? "x" : width == 4 ? "u" : "U"
      return "\\\(letter)" + String(repeating: "0", count: max(0, width - hex.utf8.count)) + hex
    }
  }

  /// `U+00A0`
  public var notation: String {
    let hex = String(value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
  }
}
