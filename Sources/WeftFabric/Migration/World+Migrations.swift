import WeftCore
import WeftGuest
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

// Migrations: what begins them, what moves them on, and what ends them. All of it is done in the lab's own turn, never in the
// midst of a machine's: what happens to a socket only makes its migration due.
extension World {
  /// Begins to move a VM to another host.
  mutating func migrate(_ vm: String, to host: String, _ settings: MigrationSettings) throws(EventFailure) {
    let (_, machine) = try known(vm)
    guard let own = elements.machines[machine].vm else { return }
    func refuse(_ why: String) -> EventFailure { EventFailure(description: "can't migrate \(vm): \(why)") }
    guard standbys.current(vm) == nil else { throw refuse("it has a standby") }
    if let other = migrations.current(vm) { throw refuse("it is being migrated to \(migrations.all[other].target)") }
    guard own.state == .running || own.state == .paused else { throw refuse("it is \(own.state.rawValue)") }
    let networks = try destination(of: vm, at: host, settings, for: "migrate \(vm)")
    guard let sourceNode = names.machines[own.host], let targetNode = names.machines[host] else {
      throw EventFailure(description: "there is no host \(host)")
    }
    let number = UInt32(migrations.all.count)
    let migration = Migration(
      number, vm, from: (own.host, sourceNode), to: (host, targetNode), settings, networks: networks,
      pages: own.memory / UInt64(WorkingSet.pageSize), now: now)
    let address: IPv4Address
    if let via = settings.via {
      guard self.address(of: own.host, on: via) != nil else { throw refuse("\(own.host) isn't on \(via)") }
      guard let there = self.address(of: host, on: via) else { throw refuse("\(host) isn't on \(via)") }
      address = there
    } else {
      guard let planned = names.addresses[host] else { throw refuse("\(host) has no address") }
      address = planned
    }
    if let gateway = names.gateways[host].flatMap({ gateway($0) }) {
      elements.gateways[gateway].addService(.init(.tcp, MigrationSettings.port))
    }
    migrations.all.append(migration)
    var socket: SocketID?
    let now = now
    onHost(targetNode) { stack, _ in _ = stack.listen(MigrationSettings.port, tag: Migrations.listening) }
    onHost(sourceNode) { stack, _ in
      socket = stack.connect(to: address, MigrationSettings.port, tag: Migrations.tag(of: number), now: now)
    }
    guard let socket else {
      migrations.all.removeLast()
      throw refuse("\(own.host) has no way to \(host)")
    }
    migrations.all[Int(number)].sourceSocket = socket
  }

  /// A host's own, on a segment or network that it is plugged into.
  private func address(of host: String, on place: String) -> IPv4Address? {
    guard let site, let declared = site.topology.hosts.first(where: { $0.name == host }), declared.isOn(place) else { return nil }
    return declared.networks.first { $0.name == place }?.gateway ?? site.addresses.address(of: host, on: place)
  }

  /// Ends a migration before its time; the VM stays where it is.
  mutating func cancelMigration(of vm: String) throws(EventFailure) {
    _ = try known(vm)
    guard let index = migrations.current(vm), migrations.all[index].lease == .source else {
      throw EventFailure(description: "\(vm) isn't being migrated")
    }
    fail(index, "cancelled")
  }

  /// Of a host's machine: its sockets, and what comes of it.
  mutating func onHost(_ node: NodeID, _ body: (inout Stack, inout Effects) -> Void) {
    guard let machine = machine(node), elements.machines[machine].guest.isBooted else { return }
    body(&elements.machines[machine].guest.stack, &effects)
    elements.machines[machine].settle(now: now, &effects)
    hasProbed = true
    settle(node)
  }

  /// Something happened to a socket of a migration.
  mutating func hear(_ tag: UInt64, _ id: SocketID, _ events: SocketEvents, on node: NodeID) {
    if let index = Standbys.index(of: tag) { return hearOfStandby(index, tag, id, events) }
    if tag == Migrations.listening {
      if let index = migrations.all.firstIndex(where: { $0.targetNode == node && $0.targetSocket == id }) {
        if events.contains(.closed) { migrations.all[index].isTargetClosed = true }
        migrations.all[index].isDue = true
      } else if events.contains(.connected) || events.contains(.readable) {
        if !migrations.callers.contains(where: { $0.node == node && $0.socket == id }) {
          migrations.callers.append(.init(node: node, socket: id, since: now))
        }
        for index in migrations.all.indices where migrations.all[index].targetNode == node && !migrations.all[index].isOver {
          migrations.all[index].isDue = true
        }
      }
      return
    }
    let index = Int(tag & 0xffff_ffff)
    guard index < migrations.all.count, migrations.all[index].sourceSocket == id else { return }
    if events.contains(.connected) { migrations.all[index].isConnected = true }
    if events.contains(.closed) { migrations.all[index].isSourceClosed = true }
    migrations.all[index].isDue = true
  }

