import WeftCore

/// A snapshot of a VM as it is put into files.
public struct SnapshotRecord: Sendable, Codable, Hashable {
  public var vm: String
  public var name: String
  /// The one that the VM was at before.
  public var parent: String?
  public var at: Instant
  public var disks: [DiskRecord]
  /// What its guest and rings are, as one run of bytes in pieces of a cluster; nil: its disks alone.
  public var memory: [ChunkID]?
  public var memoryBytes: Int

  public init(
    vm: String, name: String, parent: String?, at: Instant, disks: [DiskRecord], memory: [ChunkID]?, memoryBytes: Int
  ) {
    (self.vm, self.name, self.parent, self.at) = (vm, name, parent, at)
    (self.disks, self.memory, self.memoryBytes) = (disks, memory, memoryBytes)
  }

  public var chunks: Set<ChunkID> { Set(disks.flatMap(\.chunks) + (memory ?? [])) }
}
