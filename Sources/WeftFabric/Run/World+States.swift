import WeftCore
import WeftImage
import WeftSettings
import WeftTopology

/// A check of what a VM is: looked up, and so over at once.
protocol StateCheck: StateSettings {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome
}

/// A check of what the lab has come to.
protocol LabCheck: LabSettings {
  func look(at world: borrowing World) -> TryOutcome
}

extension World {
  /// What a check of a state comes to now; nil where it is none, and its probe is to be tried.
  func state(_ probe: any ProbeSettings, of vm: String) -> TryOutcome? {
    if let check = probe as? any LabCheck { return check.look(at: self) }
    guard probe is any StateSettings else { return nil }
    guard let node = names.machines[vm], let machine = machine(node), elements.machines[machine].vm != nil else {
      return TryOutcome(kind: .failed, text: "there is no \(vm) any more")
    }
    if let check = probe as? any ProcessorCheck { return look(check, at: machine) }
    guard let check = probe as? any StateCheck else { return nil }
    return check.look(at: elements.machines[machine], in: self)
  }
}

extension StateProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    let since = machine.vm.map { $0.changedAt == .start ? "" : " since \($0.changedAt)" } ?? ""
    return TryOutcome(kind: machine.state == state ? .open : .failed, text: "\(machine.state.rawValue)\(since)")
  }
}

extension MemoryProbeSettings: StateCheck {
  func look(at machine: Machine, in world: borrowing World) -> TryOutcome {
    guard let past = machine.snapshots[snapshot] else {
      return TryOutcome(kind: .failed, text: "there is no snapshot \(snapshot)")
    }
    guard past.hasMemory else { return TryOutcome(kind: .failed, text: "snapshot \(snapshot) has no memory") }
    guard let then = try? past.memory.mark, let memory = try? machine.memory(at: world.now) else {
      return .undecided("its memory can't be read")
    }
    let changes = memory.changes(since: then)
    let count = changes.count + changes.zeroCount
    return count == 0
      ? TryOutcome(kind: .open, text: "equal, \(memory.used) pages")
      : TryOutcome(kind: .failed, text: "\(count) of \(memory.used) pages differ")
  }
}
