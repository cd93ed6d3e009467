import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Hosts that fail, and what becomes of their VMs.
extension World {
  /// A VM that is to be started elsewhere.
  struct Restart: Codable {
    var vm: String
    var at: Instant
  }

  /// Three heartbeats of 100 ms that don't come.
  static let detection = Nanoseconds.milliseconds(300)

  /// A host loses its power, and all that is on it.
  mutating func failHost(_ name: String) throws(EventFailure) {
    guard let index = hosts.firstIndex(where: { $0.name == name }) else {
      throw EventFailure(description: "there is no host \(name)")
    }
    guard !hosts[index].hasFailed else { throw EventFailure(description: "\(name) has failed already") }
    hosts[index].failedAt = now
    for migration in migrations.all.indices
    where migrations.all[migration].isUnderWay && migrations.all[migration].target == name
      && migrations.all[migration].lease == .target
    {
      let vm = migrations.all[migration].vm
      let isBetween = migrations.all[migration].phase == .activating
      fail(migration, "\(name) failed when it had it")
      guard isBetween else { continue }
      try? perform(.stop, on: vm)
      if restarting.contains(vm) { restarts.append(Restart(vm: vm, at: now + Self.detection)) }
    }
    for vm in hosts[index].virtualMachines {
      // Whose memory is at the other side, whole, is the other side's.
      if let migration = migrations.current(vm), migrations.all[migration].source == name,
        migrations.all[migration].copiedAt != nil
      {
        continue
      }
      let wasOn = names.machines[vm].flatMap { machine($0) }.map { !elements.machines[$0].state.isOff } ?? false
      let isTakenOver = wasOn && noticeFailure(of: vm)
      try? perform(.stop, on: vm)
      if wasOn, !isTakenOver, restarting.contains(vm) { restarts.append(Restart(vm: vm, at: now + Self.detection)) }
    }
    powerOff(name)
    losePools(of: name)
    standbys.hostFailed(name, at: now)
    for migration in migrations.all.indices { migrations.all[migration].isDue = !migrations.all[migration].isOver }
  }

  /// Its machine, and every cable of what is in it.
  mutating func powerOff(_ host: String) {
    guard let node = names.machines[host] else { return }
    let inside = Set([node] + (names.covered[host] ?? []))
    var cables: Set<LinkID> = []
    for node in inside {
      for port in graph.nodes[node].ports {
        guard let link = graph.ports[port].link else { continue }
        cables.insert(min(link, graph.ends[link].reverse))
      }
    }
    for cable in cables.sorted() { setCable([cable, graph.ends[cable].reverse], up: false) }
    guard let machine = machine(node) else { return }
    elements.machines[machine].guest.powerOff()
    if !probes.isEmpty {
      probes.stop(node.index, now: now)
      hasProbeNews = true
    }
    settle(node)
  }

  var restartDeadline: Instant { restarts.reduce(.never) { min($0, $1.at) } }

  /// Starts VMs elsewhere whose hosts' failure has been noticed.
  mutating func wakeRestarts() {
    while let index = restarts.firstIndex(where: { $0.at <= now }) {
      let vm = restarts.remove(at: index).vm
      guard let (_, machine) = try? known(vm), elements.machines[machine].state == .stopped else { continue }
      if let why = lackOfDisks(elements.machines[machine]) {
        complaints.append("at \(now - .start): can't restart \(vm): \(why)")
        continue
      }
      let own = elements.machines[machine].vm?.host
      let host = hosts.first { host in
        host.name == own
          ? !host.hasFailed && host.offAt == nil : (try? destination(of: vm, at: host.name, for: "restart \(vm)")) != nil
      }
      guard let host else {
        complaints.append("at \(now - .start): no host has room to restart \(vm)")
        continue
      }
      do throws(EventFailure) {
        if host.name != own { try relocate(vm, to: host.name, for: "restart \(vm)") }
        try carryOut(.start, on: vm)
      } catch {
        complaints.append("at \(now - .start): \(error)")
      }
    }
  }
}
