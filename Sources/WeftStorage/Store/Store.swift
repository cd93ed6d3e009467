import Foundation
import WeftDisk
import WeftFabric

/// A folder that outlives runs: backups and snapshots, and the chunks that they are made of.
///
///     objects/ab/cdef…              a chunk, named by its SHA-256: written once and never changed
///     backups/HOST/POOL/VM-2.json   a restore point; the first line has the SHA-256 of the rest
///     snapshots/VM/NAME.json        the same for a snapshot
///     tmp/…                         what is being written
///     lock                          who writes: its process, and when that began
///
/// Each file is written under another name, synced, and put in place; what it names is in place before it. So whenever the process or the
/// machine ends, what is listed is whole.
public struct Store<Files: StoreFiles> {
  public let root: String
  public private(set) var files: Files
  private var temporary = 0

  /// To read: nothing is changed.
  public init(reading root: String, _ files: Files) { (self.root, self.files) = (root, files) }

  /// To write: alone. What a process left that is no more is cleared away.
  /// - Parameters:
  ///   - root: its folder.
  ///   - files: through which it is written.
  ///   - lock: this process's.
  ///   - isAlive: whether the process of a lock's text still runs.
  public init(writing root: String, _ files: Files, lock: StoreLock = .own, isAlive: (StoreLock) -> Bool = \.isAlive)
    throws(StoreError)
  {
    (self.root, self.files) = (root, files)
    for folder in ["", "/objects", "/backups", "/snapshots", "/tmp"] { try self.files.makeFolder(root + folder) }
    try self.files.syncFolder(root)
    let path = root + "/lock"
    if try !self.files.create(path) {
      let text = String(decoding: try self.files.read(path) ?? [], as: UTF8.self)
      if let other = StoreLock(text), isAlive(other) { throw .locked(path: root, by: other.process) }
    }
    try self.files.remove(path)
    guard try self.files.create(path) else { throw .locked(path: root, by: 0) }
    try self.files.append(Array(lock.description.utf8)[...], to: path)
    for name in try self.files.list(root + "/tmp") { try self.files.remove(root + "/tmp/" + name) }
  }

  /// Lets others write.
  public mutating func close() throws(StoreError) { try files.remove(root + "/lock") }

  // MARK: Chunks

  private func path(of chunk: ChunkID) -> String {
    let name = chunk.description
    return "\(root)/objects/\(name.prefix(2))/\(name.dropFirst(2))"
  }

  private mutating func put(_ chunk: ChunkID, _ bytes: [UInt8]) throws(StoreError) {
    let path = path(of: chunk)
    if try files.read(path) != nil { return }
    let folder = "\(root)/objects/\(chunk.description.prefix(2))"
    try files.makeFolder(folder)
    try files.syncFolder(root + "/objects")
    try place(bytes, at: path, in: folder)
  }

  public func chunk(_ id: ChunkID) throws(StoreError) -> [UInt8] {
    let path = path(of: id)
    guard let bytes = try files.read(path) else { throw .damaged(path: path, "it isn't there") }
    guard ChunkID(of: bytes) == id else { throw .damaged(path: path, "its SHA-256 isn't its name") }
    return bytes
  }

  /// A whole file, or none.
  private mutating func place(_ bytes: [UInt8], at path: String, in folder: String) throws(StoreError) {
    temporary += 1
    let name = "\(root)/tmp/\(temporary)"
    try files.remove(name)
    guard try files.create(name) else { throw .system(path: name, "it is there") }
    // In two pieces, so that a test may end it between them.
    try files.append(bytes[..<(bytes.count / 2)], to: name)
    try files.append(bytes[(bytes.count / 2)...], to: name)
    try files.sync(name)
    try files.rename(name, to: path)
    try files.syncFolder(folder)
  }

  // MARK: Manifests

  private static var format: Int { 1 }

