extension ISOVolume {
  /// 2026-01-01 00:00:00 UTC, the lab's epoch: the only date on a disc of ours.
  static let date: [UInt8] = [126, 1, 1, 0, 0, 0, 0]

  /// The volume as an image of ISO 9660, level 1, with Joliet (UCS-2 level 3) and Rock Ridge (all read-only and root's). The same files give the
  /// same bytes, in whatever order they are told.
  ///
  ///     16 primary, 17 Joliet's descriptor, 18 terminator | path tables | directories | Joliet's directories | files
  /// - Throws: `ISOError.unwritable`: a name that Joliet hasn't, two of one name, directories deeper than 8 with the root, a label of more
  ///   than 16 characters, or a file of 4 GiB.
  public func iso() throws(ISOError) -> [UInt8] {
    try ISONames.check(label: label)
    var writer = ISOWriter(label: label)
    _ = try writer.add(entries, path: "", depth: 1)
    return writer.image()
  }
}

/// Lays a tree out in sectors, and writes it.
struct ISOWriter {
  static let sectorSize = ISOReader.sectorSize

  enum Kind: CaseIterable { case primary, joliet }

  /// A directory, with what is directly in it.
  struct Directory {
    struct Child {
      var identifiers: [[UInt8]]
      var name: String
      /// The place of a directory, or of a file.
      var directory: Int?
      var file: Int?

      func identifier(_ kind: Kind) -> [UInt8] { identifiers[kind == .primary ? 0 : 1] }
    }
    var children: [Child] = []
    /// Of each kind of tree: sector and bytes.
    var extents = [0, 0]
    var lengths = [0, 0]
    var subdirectories: Int { children.reduce(0) { $0 + ($1.directory == nil ? 0 : 1) } }

    func extent(_ kind: Kind) -> Int { extents[kind == .primary ? 0 : 1] }
    func length(_ kind: Kind) -> Int { lengths[kind == .primary ? 0 : 1] }
  }

  struct File {
    var bytes: ArraySlice<UInt8>
    var extent = 0
  }

  let label: String
  var directories: [Directory] = []
  var files: [File] = []

  init(label: String) { self.label = label }

  /// The number of a directory with what is in it.
  mutating func add(_ entries: [ISOEntry], path: String, depth: Int) throws(ISOError) -> Int {
    guard depth <= ISONames.deepest else {
      throw .unwritable(path, "with the root it is the \(depth)th directory, and there are \(ISONames.deepest)")
    }
    let entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (one, next) in zip(entries, entries.dropFirst()) where one.name.utf8.elementsEqual(next.name.utf8) {
      throw .unwritable(path + next.name, "there are two of it")
    }
    let number = directories.count
    directories.append(Directory())
    var children: [Directory.Child] = []
    for (entry, plain) in zip(entries, ISONames.plain(entries)) {
      try ISONames.check(entry.name, path + entry.name)
      let joliet = entry.name.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
      var child = Directory.Child(identifiers: [plain, joliet], name: entry.name)
      switch entry.content {
      case .file(let bytes):
        guard bytes.count < 1 << 32 else { throw .unwritable(path + entry.name, "it has 4 GiB or more") }
        child.file = files.count
        files.append(File(bytes: bytes))
      case .directory(let inside): child.directory = try add(inside, path: path + entry.name + "/", depth: depth + 1)
      }
      children.append(child)
    }
    directories[number].children = children
    return number
  }

  /// The directories of a path table: by depth, then by the place of the one above, then by name (ECMA-119, 6.9.1), with that place, from 1.
  func order(_ kind: Kind) -> [(directory: Int, parent: Int, identifier: [UInt8])] {
    var order: [(directory: Int, parent: Int, identifier: [UInt8])] = [(0, 1, [0])]
    var at = 0
    while at < order.count {
      for child in children(order[at].directory, kind) {
        if let directory = child.directory { order.append((directory, at + 1, child.identifier(kind))) }
      }
      at += 1
    }
    return order
  }

  func children(_ directory: Int, _ kind: Kind) -> [Directory.Child] {
    directories[directory].children.sorted { $0.identifier(kind).lexicographicallyPrecedes($1.identifier(kind)) }
  }

  mutating func image() -> [UInt8] {
    func sectors(_ bytes: Int) -> Int { (bytes + Self.sectorSize - 1) / Self.sectorSize }
    let orders = Kind.allCases.map { order($0) }
    let tableLengths = orders.map { $0.reduce(0) { $0 + 8 + ($1.identifier.count + 1) / 2 * 2 } }
    var next = 19
    var tables: [[Int]] = []
    for length in tableLengths {
      tables.append([next, next + sectors(length)])
      next += 2 * sectors(length)
    }
    for (index, kind) in Kind.allCases.enumerated() {
      for (directory, _, _) in orders[index] {
        // What stands in a record doesn't change how long it is.
        directories[directory].lengths[index] = body(directory, parent: directory, kind).count
        directories[directory].extents[index] = next
        next += directories[directory].lengths[index] / Self.sectorSize
      }
    }
    for index in files.indices {
      files[index].extent = next
      next += sectors(files[index].bytes.count)
    }

    var image = [UInt8](repeating: 0, count: next * Self.sectorSize)
    func put(_ bytes: some Collection<UInt8>, _ sector: Int) {
      image.replaceSubrange(sector * Self.sectorSize..<sector * Self.sectorSize + bytes.count, with: bytes)
    }
    for (index, kind) in Kind.allCases.enumerated() {
      put(descriptor(kind, size: next, tableLength: tableLengths[index], tables: tables[index]), 16 + index)
      put(pathTable(orders[index], kind, isBig: false), tables[index][0])
      put(pathTable(orders[index], kind, isBig: true), tables[index][1])
      for (directory, parent, _) in orders[index] {
        put(
          body(directory, parent: orders[index][parent - 1].directory, kind), directories[directory].extent(kind))
      }
    }
    put([255] + Array("CD001".utf8) + [1], 18)
    for file in files where !file.bytes.isEmpty { put(file.bytes, file.extent) }
    return image
  }
}
