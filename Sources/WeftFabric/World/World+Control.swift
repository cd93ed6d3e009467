import WeftCore
import WeftGuest
import WeftHypervisor
import WeftTopology

// What happens to the world from outside: events of the file, verbs of the hypervisor, probes.
extension World {
  /// Boots a machine that starts by itself. One that an event has started already stays as it is.
  mutating func boot(_ node: Int) {
    let index = nodes[node].index
    if machines[index].vm == nil {
      machines[index].guest.boot(now: now, &effects)
      settle(node, arrival: nil)
    } else {
      try? perform(.start, on: nodes[node].name)
    }
  }

  mutating func perform(_ verb: VirtualMachine.Verb, on vm: String) throws(VirtualMachine.IllegalTransition) {
    guard let node = names.machines[vm] else { return }
    try machines[nodes[node].index].perform(verb, now: now, &effects)
    settle(node, arrival: nil)
  }

  /// Pulls or plugs a cable. What was on it is lost; both ends are told.
  mutating func setCable(_ name: LinkName, up: Bool) {
    guard let first = names.cables[name] else { return }
    dissolveLanes()
    for link in [first, first + 1] {
      var lost: [StoredFrame] = []
      links[link].setUp(up, now: now) { lost.append($0.store()) }
      for stored in lost {
        drop(Frame(stored: stored), at: ends[link].from, .linkDown, .none, recorded: false, inbound: false)
      }
      queue.schedule(Source.link(link), at: links[link].deadline)
    }
    for link in [first, first + 1] { tell(ends[link].toNode, ends[link].toPort, up: up) }
  }

  private mutating func tell(_ node: Int, _ port: PortIndex, up: Bool) {
    let index = nodes[node].index
    switch nodes[node].kind {
    case .virtualSwitch: switches[index].linkChanged(port: port, up: up)
    case .machine: machines[index].linkChanged(port, up: up, now: now, &effects)
    case .gateway, .dhcpServer: break
    }
    settle(node, arrival: nil)
  }

  mutating func setLink(_ name: LinkName, delay: Nanoseconds?, rate: UInt64?, loss: Double?) {
    guard let first = names.cables[name] else { return }
    dissolveLanes()
    for link in [first, first + 1] {
      if let delay { links[link].parameters.delay = delay }
      if let rate { links[link].parameters.rate = rate }
      if let loss { links[link].parameters.setLoss(loss) }
    }
  }

  mutating func setIPForwarding(_ host: String, _ enabled: Bool) {
    guard let node = names.gateways[host] else { return }
    gateways[nodes[node].index].setIPForwarding(enabled)
    settle(node, arrival: nil)
  }

  mutating func startProbe(_ probe: GuestProbe, on node: Int) {
    traces.start(probe.trace, origin: node)
    probing.insert(node)
    machines[nodes[node].index].guest.startProbe(probe, now: now, &effects)
    settle(node, arrival: nil)
  }

  /// Another machine's side of a probe: it has no result of its own.
  mutating func startPartner(_ probe: GuestProbe, on node: Int) {
    machines[nodes[node].index].guest.startProbe(probe, now: now, &effects)
    settle(node, arrival: nil)
  }

  /// Ends a probe from outside; nil where the machine knows nothing of it.
  mutating func abandonProbe(_ trace: UInt32, on node: Int) -> (result: GuestProbeResult, trace: Trace?)? {
    guard let result = machines[nodes[node].index].guest.abandonProbe(trace, now: now) else { return nil }
    reschedule(node)
    return (result, traces.finish(trace))
  }

  /// The probes that ended, in the order of nodes, each with what its frames met.
  mutating func takeProbeResults() -> [(node: Int, result: GuestProbeResult, trace: Trace?)] {
    hasProbeResults = false
    var taken: [(Int, GuestProbeResult, Trace?)] = []
    for node in probing.sorted() {
      let index = nodes[node].index
      for result in machines[index].guest.takeProbeResults() {
        taken.append((node, result, traces.finish(result.trace)))
      }
      if !machines[index].guest.hasProbesRunning { probing.remove(node) }
    }
    return taken
  }

  /// Whether every machine has finished what it was going to do by itself.
  var isIdle: Bool { machines.allSatisfy { $0.state != .running || $0.guest.isIdle } }
}
