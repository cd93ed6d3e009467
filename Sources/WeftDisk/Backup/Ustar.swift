/// A ustar archive (POSIX.1-1988) of plain files: names sorted, times and owners zero, so that the same files give the same bytes. An
/// entry is a header of 512 bytes and its content in whole blocks of 512:
///
///     0     100  108  116  124   136    148   156  157    257    263  265    329
///     +------+----+----+----+-----+------+-----+----+------+------+----+------+----
///     | name |mode|uid |gid |size |mtime | sum |type| link |ustar\0| 00 | uname| …
///     +------+----+----+----+-----+------+-----+----+------+------+----+------+----
public enum Ustar {
  public enum Problem: Error, Hashable, CustomStringConvertible {
    case damaged(String, at: Int)
    case name(String)
    case tooLarge(String)
    /// Of a bundle.
    case sum(String)

    public var description: String {
      switch self {
      case .damaged(let what, let offset): "\(what) (at byte \(offset))"
      case .name(let name): "a file can't be called “\(name.prefix(120))” there"
      case .tooLarge(let name): "\(name) is too large"
      case .sum(let what): what
      }
    }
  }

  private static let block = 512

  /// - Throws: a name that is too long, stands twice or leads out of its folder.
  public static func write(_ files: [(name: String, bytes: [UInt8])]) throws(Problem) -> [UInt8] {
    var archive: [UInt8] = []
    var last = ""
    for (name, bytes) in files.sorted(by: { $0.name < $1.name }) {
      guard isPlain(name), name != last else { throw .name(name) }
      last = name
      guard bytes.count < 1 << 33 else { throw .tooLarge(name) }
      var header = [UInt8](repeating: 0, count: block)
      func put(_ text: String, _ at: Int) { header.replaceSubrange(at..<at + text.utf8.count, with: text.utf8) }
      put(name, 0)
      put("0000644", 100)
      put("0000000", 108)
      put("0000000", 116)
      put(octal(bytes.count, 11), 124)
      put("00000000000", 136)
      put("        ", 148)
      put("0", 156)
      put("ustar", 257)
      put("00", 263)
      put(octal(header.reduce(0) { $0 + Int($1) }, 6), 148)
      header[154] = 0
      archive += header
      archive += bytes
      archive += [UInt8](repeating: 0, count: (block - bytes.count % block) % block)
    }
    return archive + [UInt8](repeating: 0, count: 2 * block)
  }

  /// - Throws: where it isn't what `write` gives: other kinds of entries, a wrong sum, something missing.
  public static func read(_ archive: [UInt8]) throws(Problem) -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    var at = 0
    while true {
      guard at + block <= archive.count else { throw .damaged("it ends too early", at: archive.count) }
      let header = Array(archive[at..<at + block])
      if header.allSatisfy({ $0 == 0 }) { break }
      var summed = header
      summed.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
      guard let sum = number(header[148..<156]), sum == summed.reduce(0, { $0 + Int($1) }) else {
        throw .damaged("the sum of an entry is wrong", at: at + 148)
      }
      guard Array(header[257..<263]) == Array("ustar\0".utf8), header[156] == UInt8(ascii: "0") || header[156] == 0 else {
        throw .damaged("an entry is no plain file of a ustar archive", at: at + 156)
      }
      let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
      guard isPlain(name), header[345...].allSatisfy({ $0 == 0 }), !files.contains(where: { $0.name == name }) else {
        throw .name(name)
      }
      guard let size = number(header[124..<136]), size <= archive.count - at - block else {
        throw .damaged("\(name) reaches behind the end", at: at + 124)
      }
      files.append((name, Array(archive[at + block..<at + block + size])))
      at += block + (size + block - 1) / block * block
    }
    guard at + 2 * block == archive.count, archive[at...].allSatisfy({ $0 == 0 }) else {
      throw .damaged("something follows the last entry", at: at)
    }
    return files
  }

  private static func octal(_ value: Int, _ digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.prefix { $0 != 0 && $0 != 32 }
    guard !digits.isEmpty, digits.count <= 11, digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }

  private static func isPlain(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return (1...99).contains(name.utf8.count) && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
      && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }
  }
}
