import WeftCore
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftStack
import WeftTopology

// Standbys: done in the lab's own turn, as migrations are.
extension World {
  mutating func addStandbys(_ topology: Topology) {
    for vm in topology.vms {
      guard let settings = vm.standby, let node = names.machines[settings.host] else { continue }
      let pages = (vm.memory ?? VirtualMachine.defaultMemory) / UInt64(WorkingSet.pageSize)
      standbys.all.append(
        Standby(vm: vm.name, host: settings.host, node: node, settings: settings, sender: PageSender(name: vm.name, pages: pages))
      )
    }
  }

  private func pages(of vm: String) -> UInt64 { memory(of: vm) / UInt64(WorkingSet.pageSize) }

  mutating func hearOfStandby(_ index: Int, _ tag: UInt64, _ id: SocketID, _ events: SocketEvents) {
    guard standbys.all.indices.contains(index), !standbys.all[index].isOver else { return }
    if tag == Standbys.targetTag(index) {
      let expects = standbys.all[index].phase == .connecting || standbys.all[index].phase == .on
      if expects, standbys.all[index].targetSocket == nil, !events.contains(.closed) { standbys.all[index].targetSocket = id }
      guard standbys.all[index].targetSocket == id else { return }
    } else {
      guard standbys.all[index].sourceSocket == id else { return }
      if events.contains(.connected), standbys.all[index].phase == .connecting {
        standbys.all[index].phase = .on
        standbys.all[index].why = nil
        standbys.all[index].nextAt = now
      }
      if events.contains(.closed) { standbys.all[index].isClosed = true }
    }
    standbys.all[index].isDue = true
  }

  /// A VM's life ends, begins or stands still: what was switched off isn't to come back.
  mutating func tellStandby(of vm: String, _ verb: MachineVerb) {
    guard let index = standbys.current(vm), standbys.all[index].phase != .takingOver else { return }
    switch verb {
    case .stop, .crash, .save, .reset:
      (standbys.all[index].kept, standbys.all[index].isPendingKept) = (nil, false)
    case .start, .restore: standbys.all[index].nextAt = min(standbys.all[index].nextAt, now + standbys.all[index].settings.epoch)
    case .pause, .resume, .shutdown, .snapshot, .revert: break
    }
  }

  mutating func wakeStandbys() {
    while let index = standbys.all.firstIndex(where: { $0.deadline <= now }) { step(standby: index) }
  }

  private mutating func step(standby index: Int) {
    standbys.all[index].isDue = false
    if standbys.all[index].phase == .takingOver { return takeOver(index) }
    if standbys.all[index].lostAt <= now { return lose(standby: index, "\(standbys.all[index].host) has failed", forGood: true) }
    if standbys.all[index].phase == .waiting { return connect(standby: index) }
    if standbys.all[index].resumeAt <= now { endCopy(index) }
    hearAtStandby(index)
    hearFromStandby(index)
    if standbys.all[index].isClosed { return lose(standby: index, "the connection to \(standbys.all[index].host) was lost") }
    if standbys.all[index].phase == .on, standbys.all[index].pending == nil, standbys.all[index].nextAt <= now {
      beginEpoch(index)
    }
    feed(index)
    let isWaiting = standbys.all[index].phase == .connecting || standbys.all[index].pending != nil
    if isWaiting, now >= standbys.all[index].progressAt + Migration.patience {
      lose(standby: index, "nothing more was heard of \(standbys.all[index].host)")
    }
  }

  private mutating func connect(standby index: Int) {
    let standby = standbys.all[index]
    standbys.all[index].nextAt = now + (standby.changedAt == nil ? standby.settings.epoch : Standby.retry)
    guard let (_, machine) = try? known(standby.vm), let source = elements.machines[machine].vm?.host,
      !elements.machines[machine].state.isOff
    else {
      // It is told of a start.
      standbys.all[index].nextAt = .never
      return
    }
    if source == standby.host { return lose(standby: index, "\(standby.vm) is on \(source) itself", forGood: true) }
    guard let sourceNode = names.machines[source],
      let own = self.machine(sourceNode), elements.machines[own].guest.isBooted,
      let other = self.machine(standby.node), elements.machines[other].guest.isBooted,
      let address = names.addresses[standby.host]
    else { return }
    if let gateway = names.gateways[standby.host].flatMap({ gateway($0) }) {
      elements.gateways[gateway].addService(.init(.tcp, Standbys.port(index)))
    }
    standbys.all[index].forgetConnection(pages: pages(of: standby.vm))
    var socket: SocketID?
    let now = now
    onHost(standby.node) { stack, _ in _ = stack.listen(Standbys.port(index), tag: Standbys.targetTag(index)) }
    onHost(sourceNode) { stack, _ in
      socket = stack.connect(to: address, Standbys.port(index), tag: Standbys.sourceTag(index), now: now)
    }
    guard let socket else { return }
    (standbys.all[index].source, standbys.all[index].sourceNode, standbys.all[index].sourceSocket) = (source, sourceNode, socket)
    standbys.all[index].phase = .connecting
    standbys.all[index].progressAt = now
  }