  /// Moves on all that are due.
  mutating func wakeMigrations() {
    while let index = migrations.all.firstIndex(where: { $0.deadline <= now }) { step(index) }
  }

  private mutating func step(_ index: Int) {
    migrations.all[index].isDue = false
    if migrations.all[index].nextAnnouncement <= now { announce(index) }
    if migrations.all[index].phase == .done { return partWays(index) }
    guard !migrations.all[index].isOver else { return }
    hearAtTarget(index)
    hearAtSource(index)
    if migrations.all[index].activateAt <= now { activate(index) }
    outliveSource(index)
    guard !migrations.all[index].isOver else { return }
    pump(index)
    watch(index)
  }

  // MARK: Ends

  /// One that is over before the VM was the target's: it goes on at the source, as it has the lease. `goesOn`: false where
  /// something else becomes of it.
  mutating func fail(_ index: Int, _ why: String, goesOn: Bool = true) {
    migrations.all[index].phase = .failed
    migrations.all[index].failure = why
    let migration = migrations.all[index]
    throttle(index, to: 0)
    abort(index)
    guard goesOn, migration.lease != .target, let node = names.machines[migration.vm], let machine = machine(node),
      elements.machines[machine].state == .migrating
    else { return }
    guard host(migration.source)?.hasFailed == false else {
      return carryOutQuietly(.stop, on: migration.vm)
    }
    migrations.all[index].lease = .source
    goOn(node, machine, as: migration.stateBefore)
  }

  private mutating func abort(_ index: Int) {
    let migration = migrations.all[index]
    for (node, socket) in [(migration.sourceNode, migration.sourceSocket), (migration.targetNode, migration.targetSocket)] {
      guard let socket else { continue }
      onHost(node) { stack, _ in stack.abort(socket) }
    }
    migrations.all[index].sourceSocket = nil
    migrations.all[index].targetSocket = nil
    forget(index)
  }

  private mutating func forget(_ index: Int) {
    migrations.all[index].memory = GuestMemory()
    migrations.all[index].mark = nil
    migrations.all[index].receiver = PageReceiver()
    migrations.all[index].paceAt = .never
    migrations.all[index].activateAt = .never
  }

  /// The target says that it has it, and closes the connection; so does the source when it has heard so.
  mutating func finishMigration(_ index: Int) {
    let migration = migrations.all[index]
    migrations.all[index].phase = .done
    forget(index)
    let now = now
    if let socket = migration.targetSocket { onHost(migration.targetNode) { stack, _ in stack.release(socket, now: now) } }
    migrations.all[index].targetSocket = nil
  }

  private mutating func partWays(_ index: Int) {
    let migration = migrations.all[index]
    guard let socket = migration.sourceSocket else { return }
    let now = now
    var isAtEnd = false
    onHost(migration.sourceNode) { stack, _ in
      stack.discard(socket)
      isAtEnd = stack.isAtEnd(socket)
      if isAtEnd { stack.release(socket, now: now) }
    }
    guard isAtEnd || migration.isSourceClosed else { return }
    migrations.all[index].sourceSocket = nil
    switchOffEmptyHosts()
  }

  /// Of a state that allows it.
  private mutating func carryOutQuietly(_ verb: MachineVerb, on vm: String) { try? perform(verb, on: vm) }

  /// Looks whether the two ends still hear each other.
  private mutating func watch(_ index: Int) {
    let migration = migrations.all[index]
    guard !migration.isOver, now >= migration.progressAt + Migration.patience else { return }
    switch migration.phase {
    case .connecting where !migration.isConnected: fail(index, "\(migration.target) didn't answer")
    case .stopAndCopy where migration.copiedAt != nil && host(migration.source)?.hasFailed == true:
      // The dead host's lease runs out.
      migrations.all[index].progressAt = now
    case .connecting, .precopy, .stopAndCopy: fail(index, "nothing more was heard of \(migration.target)")
    case .activating: migrations.all[index].progressAt = now
    case .postcopy: losePostcopy(index)
    case .done, .failed: break
    }
  }

