/// A part of a file that stands for itself: checked by its own sum, of a version of its own, skipped by who doesn't know
/// its kind.
public struct Section: Sendable {
  public var kind: UInt16
  public var version: UInt16
  /// What it is of: an element's name, or nothing.
  public var name: String
  public var bytes: [UInt8]

  public init(kind: UInt16, version: UInt16, name: String = "", bytes: [UInt8]) {
    self.kind = kind
    self.version = version
    self.name = name
    self.bytes = bytes
  }
}

/// Why bytes are no file of sections.
public enum SectionError: Error, Equatable {
  case foreign
  case version(UInt32)
  case damaged(String)
}

/// A magic number, a version, a table of sections, their bodies one after the other (docs/checkpoint.md):
///
///     magic (8 bytes) | version (32) | length of the table (32) | CRC-32 of the table (32) | table | bodies
///     table: count (32), then of each: kind (16) | version (16) | length (64) | CRC-32 (32) | length of name (16) | name
///
/// Numbers are little-endian.
public enum SectionFile {
  private static let head = 20
  /// Of an entry without its name.
  private static let entry = 18

  public static func encode(_ sections: [Section], magic: [UInt8], version: UInt32) -> [UInt8] {
    let table = ByteWriter()
    table.append(UInt32(sections.count))
    for section in sections {
      let name = Array(section.name.utf8.prefix(Int(UInt16.max)))
      table.append(section.kind)
      table.append(section.version)
      table.append(UInt64(section.bytes.count))
      table.append(CRC32.checksum(section.bytes))
      table.append(UInt16(name.count))
      name.withUnsafeBytes { table.append($0) }
    }
    let size = sections.reduce(head + table.count) { $0 + $1.bytes.count }
    let file = ByteWriter(capacity: size)
    magic.withUnsafeBytes { file.append($0) }
    file.append(version)
    file.append(UInt32(table.count))
    file.append(CRC32.checksum(table.bytes))
    file.append(table.bytes)
    for section in sections { section.bytes.withUnsafeBytes { file.append($0) } }
    return file.array
  }

  /// Everything is held against the file's length and the sums before it is believed.
  /// - Parameter named: what a section is called in an error.
  public static func decode(
    _ file: [UInt8], magic: [UInt8], version: UInt32, named: (_ kind: UInt16, _ name: String) -> String
  ) throws(SectionError) -> [Section] {
    guard file.starts(with: magic) else { throw .foreign }
    guard file.count >= magic.count + 4 else { throw .damaged("it ends in its header") }
    let found: UInt32 = integer(file, magic.count)
    guard found == version else { throw .version(found) }
    guard file.count >= head else { throw .damaged("it ends in its header") }
    let length = Int(integer(file, magic.count + 4) as UInt32)
    guard length >= 4, length <= file.count - head else { throw .damaged("it ends in its table of sections") }
    let sum: UInt32 = integer(file, magic.count + 8)
    guard file.withUnsafeBytes({ CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[head..<head + length])) }) == sum else {
      throw .damaged("its table of sections has a wrong checksum")
    }
    var at = head + 4
    var body = head + length
    let count = Int(integer(file, head) as UInt32)
    guard count <= length / entry else { throw .damaged("its table of sections") }
    var sections: [Section] = []
    sections.reserveCapacity(count)
    for _ in 0..<count {
      guard at + entry <= head + length else { throw .damaged("its table of sections") }
      let (kind, version): (UInt16, UInt16) = (integer(file, at), integer(file, at + 2))
      let (length64, sum): (UInt64, UInt32) = (integer(file, at + 4), integer(file, at + 12))
      let nameLength = Int(integer(file, at + 16) as UInt16)
      at += entry
      guard nameLength <= head + length - at else { throw .damaged("its table of sections") }
      let name = String(decoding: file[at..<at + nameLength], as: UTF8.self)
      at += nameLength
      guard length64 <= UInt64(file.count - body) else { throw .damaged("it ends in \(named(kind, name))") }
      let bytes = Array(file[body..<body + Int(length64)])
      body += bytes.count
      guard CRC32.checksum(bytes) == sum else { throw .damaged("\(named(kind, name)) has a wrong checksum") }
      sections.append(Section(kind: kind, version: version, name: name, bytes: bytes))
    }
    guard at == head + length else { throw .damaged("its table of sections") }
    guard body == file.count else { throw .damaged("there are bytes behind its end") }
    return sections
  }

  private static func integer<T: FixedWidthInteger & BitwiseCopyable>(_ file: [UInt8], _ at: Int) -> T {
    file.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: T.self)) }
  }
}
