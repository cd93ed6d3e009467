import WeftCore

/// A snapshot of a VM as it is put into files.
public struct SnapshotRecord: Sendable, Codable, Hashable {
  public var vm: String
  public var name: String
  /// The one that the VM was at before.
  public var parent: String?
  public var at: Instant
  public var disks: [DiskRecord]
  /// What its guest and rings are, as pages; nil: its disks alone.
  public var memory: MemoryRecord?
  /// What another run goes on from, in pieces of a cluster: the machine as values, without what is on its disks. Nil where it
  /// can't: of a host with cpus.
  public var machine: [ChunkID]?

  public init(
    vm: String, name: String, parent: String?, at: Instant, disks: [DiskRecord], memory: MemoryRecord? = nil,
    machine: [ChunkID]? = nil
  ) {
    (self.vm, self.name, self.parent, self.at) = (vm, name, parent, at)
    (self.disks, self.memory, self.machine) = (disks, memory, machine)
  }

  public var chunks: Set<ChunkID> { Set(disks.flatMap(\.chunks) + others) }
  /// Those that are no disk's.
  public var others: [ChunkID] { (memory?.chunks ?? []) + (machine ?? []) }

  /// Of a decoded one.
  public var isConsistent: Bool { disks.allSatisfy(\.isConsistent) && memory?.isConsistent ?? true }
}