  // MARK: Epochs

  private mutating func beginEpoch(_ index: Int) {
    let standby = standbys.all[index]
    standbys.all[index].nextAt = now + standby.settings.epoch
    guard let (node, machine) = try? known(standby.vm) else {
      return lose(standby: index, "there is no \(standby.vm) any more", forGood: true)
    }
    guard !elements.machines[machine].state.isOff else {
      standbys.all[index].nextAt = .never
      return
    }
    guard elements.machines[machine].vm?.host == standby.source else { return lose(standby: index, "\(standby.vm) has moved") }
    bookFloods()
    guard let value = elements.machines[machine].epochValue("epoch \(standby.epoch + 1)", now: now),
      let memory = try? value.memory,
      let devices = try? ImageEncoder().encode(value.vm)
    else { return lose(standby: index, "its memory can't be read", forGood: true) }
    let changes = memory.changes(since: standby.mark)
    standbys.all[index].sender.sendLast(
      changes, devices: devices, writes: standby.drives.map { value.guest.drives.writes(since: $0) } ?? [],
      digest: memory.digest)
    // The first one is a copy of all, which takes its time: until it is there nobody could go on anyway, and nothing is held.
    let isFirst = standby.mark == nil
    standbys.all[index].isPendingKept = !isFirst
    standbys.all[index].memory = memory
    standbys.all[index].mark = memory.mark
    standbys.all[index].drives = value.guest.drives
    standbys.all[index].pending = value
    standbys.all[index].startedAt = now
    standbys.all[index].progressAt = now
    if standby.settings.holdOutput, !isFirst {
      elements.machines[machine].markEpoch(next: standby.epoch + 2, now: now)
      reschedule(node)
    }
    let pause = Nanoseconds(standby.settings.copy.rawValue &* changes.count)
    if !isFirst, pause > .zero, elements.machines[machine].state == .running {
      standbys.all[index].resumeAt = now + pause
      try? perform(.pause, on: standby.vm)
    }
  }

  /// The VM goes on, and what was copied is sent.
  private mutating func endCopy(_ index: Int) {
    guard standbys.all[index].resumeAt != .never else { return }
    standbys.all[index].resumeAt = .never
    standbys.all[index].isDue = true
    try? perform(.resume, on: standbys.all[index].vm)
  }

  /// Before anything is done to the world from outside, which is to find VMs as they are to anybody.
  mutating func endCopies() { for index in standbys.all.indices { endCopy(index) } }

  private mutating func feed(_ index: Int) {
    guard let socket = standbys.all[index].sourceSocket, let node = standbys.all[index].sourceNode,
      standbys.all[index].phase == .on, standbys.all[index].resumeAt == .never, !standbys.all[index].sender.isEmpty
    else { return }
    var sender = standbys.all[index].sender
    let memory = standbys.all[index].memory
    onHost(node) { stack, _ in
      while true {
        let room = stack.writable(socket)
        guard room > 0 else { break }
        let next = sender.take(room) { memory.bytes(of: $0) }
        guard !next.isEmpty else { break }
        let count = next.withUnsafeBytes { stack.write(socket, RawSpan(_unsafeBytes: $0)) }
        sender.took(count)
        if count == 0 { break }
      }
    }
    standbys.all[index].sender = sender
  }

  private mutating func hearAtStandby(_ index: Int) {
    guard let socket = standbys.all[index].targetSocket else { return }
    var bytes: [UInt8] = []
    onHost(standbys.all[index].node) { stack, _ in bytes = stack.read(socket) }
    guard !bytes.isEmpty else { return }
    for news in standbys.all[index].receiver.take(bytes) {
      switch news {
      case .end(isEqual: true):
        if standbys.all[index].isPendingKept { standbys.all[index].kept = standbys.all[index].pending }
        onHost(standbys.all[index].node) { stack, _ in
          let answer = [MigrationStream.Answer.complete.rawValue]
          _ = stack.write(socket, answer.span.bytes)
        }
      case .end(isEqual: false), .nonsense:
        return lose(standby: index, "what arrived isn't what it was", forGood: true)
      case .hello, .round, .head: break
      }
    }
  }

