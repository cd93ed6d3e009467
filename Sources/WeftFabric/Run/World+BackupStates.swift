import WeftCore
import WeftDisk
import WeftProbes
import WeftSettings

extension BackupProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let parts = name.split(separator: "/")
    guard let vm = machine.vm, let first = parts.first, let pool = world.pool(String(first), near: vm.host) else {
      return TryOutcome(kind: .failed, text: "there is no pool \(name)")
    }
    if let why = world.unreachable(pool) { return TryOutcome(kind: .failed, text: why) }
    let wanted = parts.count > 1 ? String(parts[1]) : vm.name
    let points = pool.vault.points.filter { $0.vm == wanted || $0.name == wanted }
    guard !points.isEmpty else { return TryOutcome(kind: .failed, text: "there is no backup of \(wanted)") }
    for point in points {
      do throws(VaultError) { try pool.vault.verify(point) } catch {
        return TryOutcome(kind: .failed, text: "\(point.name): \(error)")
      }
    }
    return TryOutcome(kind: .open, text: "\(points.map(\.name).joined(separator: ", ")) verified")
  }
}

extension StoredProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let words = what.split(separator: " ").map(String.init)
    guard words.count == 2, let bytes = bytes(words[0], words[1], machine, world) else {
      return TryOutcome(kind: .failed, text: "there is no \(what)")
    }
    let isWithin = UInt64(bytes) <= atMost ?? .max && UInt64(bytes) >= atLeast ?? 0
    return TryOutcome(kind: isWithin ? .open : .failed, text: "\(Figures.size(UInt64(bytes)))")
  }

  private func bytes(_ sort: String, _ name: String, _ machine: Machine, _ world: borrowing World) -> Int? {
    switch sort {
    case "snapshot": machine.bytesKept(for: name, world.now)
    case "memory": machine.memoryKept(for: name)
    case "disk": machine.guest.drives[name]?.device.heldBytes
    case "backups", "backup":
      if let pool = world.pool(name, near: machine.vm?.host), let vm = machine.vm {
        sort == "backups"
          ? pool.vault.storedBytes(of: vm.name)
          : pool.vault.last(of: vm.name).map { $0.copied * BlockDevice.clusterSize }
      } else {
        nil
      }
    default: nil
    }
  }
}

extension Machine {
  /// What a snapshot's disks have that the machine's own no longer do: it is kept for the snapshot.
  func bytesKept(for name: String, _ now: Instant) -> Int? {
    guard let past = snapshots[name] else { return nil }
    let today = diskContents(now)
    return past.guest.drives.all.reduce(0) { sum, drive in
      let then = drive.contents(now: past.vm.guestTime(past.takenAt))
      guard let own = today.first(where: { $0.name == drive.name })?.contents, own.size == then.size else { return sum }
      return sum + own.changedClusters(since: then).count * BlockDevice.clusterSize
    }
  }
}

extension Machine {
  /// Pages of a snapshot that the one before it hasn't.
  func memoryKept(for name: String) -> Int? {
    guard let past = snapshots[name], past.hasMemory, let memory = try? past.memory else { return nil }
    let parent = past.parent.flatMap { snapshots[$0] }.flatMap { $0.hasMemory ? try? $0.memory.mark : nil }
    return Int(memory.changes(since: parent).count) * MemoryRecord.pageSize
  }
}

extension BlockDevice {
  /// Of the clusters that hold anything but zeros.
  var heldBytes: Int {
    var held = 0
    forEachCluster { held += $1.count }
    return held
  }
}

extension World {
  /// A pool of this name: of that host, or the first.
  func pool(_ name: String, near host: String?) -> Storage.Pool? {
    storage.pools.first { $0.name == name && $0.host == host } ?? storage.pools.first { $0.name == name }
  }
}
