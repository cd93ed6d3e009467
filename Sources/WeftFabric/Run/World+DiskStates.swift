import WeftCore
import WeftDisk
import WeftSettings

extension DiskProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let own = machine.diskContents(world.now)
    let other: [(name: String, contents: BlockDevice)]
    if let past = machine.snapshots[snapshot] {
      if past.isLost { return TryOutcome(kind: .failed, text: "snapshot \(snapshot) is lost with its disk") }
      other = past.guest.drives.all.map { ($0.name, $0.contents(now: past.vm.guestTime(past.takenAt))) }
    } else if let node = world.names.machines[snapshot], let twin = world.machine(node), world.elements.machines[twin].vm != nil {
      other = world.elements.machines[twin].diskContents(world.now)
    } else {
      return TryOutcome(kind: .failed, text: "there is no snapshot or VM \(snapshot)")
    }
    let wanted = own.filter { disk == nil || disk == $0.name }
    guard !wanted.isEmpty else {
      return TryOutcome(kind: .failed, text: "it has no \(disk.map { "disk \($0)" } ?? "disks")")
    }
    var (compared, differing) = (0, 0)
    for (name, contents) in wanted {
      guard let past = other.first(where: { $0.name == name }) else {
        return TryOutcome(kind: .failed, text: "\(snapshot) has no disk \(name)")
      }
      guard past.contents.size == contents.size else {
        return TryOutcome(kind: .failed, text: "\(name) has \(contents.size) bytes, that of \(snapshot) \(past.contents.size)")
      }
      differing += contents.changedClusters(since: past.contents).count
      contents.forEachCluster { _, _ in compared += 1 }
    }
    return differing == 0
      ? TryOutcome(kind: .open, text: "equal, \(compared) clusters")
      : TryOutcome(kind: .failed, text: "\(differing) clusters differ")
  }
}

extension Machine {
  /// Its disks as the hypervisor sees them.
  func diskContents(_ now: Instant) -> [(name: String, contents: BlockDevice)] {
    let own = vm?.guestTime(now) ?? now
    return guest.drives.all.map { ($0.name, $0.contents(now: own)) }
  }
}
