extension ISOVolume {
  /// Which of the names on a disc.
  public enum Names: Sendable, CaseIterable {
    /// Those of POSIX, in the system use fields of the primary tree.
    case rockRidge
    /// UCS-2, in a tree of their own.
    case joliet
    /// `META_DAT.;1`, as `meta_dat`.
    case plain
  }

  /// The files of an image, whoever wrote it, by the best names it has: Rock Ridge's, Joliet's, or the plain ones in lower case and without
  /// version, in this order, as Linux mounts it.
  ///
  /// Symbolic links and devices aren't in it. Refused by name: blocks that aren't of 2,048 bytes, files in several extents, interleaved or
  /// compressed ones. Of an image of several sessions the first is read.
  /// - Parameters:
  ///   - image: its bytes.
  ///   - names: only these.
  /// - Throws: `ISOError.damaged`, `ISOError.unsupported`: also where the image hasn't the names asked for.
  public init(iso image: [UInt8], names: Names? = nil) throws(ISOError) {
    var reader = ISOReader(image)
    try reader.readDescriptors()
    let hasRockRidge = try reader.hasRockRidge()
    let chosen = names ?? (hasRockRidge ? .rockRidge : reader.joliet != nil ? .joliet : .plain)
    self.init(label: reader.label, entries: try reader.entries(chosen))
  }
}

struct ISOReader {
  static let sectorSize = 2048

  /// Where a directory lies.
  struct Root {
    var extent: Int
    var length: Int
  }

  let image: [UInt8]
  private(set) var label = ""
  private(set) var primary: Root?
  private(set) var joliet: Root?
  /// Bytes before each record's system use fields that aren't any (SP).
  private var skipped = 0
  /// Sectors of directories: none is of two, so that there is no circle, and no more names than the image has room for.
  private var visited: Set<Int> = []

  init(_ image: [UInt8]) { self.image = image }

  // MARK: Bytes

  func need(_ offset: Int, _ count: Int, _ what: String) throws(ISOError) {
    guard offset >= 0, count >= 0, offset <= image.count, count <= image.count - offset else {
      throw .damaged("\(what) lies outside the image's \(image.count) bytes", at: min(max(0, offset), image.count))
    }
  }

