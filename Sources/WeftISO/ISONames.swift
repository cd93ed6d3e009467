/// What may be written, and what files are called where names are short.
enum ISONames {
  /// Joliet's limit, in UCS-2; and what Rock Ridge has room for in one record, in UTF-8.
  static let longest = 64
  static let longestUTF8 = 160
  /// Of directories, the root among them (ECMA-119, 6.8.2.1).
  static let deepest = 8

  static func check(_ name: String, _ path: String) throws(ISOError) {
    func refuse(_ why: String) -> ISOError { .unwritable(path, why) }
    guard !name.isEmpty, name != ".", name != ".." else { throw refuse("it has no name") }
    guard name.utf16.count <= longest, name.utf8.count <= longestUTF8 else {
      throw refuse("a name has at most \(longest) characters, and \(longestUTF8) bytes of UTF-8")
    }
    guard name.unicodeScalars.allSatisfy({ $0.value <= 0xffff }) else { throw refuse("Joliet has no character above U+FFFF") }
    guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || "*/:;?\\".unicodeScalars.contains($0) }) else {
      throw refuse("Joliet names have no * / : ; ? \\ or control characters")
    }
  }

  static func check(label: String) throws(ISOError) {
    guard label.utf8.count <= 16, label.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw .unwritable(label, "a label has at most 16 printable ASCII characters")
    }
  }

  /// Of a directory's entries, in their order, the identifiers of level 1 (8.3, A to Z, 0 to 9 and _), each another.
  static func plain(_ entries: [ISOEntry]) -> [[UInt8]] {
    var taken: Set<String> = []
    return entries.map { entry in
      let isFile = if case .file = entry.content { true } else { false }
      let dot = isFile ? entry.name.lastIndex(of: ".") : nil
      let base = letters(entry.name[..<(dot ?? entry.name.endIndex)], 8)
      let suffix = dot.map { letters(entry.name[entry.name.index(after: $0)...], 3) } ?? ""
      var (name, number) = (base.isEmpty ? "_" : base, 0)
      // Between a file and a directory too: `X` and `X.` are one to some readers.
      while !taken.insert("\(name).\(suffix)").inserted {
        let digits = String(number)
        name = base.prefix(8 - digits.count) + digits
        number += 1
      }
      return Array((isFile ? "\(name).\(suffix);1" : name).utf8)
    }
  }

  private static func letters(_ text: Substring, _ count: Int) -> String {
    String(
      String.UnicodeScalarView(
        text.uppercased().unicodeScalars.prefix(count).map {
          ("A"..."Z").contains($0) || ("0"..."9").contains($0) ? $0 : "_"
        }))
  }
}
