import WeftCore
import WeftDisk
import WeftImage

extension Simulation {
  /// The hosts' pools, with what is backed up in each.
  public var pools: [(host: String, name: String, vault: Vault)] {
    world.storage.pools.map { ($0.host, $0.name, $0.vault) }
  }

  /// Before anything happens: a pool has backups of another run.
  public mutating func load(_ vault: Vault, host: String, pool: String) {
    guard let place = world.storage.pools.firstIndex(where: { $0.host == host && $0.name == pool }) else { return }
    world.storage.pools[place].vault = vault
  }

  /// The snapshots that VMs have now, each with the chunks that it is made of; those whose disk is lost aren't.
  public func snapshotRecords() -> [(record: SnapshotRecord, chunks: [ChunkID: [UInt8]])] {
    world.machineNodes.flatMap { node, id in
      world.elements.machines[id].snapshots.all.filter { !$0.isLost }.map { snapshot in
        var chunks: [ChunkID: [UInt8]] = [:]
        let own = snapshot.vm.guestTime(snapshot.takenAt)
        let disks = snapshot.guest.drives.all.map { DiskRecord($0.name, $0.contents(now: own), into: &chunks) }
        let bytes = snapshot.hasMemory ? try? snapshot.memory.contents : nil
        let memory = bytes.map { bytes in
          stride(from: 0, to: bytes.count, by: BlockDevice.clusterSize).map { start in
            let piece = Array(bytes[start..<min(bytes.count, start + BlockDevice.clusterSize)])
            let id = ChunkID(of: piece)
            chunks[id] = piece
            return id
          }
        }
        return (
          SnapshotRecord(
            vm: world.name(node), name: snapshot.name, parent: snapshot.parent, at: snapshot.takenAt, disks: disks,
            memory: memory, memoryBytes: bytes?.count ?? 0), chunks
        )
      }
    }
  }
}
