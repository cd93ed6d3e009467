import WeftCore
import WeftDisk
import WeftHypervisor

// Pools: a host's own media, which others reach through it.
extension World {
  /// Why nothing can be read from a pool, or written to it.
  func unreachable(_ pool: Storage.Pool) -> String? {
    if pool.isLost { return "pool \(pool.name) is lost" }
    guard let host = host(pool.host), host.hasFailed || host.offAt != nil else { return nil }
    return "pool \(pool.name) is in \(host.name), which \(host.hasFailed ? "has failed" : "is off")"
  }

  /// Of where a disk lies.
  func unreachable(_ pool: PoolName?) -> String? {
    guard let pool, let found = storage.pools.first(where: { $0.id == pool }) else { return nil }
    return unreachable(found)
  }

  /// Why a machine has not all of its disks.
  func lackOfDisks(_ machine: Machine) -> String? {
    for drive in machine.guest.drives.all {
      if drive.isLost { return "it has lost disk \(drive.name)" }
      if let why = unreachable(drive.pool) { return "its disk \(drive.name): \(why)" }
    }
    return nil
  }

  /// Where a disk goes at a host: into the pool of the same name, or else its first; nil where none can be used.
  func pool(for own: PoolName?, at host: String) -> PoolName? {
    func isThere(_ pool: Storage.Pool) -> Bool { pool.host == host && unreachable(pool) == nil }
    let pool = storage.pools.first { isThere($0) && $0.name == own?.name } ?? storage.pools.first(where: isThere)
    return pool?.id
  }

  /// Whether a VM's disk lies in one of a host's pools.
  func holdsDisks(_ host: String) -> Bool {
    machineNodes.contains { _, id in elements.machines[id].guest.drives.all.contains { $0.pool?.host == host && !$0.isLost } }
  }

  /// A pool's medium fails: the disks in it are gone wherever their VMs run, the snapshots with them, and so are backups that lie
  /// there.
  mutating func failMedia(_ name: String, _ host: String?) throws(EventFailure) {
    let pool = try pool(name, host, near: nil)
    if storage.pools[pool].isLost { throw EventFailure(description: "pool \(name) is lost already") }
    storage.pools[pool].isLost = true
    let lost = storage.pools[pool].id
    for (node, id) in machineNodes {
      elements.machines[id].snapshots.loseDisks(in: lost)
      let drives = elements.machines[id].guest.drives.all.indices.filter { elements.machines[id].guest.drives[$0].pool == lost }
      guard let first = drives.first else { continue }
      for index in drives { elements.machines[id].guest.drives[index].lose() }
      losesDisk(node, id, elements.machines[id].guest.drives[first].name)
    }
    for index in storage.backups.indices
    where storage.backups[index].failure == nil && storage.backups[index].end == nil
      && storage.pools[pool].vault.point(storage.backups[index].vm, storage.backups[index].number) != nil
    {
      storage.backups[index].end = "lost with its pool at \(now)"
    }
    storage.pools[pool].vault.lose()
    storage.news.append("pool \(name) of \(lost.host) failed at \(now)")
  }

  /// A host loses its power, and VMs elsewhere what they have in its pools.
  mutating func losePools(of host: String) {
    for (node, id) in machineNodes where elements.machines[id].vm.map({ $0.host != host && !$0.state.isOff }) ?? false {
      guard let drive = elements.machines[id].guest.drives.all.first(where: { $0.pool?.host == host }) else { continue }
      losesDisk(node, id, drive.name)
      storage.news.append("\(name(node)) lost its disk \(drive.name) with \(host) at \(now)")
    }
  }

  /// What a VM runs from is gone: it crashes, on its way to another host too.
  private mutating func losesDisk(_ node: NodeID, _ id: ID<Machine>, _ drive: String) {
    if let index = migrations.current(name(node)) { fail(index, "its disk \(drive) was lost", goesOn: false) }
    if elements.machines[id].state.after(.crash) != nil { try? perform(.crash, on: name(node)) }
  }
}