  /// A part of its memory is at one side, and a part at the other: it can't go on.
  mutating func losePostcopy(_ index: Int) {
    let vm = migrations.all[index].vm
    migrations.all[index].phase = .failed
    migrations.all[index].failure = "pages were lost on the way: no side has all of it"
    abort(index)
    carryOutQuietly(.crash, on: vm)
  }

  // MARK: The VM

  mutating func throttle(_ index: Int, to hundredths: Int) {
    guard migrations.all[index].throttle != hundredths, let node = names.machines[migrations.all[index].vm],
      let machine = machine(node)
    else { return }
    migrations.all[index].throttle = hundredths
    migrations.all[index].mostThrottled = max(hundredths, migrations.all[index].mostThrottled)
    let own = elements.machines[machine].guest.stack.time(now)
    elements.machines[machine].guest.throttle(to: UInt64(1000 - 10 * hundredths), now: own)
    throttleCPUs(of: machine, by: hundredths)
  }

  /// The target runs it from now on: its interfaces are plugged in there, and its rings, which are its memory, come along.
  private mutating func activate(_ index: Int) {
    migrations.all[index].activateAt = .never
    let migration = migrations.all[index]
    guard migration.lease == .target, let node = names.machines[migration.vm], let machine = machine(node) else { return }
    guard host(migration.target)?.hasFailed == false else {
      migrations.all[index].phase = .failed
      migrations.all[index].failure = "\(migration.target) failed as it took it over"
      return carryOutQuietly(.stop, on: migration.vm)
    }
    if let why = lackOfDisks(elements.machines[machine]) {
      migrations.all[index].phase = .failed
      migrations.all[index].failure = why
      return carryOutQuietly(.crash, on: migration.vm)
    }
    loseLate(node, machine, migration.ringsAtStop)
    do { try perform(.moveVM(migration.vm, to: migration.target, networks: migration.networks)) } catch {
      // Its networks were there when it began.
      migrations.all[index].failure = "\(error)"
    }
    throttle(index, to: 0)
    goOn(node, machine, as: migration.stateBefore)
    migrations.all[index].resumedAt = now
    migrations.all[index].progressAt = now
    answer(index, .running)
    if migration.settings.policy == .postcopy, !migration.isWhole {
      migrations.all[index].phase = .postcopy
    } else {
      finishMigration(index)
    }
    if migrations.all[index].nextAnnouncement <= now { announce(index) }
  }

  /// What came to the old place since the machine was stopped is in no memory that was sent.
  private mutating func loseLate(_ node: NodeID, _ machine: ID<Machine>, _ rings: [Int]) {
    for (index, count) in rings.enumerated() where elements.machines[machine].interfaces.indices.contains(index) {
      for frame in elements.machines[machine].interfaces[index].emptyReceived(beyond: count) {
        drop(Frame(stored: frame), at: graph.port(PortIndex(index), of: node), .machineMoved, .none, recorded: false)
      }
      elements.machines[machine].work?.value.forgetReceived(on: index, beyond: count)
    }
  }

  /// Stands still no more between two hosts, wherever it is now.
  private mutating func goOn(_ node: NodeID, _ machine: ID<Machine>, as before: MachineState) {
    elements.machines[machine].goOnAfterMigration(before, now: now, &effects)
    if hasProcessors { followLife(of: node, machine) }
    settle(node)
  }

  /// Out of each of its interfaces, as soon as it is settled.
  mutating func announceByRARP(_ machine: ID<Machine>) {
    for (port, interface) in elements.machines[machine].interfaces.enumerated() {
      effects.transmit(RARP.announcement(of: interface.mac, in: pool), on: PortIndex(port))
    }
  }

  /// Tells the switches of the new place by RARP, as QEMU does for guests of any kind; and lets the guest tell its neighbours.
  private mutating func announce(_ index: Int) {
    let isFirst = migrations.all[index].announcements == 0
    migrations.all[index].announcements += 1
    guard let node = names.machines[migrations.all[index].vm], let machine = machine(node),
      elements.machines[machine].state.runs
    else { return }
    announceByRARP(machine)
    if isFirst { elements.machines[machine].announce(now: now, &effects) }
    settle(node)
  }
}
