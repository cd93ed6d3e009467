/// The header of a qcow2 file, versions 2 and 3, and its extensions (QEMU, docs/interop/qcow2.txt). Numbers are big-endian.
///
///     0 magic | 4 version | 8 offset, 16 length of the backing file's name | 20 bits of a cluster | 24 size | 32 encryption
///     36 entries, 40 offset of L1 | 48 offset, 56 clusters of the refcount table | 60 internal snapshots, 64 their offset
///     version 3: 72 incompatible, 80 compatible, 88 autoclear bits | 96 refcount order | 100 header length | 104 compression
struct Qcow2Header: Sendable, Hashable {
  struct Bitmaps: Hashable {
    var count: Int
    var directory: UInt64
    var length: Int
    /// Where the directory's offset stands.
    var field: Int
  }

  static let magic: UInt32 = 0x5146_49fb

  var version = 3
  var clusterBits = 16
  /// Bytes.
  var size = 0
  var l1Entries = 0
  var l1Offset = 0
  var snapshots = 0
  var backing: String?
  var backingFormat: String?
  var bitmaps: Bitmaps?

  var clusterSize: Int { 1 << clusterBits }
  /// Of an L2 table.
  var l2Entries: Int { clusterSize / 8 }

  enum Extension {
    static let backingFormat: UInt32 = 0xe279_2aca
    static let featureNames: UInt32 = 0x6803_f857
    static let bitmaps: UInt32 = 0x2385_2875
    static let encryption: UInt32 = 0x0537_be77
    static let externalFile: UInt32 = 0x4441_5441
  }

  init() {}

  init(_ file: Qcow2Bytes) throws(DiskImageError) {
    guard file.count >= 4, try file.u32(0, "") == Self.magic else { throw file.damaged("it isn't a qcow2 file", at: 0) }
    version = Int(try file.u32(4, "its version"))
    guard version == 2 || version == 3 else { throw file.unsupported("version \(version) of qcow2") }
    guard file.count >= (version == 2 ? 72 : 104) else { throw file.damaged("it ends in its header", at: file.count) }

    clusterBits = Int(try file.u32(20, "its cluster size"))
    guard (9...21).contains(clusterBits) else { throw file.damaged("clusters of 2^\(clusterBits) bytes", at: 20) }
    guard let size = Int(exactly: try file.u64(24, "its size")), size > 0, size % 512 == 0, size <= BlockDevice.maximumSize else {
      throw file.damaged("a disk can't have that size", at: 24)
    }
    self.size = size
    switch try file.u32(32, "its encryption") {
    case 0: break
    case 1: throw file.unsupported("AES encryption")
    case 2: throw file.unsupported("LUKS encryption")
    default: throw file.damaged("an unknown encryption", at: 32)
    }
    snapshots = Int(try file.u32(60, "its snapshots"))

    var headerLength = 72
    var autoclear: UInt64 = 0
    var incompatible: UInt64 = 0
    if version == 3 {
      incompatible = try file.u64(72, "its incompatible features")
      autoclear = try file.u64(88, "its autoclear features")
      let order = try file.u32(96, "its refcount order")
      guard order <= 6 else { throw file.damaged("refcounts of 2^\(order) bits", at: 96) }
      headerLength = Int(try file.u32(100, "its header's length"))
      guard headerLength >= 104, headerLength % 8 == 0, headerLength <= clusterSize, headerLength <= file.count else {
        throw file.damaged("a header of \(headerLength) bytes", at: 100)
      }
    }
    let names = try readExtensions(file, from: headerLength, trustsBitmaps: autoclear & 1 == 1)
    try Self.refuse(incompatible, names, file, headerLength)
    try readTables(file)
  }

  /// Where it stands is what it means: of what isn't known nothing can be read.
  private static func refuse(
    _ incompatible: UInt64, _ names: [Int: String], _ file: Qcow2Bytes, _ headerLength: Int
  ) throws(DiskImageError) {
    for bit in 0..<64 where incompatible >> UInt64(bit) & 1 == 1 {
      switch bit {
      // Its refcounts aren't to be trusted: they aren't read.
      case 0: break
      case 1: throw file.damaged("QEMU has marked it as corrupt", at: 72)
      case 2: throw file.unsupported("an external data file")
      case 3:
        let kind = headerLength > 104 ? try file.u8(104, "its compression") : 0
        throw kind == 1 ? file.unsupported("zstd compression") : file.damaged("an unknown compression", at: 104)
      case 4: throw file.unsupported("extended L2 entries")
      default: throw file.unsupported("the incompatible feature \(names[bit].map { "“\($0)”" } ?? "of bit \(bit)")")
      }
    }
  }

