import WeftCore

/// The name of a chunk: the SHA-256 of its bytes, in hexadecimal.
public struct ChunkID: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  public let description: String

  public init(of bytes: [UInt8]) { description = Self.hex(SHA256.hash(bytes)) }

  /// nil where it isn't 64 small hexadecimal digits.
  public init?(_ text: String) {
    guard text.utf8.count == 64, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
      return nil
    }
    description = text
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no SHA-256")
    }
    self = id
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  public static func < (one: Self, two: Self) -> Bool { one.description < two.description }

  public static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// A disk at a moment, as chunks of a vault: whole by itself, whatever becomes of those before it.
public struct DiskRecord: Sendable, Codable, Hashable {
  public var name: String
  /// Bytes.
  public var size: Int
  /// Numbers of the clusters that hold anything but zeros, ascending, and their chunks.
  public var clusters: [Int]
  public var chunks: [ChunkID]
  /// `BlockDevice.contentHash` in hexadecimal: what it must be once it is put together.
  public var hash: String

  public init(name: String, size: Int, clusters: [Int], chunks: [ChunkID], hash: String) {
    (self.name, self.size, self.clusters, self.chunks, self.hash) = (name, size, clusters, chunks, hash)
  }

  public var isConsistent: Bool {
    clusters.count == chunks.count && zip(clusters, clusters.dropFirst()).allSatisfy(<) && size > 0
      && size % BlockDevice.sectorSize == 0 && size <= BlockDevice.maximumSize && clusters.first ?? 0 >= 0
      && clusters.last ?? 0 < (size + BlockDevice.clusterSize - 1) / BlockDevice.clusterSize
  }
}

extension DiskRecord {
  /// A disk as it is; its chunks go to the others.
  public init(_ name: String, _ contents: BlockDevice, into chunks: inout [ChunkID: [UInt8]]) {
    self.init(name: name, size: contents.size, clusters: [], chunks: [], hash: ChunkID.hex(contents.contentHash))
    contents.forEachCluster { offset, bytes in
      let id = ChunkID(of: bytes)
      chunks[id] = bytes
      clusters.append(offset / BlockDevice.clusterSize)
      self.chunks.append(id)
    }
  }
}

extension BlockDevice {
  /// A disk put together of its chunks, in their order.
  public init(_ record: DiskRecord, _ chunks: [[UInt8]]) throws(VaultError) {
    guard record.isConsistent, chunks.count == record.chunks.count else { throw .manifest("disk \(record.name) can't be") }
    do throws(DiskError) {
      try self.init(size: record.size, name: record.name, cache: .writeThrough)
      for (cluster, bytes) in zip(record.clusters, chunks) { try write(bytes, at: cluster * Self.clusterSize) }
    } catch {
      throw .manifest(error.description)
    }
    guard ChunkID.hex(contentHash) == record.hash else { throw .differs(disk: record.name) }
  }
}

/// A backup of a VM's disks.
public struct RestorePoint: Sendable, Codable, Hashable {
  public enum Kind: String, Sendable, Codable, CaseIterable { case full, incremental }

  public var vm: String
  /// From 1, of this VM in all vaults.
  public var number: Int
  public var kind: Kind
  /// When its disks were as it has them.
  public var at: Instant
  public var isQuiesced: Bool
  /// The one that an incremental was made from; it isn't needed for anything.
  public var parent: Int?
  /// Clusters that were copied for it.
  public var copied: Int
  public var disks: [DiskRecord]

  public init(
    vm: String, number: Int, kind: Kind, at: Instant, isQuiesced: Bool, parent: Int?, copied: Int, disks: [DiskRecord]
  ) {
    (self.vm, self.number, self.kind, self.at, self.isQuiesced) = (vm, number, kind, at, isQuiesced)
    (self.parent, self.copied, self.disks) = (parent, copied, disks)
  }

  public var name: String { "\(vm)#\(number)" }
  public var clusterCount: Int { disks.reduce(0) { $0 + $1.clusters.count } }
  public var chunks: Set<ChunkID> { Set(disks.flatMap(\.chunks)) }
}

/// Why a backup is none.
public enum VaultError: Error, Hashable, CustomStringConvertible {
  case noPoint(String)
  case missing(ChunkID)
  case damaged(ChunkID)
  /// It is put together, and isn't what was saved.
  case differs(disk: String)
  case manifest(String)

  public var description: String {
    switch self {
    case .noPoint(let name): "there is no backup \(name)"
    case .missing(let chunk): "chunk \(chunk) isn't there"
    case .damaged(let chunk): "chunk \(chunk) is damaged"
    case .differs(let disk): "disk \(disk) isn't what was saved"
    case .manifest(let what): what
    }
  }
}

/// Where backups lie: bytes once, by their hash, and restore points, each of which needs no other.
public struct Vault: Sendable {
  /// In the order in which they were made.
  public private(set) var points: [RestorePoint] = []
  private var chunks: [ChunkID: [UInt8]] = [:]
  /// Those that later ones took the place of: whoever has files of them may take them away.
  public private(set) var removed: [Removed] = []

  public struct Removed: Sendable, Codable, Hashable {
    public var vm: String
    public var number: Int
  }

  public init() {}

  /// What a disk's copy brings.
  public struct Copy: Sendable {
    public var name: String
    public var contents: BlockDevice
    /// What of it has changed since the parent; nil: all is copied.
    public var changed: ClusterSet?

