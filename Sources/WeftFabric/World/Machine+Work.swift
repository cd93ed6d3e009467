import WeftCore
import WeftHypervisor

// A machine on a host with cpus: frames and timers wait until it gets one.
extension Machine {
  /// `guest`, `offBy`: when the guest and the end of a shutdown are due. Of single values, as a machine would be copied for it.
  @inline(never)
  static func deadline(_ work: Apart<GuestWork>, guest: Instant, retryAt: Instant, offBy: Instant) -> Instant {
    let first = min(work.deadline, min(retryAt, offBy))
    return min(work.waitsForTimer ? first : min(first, guest), work.bootsAt)
  }

  /// From the cable, to what lies before the card.
  mutating func arrive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard !state.isOff else {
      interfaces[port.index].countDropped()
      return out.drop(frame, on: port, .machineStopped)
    }
    let stored = frame.store()
    if work?.value.arrive(stored, on: port.index, now: now) != true {
      interfaces[port.index].countDropped()
      out.drop(Frame(stored: stored), on: port, .backEndFull)
    }
  }

  /// What has come as far as the card lands in its ring; what has come through the hypervisor goes into the cable.
  mutating func passThrough(now: Instant, steal: Nanoseconds, _ ledger: inout StageLedger, _ out: inout Effects) {
    for port in interfaces.indices {
      while let stored = work?.value.takeArrived(on: port, now: now, &ledger) {
        switch interfaces[port].land(Frame(stored: stored), state) {
        case .none: work?.value.landed(on: port, now: now, steal: steal)
        case .lost(let frame, let reason): out.drop(frame, on: PortIndex(port), reason)
        }
      }
      while let (stored, waited) = work?.value.takeLeaving(on: port, now: now, &ledger) {
        let frame = Frame(stored: stored)
        if waited > .zero {
          out.transmit(frame, on: PortIndex(port), note: Note(waited: waited))
        } else {
          out.transmit(frame, on: PortIndex(port))
        }
      }
    }
  }

  /// Asks its host for what it has to do next.
  mutating func attend(_ host: inout HostProcessors, now: Instant) {
    for burn in guest.takeBurns() { work?.value.burn(burn.tag, for: burn.time) }
    work?.value.attend(&host, now: now)
  }

  /// A virtual cpu has done its task: the guest does what that was for, in this moment. Gives back what isn't the machine's.
  mutating func finish(
    _ index: Int, now: Instant, steal: Nanoseconds, _ ledger: inout StageLedger, _ out: inout Effects
  ) -> (order: DriverOrder, took: Nanoseconds)? {
    guard let done = work?.value.finish(index, steal: steal, now: now, &ledger, trace: { interfaces[$0].nextReceivedTrace })
    else {
      return nil
    }
    let own = time(now)
    switch done {
    case .receive(let card):
      guard let frame = interfaces[card].takeReceived() else { return nil }
      guest.receive(frame, on: PortIndex(card), now: own, &out)
      lookWhetherDown(now: now)
    case .timer: if guest.deadline <= own { guest.wake(now: own, &out) }
    case .burn(let tag): guest.burnt(tag, now: own, &out)
    case .driven(let order, let took): return (order, took)
    case .nothing: break
    }
    return nil
  }
}