  private mutating func put(_ manifest: some Encodable, at path: String, in folder: String) throws(StoreError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(manifest) else { throw .damaged(path: path, "it can't be coded") }
    let body = [UInt8](json) + [10]
    let head = "weft-store \(Self.format) \(ChunkID(of: body))\n"
    let bytes = Array(head.utf8) + body
    if try files.read(path) == bytes { return }
    try place(bytes, at: path, in: folder)
  }

  private func manifest<T: Decodable>(_ type: T.Type, at path: String) throws(StoreError) -> T {
    guard let bytes = try files.read(path) else { throw .damaged(path: path, "it isn't there") }
    guard let end = bytes.firstIndex(of: 10) else { throw .damaged(path: path, "it has no first line") }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == "weft-store", let format = Int(words[1]) else {
      throw .damaged(path: path, "it has no first line")
    }
    guard format == Self.format, words[1] == "\(Self.format)" else {
      if format > Self.format { throw .version(path: path, format) }
      throw .damaged(path: path, "it has no first line")
    }
    let body = Array(bytes[(end + 1)...])
    guard words[2] == ChunkID(of: body).description else {
      throw .damaged(path: path, "its SHA-256 isn't that of its first line")
    }
    do { return try JSONDecoder().decode(type, from: Data(body)) } catch { throw .damaged(path: path, "\(error)") }
  }

  /// What lies under a folder, as paths below it.
  private func manifests(_ folder: String) throws(StoreError) -> [String] {
    var found: [String] = []
    for name in try files.list(root + "/" + folder) {
      if name.hasSuffix(".json") {
        found.append("\(root)/\(folder)/\(name)")
      } else {
        found += try manifests("\(folder)/\(name)")
      }
    }
    return found
  }

  // MARK: Backups

  /// A backup and where it lies.
  public struct Backup: Codable, Sendable, Hashable {
    public var host: String
    public var pool: String
    public var point: RestorePoint
    public var name: String { "\(pool)/\(point.name)" }
  }

  public struct Listing<Item> {
    public var path: String
    public var result: Result<Item, StoreError>
  }

  /// All that are there, damaged or not, in the order of their paths.
  public func backups() throws(StoreError) -> [Listing<Backup>] {
    try listing("backups", Backup.self) { $0.point.disks.allSatisfy(\.isConsistent) }
  }

  public func snapshots() throws(StoreError) -> [Listing<SnapshotRecord>] {
    try listing("snapshots", SnapshotRecord.self, \.isConsistent)
  }

  private func listing<T: Decodable>(
    _ folder: String, _ type: T.Type, _ isConsistent: (T) -> Bool
  ) throws(StoreError) -> [Listing<T>] {
    var all: [Listing<T>] = []
    for path in try manifests(folder) {
      do throws(StoreError) {
        let item = try manifest(type, at: path)
        guard isConsistent(item) else { throw .damaged(path: path, "it contradicts itself") }
        all.append(Listing(path: path, result: .success(item)))
      } catch {
        if error == .died { throw error }
        all.append(Listing(path: path, result: .failure(error)))
      }
    }
    return all
  }

  /// A disk of a backup or snapshot, put together; each of its chunks is what its name says.
  public func contents(of disk: DiskRecord) throws(StoreError) -> BlockDevice {
    var chunks: [[UInt8]] = []
    for id in disk.chunks { chunks.append(try chunk(id)) }
    do throws(VaultError) { return try BlockDevice(disk, chunks) } catch {
      throw .damaged(path: root, error.description)
    }
  }

  /// Writes what a pool has, and takes away what it has given up.
  public mutating func save(_ vault: Vault, host: String, pool: String) throws(StoreError) {
    try makeFolders("backups", host, pool)
    let folder = "\(root)/backups/\(host)/\(pool)"
    for point in vault.points {
      for disk in point.disks {
        for id in disk.chunks { if let bytes = vault.bytes(of: id) { try put(id, bytes) } }
      }
      try put(Backup(host: host, pool: pool, point: point), at: "\(folder)/\(point.vm)-\(point.number).json", in: folder)
    }
    for gone in vault.removed { try files.remove("\(folder)/\(gone.vm)-\(gone.number).json") }
    if !vault.removed.isEmpty { try files.syncFolder(folder) }
  }

