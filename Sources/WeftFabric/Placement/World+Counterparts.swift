import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Where VMs fit.
extension World {
  func host(_ name: String) -> WeftHypervisor.Host? { hosts.first { $0.name == name } }

  /// Where a VM's interfaces go at a host that takes it, whoever asks; says why none does. `what`: that couldn't be done then.
  func destination(
    of vm: String, at name: String, _ settings: MigrationSettings = MigrationSettings(), for what: String
  ) throws(EventFailure) -> [String] {
    let (_, machine) = try known(vm)
    guard let own = elements.machines[machine].vm, let host = host(name) else {
      throw EventFailure(description: "there is no host \(name)")
    }
    func refuse(_ why: String) -> EventFailure { EventFailure(description: "can't \(what): \(why)") }
    if own.host == name { throw refuse("it is on \(name)") }
    if let why = refusal(of: vm, at: host) { throw refuse(why) }
    let networks: [String]
    do throws(NoCounterpart) { networks = try counterparts(of: vm, at: name, settings.networks) } catch {
      throw refuse("\(error)")
    }
    if let why = lack(of: own.memory, used: { usedMemory(machine) }, at: host) { throw refuse(why) }
    return networks
  }

  /// The networks of a host that a VM's interfaces go into, in their order; empty for one that stays where it is.
  func counterparts(
    of vm: String, at host: String, _ moves: [MigrationSettings.Move] = []
  ) throws(NoCounterpart) -> [String] {
    guard let site, let (node, machine) = try? known(vm), let own = elements.machines[machine].vm else { return [] }
    var networks: [String] = []
    for port in graph.nodes[node].ports {
      guard !graph.ports[port].isRemoved, let here = network(at: port), here.host == own.host else {
        networks.append("")
        continue
      }
      networks.append(try site.topology.counterpart(of: here.name, at: host, moves))
    }
    return networks
  }

  /// Why a VM can't go to a host, whatever room it has.
  func refusal(of vm: String, at host: WeftHypervisor.Host) -> String? {
    if host.hasFailed { return "\(host.name) has failed" }
    if host.offAt != nil || host.goesOff { return "\(host.name) is off" }
    if let why = refusal(of: vm) { return why }
    let isBare = processors.hosts.contains { $0.name == host.name && $0.hypervisor == .none }
    return isBare ? "\(host.name) has no hypervisor" : nil
  }

  /// Why a VM can go to no host at all.
  func refusal(of vm: String) -> String? {
    if standbys.current(vm) != nil { return "it has a standby" }
    guard hasProcessors, let node = names.machines[vm] else { return nil }
    if processors.hosts.contains(where: { $0.driver == node.index }) { return "it has the drivers of its host" }
    return isSystem(node) ? "its host has no hypervisor" : nil
  }

  /// Of a host's VMs: what they have, and what they use.
  func balloonMachines(of host: WeftHypervisor.Host) -> [Balloons.Machine] {
    host.virtualMachines.compactMap { vm in
      guard let node = names.machines[vm], let machine = machine(node), let own = elements.machines[machine].vm else {
        return nil
      }
      return Balloons.Machine(name: vm, memory: own.memory, used: usedMemory(machine))
    }
  }

  /// VMs on their way to a host.
  func incoming(to host: String) -> [String] {
    migrations.all.filter { $0.isUnderWay && $0.target == host && $0.resumedAt == nil }.map(\.vm)
  }

  func usedMemory(_ machine: ID<Machine>) -> UInt64 {
    ((try? elements.machines[machine].memory(at: now).used) ?? 0) * UInt64(WorkingSet.pageSize)
  }

  /// Why a host has no room for so much more memory, beside that of those that are on their way to it. `vm`: one of them, whose
  /// it is.
  func lack(
    of memory: UInt64, used: () -> UInt64 = { 0 }, at host: WeftHypervisor.Host, for vm: String = ""
  ) -> String? {
    guard let all = host.memory else { return nil }
    if host.overcommit == .balloon {
      var machines = balloonMachines(of: host)
      for other in incoming(to: host.name) where other != vm {
        guard let machine = names.machines[other].flatMap({ self.machine($0) }) else { continue }
        machines.append(Balloons.Machine(name: other, memory: self.memory(of: other), used: usedMemory(machine)))
      }
      machines.append(Balloons.Machine(name: "", memory: memory, used: used()))
      for vm in standbys.reserved(on: host.name) {
        machines.append(Balloons.Machine(name: vm, memory: self.memory(of: vm), used: self.memory(of: vm)))
      }
      return Balloons.taken(from: machines, toFit: all) != nil
        ? nil : "\(host.name) has \(all >> 20) MiB, and too little of it is unused for \(memory >> 20) MiB more"
    }
    let taken = (host.virtualMachines + incoming(to: host.name)).reduce(UInt64(0)) {
      $1 == vm ? $0 : $0 + self.memory(of: $1)
    }
    let free = all - min(all, taken)
    return memory <= free ? nil : "\(host.name) has \(free >> 20) MiB free, and it needs \(memory >> 20) MiB"
  }
}
