import WeftSettings

extension Resolver {
  /// Nil of a host without cpus, whose other keys of them say nothing then.
  func readProcessors(_ own: HostProcessorsEntry, _ object: Object<HostEntry>) -> HostProcessorSettings? {
    guard let count = own.count else {
      for entry in [\HostEntry.processors.speed as PartialKeyPath, \.processors.hypervisor, \.processors.scheduler]
        .compactMap({ object[$0] })
      {
        warn("\"\(entry.key)\" goes with \"cpus\": without them what VMs do takes no time", at: entry.value)
      }
      return nil
    }
    var processors = HostProcessorSettings(count: count)
    processors.speed = own.speed
    processors.scheduler = own.scheduler
    if let hypervisor = own.hypervisor { processors.hypervisor = hypervisor }
    return processors
  }

  /// What hosts, their VMs and the programs of these say of cpus together.
  func checkProcessors(_ root: Object<RootEntry>) {
    let scheduled = topology.hosts.filter { $0.processors != nil }
    if scheduled.isEmpty, let costs = root.place(\.costs) {
      warn("\"costs\" goes with a host that has \"cpus\": without them what VMs do takes no time", at: costs)
    }
    for host in scheduled {
      guard case .type1(let name?)? = host.processors?.hypervisor, let index = vmIndex[name] else { continue }
      if topology.vms[index].host != host.name {
        report(
          "the driver domain \"\(name)\" of \"\(host.name)\" is a VM of \"\(topology.vms[index].host)\"", atKey: host.mark,
          host.name,
          hint: "a driver domain is a VM of its own host")
      }
    }
    for host in scheduled where host.processors?.hypervisor == HypervisorSettings.none {
      let own = topology.vms.filter { $0.host == host.name && $0.autostart }
      guard own.count > 1 else { continue }
      report(
        "\"\(own[1].name)\" starts by itself beside \"\(own[0].name)\", and \"\(host.name)\" has no hypervisor: it runs one of them at "
          + "a time", atKey: own[1].mark, own[1].name, hint: "give it autostart: false, and an event boot-into")
    }
    let names = Set(scheduled.map(\.name))
    for vm in topology.vms { check(vm, isScheduled: names.contains(vm.host)) }
    for host in topology.hosts { checkSpin(host.programs, isScheduled: false, of: host.name) }
  }

  private func check(_ vm: VM, isScheduled: Bool) {
    checkSpin(vm.programs, isScheduled: isScheduled, of: vm.name)
    if let cap = vm.processor.cap, cap > UInt64(vm.processor.count) * 1_000_000 {
      report(
        "\"\(vm.name)\" has \(vm.processor.count == 1 ? "one vcpu, which" : "\(vm.processor.count) vcpus, which") can't use "
          + "\(Double(cap) / 10_000) % of a cpu", atKey: vm.mark, vm.name,
        hint: "a cap is at most 100 % for each of its vcpus")
    }
    if !isScheduled, vm.processor != ProcessorSettings() {
      report(
        "\"\(vm.name)\" has keys of its cpus, and its host \"\(vm.host)\" has none: they say nothing", at: vm.mark,
        length: vm.name.unicodeScalars.count, hint: "give the host \"cpus\"", severity: .warning)
    }
  }

  /// Where nobody counts instructions, a program that does nothing else does nothing.
  private func checkSpin(_ programs: [Program], isScheduled: Bool, of name: String) {
    guard !isScheduled, let spin = programs.first(where: { $0.settings is SpinSettings }) else { return }
    report(
      "\"spin\" keeps a cpu busy, and that of \"\(name)\" isn't modelled", atKey: spin.mark, SpinSettings.word,
      hint: "it runs in a VM whose host has \"cpus\"")
  }
}
