import WeftSettings

// VMs that come with events: known by name to checks and events wherever these stand, but to no program, which looks its peers
// up before.
extension Resolver {
  func declareClones(_ events: [Written]) {
    for event in events {
      guard let clone = event[CloneEntry.word] else { continue }
      let object = Object(clone, CloneEntry.keys)
      guard let place = object.place(\.name), let name = place.text, declare(name, .vm, place.mark) else { continue }
      // It has the interfaces of the one it is copied from.
      if let original = object.place(\.vm)?.text, let index = vmIndex[original] { vmIndex[name] = index }
    }
  }

  /// What is settled by hand is not made anew.
  func checkClone(_ value: Written, vm: String, name: String) {
    guard case .clone(_, _, .regenerate, let address)? = topology.events.last?.action, let index = vmIndex[vm] else { return }
    let settled = topology.vms[index].nics.first?.settled
    let object = Object(value[CloneEntry.word] ?? value, CloneEntry.keys)
    if let settled, address == nil {
      warn(
        "\"\(name)\" has the address of \"\(vm)\" too, as \(settled) is settled by hand", at: object.place(\.vm) ?? value,
        hint: "give it one: address: …")
    }
    guard let address, let place = object.place(\.address), let nic = topology.vms[index].nics.first,
      let at = networkIndex[nic.network]
    else { return }
    if settled == nil { report("\"\(vm)\" asks by DHCP, and so does its clone", at: place, hint: "leave the address out") }
    occupy(address, topology.hosts[at.host].networks[at.network], at: place, owner: "VM \"\(name)\"")
  }
}
