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
        Standby(vm: vm.name, host: settings.host, node: node, settings: settings, sender: PageSender(name: vm.name, pages: pages)))
    }
  }

  mutating func hearOfStandby(_ index: Int, _ tag: UInt64, _ id: SocketID, _ events: SocketEvents) {
    guard standbys.all.indices.contains(index), !standbys.all[index].isOver else { return }
    if tag == Standbys.targetTag(index) {
      if standbys.all[index].targetSocket == nil { standbys.all[index].targetSocket = id }
    } else {
      guard standbys.all[index].sourceSocket == id else { return }
      if events.contains(.connected), standbys.all[index].phase == .connecting {
        standbys.all[index].phase = .on
        standbys.all[index].nextAt = now
      }
      if events.contains(.closed) { standbys.all[index].isClosed = true }
    }
    standbys.all[index].isDue = true
  }

  mutating func wakeStandbys() {
    while let index = standbys.all.firstIndex(where: { $0.deadline <= now }) { step(standby: index) }
  }

  private mutating func step(standby index: Int) {
    standbys.all[index].isDue = false
    if standbys.all[index].phase == .takingOver { return takeOver(index) }
    if standbys.all[index].lostAt <= now { return lose(standby: index, "\(standbys.all[index].host) has failed") }
    if standbys.all[index].phase == .waiting { return connect(standby: index) }
    hearAtStandby(index)
    hearFromStandby(index)
    guard !standbys.all[index].isOver else { return }
    if standbys.all[index].isClosed { return lose(standby: index, "the connection to \(standbys.all[index].host) was lost") }
    if standbys.all[index].phase == .on, standbys.all[index].pending == nil, standbys.all[index].nextAt <= now {
      beginEpoch(index)
    }
    guard !standbys.all[index].isOver else { return }
    feed(index)
    let isWaiting = standbys.all[index].phase == .connecting || standbys.all[index].pending != nil
    if isWaiting, now >= standbys.all[index].progressAt + Migration.patience {
      lose(standby: index, "nothing more was heard of \(standbys.all[index].host)")
    }
  }

  private mutating func connect(standby index: Int) {
    let standby = standbys.all[index]
    standbys.all[index].nextAt = now + standby.settings.epoch
    guard let (_, machine) = try? known(standby.vm), !elements.machines[machine].state.isOff,
      let source = elements.machines[machine].vm?.host, let sourceNode = names.machines[source],
      let own = self.machine(sourceNode), elements.machines[own].guest.isBooted,
      let other = self.machine(standby.node), elements.machines[other].guest.isBooted,
      let address = names.addresses[standby.host]
    else { return }
    if let gateway = names.gateways[standby.host].flatMap({ gateway($0) }) {
      elements.gateways[gateway].addService(.init(.tcp, Standbys.port(index)))
    }
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
    guard let (node, machine) = try? known(standby.vm) else { return }
    // What was switched off isn't to come back.
    guard !elements.machines[machine].state.isOff else {
      standbys.all[index].kept = nil
      return
    }
    guard elements.machines[machine].vm?.host == standby.source else { return lose(standby: index, "\(standby.vm) has moved") }
    guard let value = elements.machines[machine].epochValue("epoch \(standby.epoch + 1)", now: now), let memory = try? value.memory,
      let devices = try? ImageEncoder().encode(value.vm)
    else { return lose(standby: index, "its memory can't be read") }
    standbys.all[index].sender.sendLast(memory.changes(since: standby.mark), devices: devices, digest: memory.digest)
    standbys.all[index].memory = memory
    standbys.all[index].mark = memory.mark
    standbys.all[index].pending = value
    standbys.all[index].startedAt = now
    standbys.all[index].progressAt = now
    if standby.settings.holdOutput { elements.machines[machine].markEpoch() }
    reschedule(node)
  }

  private mutating func feed(_ index: Int) {
    guard let socket = standbys.all[index].sourceSocket, let node = standbys.all[index].sourceNode,
      standbys.all[index].phase == .on, !standbys.all[index].sender.isEmpty
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
        standbys.all[index].kept = standbys.all[index].pending
        onHost(standbys.all[index].node) { stack, _ in
          let answer = [MigrationStream.Answer.complete.rawValue]
          _ = stack.write(socket, answer.span.bytes)
        }
      case .end(isEqual: false), .nonsense: return lose(standby: index, "what arrived isn't what it was")
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

  /// The VM goes on without.
  private mutating func lose(standby index: Int, _ why: String) {
    close(index, as: .lost)
    standbys.all[index].why = why
    guard let (node, machine) = try? known(standbys.all[index].vm) else { return }
    elements.machines[machine].openGates(now: now)
    reschedule(node)
  }

  private mutating func close(_ index: Int, as phase: Standby.Phase) {
    let standby = standbys.all[index]
    standbys.all[index].phase = phase
    standbys.all[index].changedAt = now
    (standbys.all[index].pending, standbys.all[index].kept, standbys.all[index].mark) = (nil, nil, nil)
    standbys.all[index].memory = GuestMemory()
    standbys.all[index].receiver = PageReceiver()
    for (node, socket) in [(standby.sourceNode, standby.sourceSocket), (standby.node, standby.targetSocket)] {
      guard let node, let socket else { continue }
      onHost(node) { stack, _ in stack.abort(socket) }
    }
    (standbys.all[index].sourceSocket, standbys.all[index].targetSocket) = (nil, nil)
  }

  /// Its host has just failed: whether a standby goes on with it.
  mutating func noticeFailure(of vm: String) -> Bool {
    guard let index = standbys.current(vm) else { return false }
    guard standbys.all[index].kept != nil else {
      lose(standby: index, "\(standbys.all[index].host) hadn't all of it when its host failed")
      return false
    }
    standbys.all[index].phase = .takingOver
    standbys.all[index].takeOverAt = now + Self.detection
    return true
  }

  private mutating func takeOver(_ index: Int) {
    let standby = standbys.all[index]
    close(index, as: .lost)
    let at = now - .start
    func complain(_ why: String) -> String { "at \(at): \(standby.host) can't go on with \(standby.vm): \(why)" }
    guard let kept = standby.kept, let (node, machine) = try? known(standby.vm) else { return }
    guard elements.machines[machine].state == .stopped, kept.interfaces.count == elements.machines[machine].interfaces.count
    else { return complaints.append(complain("it isn't what it was when its host failed")) }
    guard hosts.first(where: { $0.name == standby.host })?.hasFailed == false else {
      return complaints.append(complain("it has failed too"))
    }
    do throws(EventFailure) { try relocate(standby.vm, to: standby.host) } catch {
      return complaints.append(complain("\(error)"))
    }
    elements.machines[machine].openGates(now: now)
    elements.machines[machine].goBack(to: kept, reseed: nil, now: now, steal: steal(of: machine), &effects)
    if hasProcessors { followLife(of: node, machine) }
    settle(node)
    standbys.all[index].phase = .tookOver
    guard elements.machines[machine].state.runs else { return }
    // Switches know its old place.
    for port in elements.machines[machine].interfaces.indices {
      effects.transmit(
        RARP.announcement(of: elements.machines[machine].interfaces[port].mac, in: pool), on: PortIndex(port))
    }
    elements.machines[machine].announce(now: now, &effects)
    settle(node)
  }
}
