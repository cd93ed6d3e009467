import WeftCore
import WeftDisk
import WeftHypervisor
import WeftSettings
import WeftTopology

// Backups: hooks, flush, barrier, thaw; then the copy, at the pace of the pool.
extension World {
  mutating func backUp(_ order: BackupOrder) throws(EventFailure) {
    let (node, id) = try knownVM(order.vm)
    let machine = elements.machines[id]
    guard let vm = machine.vm else { return }
    let pool = try pool(order.pool, order.host, near: vm.host)
    if let why = unreachable(storage.pools[pool]) { throw EventFailure(description: why) }
    guard !machine.guest.drives.isEmpty else { throw EventFailure(description: "\(order.vm) has no disks") }
    if let why = lackOfDisks(machine) { throw EventFailure(description: why) }
    if let other = storage.jobs.first(where: { $0.vm == order.vm }) {
      throw EventFailure(description: "backup \(other.name) isn't done yet")
    }
    let hasParent = storage.pools[pool].vault.last(of: order.vm) != nil
    var job = BackupJob(
      vm: order.vm, number: storage.nextNumber(of: order.vm), pool: pool,
      kind: hasParent && order.kind == .incremental ? .incremental : .full,
      isQuiesced: order.quiesce && vm.state == .running, keep: order.keep, began: now, generation: vm.generation,
      phase: .flushing(until: now))
    if job.isQuiesced {
      let done = elements.machines[id].guest.flush(now: vm.guestTime(now)) + vm.lag
      reschedule(node)
      job.phase = .flushing(until: done)
      if done - now > BackupJob.patience {
        thaw(node, id)
        return fail(job, "its programs can't be flushed within \(BackupJob.patience)")
      }
    }
    storage.jobs.append(job)
    wakeBackups()
  }

  /// What is due of backups.
  mutating func wakeBackups() {
    while let place = storage.jobs.firstIndex(where: { $0.deadline <= now }) {
      var job = storage.jobs.remove(at: place)
      switch job.phase {
      case .flushing:
        guard take(&job) else { continue }
        storage.jobs.append(job)
      case .copying: finish(job)
      }
    }
  }

  /// The moment that a backup has: the disks are kept as they are, and programs go on.
  private mutating func take(_ job: inout BackupJob) -> Bool {
    guard let node = names.machines[job.vm], let id = machine(node), let vm = elements.machines[id].vm else {
      fail(job, "there is no \(job.vm) any more")
      return false
    }
    if let why = interruption(of: job, vm) ?? lackOfDisks(elements.machines[id]) {
      if elements.machines[id].state.runs { thaw(node, id) }
      fail(job, why)
      return false
    }
    let own = vm.guestTime(now)
    let bitmap = bitmapName(job)
    for index in elements.machines[id].guest.drives.all.indices {
      let contents = elements.machines[id].guest.drives[index].contents(now: own)
      let taken = try? elements.machines[id].guest.drives[index].withDevice(now: own) { (device) throws(DiskError) in
        if device.bitmap(named: bitmap) == nil { try device.addBitmap(named: bitmap) }
        return try device.sync(bitmap)
      }
      job.pieces.append(
        .init(
          name: elements.machines[id].guest.drives[index].name, contents: contents, taken: taken ?? ClusterSet(),
          pool: elements.machines[id].guest.drives[index].pool))
    }
    job.at = now
    if job.isQuiesced {
      job.frozen = now - job.began
      thaw(node, id)
    }
    var bytes = 0
    for piece in job.pieces {
      switch job.kind {
      case .full: piece.contents.forEachCluster { bytes += $1.count }
      case .incremental: bytes += piece.taken.count * BlockDevice.clusterSize
      }
    }
    let rate = storage.pools[job.pool].rate
    // In steps that fit: 2^33 bytes at most a step would be 8 GiB.
    let time = rate.map { Nanoseconds(UInt64(min(Double(bytes) * 1e9 / Double($0), 0x1p62))) } ?? .zero
    job.phase = .copying(until: now + time)
    return true
  }

  /// Why a guest that was frozen for a backup isn't any more, or can't have brought all to its disks: it has to run through, from
  /// the freeze to the moment. Where it doesn't run now, it is thawed as it goes on.
  private func interruption(of job: BackupJob, _ vm: VirtualMachine) -> String? {
    guard job.isQuiesced else { return nil }
    if vm.generation != job.generation { return "\(job.vm) was reverted" }
    if vm.state != .running { return "\(job.vm) is \(vm.state.rawValue)" }
    return vm.changedAt > job.began ? "\(job.vm) didn't run through: it goes on since \(vm.changedAt)" : nil
  }