  public mutating func save(_ snapshot: SnapshotRecord, _ chunks: [ChunkID: [UInt8]]) throws(StoreError) {
    try makeFolders("snapshots", snapshot.vm)
    for id in snapshot.chunks { if let bytes = chunks[id] { try put(id, bytes) } }
    let folder = "\(root)/snapshots/\(snapshot.vm)"
    try put(snapshot, at: "\(folder)/\(snapshot.name).json", in: folder)
  }

  /// One of another store.
  public mutating func take(_ snapshot: SnapshotRecord, from other: Store) throws(StoreError) {
    var chunks: [ChunkID: [UInt8]] = [:]
    for id in snapshot.chunks.sorted() { chunks[id] = try other.chunk(id) }
    try save(snapshot, chunks)
  }

  /// One of another store.
  public mutating func take(_ backup: Backup, from other: Store) throws(StoreError) {
    var chunks: [[UInt8]] = []
    for id in backup.point.chunks.sorted() { chunks.append(try other.chunk(id)) }
    var vault = Vault()
    vault.take(backup.point, chunks)
    try save(vault, host: backup.host, pool: backup.pool)
  }

  private mutating func makeFolders(_ names: String...) throws(StoreError) {
    var path = root
    for name in names {
      let above = path
      path += "/" + name
      try files.makeFolder(path)
      try files.syncFolder(above)
    }
  }

  /// What a pool has here, for another run.
  public func vault(host: String, pool: String) throws(StoreError) -> Vault {
    var vault = Vault()
    for item in try backups() {
      guard case .success(let backup) = item.result, backup.host == host, backup.pool == pool else { continue }
      var chunks: [[UInt8]] = []
      for id in backup.point.chunks.sorted() { chunks.append(try chunk(id)) }
      vault.take(backup.point, chunks)
    }
    return vault
  }

  /// Chunks that nothing names go. One manifest that can't be read keeps all: what it names isn't known.
  public mutating func sweep() throws(StoreError) {
    var needed: Set<ChunkID> = []
    for item in try backups() {
      guard case .success(let backup) = item.result else { return }
      needed.formUnion(backup.point.chunks)
    }
    for item in try snapshots() {
      guard case .success(let snapshot) = item.result else { return }
      needed.formUnion(snapshot.chunks)
    }
    for folder in try files.list(root + "/objects") {
      for name in try files.list("\(root)/objects/\(folder)") {
        guard let id = ChunkID(folder + name), !needed.contains(id) else { continue }
        try files.remove(path(of: id))
      }
    }
  }
}

/// Who writes to a store.
public struct StoreLock: Sendable, Hashable, CustomStringConvertible {
  public var process: Int
  /// A number is given again: with it goes when its process began, in the kernel's ticks.
  public var began: String

  public init(process: Int, began: String) { (self.process, self.began) = (process, began) }

  init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2, let process = Int(words[0]) else { return nil }
    (self.process, began) = (process, String(words[1].filter { !$0.isNewline }))
  }

  public var description: String { "\(process) \(began)\n" }

  public static var own: StoreLock {
    let process = Int(ProcessInfo.processInfo.processIdentifier)
    return StoreLock(process: process, began: start(of: process) ?? "-")
  }

  public var isAlive: Bool {
    guard kill(pid_t(process), 0) == 0 || errno == EPERM else { return false }
    guard let start = Self.start(of: process) else { return true }
    return start == began
  }

  /// Field 22 of /proc/PID/stat; behind the name in brackets, which may have anything in it.
  private static func start(of process: Int) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8), let end = text.lastIndex(of: ")")
    else {
      return nil
    }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? String(fields[20]) : nil
  }
}
