import WeftSettings

/// A look over the text before the recursive YAML parser sees it: what could overflow its stack, fill the memory or
/// take for ever is refused here, in one pass. It knows just enough YAML to skip quotes, comments and block scalars;
/// where it is wrong, libyaml's own limits still hold.
struct TextGuard {
  static let maximumBytes = 16 << 20
  static let maximumDepth = 64
  static let maximumEntries = 1_000_000
  /// Aliases of anchors that hold aliases of anchors … nest deeper than the text does.
  static let maximumAnchors = 200
  /// So deep can the tree be at most: what frees it recurses, perhaps on a thread with a small stack.
  static let maximumExpandedDepth = 3000

  struct Refusal {
    var offset: Int
    var message: String
  }

  private let bytes: [UInt8]
  private var i = 0
  private var flowDepth = 0
  private var indents: [Int] = []
  private var entries = 0
  private var anchors = 0
  private var deepest = 0
  private var refusal: Refusal?

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// What is wrong with the text, or nil.
  static func refusal(of bytes: [UInt8]) -> Refusal? {
    var scan = TextGuard(bytes)
    scan.run()
    return scan.refusal
  }

  private mutating func refuse(_ message: String, at offset: Int) {
    if refusal == nil { refusal = Refusal(offset: offset, message: message) }
  }

  private func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0x0a }
  private func isBreak(_ c: UInt8) -> Bool { c == 0x0a || c == 0x0d }
  private func isBlank(_ c: UInt8) -> Bool { c == 0x20 || c == 0x09 || isBreak(c) }

  private mutating func run() {
    while i < bytes.count, refusal == nil { line() }
    // Each anchor may hold the one before at its deepest place.
    if anchors * deepest > Self.maximumExpandedDepth {
      refuse("\(anchors) anchors are too many for \(deepest) levels of nesting", at: 0)
    }
  }

  /// One line; quotes may carry on into the next ones.
  private mutating func line() {
    let start = i
    while byte(i) == 0x20, i < bytes.count { i += 1 }
    if i >= bytes.count { return }
    if isBreak(byte(i)) {
      i += 1
      return
    }
    var parent = i - start
    if flowDepth == 0 {
      if parent == 0, byte(i) == byte(i + 1), byte(i) == byte(i + 2), byte(i) == 0x2d || byte(i) == 0x2e {
        indents = []
        i += 3
        parent = -1
      } else {
        while let last = indents.last, last >= parent { indents.removeLast() }
        // `- - key:` opens a level with each dash.
        while byte(i) == 0x2d, isBlank(byte(i + 1)), i < bytes.count {
          parent = i - start
          indents.append(parent)
          i += 1
          entries += 1
          while byte(i) == 0x20 || byte(i) == 0x09 { i += 1 }
          if indents.count > Self.maximumDepth { break }
        }
        let column = i - start
        if column > indents.last ?? -1, !isBreak(byte(i)), byte(i) != 0x23 { indents.append(column) }
        if byte(i) == 0x3f, isBlank(byte(i + 1)) { refuse("keys must be plain words", at: i) }
      }
      deepest = max(deepest, indents.count)
      if indents.count > Self.maximumDepth { refuse("nested more than \(Self.maximumDepth) levels deep", at: i) }
    }
    content(lineStart: start, parent: parent)
    if entries > Self.maximumEntries { refuse("more than \(Self.maximumEntries) entries", at: i) }
  }

  /// The rest of a line from its first token.
  private mutating func content(lineStart: Int, parent: Int) {
    var parent = parent
    var atToken = true
    let first = i
    while i < bytes.count, refusal == nil {
      let c = bytes[i]
      switch c {
      case 0x0a, 0x0d:
        i += 1
        return
      case 0x20, 0x09:
        i += 1
      case UInt8(ascii: "#") where i == lineStart || isBlank(byte(i - 1)):
        while i < bytes.count, !isBreak(bytes[i]) { i += 1 }
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        if atToken { quote(c) } else { i += 1 }
        atToken = false
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        if atToken || flowDepth > 0 {
          flowDepth += 1
          deepest = max(deepest, flowDepth + indents.count)
          entries += 1
          if flowDepth + indents.count > Self.maximumDepth {
            refuse("nested more than \(Self.maximumDepth) levels deep", at: i)
          }
          atToken = true
        }
        i += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        i += 1
        if flowDepth > 0 {
          flowDepth -= 1
          atToken = false
          refuseKey(from: i - 1)
        }
      case UInt8(ascii: ","):
        i += 1
        if flowDepth > 0 {
          atToken = true
          entries += 1
        }
      case UInt8(ascii: ":") where isBlank(byte(i + 1)) || flowDepth > 0:
        if !atToken, flowDepth == 0 { parent = max(parent, first - lineStart) }
        i += 1
        entries += 1
        atToken = true
      case UInt8(ascii: "?") where atToken && isBlank(byte(i + 1)):
        refuse("keys must be plain words", at: i)
      case UInt8(ascii: "&"), UInt8(ascii: "!"):
        if atToken, c == UInt8(ascii: "&") {
          anchors += 1
          if anchors > Self.maximumAnchors { refuse("more than \(Self.maximumAnchors) anchors", at: i) }
        }
        i += 1
        if atToken { while i < bytes.count, !isBlank(bytes[i]), !isFlow(bytes[i]) { i += 1 } }
      case UInt8(ascii: "*") where atToken:
        let start = i
        i += 1
        while i < bytes.count, !isBlank(bytes[i]), !isFlow(bytes[i]), bytes[i] != UInt8(ascii: ":") { i += 1 }
        atToken = false
        refuseKey(from: start)
      case UInt8(ascii: "|"), UInt8(ascii: ">"):
        i += 1
        if atToken, flowDepth == 0 {
          skipBlockScalar(parent: parent)
          return
        }
      default:
        atToken = false
        i += 1
      }
    }
  }

  private func isFlow(_ c: UInt8) -> Bool {
    c == UInt8(ascii: ",") || c == UInt8(ascii: "[") || c == UInt8(ascii: "]") || c == UInt8(ascii: "{")
      || c == UInt8(ascii: "}")
  }

  /// Hashing a collection or an alias as a key may take for ever ("billion laughs"), and no key here is one.
  private mutating func refuseKey(from start: Int) {
    var next = i
    while byte(next) == 0x20 || byte(next) == 0x09 { next += 1 }
    if byte(next) == UInt8(ascii: ":"), next < bytes.count { refuse("keys must be plain words", at: start) }
  }

  private mutating func quote(_ mark: UInt8) {
    i += 1
    while i < bytes.count {
      if bytes[i] == UInt8(ascii: "\\"), mark == UInt8(ascii: "\"") {
        i += 2
      } else if bytes[i] == mark {
        i += 1
        // '' inside single quotes is a quote.
        if mark == UInt8(ascii: "'"), byte(i) == mark { i += 1 } else { return }
      } else {
        i += 1
      }
    }
  }

  /// Lines deeper than the key or dash that opened the scalar belong to it.
  private mutating func skipBlockScalar(parent: Int) {
    while i < bytes.count, !isBreak(bytes[i]) { i += 1 }
    while i < bytes.count {
      if isBreak(bytes[i]) { i += 1 }
      let start = i
      while i < bytes.count, bytes[i] == 0x20 { i += 1 }
      if i < bytes.count, !isBreak(bytes[i]), i - start <= parent {
        i = start
        return
      }
      while i < bytes.count, !isBreak(bytes[i]) { i += 1 }
    }
  }
}