  private mutating func finish(_ job: BackupJob) {
    // What was written since the moment is kept beside the disk: where that can't be reached, the copy can't go on.
    let why = unreachable(storage.pools[job.pool]) ?? job.pieces.compactMap { unreachable($0.pool) }.first
    if let why { return giveBack(job, why) }
    let parent = job.kind == .full ? nil : storage.pools[job.pool].vault.last(of: job.vm)
    let point = storage.pools[job.pool].vault.add(
      job.vm, number: job.number, at: job.at, isQuiesced: job.isQuiesced, parent: parent,
      job.pieces.map { .init(name: $0.name, $0.contents, changed: parent == nil ? nil : $0.taken) })
    var result = result(job)
    result.kind = point.kind.rawValue
    (result.copied, result.clusters, result.finishedAt) = (point.copied, point.clusterCount, now)
    do throws(VaultError) { try storage.pools[job.pool].vault.verify(point) } catch { result.failure = error.description }
    storage.backups.append(result)
    guard let keep = job.keep else { return }
    for number in storage.pools[job.pool].vault.keep(last: keep, of: job.vm) {
      for index in storage.backups.indices where storage.backups[index].vm == job.vm && storage.backups[index].number == number {
        storage.backups[index].end = "removed at \(now)"
      }
    }
  }

  /// The copy failed: what it took from the bitmaps is dirty again.
  private mutating func giveBack(_ job: BackupJob, _ why: String) {
    if let node = names.machines[job.vm], let id = machine(node) {
      for piece in job.pieces {
        guard let index = elements.machines[id].guest.drives.index(of: piece.name) else { continue }
        let bitmap = bitmapName(job)
        let own = elements.machines[id].vm?.guestTime(now) ?? now
        try? elements.machines[id].guest.drives[index].withDevice(now: own) { (device) throws(DiskError) in
          try device.mark(piece.taken, in: bitmap)
        }
      }
    }
    fail(job, why)
  }

  private mutating func fail(_ job: BackupJob, _ why: String) {
    var result = result(job)
    result.failure = why
    storage.backups.append(result)
  }

  private func result(_ job: BackupJob) -> BackupResult {
    BackupResult(
      vm: job.vm, number: job.number, pool: storage.pools[job.pool].name, kind: job.kind.rawValue, isQuiesced: job.isQuiesced,
      at: job.at, frozen: job.frozen)
  }

  private func bitmapName(_ job: BackupJob) -> String {
    "backup-\(storage.pools[job.pool].host)-\(storage.pools[job.pool].name)"
  }

  private mutating func thaw(_ node: NodeID, _ id: ID<Machine>) {
    let own = elements.machines[id].vm?.guestTime(now) ?? now
    elements.machines[id].guest.thaw(now: own, &effects)
    settle(node)
  }

  // MARK: Restores

  /// A VM's disks become what a backup has: in the same pool, or if that is lost in another of its host.
  mutating func restoreBackup(_ order: RestoreOrder) throws(EventFailure) {
    let (_, id) = try knownVM(order.vm)
    guard let vm = elements.machines[id].vm else { return }
    guard vm.state == .stopped || vm.state == .crashed else {
      throw EventFailure(description: "can't restore \(order.vm) from a backup: it is \(vm.state.rawValue)")
    }
    let from = try pool(order.pool, order.poolHost, near: vm.host)
    if let why = unreachable(storage.pools[from]) { throw EventFailure(description: why) }
    guard let point = storage.pools[from].vault.point(order.source ?? order.vm, order.number) else {
      let name = "\(order.source ?? order.vm)\(order.number.map { "#\($0)" } ?? "")"
      throw EventFailure(description: "there is no backup of \(name) in \(order.pool)")
    }
    let target = order.host ?? vm.host
    if target != vm.host { _ = try destination(of: order.vm, at: target, for: "restore \(order.vm) from a backup") }
    var restored: [(Int, BlockDevice, PoolName?)] = []
    for record in point.disks {
      guard let index = elements.machines[id].guest.drives.index(of: record.name),
        elements.machines[id].guest.drives[index].size == record.size
      else { throw EventFailure(description: "\(order.vm) has no disk \(record.name) of \(record.size) bytes") }
      let own = elements.machines[id].guest.drives[index].pool
      let place = pool(for: own, at: target)
      guard place != nil || own == nil else {
        throw EventFailure(description: "host \(target) has no pool that disk \(record.name) could go to")
      }
      do throws(VaultError) { restored.append((index, try storage.pools[from].vault.contents(of: record), place)) } catch {
        throw EventFailure(description: "backup \(point.name): \(error)")
      }
    }
    if target != vm.host { try relocate(order.vm, to: target, for: "restore \(order.vm) from a backup") }
    for (index, contents, pool) in restored { elements.machines[id].guest.drives[index].replace(with: contents, pool: pool) }
    storage.news.append("\(order.vm) was restored from \(order.pool)/\(point.name), of \(point.at), at \(now)")
  }

  // MARK: Names

  func pool(_ name: String, _ host: String?, near: String?) throws(EventFailure) -> Int {
    let found = storage.pools.indices.filter { storage.pools[$0].name == name && (host == nil || storage.pools[$0].host == host) }
    if let own = found.first(where: { storage.pools[$0].host == near }) { return own }
    guard let first = found.first else { throw EventFailure(description: "there is no pool \(name)") }
    guard found.count == 1 else { throw EventFailure(description: "several hosts have a pool \(name)") }
    return first
  }

  private func knownVM(_ vm: String) throws(EventFailure) -> (NodeID, ID<Machine>) {
    do { return try virtualMachine(vm) } catch { throw EventFailure(description: error.description) }
  }
}
