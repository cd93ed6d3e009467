import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Which host a VM is on, chosen by a policy.
extension World {
  /// Moves all VMs off a host.
  mutating func drain(_ host: String, _ policy: PlacementPolicy) throws(EventFailure) {
    guard let index = hosts.firstIndex(where: { $0.name == host }) else {
      throw EventFailure(description: "there is no host \(host)")
    }
    var placement = placement(policy)
    var stuck: [String] = []
    for vm in hosts[index].virtualMachines where migrations.current(vm) == nil {
      guard let target = placement.place(need(of: vm), where: { $0 != index && isAllowed(vm, on: $0) }) else {
        stuck.append(vm)
        continue
      }
      try move(vm, to: target)
    }
    if let failure = failure(of: stuck, "no other host") { throw failure }
  }

  /// What is said of those that stay where they are; nil of none.
  private func failure(of stuck: [String], _ nobody: String) -> EventFailure? {
    let bound = stuck.compactMap { vm in refusal(of: vm).map { "can't move \(vm): \($0)" } }
    let others = stuck.filter { refusal(of: $0) == nil }
    let all = bound + (others.isEmpty ? [] : ["\(nobody) has room for \(others.joined(separator: ", "))"])
    return all.isEmpty ? nil : EventFailure(description: all.joined(separator: "; "))
  }

  /// Moves VMs onto as few hosts as they fit on. Those without are switched off, once the last has left.
  mutating func consolidate(_ policy: PlacementPolicy, off: Bool) throws(EventFailure) {
    let vms = hosts.flatMap(\.virtualMachines).filter { migrations.current($0) == nil }
    let rooms = hosts.map { host in
      let reserved = standbys.reserved(on: host.name).reduce(0) { $0 + memory(of: $1) }
      return Placement.Room(memory: host.memory.map { $0 - min($0, reserved) }, reclaims: host.overcommit == .balloon)
    }
    let places = Placement.consolidated(vms.map { need(of: $0) }, on: rooms, policy) { isAllowed(vms[$0], on: $1) }
    var stuck: [String] = []
    for (vm, place) in zip(vms, places) {
      guard let place else {
        stuck.append(vm)
        continue
      }
      if !hosts[place].virtualMachines.contains(vm) { try move(vm, to: place) }
    }
    if off {
      let awaited = Set(
        migrations.all.filter(\.isUnderWay).map(\.target) + standbys.all.filter { !$0.isOver }.map(\.host))
      for index in hosts.indices
      where !places.contains(index) && !hosts[index].hasFailed && !awaited.contains(hosts[index].name)
        && site?.topology.hosts[index].networks.isEmpty == false
      {
        hosts[index].goesOff = true
      }
    }
    switchOffEmptyHosts()
    if let failure = failure(of: stuck, "no host") { throw failure }
  }

  /// One that runs goes live, any other as it is.
  private mutating func move(_ vm: String, to host: Int) throws(EventFailure) {
    let (_, machine) = try known(vm)
    let state = elements.machines[machine].state
    if state == .running || state == .paused { return try migrate(vm, to: hosts[host].name, MigrationSettings()) }
    try relocate(vm, to: hosts[host].name, for: "move \(vm)")
  }

  /// Of one that is off: its disks, and what of its memory was saved, are where both hosts reach them.
  mutating func relocate(_ vm: String, to host: String, for what: String) throws(EventFailure) {
    let (_, machine) = try known(vm)
    let networks = try destination(of: vm, at: host, for: what)
    do { try perform(.moveVM(vm, to: host, networks: networks)) } catch { throw EventFailure(description: "\(error)") }
    elements.machines[machine].announcesItself = true
  }

  mutating func switchOffEmptyHosts() {
    for index in hosts.indices where hosts[index].goesOff && hosts[index].offAt == nil && hosts[index].virtualMachines.isEmpty {
      // Others' disks keep it on.
      if holdsDisks(hosts[index].name) { continue }
      guard !migrations.all.contains(where: { $0.isUnderWay && $0.target == hosts[index].name }),
        !migrations.all.contains(where: { $0.phase != .failed && $0.source == hosts[index].name && $0.sourceSocket != nil })
      else { continue }
      hosts[index].offAt = now
      powerOff(hosts[index].name)
    }
  }

  // MARK: Room

  func memory(of vm: String) -> UInt64 {
    names.machines[vm].flatMap { machine($0) }.flatMap { elements.machines[$0].vm?.memory } ?? 0
  }

  /// What it uses is looked at only where some host could have the rest of it.
  private func need(of vm: String) -> Placement.Need {
    let memory = memory(of: vm)
    guard hosts.contains(where: { $0.overcommit == .balloon }), let machine = names.machines[vm].flatMap({ machine($0) }) else {
      return Placement.Need(memory, used: memory)
    }
    return Placement.Need(memory, used: usedMemory(machine))
  }

  /// What VMs on their way to a host need is taken there already.
  func placement(_ policy: PlacementPolicy) -> Placement {
    var placement = Placement(hosts.map { Placement.Room(memory: $0.memory, reclaims: $0.overcommit == .balloon) }, policy)
    for (index, host) in hosts.enumerated() {
      for vm in host.virtualMachines + incoming(to: host.name) { placement.place(need(of: vm), on: index) }
      // What a standby is to go on with may all be used by then.
      for vm in standbys.reserved(on: host.name) {
        placement.place(Placement.Need(memory(of: vm), used: memory(of: vm)), on: index)
      }
    }
    return placement
  }

  /// Whether a host is on, and has a network for each of a VM's interfaces.
  func isAllowed(_ vm: String, on host: Int) -> Bool {
    if hosts[host].virtualMachines.contains(vm) { return !hosts[host].hasFailed && hosts[host].offAt == nil }
    return refusal(of: vm, at: hosts[host]) == nil
      && (try? counterparts(of: vm, at: hosts[host].name)) != nil
  }
}
