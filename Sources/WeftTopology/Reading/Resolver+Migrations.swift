import WeftCore
import WeftSettings

extension Resolver {
  /// Whether a host has a place for each of a VM's interfaces, as far as the file tells where the VM is.
  func checkMigration(_ vm: String, to host: String, _ settings: MigrationSettings, at value: Written) {
    let object = Object(value, MigrationEntry.keys)
    guard let index = vmIndex[vm], let place = object.place(\.to) else { return }
    let moved = topology.events.contains {
      switch $0.action {
      case .migrate(vm, _, _), .change: true
      default: false
      }
    }
    if let via = settings.via, let place = object.place(\.settings.via) {
      for end in Set(moved ? [host] : [topology.vms[index].host, host]).sorted() {
        guard let index = hostIndex[end], !topology.hosts[index].isOn(via) else { continue }
        report("\"\(end)\" isn't on \"\(via)\"", at: place, hint: "hosts: {\(end): {links: {\(via): ADDRESS}}} plugs it in")
      }
    }
    guard !moved else { return }
    let own = topology.vms[index]
    if own.host == host { return report("\"\(vm)\" is on \"\(host)\"", at: place) }
    for nic in own.nics {
      do throws(NoCounterpart) { _ = try topology.counterpart(of: nic.network, at: host, settings.networks) } catch {
        report(
          "can't migrate \"\(vm)\": \(error)", at: place,
          hint: "give \(host) a network of the same mode on the same segment or with the same subnet, or say which under networks"
        )
      }
    }
  }

  /// Whether hosts have the memory that their VMs are promised.
  func checkMemory() {
    for host in topology.hosts {
      guard let memory = host.memory, let mark = hostMemory[host.name] else { continue }
      let vms = topology.vms.filter { $0.host == host.name || $0.standby?.host == host.name }
      let sum = vms.reduce(UInt64(0)) { $0 &+ ($1.memory ?? VM.defaultMemory) }
      guard sum > memory else { continue }
      let used = vms.reduce(UInt64(0)) { $0 + ($1.host == host.name ? $1.filledMemory : $1.memory ?? VM.defaultMemory) }
      if host.overcommit == .balloon {
        guard used > memory else { continue }
        report(
          "the VMs on \"\(host.name)\" use \(Quantity.text(used, Quantity.sizes.suffix(4))) of their memory, and it has "
            + "\(Quantity.text(memory, Quantity.sizes.suffix(4))): a balloon takes only what isn't used", at: mark, length: 1)
        continue
      }
      report(
        "the memory of \(vms.count) VMs on \"\(host.name)\"\(vms.contains { $0.host != host.name } ? ", standbys with them," : "") adds up to \(Quantity.text(sum, Quantity.sizes.suffix(4))), and it has "
          + Quantity.text(memory, Quantity.sizes.suffix(4)), at: mark, length: 1)
    }
  }
}

extension VM {
  /// What its programs fill, as far as the file tells.
  fileprivate var filledMemory: UInt64 {
    programs.reduce(0) { sum, program in
      guard let dirty = program.settings as? DirtySettings else { return sum }
      return sum + max(dirty.fill, dirty.set)
    }
  }
}
