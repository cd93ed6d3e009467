import WeftCore
import WeftHypervisor
import WeftProbes
import WeftSettings
import WeftTopology

// What is done to VMs.
extension World {
  mutating func carryOut(_ verb: VirtualMachine.Verb, on vm: String) throws(EventFailure) {
    let (node, _) = try known(vm)
    if verb.setsGoing {
      try checkHost(of: vm, for: verb)
      try checkFree(node, for: verb.rawValue)
    }
    try refuseIfMigrating(vm, verb)
    do { try perform(verb, on: vm) } catch { throw EventFailure(description: "\(error)") }
  }

  /// Whether there is a host to run it, and all that it runs from.
  private func checkHost(of vm: String, for verb: MachineVerb) throws(EventFailure) {
    let (_, machine) = try known(vm)
    if let host = elements.machines[machine].vm.flatMap({ host($0.host) }), host.hasFailed || host.offAt != nil {
      throw EventFailure(
        description: "can't \(verb.rawValue) \(vm): its host \(host.name) \(host.hasFailed ? "has failed" : "is off")")
    }
    if let why = lackOfDisks(elements.machines[machine]) {
      throw EventFailure(description: "can't \(verb.rawValue) \(vm): \(why)")
    }
  }

  /// What would leave a migration half of a VM.
  private func refuseIfMigrating(_ vm: String, _ verb: MachineVerb) throws(EventFailure) {
    guard let index = migrations.current(vm) else { return }
    if verb.endsMigration, migrations.all[index].isAbortable { return }
    throw EventFailure(
      description: "can't \(verb.rawValue) \(vm): it is being migrated to \(migrations.all[index].target)")
  }

  /// A VM that shuts down goes off once its guest has ended and all that it said is out, or its time is over.
  @inline(never)
  mutating func goOffIfDone(_ node: NodeID) {
    guard let machine = machine(node) else { return }
    if elements.machines[machine].work?.value.takeBoot(now: now) == true { try? perform(.start, on: name(node)) }
    guard elements.machines[machine].isDone(now: now) else {
      if elements.machines[machine].isOverdue(now: now) {
        complaints.append("at \(now - .start): \(name(node)) hasn't shut down in time")
      }
      return
    }
    try? perform(.stop, on: name(node))
  }

  mutating func perform(_ verb: VirtualMachine.Verb, on vm: String) throws(VirtualMachine.IllegalTransition) {
    guard let node = names.machines[vm], let machine = machine(node) else { return }
    try elements.machines[machine].vm?.check(verb)
    if verb.endsMigration, let index = migrations.current(vm), migrations.all[index].isAbortable {
      fail(index, "\(vm) was told to \(verb.rawValue)", goesOn: false)
    }
    switch verb {
    case .stop, .crash, .reset: forget(node, machine, .machineStopped)
    case .start, .pause, .resume, .shutdown, .save, .restore, .snapshot, .revert: break
    }
    try elements.machines[machine].perform(verb, now: now, &effects)
    if hasProcessors { followLife(of: node, machine) }
    settle(node)
    if hasProcessors { followSystem(node, machine, verb) }
    sayWhereItIs(node, machine)
    if !standbys.all.isEmpty { tellStandby(of: vm, verb) }
  }

  /// Of one that was off as it was moved, once it runs: switches know its old place.
  private mutating func sayWhereItIs(_ node: NodeID, _ machine: ID<Machine>) {
    guard elements.machines[machine].announcesItself, elements.machines[machine].state.runs else { return }
    elements.machines[machine].announcesItself = false
    announceByRARP(machine)
    settle(node)
  }

  /// Asks a VM to end, and pulls its plug, or tells of it, if it hasn't by then.
  mutating func shutDown(_ vm: String, within limit: Nanoseconds, then: ShutdownEnd = .stop) throws(EventFailure) {
    let (node, machine) = try known(vm)
    try refuseIfMigrating(vm, .shutdown)
    let now = now
    do { try elements.machines[machine].shutDown(within: limit, then, now: now, &effects) } catch {
      throw EventFailure(description: "\(error)")
    }
    hasShutdowns = true
    settle(node)
  }