  /// What the file calls incompatible features, by bit.
  private mutating func readExtensions(
    _ file: Qcow2Bytes, from start: Int, trustsBitmaps: Bool
  ) throws(DiskImageError) -> [Int: String] {
    let nameOffset = try file.u64(8, "its backing file's name")
    let nameLength = Int(try file.u32(16, "the length of its backing file's name"))
    let clusterEnd = min(clusterSize, file.count)
    var end = clusterEnd
    if nameOffset != 0 {
      guard nameLength > 0, nameLength <= min(1023, clusterEnd), nameOffset >= UInt64(start),
        nameOffset <= UInt64(clusterEnd - nameLength)
      else {
        throw file.damaged("the name of its backing file lies outside its header's cluster", at: 8)
      }
      end = Int(nameOffset)
      guard let name = file.text(end, nameLength), !name.utf8.contains(0) else {
        throw file.damaged("the name of its backing file is no text", at: end)
      }
      backing = name
    } else if nameLength != 0 {
      throw file.damaged("a backing file's name without a place", at: 16)
    }

    var names: [Int: String] = [:]
    var at = start
    while at <= end - 8 {
      let kind = try file.u32(at, "a header extension")
      let length = Int(try file.u32(at + 4, "a header extension"))
      if kind == 0 { break }
      at += 8
      guard length <= end - at else { throw file.damaged("a header extension of \(length) bytes", at: at - 4) }
      switch kind {
      case Extension.backingFormat: backingFormat = file.text(at, length)
      case Extension.featureNames:
        for entry in stride(from: at, through: at + length - 48, by: 48) where try file.u8(entry, "") == 0 {
          let name = file.text(entry + 2, 46).map { String($0.prefix { $0 != "\0" }) }
          names[Int(try file.u8(entry + 1, ""))] = name
        }
      case Extension.bitmaps where trustsBitmaps:
        guard length == 24 else { throw file.damaged("a bitmaps extension of \(length) bytes", at: at - 4) }
        guard let bytes = Int(exactly: try file.u64(at + 8, "")), bytes <= file.count else {
          throw file.damaged("its bitmap directory is longer than the file", at: at + 8)
        }
        bitmaps = Bitmaps(
          count: Int(try file.u32(at, "")), directory: try file.u64(at + 16, ""), length: bytes, field: at + 16)
      case Extension.encryption: throw file.unsupported("LUKS encryption")
      case Extension.externalFile: throw file.unsupported("an external data file")
      // Others are for those who know them: nothing depends on them.
      default: break
      }
      at += (length + 7) / 8 * 8
    }
    return names
  }

  private mutating func readTables(_ file: Qcow2Bytes) throws(DiskImageError) {
    l1Entries = Int(try file.u32(36, "its L1 table"))
    let perTable = clusterSize * l2Entries
    guard l1Entries >= (size + perTable - 1) / perTable else {
      throw file.damaged("an L1 table of \(l1Entries) entries is too short for \(size) bytes", at: 36)
    }
    l1Offset = try file.place(
      try file.u64(40, "its L1 table"), count: l1Entries * 8, cluster: clusterSize, "its L1 table", from: 40)
    let refcounts = Int(try file.u32(56, "its refcount table"))
    guard refcounts > 0 else { throw file.damaged("it has no refcount table", at: 56) }
    _ = try file.place(
      try file.u64(48, "its refcount table"), count: refcounts << clusterBits, cluster: clusterSize, "its refcount table",
      from: 48)
  }
}

/// A file's bytes: whatever is asked lies inside, or is an error that says where.
struct Qcow2Bytes: Sendable {
  let name: String
  let bytes: [UInt8]

  var count: Int { bytes.count }

  func damaged(_ what: String, at offset: Int) -> DiskImageError { DiskImageError(file: name, .damaged(what, at: offset)) }
  func unsupported(_ what: String) -> DiskImageError { DiskImageError(file: name, .unsupported(what)) }

  func u8(_ at: Int, _ what: String) throws(DiskImageError) -> UInt8 { try number(at, what) }
  func u16(_ at: Int, _ what: String) throws(DiskImageError) -> UInt16 { try number(at, what) }
  func u32(_ at: Int, _ what: String) throws(DiskImageError) -> UInt32 { try number(at, what) }
  func u64(_ at: Int, _ what: String) throws(DiskImageError) -> UInt64 { try number(at, what) }

  @inline(__always)
  private func number<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, _ what: String) throws(DiskImageError) -> T {
    guard at >= 0, count - at >= MemoryLayout<T>.size else { throw damaged("it ends in \(what)", at: count) }
    return bytes.withUnsafeBytes { T(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: T.self)) }
  }

  /// nil where it is no UTF-8. Precondition: it lies inside.
  func text(_ at: Int, _ length: Int) -> String? { String(validating: bytes[at..<at + length], as: UTF8.self) }

  /// An offset at which so many bytes of a table begin, on a cluster's boundary.
  /// - Parameter from: where the offset itself stands.
  func place(
    _ offset: UInt64, count length: Int, cluster: Int, _ what: String, from: Int
  ) throws(DiskImageError) -> Int {
    guard offset > 0, offset % UInt64(cluster) == 0 else { throw damaged("\(what) begins at no cluster", at: from) }
    guard offset < UInt64(count), UInt64(length) <= UInt64(count) - offset else {
      throw damaged("\(what) lies outside the file's \(count) bytes", at: from)
    }
    return Int(offset)
  }

  /// Big-endian words in one go. Precondition: they lie inside.
  func words(_ at: Int, _ count: Int) -> [UInt64] {
    bytes.withUnsafeBytes { bytes in
      [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          buffer[index] = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: at &+ index &* 8, as: UInt64.self))
        }
        initialized = count
      }
    }
  }
}
