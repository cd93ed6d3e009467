import WeftCore
import WeftImage
import WeftSettings
import WeftTopology

/// A check of what a VM is: looked up, and so over at once.
protocol StateCheck: StateSettings {
  func look(at machine: Machine, now: Instant) -> TryOutcome
}

extension World {
  /// What a check of a state comes to now; nil where it is none, and its probe is to be tried.
  func state(_ probe: any ProbeSettings, of vm: String) -> TryOutcome? {
    let processors = probe as? any ProcessorCheck
    guard processors != nil || probe is any StateCheck else { return nil }
    guard let node = names.machines[vm], let machine = machine(node), elements.machines[machine].vm != nil else {
      return TryOutcome(kind: .failed, text: "there is no \(vm) any more")
    }
    if let processors { return look(processors, at: machine) }
    guard let check = probe as? any StateCheck else { return nil }
    return check.look(at: elements.machines[machine], now: now)
  }
}

extension StateProbeSettings: StateCheck {
  func look(at machine: Machine, now: Instant) -> TryOutcome {
    let since = machine.vm.map { $0.changedAt == .start ? "" : " since \($0.changedAt)" } ?? ""
    return TryOutcome(kind: machine.state == state ? .open : .failed, text: "\(machine.state.rawValue)\(since)")
  }
}

extension MemoryProbeSettings: StateCheck {
  func look(at machine: Machine, now: Instant) -> TryOutcome {
    guard let past = machine.snapshots[snapshot] else {
      return TryOutcome(kind: .failed, text: "there is no snapshot \(snapshot)")
    }
    guard
      let (then, today) = try? (
        MachineMemory(past.guest, past.interfaces, past.work).bytes,
        MachineMemory(machine.guest, machine.interfaces, machine.work).bytes
      )
    else {
      return .undecided("its memory can't be read")
    }
    let count = zip(then, today).reduce(abs(then.count - today.count)) { $0 + ($1.0 == $1.1 ? 0 : 1) }
    return count == 0
      ? TryOutcome(kind: .open, text: "equal, \(then.count) bytes")
      : TryOutcome(kind: .failed, text: "\(count) of \(today.count) bytes differ")
  }
}