  /// Its memory goes: what waits in its rings is lost, and what was tried on its sockets is over.
  private mutating func forget(_ node: NodeID, _ machine: ID<Machine>, _ reason: DropReason) {
    for index in elements.machines[machine].interfaces.indices {
      let port = graph.port(PortIndex(index), of: node)
      for stored in elements.machines[machine].emptyRings(of: PortIndex(index)) {
        drop(Frame(stored: stored.frame), at: port, reason, .none, recorded: false, inbound: stored.cameIn)
      }
    }
    if hasProcessors { forgetDriven(by: node) }
    guard !probes.isEmpty else { return }
    probes.stop(node.index, now: now)
    hasProbeNews = true
  }

  // MARK: Snapshots

  mutating func takeSnapshot(_ name: String, of vm: String, withMemory: Bool = true) throws(EventFailure) {
    let (_, machine) = try known(vm)
    try refuseIfMigrating(vm, .snapshot)
    if let why = lackOfDisks(elements.machines[machine]) {
      throw EventFailure(description: "can't snapshot \(vm): \(why)")
    }
    if elements.machines[machine].snapshots[name]?.isOfAnotherRun == true {
      _ = elements.machines[machine].snapshots.remove(name)
    }
    if elements.machines[machine].snapshots[name] != nil { throw EventFailure(description: "\(vm) has a snapshot \(name)") }
    // What its interfaces have counted is in it.
    bookFloods()
    let now = now
    do { try elements.machines[machine].takeSnapshot(name, withMemory: withMemory, now: now) } catch {
      throw EventFailure(description: "\(error)")
    }
  }

  /// The VM goes on from what it was then; the world has moved on.
  /// `reseed`: it hears of it, and draws other random numbers than the first time.
  mutating func revert(_ vm: String, to name: String, reseed: Bool = true) throws(EventFailure) {
    let (node, machine) = try known(vm)
    try refuseIfMigrating(vm, .revert)
    guard let past = elements.machines[machine].snapshots[name] else {
      throw EventFailure(description: "\(vm) has no snapshot \(name)")
    }
    guard past.guest.drives.fit(elements.machines[machine].guest.drives) else {
      throw EventFailure(description: "\(vm) has other disks than at snapshot \(name)")
    }
    let clock = past.vm.guestTime(past.takenAt)
    guard clock <= now else {
      throw EventFailure(description: "can't revert \(vm) to \(name): its clock is at \(clock) there, and it is \(now)")
    }
    if past.isLost { throw EventFailure(description: "snapshot \(name) of \(vm) is lost with its disk") }
    guard past.interfaces.count == elements.machines[machine].interfaces.count else {
      throw EventFailure(description: "\(vm) has other network interfaces than at snapshot \(name)")
    }
    if !past.vm.state.isOff { try checkFree(node, for: "revert") }
    if standbys.current(vm) != nil { throw EventFailure(description: "can't revert \(vm): it has a standby") }
    forget(node, machine, .machineReverted)
    let generation = (elements.machines[machine].vm?.generation ?? 0) + 1
    let stream = reseed ? site.map { RandomStream(seed: $0.seed, owner: vm, generation: generation) } : nil
    elements.machines[machine].revert(to: name, reseed: stream, now: now, steal: steal(of: machine), &effects)
    if hasProcessors { followLife(of: node, machine) }
    settle(node)
    sayWhereItIs(node, machine)
  }

  mutating func deleteSnapshot(_ name: String, of vm: String) throws(EventFailure) {
    let (_, machine) = try known(vm)
    guard elements.machines[machine].snapshots.remove(name) else {
      throw EventFailure(description: "\(vm) has no snapshot \(name)")
    }
  }

  func known(_ vm: String) throws(EventFailure) -> (NodeID, ID<Machine>) {
    do { return try virtualMachine(vm) } catch { throw EventFailure(description: error.description) }
  }
}
