import WeftCore
import WeftGuest
import WeftHypervisor

/// A machine as the fabric sees it: network interfaces, and behind them a guest. A VM has a life cycle; a plain machine
/// runs from the beginning.
struct Machine: Codable {
  var vm: VirtualMachine?
  var interfaces: [NetworkInterface]
  var guest: Guest
  /// Cables that came back while the guest stood still: it learns of them as it wakes.
  var plugged: [Int] = []
  /// When a transmit ring that waits for its wire tries again.
  var retryAt = Instant.never

  var state: VirtualMachine.State { vm?.state ?? .running }

  /// A paused guest's timers stand still; its host goes on emptying the transmit rings.
  var deadline: Instant { state == .running ? min(guest.deadline, retryAt) : retryAt }

  @inline(__always)
  mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    switch interfaces[port.index].deliver(frame, to: state) {
    case .pass(let frame): guest.receive(frame, on: port, now: now, &out)
    case .kept: break
    case .dropped(let frame, let reason): out.drop(frame, on: port, reason)
    }
  }

  mutating func wake(now: Instant, _ out: inout Effects) {
    if state == .running, guest.deadline <= now { guest.wake(now: now, &out) }
  }

  mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    interfaces[port.index].isLinkUp = up
    switch state {
    case .running: guest.linkChanged(port: port, up: up, now: now, &out)
    case .paused: if !plugged.contains(port.index) { plugged.append(port.index) }
    case .stopped: break
    }
  }

  mutating func perform(_ verb: VirtualMachine.Verb, now: Instant, _ out: inout Effects) throws(VirtualMachine
    .IllegalTransition)
  {
    try vm?.perform(verb, now: now)
    switch verb {
    case .start: guest.boot(now: now, &out)
    case .pause: break
    case .resume:
      for port in plugged { guest.linkChanged(port: PortIndex(port), up: interfaces[port].isLinkUp, now: now, &out) }
      plugged = []
      for port in interfaces.indices {
        while let frame = interfaces[port].takeReceived() { guest.receive(frame, on: PortIndex(port), now: now, &out) }
      }
    case .stop:
      guest.powerOff()
      for port in interfaces.indices { interfaces[port].reset() }
      plugged = []
      retryAt = .never
    }
  }
}
