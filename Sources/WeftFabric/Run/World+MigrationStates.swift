import WeftCore
import WeftSettings
import WeftStack
import WeftTopology

// Checks of what a migration comes to.
extension DowntimeProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let vm = machine.vm?.name ?? ""
    guard let last = world.migrations.all.last(where: { $0.vm == vm }) else {
      return TryOutcome(kind: .failed, text: "\(vm) hasn't been migrated")
    }
    guard let time = last.downtime else {
      return TryOutcome(
        kind: .failed, text: last.failure.map { "the migration failed: \($0)" } ?? "it is \(last.phase.rawValue) still")
    }
    return TryOutcome(kind: bounds.contains(time) ? .open : .failed, text: "\(time)")
  }
}

extension AliveOnProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    guard let own = machine.vm, own.state.runs else {
      return TryOutcome(kind: host == nil ? .open : .failed, text: "it is \(machine.state.rawValue)")
    }
    return TryOutcome(kind: own.host == host ? .open : .failed, text: "it runs on \(own.host)")
  }
}

extension ConnectionSurvivesProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let name: String
    switch to.to {
    case .node(let node): name = node
    case .address(let address):
      guard let node = world.names.addresses.filter({ $0.value == address }).map(\.key).min() else {
        return TryOutcome(kind: .failed, text: "no machine has \(address)")
      }
      name = node
    }
    guard let node = world.names.machines[name], let id = world.machine(node) else {
      return TryOutcome(kind: .failed, text: "there is no \(name) any more")
    }
    let others = world.elements.machines[id].guest.stack.openEnds
    var stuck = 0
    for own in machine.guest.stack.openEnds {
      for other in others where [own.localPort, own.remotePort, other.localPort, other.remotePort].contains(to.port) {
        guard own.agrees(with: other) else { continue }
        // One that sends again for the third time hears nothing.
        if max(own.attempts, other.attempts) < 3 {
          return TryOutcome(kind: .open, text: "open, from port \(own.localPort) to \(own.remotePort)")
        }
        stuck = max(own.attempts, other.attempts)
      }
    }
    return TryOutcome(
      kind: .failed, text: stuck > 0 ? "nothing comes through: sent again \(stuck) times" : "there is none open at both ends")
  }
}

extension HostsInUseProbeSettings: LabCheck {
  func look(at world: borrowing World) -> TryOutcome {
    var inUse: [String] = []
    for host in world.hosts {
      let runs = host.virtualMachines.contains { vm in
        world.names.machines[vm].flatMap { world.machine($0) }.map { world.elements.machines[$0].state.runs } ?? false
      }
      if runs { inUse.append(host.name) }
    }
    let text = inUse.isEmpty ? "none" : "\(inUse.count): \(inUse.joined(separator: ", "))"
    return TryOutcome(kind: count.holds(UInt64(inUse.count)) ? .open : .failed, text: text)
  }
}