    public init(name: String, _ contents: BlockDevice, changed: ClusterSet?) {
      (self.name, self.contents, self.changed) = (name, contents, changed)
    }
  }

  public func last(of vm: String) -> RestorePoint? { points.last { $0.vm == vm } }
  public func point(_ vm: String, _ number: Int?) -> RestorePoint? {
    number == nil ? last(of: vm) : points.last { $0.vm == vm && $0.number == number }
  }
  public func bytes(of chunk: ChunkID) -> [UInt8]? { chunks[chunk] }
  public var chunkIDs: [ChunkID] { chunks.keys.sorted() }

  /// Bytes of the chunks of a VM's backups, or of all, each counted once.
  public func storedBytes(of vm: String? = nil) -> Int {
    var wanted: Set<ChunkID> = []
    for point in points where vm == nil || point.vm == vm { wanted.formUnion(point.chunks) }
    return wanted.reduce(0) { $0 + (chunks[$1]?.count ?? 0) }
  }

  /// Takes a backup in. `parent`: what an incremental goes on from, in this vault.
  public mutating func add(
    _ vm: String, number: Int, at moment: Instant, isQuiesced: Bool, parent: RestorePoint?, _ copies: [Copy]
  ) -> RestorePoint {
    var copied = 0
    let disks = copies.map { copy -> DiskRecord in
      let before = parent?.disks.first { $0.name == copy.name && $0.size == copy.contents.size }
      guard let before, let changed = copy.changed else {
        let record = DiskRecord(copy.name, copy.contents, into: &chunks)
        copied += record.clusters.count
        return record
      }
      var pairs = zip(before.clusters, before.chunks).filter { !changed.contains($0.0) }
      for range in changed.ranges {
        for cluster in range {
          copied += 1
          let offset = cluster * BlockDevice.clusterSize
          let count = min(BlockDevice.clusterSize, copy.contents.size - offset)
          guard let bytes = try? copy.contents.read(at: offset, count: count), bytes.contains(where: { $0 != 0 }) else {
            continue
          }
          pairs.append((cluster, enter(bytes)))
        }
      }
      pairs.sort { $0.0 < $1.0 }
      return DiskRecord(
        name: copy.name, size: copy.contents.size, clusters: pairs.map(\.0), chunks: pairs.map(\.1),
        hash: ChunkID.hex(copy.contents.contentHash))
    }
    let point = RestorePoint(
      vm: vm, number: number, kind: parent == nil ? .full : .incremental, at: moment, isQuiesced: isQuiesced,
      parent: parent?.number, copied: copied, disks: disks)
    points.append(point)
    return point
  }

  private mutating func enter(_ bytes: [UInt8]) -> ChunkID {
    let id = ChunkID(of: bytes)
    chunks[id] = bytes
    return id
  }

  /// A disk put together.
  public func contents(of record: DiskRecord) throws(VaultError) -> BlockDevice {
    var bytes: [[UInt8]] = []
    for id in record.chunks {
      guard let chunk = chunks[id] else { throw .missing(id) }
      guard ChunkID(of: chunk) == id else { throw .damaged(id) }
      bytes.append(chunk)
    }
    return try BlockDevice(record, bytes)
  }

  /// Takes in one that was made in another run.
  public mutating func take(_ point: RestorePoint, _ bytes: [[UInt8]]) {
    points.append(point)
    points.sort { ($0.vm, $0.number) < ($1.vm, $1.number) }
    for chunk in bytes { _ = enter(chunk) }
  }

  public func verify(_ point: RestorePoint) throws(VaultError) {
    for disk in point.disks { _ = try contents(of: disk) }
  }

  /// Keeps the last of a VM's, and of the chunks those that somebody needs. Gives the numbers of those that went.
  @discardableResult
  public mutating func keep(last count: Int, of vm: String) -> [Int] {
    let own = points.filter { $0.vm == vm }
    let going = Set(own.dropLast(max(1, count)).map(\.number))
    guard !going.isEmpty else { return [] }
    points.removeAll { $0.vm == vm && going.contains($0.number) }
    removed += going.sorted().map { Removed(vm: vm, number: $0) }
    var needed: Set<ChunkID> = []
    for point in points { needed.formUnion(point.chunks) }
    chunks = chunks.filter { needed.contains($0.key) }
    return going.sorted()
  }

  /// The medium fails.
  public mutating func lose() {
    points = []
    chunks = [:]
  }
}

extension Vault: Codable {
  private enum CodingKeys: CodingKey { case points, bytes, removed }

  /// Chunks in the order of their names, which their bytes tell.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(points, forKey: .points)
    try container.encode(removed, forKey: .removed)
    try container.encode(chunkIDs.compactMap { chunks[$0] }, forKey: .bytes)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    points = try container.decode([RestorePoint].self, forKey: .points)
    removed = try container.decode([Removed].self, forKey: .removed)
    for bytes in try container.decode([[UInt8]].self, forKey: .bytes) { chunks[ChunkID(of: bytes)] = bytes }
    guard points.allSatisfy({ point in point.disks.allSatisfy(\.isConsistent) && point.chunks.allSatisfy { chunks[$0] != nil } })
    else {
      throw DecodingError.dataCorruptedError(forKey: .points, in: container, debugDescription: "backups without their chunks")
    }
  }
}
