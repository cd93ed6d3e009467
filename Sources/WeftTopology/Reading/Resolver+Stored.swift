import WeftSettings

extension Resolver {
  /// Names in a check of what is stored: of a pool, a disk, a snapshot.
  func checkStored(_ probe: any ProbeSettings, of vm: String, at place: Written) {
    guard let index = vmIndex[vm] else { return }
    let disks = topology.vms[index].disks.map(\.name)
    switch probe {
    case let probe as DiskProbeSettings:
      let wanted = place["to"] ?? place
      if vmIndex[probe.snapshot] == nil { demand(probe.snapshot, among: snapshots(of: vm), "snapshot or VM", at: wanted) }
      if let disk = probe.disk { demand(disk, among: disks, "disk", at: place["disk"] ?? place) }
      if disks.isEmpty { report("\"\(vm)\" has no disks to compare", at: wanted) }
    case let probe as BackupProbeSettings:
      let pool = probe.name.split(separator: "/").first.map(String.init) ?? probe.name
      demand(pool, among: pools, "pool", at: place["in"] ?? place)
    case let probe as StoredProbeSettings:
      let words = probe.what.split(separator: " ").map(String.init)
      guard words.count == 2 else { return }
      switch words[0] {
      case "snapshot", "memory": demand(words[1], among: snapshots(of: vm), "snapshot", at: place["what"] ?? place)
      case "disk": demand(words[1], among: disks, "disk", at: place["what"] ?? place)
      default: demand(words[1], among: pools, "pool", at: place["what"] ?? place)
      }
    default: return
    }
  }

  private var pools: [String] { topology.hosts.flatMap(\.pools).map(\.name) }

  private func snapshots(of vm: String) -> [String] {
    topology.events.compactMap { if case .takeSnapshot(let name, vm, _) = $0.action { name } else { nil } }
  }

  private func demand(_ name: String, among known: [String], _ what: String, at place: Written) {
    guard !known.contains(name) else { return }
    report("unknown \(what) \"\(name)\"", at: place, part: name, hint: Suggestion.hint(for: name, in: known))
  }
}
