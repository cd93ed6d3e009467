extension ISOWriter {
  /// A directory's records, whole sectors of them (ECMA-119, 6.8).
  func body(_ directory: Int, parent: Int, _ kind: Kind) -> [UInt8] {
    var body: [UInt8] = []
    func add(_ record: [UInt8]) {
      let left = Self.sectorSize - body.count % Self.sectorSize
      if record.count > left { body += [UInt8](repeating: 0, count: left) }
      body += record
    }
    let isRockRidge = kind == .primary
    let (own, above) = (directories[directory], directories[parent])
    let isRoot = directory == 0
    add(
      Self.record(
        [0], own.extent(kind), own.length(kind), isDirectory: true,
        isRockRidge ? (isRoot ? Self.sharing : []) + Self.posix(own) + (isRoot ? Self.extensions : []) : []))
    add(
      Self.record([1], above.extent(kind), above.length(kind), isDirectory: true, isRockRidge ? Self.posix(above) : []))
    for child in children(directory, kind) {
      let name = isRockRidge ? Self.name(child.name) : []
      if let number = child.directory {
        let inside = directories[number]
        add(
          Self.record(
            child.identifier(kind), inside.extent(kind), inside.length(kind), isDirectory: true,
            isRockRidge ? Self.posix(inside) + name : []))
      } else if let number = child.file {
        let file = files[number]
        add(
          Self.record(
            child.identifier(kind), file.extent, file.bytes.count, isDirectory: false,
            isRockRidge ? Self.posix(nil) + name : []))
      }
    }
    return body + [UInt8](repeating: 0, count: (Self.sectorSize - body.count % Self.sectorSize) % Self.sectorSize)
  }

  /// ECMA-119, 9.1.
  static func record(_ identifier: [UInt8], _ extent: Int, _ length: Int, isDirectory: Bool, _ use: [UInt8]) -> [UInt8] {
    let padding = identifier.count % 2 == 0 ? 1 : 0
    let size = (33 + identifier.count + padding + use.count + 1) / 2 * 2
    var record: [UInt8] = [UInt8(size), 0]
    record += both32(extent)
    record += both32(length)
    record += ISOVolume.date
    record += [isDirectory ? 2 : 0, 0, 0]
    record += both16(1)
    record += [UInt8(identifier.count)]
    record += identifier
    record += [UInt8](repeating: 0, count: padding)
    record += use
    return record + [UInt8](repeating: 0, count: size - record.count)
  }

  // MARK: Rock Ridge

  /// SP: here are fields (P1281, 5.3).
  private static let sharing: [UInt8] = [0x53, 0x50, 7, 1, 0xbe, 0xef, 0]

  /// ER: whose they are (P1282, 4.3), with as much of the text as the record has room for.
  private static let extensions: [UInt8] = {
    let name = Array("RRIP_1991A".utf8)
    let text = Array("THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS".utf8)
    return [0x45, 0x52, UInt8(8 + name.count + text.count), 1, UInt8(name.count), UInt8(text.count), 0, 1] + name + text
  }()

  /// PX: mode, links, user and group (P1282, 4.1.1). nil: of a file.
  private static func posix(_ directory: Directory?) -> [UInt8] {
    let mode = directory == nil ? 0o100444 : 0o040555
    let links = directory.map { 2 + $0.subdirectories } ?? 1
    return [0x50, 0x58, 36, 1] + both32(mode) + both32(links) + both32(0) + both32(0)
  }

  /// NM: the name as it is (P1282, 4.1.4).
  private static func name(_ name: String) -> [UInt8] {
    [0x4e, 0x4d, UInt8(5 + name.utf8.count), 1, 0] + Array(name.utf8)
  }

  // MARK: Tables

  /// ECMA-119, 9.4.
  func pathTable(
    _ order: [(directory: Int, parent: Int, identifier: [UInt8])], _ kind: Kind, isBig: Bool
  ) -> [UInt8] {
    order.flatMap { directory, parent, identifier in
      let extent = UInt32(directories[directory].extent(kind))
      var entry: [UInt8] = [UInt8(identifier.count), 0]
      let number = Self.bytes(extent)
      entry += isBig ? number.reversed() : number
      let place = [UInt8(parent & 255), UInt8(parent >> 8 & 255)]
      entry += isBig ? place.reversed() : place
      entry += identifier
      return entry + [UInt8](repeating: 0, count: identifier.count % 2)
    }
  }

  /// ECMA-119, 8.4 and 8.5.
  func descriptor(_ kind: Kind, size: Int, tableLength: Int, tables: [Int]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.sectorSize)
    func put(_ part: some Collection<UInt8>, _ at: Int) { bytes.replaceSubrange(at..<at + part.count, with: part) }
    func text(_ text: String, _ at: Int, _ length: Int) {
      let unit: (UInt8) -> [UInt8] = { kind == .primary ? [$0] : [0, $0] }
      let space = unit(0x20)
      var part = text.utf8.flatMap(unit)
      while part.count + space.count <= length { part += space }
      put(part, at)
    }
    bytes[0] = kind == .primary ? 1 : 2
    put(Array("CD001".utf8) + [1], 1)
    text("", 8, 32)
    text(label, 40, 32)
    put(Self.both32(size), 80)
    if kind == .joliet { put("%/E".utf8, 88) }
    put(Self.both16(1), 120)
    put(Self.both16(1), 124)
    put(Self.both16(Self.sectorSize), 128)
    put(Self.both32(tableLength), 132)
    put(Self.bytes(UInt32(tables[0])), 140)
    put(Self.bytes(UInt32(tables[1])).reversed(), 148)
    let root = directories[0]
    put(Self.record([0], root.extent(kind), root.length(kind), isDirectory: true, []), 156)
    for at in [190, 318, 446] { text("", at, 128) }
    text("WEFT", 574, 128)
    for at in [702, 739, 776] { text("", at, 37) }
    put(Array("2026010100000000".utf8), 813)
    put(Array("2026010100000000".utf8), 830)
    // It doesn't expire, and holds from the beginning.
    put(Array("0000000000000000".utf8), 847)
    put(Array("0000000000000000".utf8), 864)
    bytes[881] = 1
    return bytes
  }

  private static func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> UInt32(8 * $0) & 255) } }
  static func both32(_ value: Int) -> [UInt8] {
    let bytes = bytes(UInt32(value))
    return bytes + bytes.reversed()
  }
  static func both16(_ value: Int) -> [UInt8] {
    [UInt8(value & 255), UInt8(value >> 8), UInt8(value >> 8), UInt8(value & 255)]
  }
}
