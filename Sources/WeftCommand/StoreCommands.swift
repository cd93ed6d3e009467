import ArgumentParser
import Foundation
import Weft
import WeftDisk

/// What the commands on a store have in common.
private enum StoreFolder {
  static let help = ArgumentHelp("The folder that run --store wrote.", valueName: "store")

  static func open(_ path: String) throws -> Store<SystemFiles> {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path + "/objects", isDirectory: &isFolder), isFolder.boolValue else {
      Terminal.error("\(Called.name): \(path.visible) is no store of backups and snapshots\n")
      throw Exit.badFile
    }
    return Store(reading: path, SystemFiles())
  }

  /// Each that is named, or all: put together, and what is wrong with it. False where one is damaged.
  static func verify<Item>(
    _ items: [Store<SystemFiles>.Listing<Item>], _ store: Store<SystemFiles>, _ name: (Item) -> String,
    _ disks: (Item) -> [DiskRecord], others: (Item) -> [ChunkID] = { _ in [] }, wanted: String?
  ) throws {
    var (isWhole, count) = (true, 0)
    for listing in items {
      do {
        let item = try listing.result.get()
        guard wanted == nil || wanted == name(item) else { continue }
        count += 1
        for disk in disks(item) { _ = try store.contents(of: disk) }
        for chunk in others(item) { _ = try store.chunk(chunk) }
        try Terminal.out("\(name(item)): verified\n")
      } catch let error as StoreError {
        if wanted == nil || listing.path.contains(wanted?.replacing("#", with: "-") ?? "") {
          isWhole = false
          count += 1
          Terminal.error("\(Called.name): \(error)\n")
        }
      }
    }
    if let wanted, count == 0 { try miss(wanted) }
    if !isWhole { throw Exit.badFile }
  }

  /// Those of another store that are named, or all, each looked at as it is copied.
  static func take<Item>(
    from other: String, into root: String, _ wanted: String?, _ name: (Item) -> String,
    _ list: (Store<SystemFiles>) throws(StoreError) -> [Store<SystemFiles>.Listing<Item>],
    _ copy: (inout Store<SystemFiles>, Item, Store<SystemFiles>) throws(StoreError) -> Void
  ) throws {
    let source = try open(other)
    var count = 0
    try Runner.storing { () throws(StoreError) in
      var store = try Store(writing: root, SystemFiles())
      for listing in try list(source) {
        let item = try listing.result.get()
        guard wanted == nil || wanted == name(item) else { continue }
        count += 1
        try copy(&store, item, source)
      }
      try store.close()
    }
    if let wanted, count == 0 { try miss(wanted) }
    try Terminal.out("\(count) imported\n")
  }

  static func miss(_ name: String) throws -> Never {
    Terminal.error("\(Called.name): there is no \(name.visible) in this store\n")
    throw Exit.badFile
  }

  /// A disk as a file: by its name's end raw or qcow2.
  static func write(_ disk: BlockDevice, to path: String) throws {
    do { try WholeFile.write(Data(path.hasSuffix(".raw") || path.hasSuffix(".img") ? disk.raw : disk.qcow2), to: path) } catch {
      throw Runner.environment("can't write \(path): \(WholeFile.reason(error, path))")
    }
  }

  /// One disk of several.
  static func export(_ disks: [DiskRecord], _ wanted: String?, _ store: Store<SystemFiles>, to path: String) throws {
    guard let disk = disks.first(where: { wanted == nil || wanted == $0.name }) else {
      try miss("disk \(wanted ?? "")")
    }
    let contents: BlockDevice
    do throws(StoreError) { contents = try store.contents(of: disk) } catch {
      Terminal.error("\(Called.name): \(error)\n")
      throw Exit.badFile
    }
    try write(contents, to: path)
  }
}

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Backups in a store: list, verify, export, import.",
    discussion: "Example: \(Called.name) run topologies/quiesced-backup.yaml --store lab && \(Called.name) backup list lab",
    subcommands: [List.self, Verify.self, Export.self, Import.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What backups there are.")
    @Argument(help: StoreFolder.help) var store: String

    func run() throws {
      for listing in try StoreFolder.open(store).backups() {
        switch listing.result {
        case .success(let backup):
          let point = backup.point
          try Terminal.out(
            "\(backup.name)  \(point.kind.rawValue), of \(point.at), \(point.isQuiesced ? "quiesced" : "not quiesced"), "
              + "\(point.copied) clusters of \(point.clusterCount), pool of \(backup.host)\n")
        case .failure(let error): Terminal.error("\(Called.name): \(error)\n")
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Puts backups together and looks whether they are what was saved.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("One of them (default: all): vault/web#2", valueName: "name")) var name: String?

    func run() throws {
      let store = try StoreFolder.open(store)
      try StoreFolder.verify(try store.backups(), store, \.name, { $0.point.disks }, wanted: name)
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Writes a disk of a backup to a file, qcow2 or raw.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("Which: vault/web#2", valueName: "name")) var name: String
    @Option(name: .long, help: "Which disk (default: the first).") var disk: String?
    @Option(name: [.customShort("o"), .long], help: "The file; raw if it ends in .raw or .img.") var output: String

    func run() throws {
      let store = try StoreFolder.open(store)
      let all = try store.backups().compactMap { try? $0.result.get() }
      guard let backup = all.first(where: { $0.name == name }) else { try StoreFolder.miss(name) }
      try StoreFolder.export(backup.point.disks, disk, store, to: output)
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Takes backups of another store.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("The other store.", valueName: "from")) var from: String
    @Argument(help: ArgumentHelp("One of them (default: all): vault/web#2", valueName: "name")) var name: String?

    func run() throws {
      try StoreFolder.take(
        from: from, into: store, name, \.name, { (store) throws(StoreError) in try store.backups() },
        { (store, item, other) throws(StoreError) in try store.take(item, from: other) })
    }
  }
}

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot",
    abstract: "Snapshots in a store: list, verify, export, import.",
    discussion: "Example: \(Called.name) snapshot list lab",
    subcommands: [List.self, Verify.self, Export.self, Import.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What snapshots there are.")
    @Argument(help: StoreFolder.help) var store: String

    func run() throws {
      for listing in try StoreFolder.open(store).snapshots() {
        switch listing.result {
        case .success(let snapshot):
          let disks = snapshot.disks.map { "\($0.name) \($0.clusters.count) clusters" }.joined(separator: ", ")
          try Terminal.out(
            "\(snapshot.vm)/\(snapshot.name)  of \(snapshot.at), after \(snapshot.parent ?? "none"), "
              + "memory \((snapshot.memory?.pageCount ?? 0) * MemoryRecord.pageSize) B" + (disks.isEmpty ? "\n" : ", \(disks)\n"))
        case .failure(let error): Terminal.error("\(Called.name): \(error)\n")
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Puts snapshots together and looks whether they are what was saved.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("One of them (default: all): web/before", valueName: "name")) var name: String?

    func run() throws {
      let store = try StoreFolder.open(store)
      try StoreFolder.verify(
        try store.snapshots(), store, { "\($0.vm)/\($0.name)" }, \.disks, others: \.others, wanted: name)
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Writes a disk of a snapshot to a file, qcow2 or raw.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("Which: web/before", valueName: "name")) var name: String
    @Option(name: .long, help: "Which disk (default: the first).") var disk: String?
    @Option(name: [.customShort("o"), .long], help: "The file; raw if it ends in .raw or .img.") var output: String

    func run() throws {
      let store = try StoreFolder.open(store)
      let all = try store.snapshots().compactMap { try? $0.result.get() }
      guard let snapshot = all.first(where: { "\($0.vm)/\($0.name)" == name }) else { try StoreFolder.miss(name) }
      try StoreFolder.export(snapshot.disks, disk, store, to: output)
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Takes snapshots of another store.")
    @Argument(help: StoreFolder.help) var store: String
    @Argument(help: ArgumentHelp("The other store.", valueName: "from")) var from: String
    @Argument(help: ArgumentHelp("One of them (default: all): web/before", valueName: "name")) var name: String?

    func run() throws {
      try StoreFolder.take(
        from: from, into: store, name, { "\($0.vm)/\($0.name)" }, { (store) throws(StoreError) in try store.snapshots() },
        { (store, item, other) throws(StoreError) in try store.take(item, from: other) })
    }
  }
}

struct DiskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disk",
    abstract: "Disk images, raw and qcow2: check, map, import, export.",
    discussion: "Example: \(Called.name) disk map root.qcow2",
    subcommands: [Check.self, Map.self, Import.self, Export.self])

  static let file = ArgumentHelp("A qcow2 file, else it is taken for raw.", valueName: "file")

  /// With the files below it, which lie in its folder.
  static func read(_ path: String) throws -> BlockDevice {
    func contents(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }
    guard let bytes = contents(path) else {
      Terminal.error("\(Called.name): can't read \(path.visible)\n")
      throw Exit.badFile
    }
    do throws(DiskImageError) { return try BlockDevice(image: bytes, named: path, opening: contents) } catch {
      Terminal.error("\(Called.name): \(error)\n")
      throw Exit.badFile
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Reads all of an image, and says what it is.")
    @Argument(help: DiskCommand.file, completion: .file()) var file: String

    func run() throws {
      let disk = try DiskCommand.read(file)
      var used = 0
      disk.forEachCluster { _, _ in used += 1 }
      try Terminal.out(
        "\(file): sound, \(disk.size) bytes, \(used) clusters of 65536, SHA-256 of contents \(ChunkID.hex(disk.contentHash))\n")
      for (index, layer) in disk.layers.enumerated().reversed() where disk.layers.count > 1 {
        try Terminal.out("  layer \(index): \(layer.name)\n")
      }
      for bitmap in disk.bitmaps { try Terminal.out("  bitmap \(bitmap.name): \(bitmap.clusters.count) dirty\n") }
    }
  }

  struct Map: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What is written where, as `qemu-img map` has it.")
    @Argument(help: DiskCommand.file, completion: .file()) var file: String

    func run() throws {
      let disk = try DiskCommand.read(file)
      for extent in disk.extents where extent.kind != .unwritten {
        let layer = disk.layers[disk.layers.count - 1 - extent.depth].name
        try Terminal.out(
          "0x\(String(extent.offset, radix: 16))  0x\(String(extent.count, radix: 16))  \(extent.kind == .zero ? "zero" : "data")  "
            + "\(extent.depth)  \(layer)\n")
      }
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes one qcow2 file of an image and those below it, for `image:` in a topology file.")
    @Argument(help: DiskCommand.file, completion: .file()) var file: String
    @Option(name: [.customShort("o"), .long], help: "The qcow2 file.") var output: String

    func run() throws {
      var disk = try DiskCommand.read(file)
      disk.flatten()
      try StoreFolder.write(disk, to: output)
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes an image as others read it: raw if its name ends in .raw or .img.")
    @Argument(help: DiskCommand.file, completion: .file()) var file: String
    @Option(name: [.customShort("o"), .long], help: "The file.") var output: String

    func run() throws { try StoreFolder.write(try DiskCommand.read(file), to: output) }
  }
}