  private func load<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, _: T.Type) -> T {
    image.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: T.self) }
  }

  /// A number little-endian and again big-endian. Precondition: it lies inside.
  func both32(_ at: Int, _ what: String) throws(ISOError) -> Int {
    let (little, big) = (UInt32(littleEndian: load(at, UInt32.self)), UInt32(bigEndian: load(at + 4, UInt32.self)))
    guard little == big else { throw .damaged("\(what) is \(little) and \(big) at once", at: at) }
    return Int(little)
  }

  private func both16(_ at: Int, _ what: String) throws(ISOError) -> Int {
    let (little, big) = (UInt16(littleEndian: load(at, UInt16.self)), UInt16(bigEndian: load(at + 2, UInt16.self)))
    guard little == big else { throw .damaged("\(what) is \(little) and \(big) at once", at: at) }
    return Int(little)
  }

  // MARK: Descriptors

  /// From sector 16 to the terminator; a boot record may stand among them.
  mutating func readDescriptors() throws(ISOError) {
    var sector = 16
    while true {
      let at = sector * Self.sectorSize
      guard at <= image.count - Self.sectorSize else {
        throw .damaged(primary == nil ? "it isn't an ISO 9660 image" : "it ends in its volume descriptors", at: image.count)
      }
      guard image[at + 1..<at + 6].elementsEqual("CD001".utf8) else {
        throw .damaged(primary == nil ? "it isn't an ISO 9660 image" : "a volume descriptor without its mark", at: at + 1)
      }
      switch image[at] {
      case 1 where primary == nil:
        primary = try root(at)
        label = text(image[at + 40..<at + 72])
      case 2 where joliet == nil && image[at + 6] == 1 && ["%/@", "%/C", "%/E"].contains(text(image[at + 88..<at + 91])):
        joliet = try root(at)
      case 255:
        if primary == nil { throw .damaged("it has no primary volume descriptor", at: at) }
        return
      default: break
      }
      sector += 1
    }
  }

  private func root(_ at: Int) throws(ISOError) -> Root {
    let block = try both16(at + 128, "the size of its blocks")
    guard block == Self.sectorSize else { throw .unsupported("a disc with blocks of \(block) bytes") }
    let size = try both32(at + 80, "its size in blocks")
    guard size * Self.sectorSize <= image.count else {
      throw .damaged("it has \(image.count) of its \(size * Self.sectorSize) bytes", at: image.count)
    }
    let record = try self.record(at + 156)
    guard record.isDirectory else { throw .damaged("its root is no directory", at: at + 156 + 25) }
    return Root(extent: record.start, length: record.length)
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    var bytes = bytes
    while let last = bytes.last, last == 0x20 || last == 0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Directories

  /// A directory record (ECMA-119, 9.1).
  struct Record {
    var at: Int
    /// Bytes from the image's beginning.
    var start: Int
    var length: Int
    var flags: UInt8
    var identifier: Range<Int>
    var systemUse: Range<Int>

    var isDirectory: Bool { flags & 2 != 0 }
  }

  /// Precondition: 34 bytes from there lie inside.
  func record(_ at: Int) throws(ISOError) -> Record {
    let (length, nameLength) = (Int(image[at]), Int(image[at + 32]))
    guard length >= 34, at % Self.sectorSize + length <= Self.sectorSize, at + length <= image.count else {
      throw .damaged("a directory record of \(length) bytes", at: at)
    }
    guard nameLength > 0, 33 + nameLength <= length else { throw .damaged("a name of \(nameLength) bytes", at: at + 32) }
    guard image[at + 26] == 0, image[at + 27] == 0 else { throw .unsupported("an interleaved file") }
    let extent = try both32(at + 2, "where a file begins") + Int(image[at + 1])
    let size = try both32(at + 10, "a file's length")
    let name = at + 33..<at + 33 + nameLength
    let use = name.upperBound + (nameLength % 2 == 0 ? 1 : 0)
    return Record(
      at: at, start: extent * Self.sectorSize, length: size, flags: image[at + 25], identifier: name,
      systemUse: min(use, at + length)..<at + length)
  }

  mutating func hasRockRidge() throws(ISOError) -> Bool {
    guard let primary, primary.length > 0 else { return false }
    try need(primary.extent, Self.sectorSize, "its root directory")
    let own = try record(primary.extent)
    guard let skipped = sharingProtocol(own.systemUse) else { return false }
    self.skipped = skipped
    return true
  }

  mutating func entries(_ names: ISOVolume.Names) throws(ISOError) -> [ISOEntry] {
    let hasRockRidge = try hasRockRidge()
    if names == .rockRidge, !hasRockRidge { throw .unsupported("a disc without Rock Ridge") }
    guard let root = names == .joliet ? joliet : primary else { throw .unsupported("a disc without Joliet") }
    return try directory(root, names, depth: 1)
  }

  /// The depth is bounded by what readers bear; ECMA-119 says 8, Rock Ridge any.
  static let deepest = 64

  private mutating func directory(_ place: Root, _ names: ISOVolume.Names, depth: Int) throws(ISOError) -> [ISOEntry] {
    guard depth <= Self.deepest else { throw .damaged("directories \(depth) deep", at: place.extent) }
    try need(place.extent, place.length, "a directory")
    let end = place.extent + place.length
    for sector in place.extent / Self.sectorSize..<(end + Self.sectorSize - 1) / Self.sectorSize {
      guard visited.insert(sector).inserted else { throw .damaged("a directory in another, or in itself", at: place.extent) }
    }
    var found: [ISOEntry] = []
    var at = place.extent
    while at < end {
      if image[at] == 0 {
        // Records don't cross sectors: the rest of this one is empty.
        at = (at / Self.sectorSize + 1) * Self.sectorSize
        continue
      }
      guard end - at >= 34 else { throw .damaged("a directory ends in a record", at: at) }
      let record = try self.record(at)
      guard record.at + Int(image[at]) <= end else { throw .damaged("a directory ends in a record", at: at) }
      at += Int(image[at])
      // Itself and the one above it; an associated file is another's.
      if record.identifier.count == 1, image[record.identifier.lowerBound] <= 1 { continue }
      if record.flags & 4 != 0 { continue }
      guard record.flags & 0x80 == 0 else { throw .unsupported("a file in several extents") }
      if let entry = try entry(record, names, depth: depth) { found.append(entry) }
    }
    // By bytes: to a file system é in one character isn't é in two.
    found.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (one, next) in zip(found, found.dropFirst()) where one.name.utf8.elementsEqual(next.name.utf8) {
      throw .damaged("two entries “\(one.name)”", at: place.extent)
    }
    return found
  }

  /// nil: nothing for us.
  private mutating func entry(_ record: Record, _ names: ISOVolume.Names, depth: Int) throws(ISOError) -> ISOEntry? {
    var name: String
    var moved: Int?
    switch names {
    case .rockRidge:
      let fields = try rockRidge(record.systemUse, skipping: skipped)
      if fields.isSpecial || fields.isMovedHere { return nil }
      moved = fields.movedTo
      name = fields.name ?? plain(record.identifier)
    case .joliet:
      guard record.identifier.count % 2 == 0 else { throw .damaged("half a character in a name", at: record.at + 32) }
      name = unversioned(
        String(
          decoding: stride(from: record.identifier.lowerBound, to: record.identifier.upperBound, by: 2).map {
            UInt16(image[$0]) << 8 | UInt16(image[$0 + 1])
          }, as: UTF16.self))
    case .plain: name = plain(record.identifier)
    }
    guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(where: { $0 == 0x2f || $0 == 0 }) else {
      throw .damaged("a name that is none", at: record.at + 33)
    }
    if let moved {
      let start = moved * Self.sectorSize
      try need(start, Self.sectorSize, "a directory")
      let length = try self.record(start).length
      return ISOEntry(name, .directory(try directory(Root(extent: start, length: length), names, depth: depth + 1)))
    }
    if record.isDirectory {
      let place = Root(extent: record.start, length: record.length)
      return ISOEntry(name, .directory(try directory(place, names, depth: depth + 1)))
    }
    guard record.length > 0 else { return ISOEntry(name, .file([])) }
    try need(record.start, record.length, "file “\(name)”")
    return ISOEntry(name, .file(image[record.start..<record.start + record.length]))
  }

  /// As Linux shows it (`isofs_name_translate`).
  private func plain(_ identifier: Range<Int>) -> String {
    var name = unversioned(String(decoding: image[identifier], as: UTF8.self))
    if name.hasSuffix(".") { name.removeLast() }
    return name.lowercased()
  }

  private func unversioned(_ name: String) -> String {
    guard let mark = name.lastIndex(of: ";") else { return name }
    let version = name[name.index(after: mark)...]
    return !version.isEmpty && version.utf8.allSatisfy { (0x30...0x39).contains($0) } ? String(name[..<mark]) : name
  }
}