  private mutating func hearFromStandby(_ index: Int) {
    let standby = standbys.all[index]
    guard let socket = standby.sourceSocket, let node = standby.sourceNode, !standby.isOver else { return }
    var (bytes, acknowledged): ([UInt8], UInt64) = ([], 0)
    onHost(node) { stack, _ in
      bytes = stack.read(socket)
      acknowledged = standby.sender.sent - min(standby.sender.sent, UInt64(stack.unsent(socket)))
    }
    if acknowledged > standby.progress {
      standbys.all[index].progress = acknowledged
      standbys.all[index].progressAt = now
    }
    for byte in bytes where byte == MigrationStream.Answer.complete.rawValue { epochIsSafe(index) }
  }

  private mutating func epochIsSafe(_ index: Int) {
    guard standbys.all[index].pending != nil, let (node, machine) = try? known(standbys.all[index].vm) else { return }
    standbys.all[index].pending = nil
    standbys.all[index].epoch += 1
    standbys.all[index].nextAt = max(now, standbys.all[index].startedAt + standbys.all[index].settings.epoch)
    let released = elements.machines[machine].releaseEpoch(now: now)
    standbys.all[index].heldFrames += released.frames
    standbys.all[index].heldTime = standbys.all[index].heldTime + released.time
    reschedule(node)
  }

  // MARK: Ends

  /// The VM goes on without; until another connection, if there may be one.
  private mutating func lose(standby index: Int, _ why: String, forGood: Bool = false) {
    close(index, as: forGood ? .lost : .waiting)
    standbys.all[index].why = why
    standbys.all[index].nextAt = now + Standby.retry
    guard let (node, machine) = try? known(standbys.all[index].vm) else { return }
    elements.machines[machine].openGates(now: now)
    reschedule(node)
  }

  private mutating func close(_ index: Int, as phase: Standby.Phase) {
    endCopy(index)
    let standby = standbys.all[index]
    (standbys.all[index].phase, standbys.all[index].isDue) = (phase, false)
    standbys.all[index].changedAt = now
    standbys.all[index].forgetConnection(pages: pages(of: standby.vm))
    for (node, socket) in [(standby.sourceNode, standby.sourceSocket), (standby.node, standby.targetSocket)] {
      guard let node, let socket else { continue }
      onHost(node) { stack, _ in stack.abort(socket) }
    }
  }

  /// Its host has just failed: whether a standby goes on with it.
  mutating func noticeFailure(of vm: String) -> Bool {
    guard let index = standbys.current(vm) else { return false }
    guard standbys.all[index].kept != nil else {
      lose(standby: index, "\(standbys.all[index].host) hadn't all of it when its host failed", forGood: true)
      return false
    }
    standbys.all[index].phase = .takingOver
    standbys.all[index].takeOverAt = now + Self.detection
    return true
  }

  private mutating func takeOver(_ index: Int) {
    let standby = standbys.all[index]
    close(index, as: .lost)
    guard let kept = standby.kept, let (node, machine) = try? known(standby.vm) else { return }
    guard elements.machines[machine].state == .stopped, kept.interfaces.count == elements.machines[machine].interfaces.count
    else { return giveUp(index, "it isn't what it was when its host failed") }
    guard let host = host(standby.host), !host.hasFailed, host.offAt == nil else { return giveUp(index, "it has failed too") }
    do throws(EventFailure) { try relocate(standby.vm, to: standby.host, for: "go on with \(standby.vm)") } catch {
      return giveUp(index, "\(error)")
    }
    elements.machines[machine].openGates(now: now)
    elements.machines[machine].vm?.takeOver(from: kept.vm, at: kept.takenAt, now: now)
    elements.machines[machine].goBack(to: kept, reseed: nil, now: now, steal: steal(of: machine), &effects)
    // Its copies of the disks are its own.
    for index in elements.machines[machine].guest.drives.all.indices {
      let own = elements.machines[machine].guest.drives[index].pool
      if own?.host == standby.source {
        elements.machines[machine].guest.drives[index].move(to: pool(for: own, at: standby.host))
      }
    }
    if hasProcessors { followLife(of: node, machine) }
    settle(node)
    standbys.all[index].phase = .tookOver
    guard elements.machines[machine].state.runs else { return }
    // Switches know its old place.
    elements.machines[machine].announcesItself = false
    announceByRARP(machine)
    elements.machines[machine].announce(now: now, &effects)
    settle(node)
  }

  private mutating func giveUp(_ index: Int, _ why: String) {
    let (vm, host) = (standbys.all[index].vm, standbys.all[index].host)
    standbys.all[index].why = why
    complaints.append("at \(now - .start): \(host) can't go on with \(vm): \(why)")
    if restarting.contains(vm) { restarts.append(Restart(vm: vm, at: now)) }
  }
}
