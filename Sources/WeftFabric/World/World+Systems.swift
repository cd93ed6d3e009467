import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Hosts without a hypervisor: their VMs are systems of which one has the host at a time, and the network card with it.
extension World {
  func isSystem(_ node: NodeID) -> Bool { systems(beside: node) != nil }

  /// Those that share its host; nil where that has a hypervisor, or no cpus.
  private func systems(beside node: NodeID) -> [NodeID]? {
    guard let place = machine(node).flatMap({ elements.machines[$0].work?.place }),
      processors.hosts[place.host].hypervisor == .none
    else { return nil }
    return residents(of: place.host).map(\.node).filter { $0 != node }
  }

  /// Says who has the host, if another system does.
  func checkFree(_ node: NodeID, for verb: String) throws(EventFailure) {
    for other in systems(beside: node) ?? [] {
      guard let machine = machine(other), ![.stopped, .saved].contains(elements.machines[machine].state) else { continue }
      throw EventFailure(description: "can't \(verb) \(name(node)): \(name(other)) has the host")
    }
  }

  mutating func bootInto(_ vm: String, boot: Nanoseconds, within limit: Nanoseconds) throws(EventFailure) {
    let node: NodeID
    let target: ID<Machine>
    do { (node, target) = try virtualMachine(vm) } catch { throw EventFailure(description: error.description) }
    guard let others = systems(beside: node) else {
      throw EventFailure(description: "can't boot into \(vm): its host has a hypervisor, which starts VMs beside each other")
    }
    guard elements.machines[target].state == .stopped else {
      throw EventFailure(description: "can't boot into \(vm): it is \(elements.machines[target].state.rawValue)")
    }
    hasShutdowns = true
    for other in others {
      guard let machine = machine(other) else { continue }
      switch elements.machines[machine].state {
      case .stopped, .saved: continue
      case .running: try shutDown(name(other), within: limit)
      case .shuttingDown: break
      case .paused, .crashed, .migrating:
        throw EventFailure(description: "can't boot into \(vm): \(name(other)) is \(elements.machines[machine].state.rawValue)")
      }
      elements.machines[machine].work?.value.successor = GuestWork.Successor(node: node.index, boot: boot)
      return
    }
    elements.machines[target].work?.value.bootsAt = now + boot
    reschedule(node)
  }

  /// A system that runs has the card's cable; once it is off the next one boots.
  mutating func followSystem(_ node: NodeID, _ machine: ID<Machine>, _ verb: MachineVerb) {
    guard isSystem(node) else { return }
    switch verb {
    case .start, .restore: plugSystem(node, machine, up: true)
    case .stop, .save:
      plugSystem(node, machine, up: false)
      guard let next = elements.machines[machine].work?.value.successor, let target = self.machine(NodeID(next.node)) else {
        return
      }
      elements.machines[machine].work?.value.successor = nil
      elements.machines[target].work?.value.bootsAt = now + next.boot
      reschedule(NodeID(next.node))
    case .pause, .resume, .shutdown, .reset, .crash, .snapshot, .revert: break
    }
  }

  mutating func plugSystem(_ node: NodeID, _ machine: ID<Machine>, up: Bool) {
    for index in elements.machines[machine].interfaces.indices {
      try? setCable(LinkName(node: name(node), port: "eth\(index)"), up: up)
    }
  }
}
