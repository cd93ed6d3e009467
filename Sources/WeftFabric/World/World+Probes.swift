import WeftCore
import WeftProbes
import WeftStack

// The lab's probes, on the sockets of machines.
extension World {
  /// Lets `body` at a machine's sockets, and sees to what comes of it. `isRunning`: whether the machine is; one that stands
  /// still sends nothing before it runs again.
  private mutating func withStack(
    of node: NodeID, _ body: (inout ProbeTable, _ isRunning: Bool, inout Stack, inout Effects) -> Void
  ) {
    guard let machine = machine(node) else { return }
    let isRunning = elements.machines[machine].state.runs
    body(&probes, isRunning, &elements.machines[machine].guest.stack, &effects)
    if isRunning { elements.machines[machine].settle(now: now, &effects) }
    (hasProbed, hasProbeNews) = (true, true)
    settle(node)
  }

  mutating func startProbe(_ probe: ProbeConfiguration, on node: NodeID) {
    if !probe.isPartner { recorder.traces.start(probe.trace, origin: node) }
    let now = now
    withStack(of: node) { $0.start(probe, on: node.index, isRunning: $1, now: now, &$2, &$3) }
  }

  /// Wakes the probes that are due.
  mutating func wakeProbes() {
    let now = now
    while let machine = probes.due(now: now) {
      withStack(of: NodeID(machine)) { $0.wake(machine, isRunning: $1, now: now, &$2, &$3) }
    }
  }

  /// Tells probes what happened to their sockets on a machine; it goes on with its moment then. False where it is nothing.
  @inline(never)
  mutating func tellProbes(_ node: NodeID) -> Bool {
    guard let machine = machine(node), elements.machines[machine].guest.hasForeignEvents else { return false }
    while elements.machines[machine].guest.hasForeignEvents {
      for event in elements.machines[machine].guest.takeForeignEvents() {
        if case .socket(let tag, let id, let events) = event, Migrations.owns(tag) {
          hear(tag, id, events, on: node)
          continue
        }
        probes.tell(event, on: node.index, now: now, &elements.machines[machine].guest.stack, &effects)
      }
      elements.machines[machine].settle(now: now, &effects)
    }
    hasProbeNews = true
    return true
  }

  /// Ends a probe from outside; nil where there is none.
  mutating func abandonProbe(_ trace: UInt32, on node: NodeID) -> (result: ProbeResult, trace: Trace?)? {
    guard let machine = machine(node),
      let result = probes.abandon(trace, now: now, &elements.machines[machine].guest.stack)
    else { return nil }
    reschedule(node)
    return (result, recorder.traces.finish(trace))
  }

  /// The probes that ended, in the order of nodes, each with what its frames met.
  mutating func takeProbeResults() -> [(node: NodeID, result: ProbeResult, trace: Trace?)] {
    hasProbeNews = false
    if hasProcessors { processors.forgetEnded() }
    guard probes.hasResults else { return [] }
    return probes.takeResults().map { machine, result in
      if hasProcessors { processors.ended.append(result.trace) }
      return (NodeID(machine), result, recorder.traces.finish(result.trace))
    }
  }
}
