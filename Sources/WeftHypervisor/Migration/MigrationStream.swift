import WeftCore

/// What a migration's two ends say to each other over one TCP connection; numbers are big-endian.
///
///     source   hello   "WEFTMIGR", version (4), octets of the name (2), name, pages of memory (8)
///              page    1 << 61 | page number (8), 4,096 octets
///              zero    2 << 61 | page number (8), 0 (1)
///              control 3 << 61 | kind << 32 | octets (8), octets
///     target   one octet: accepted, refused, heard (a round), complete, running, differs
///
/// A page takes 4,104 octets and a zero page 9, as in QEMU's stream.
public enum MigrationStream {
  static let magic = Array("WEFTMIGR".utf8)
  static let version: UInt32 = 1
  /// Never used pages, which no region has.
  static let untouched: UInt32 = (1 << 21) - 1

  enum Control: UInt32 {
    /// The source reads memory anew once the target has heard it.
    case round = 1
    /// Registers of the virtual devices.
    case devices
    /// The machine stands still, and the target may have it; its working sets follow.
    case head
    /// All of its memory was sent; sum and count of its pages.
    case end
    /// What was written to a disk: its number (2), octets before it (8), octets.
    case disk
  }

  public enum Answer: UInt8, Sendable {
    case accepted = 1
    case refused, heard, complete, running, differs
  }

  static func page(_ number: PageNumber, _ bytes: [UInt8], into out: inout [UInt8]) {
    append(1 << 61 | number.rawValue, to: &out)
    out += bytes
  }

  static func zero(_ number: PageNumber, into out: inout [UInt8]) {
    append(2 << 61 | number.rawValue, to: &out)
    out.append(0)
  }

  static func control(_ kind: Control, _ bytes: [UInt8] = [], into out: inout [UInt8]) {
    append(3 << 61 | UInt64(kind.rawValue) << 32 | UInt64(bytes.count), to: &out)
    out += bytes
  }

  static func hello(_ name: String, pages: UInt64) -> [UInt8] {
    var out = magic
    append(version, to: &out)
    append(UInt16(truncatingIfNeeded: name.utf8.count), to: &out)
    out += Array(name.utf8)
    append(pages, to: &out)
    return out
  }

  static func append<T: FixedWidthInteger>(_ value: T, to out: inout [UInt8]) {
    withUnsafeBytes(of: value.bigEndian) { out.append(contentsOf: $0) }
  }

  static func number<T: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, as _: T.Type = T.self) -> T {
    bytes.reduce(0) { $0 << 8 | T($1) }
  }
}
