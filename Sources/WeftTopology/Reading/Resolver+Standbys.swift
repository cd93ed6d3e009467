import WeftSettings

extension Resolver {
  /// Whether the other host has a network for each of the VM's interfaces. `place`: of the host's name.
  func checkStandby(of vm: VM, _ place: Written?) {
    guard let standby = vm.standby, let place else { return }
    if standby.host == vm.host {
      return report("\"\(vm.name)\" is on \"\(vm.host)\" itself", at: place, hint: "a standby is on another host")
    }
    guard let other = topology.hosts.first(where: { $0.name == standby.host }) else { return }
    if other.processors?.hypervisor == HypervisorSettings.none {
      return report("\"\(other.name)\" has no hypervisor", at: place, hint: "a standby is on a host that runs several VMs")
    }
    let own = topology.hosts.first { $0.name == vm.host }?.processors?.hypervisor
    if own == HypervisorSettings.none || own == .type1(driverDomain: vm.name) {
      return report("\"\(vm.name)\" has the devices of \"\(vm.host)\", and can go nowhere else", at: place)
    }
    for nic in vm.nics {
      do throws(NoCounterpart) { _ = try topology.counterpart(of: nic.network, at: standby.host, []) } catch {
        report(
          "\"\(vm.name)\" can't go on there: \(error)", at: place,
          hint: "give \(standby.host) a network of the same mode on the same segment or with the same subnet")
      }
    }
  }
}
