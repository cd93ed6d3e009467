import WeftCore
import WeftHypervisor
import WeftProbes
import WeftSettings

/// A check of what a VM's cpus have done.
protocol ProcessorCheck: ProbeSettings {
  func look(at work: GuestWork, _ host: HostProcessors, now: Instant) -> TryOutcome
}

extension World {
  /// Of a machine whose host has no cpus nothing is known.
  func look(_ check: any ProcessorCheck, at machine: ID<Machine>) -> TryOutcome {
    guard let work = elements.machines[machine].work?.value else {
      return TryOutcome(kind: .failed, text: "its host has no cpus: nothing is counted")
    }
    return check.look(at: work, processors.hosts[work.place.host], now: now)
  }
}

extension ExitsProbeSettings: ProcessorCheck {
  func look(at work: GuestWork, _ host: HostProcessors, now: Instant) -> TryOutcome {
    let count = reason.map { work.exits[$0] } ?? work.exits.total
    return TryOutcome(kind: bounds.hold(count) ? .open : .failed, text: "\(Figures.count(count)) exits")
  }
}

extension StealProbeSettings: ProcessorCheck {
  func look(at work: GuestWork, _ host: HostProcessors, now: Instant) -> TryOutcome {
    let times = host.times(of: work, now: now)
    let on = times.ran + times.waited + times.blocked
    let part = on == .zero ? 0 : times.waited.seconds / on.seconds
    let percent = (part * 10_000).rounded() / 100
    return TryOutcome(kind: bounds.hold(part) ? .open : .failed, text: "\(percent) %, \(times.waited) of \(on)")
  }
}

extension RanProbeSettings: ProcessorCheck {
  func look(at work: GuestWork, _ host: HostProcessors, now: Instant) -> TryOutcome {
    let ran = host.times(of: work, now: now).ran
    return TryOutcome(kind: bounds.hold(ran) ? .open : .failed, text: "ran \(ran)")
  }
}
