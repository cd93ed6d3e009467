import WeftCore
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftStack

// The source's end of a migration.
extension World {
  mutating func hearAtSource(_ index: Int) {
    let migration = migrations.all[index]
    guard let socket = migration.sourceSocket else { return }
    var (bytes, acknowledged): ([UInt8], UInt64) = ([], 0)
    onHost(migration.sourceNode) { stack, _ in
      bytes = stack.read(socket)
      acknowledged = migration.sender.sent - min(migration.sender.sent, UInt64(stack.unsent(socket)))
    }
    if !bytes.isEmpty || acknowledged > migration.progress || migration.isConnected && migration.progress == 0 {
      migrations.all[index].progress = max(acknowledged, 1)
      migrations.all[index].progressAt = now
    }
    for byte in bytes where !migrations.all[index].isOver {
      switch MigrationStream.Answer(rawValue: byte) {
      case .accepted: beginRound(index, first: true)
      case .refused: fail(index, "\(migration.target) refuses it")
      case .heard: roundOver(index)
      case .complete: completed(index)
      case .running: break
      case .differs where migrations.all[index].lease == .target: losePostcopy(index)
      case .differs: fail(index, "what arrived at \(migration.target) isn't what it was")
      case nil: fail(index, "\(migration.target) answers nonsense")
      }
    }
    if migration.isSourceClosed, !migrations.all[index].isOver, migrations.all[index].lease == .source {
      fail(
        index, migration.isConnected ? "the connection to \(migration.target) was lost" : "\(migration.target) can't be reached")
    }
  }

  private mutating func completed(_ index: Int) {
    switch migrations.all[index].phase {
    case .stopAndCopy: commit(index)
    case .activating: migrations.all[index].isWhole = true
    case .postcopy: finishMigration(index)
    case .connecting, .precopy, .done, .failed: break
    }
  }

  private mutating func commit(_ index: Int) {
    // Its room was promised, and guests may have used since what a balloon was to take.
    if let why = shortage(index) { return fail(index, why) }
    guard passLease(index) else { return fail(index, "\(migrations.all[index].target) has failed") }
    migrations.all[index].sender.sendHeld()
  }

  /// Reads memory and sends what has changed since it was read last.
  private mutating func beginRound(_ index: Int, first: Bool) {
    guard let memory = read(index) else { return fail(index, "its memory can't be read") }
    var pages = memory.changes(since: migrations.all[index].mark)
    let all = self.memory(of: migrations.all[index].vm) / UInt64(WorkingSet.pageSize)
    migrations.all[index].phase = .precopy
    send(index, &pages, memory, untouched: first ? all - min(all, memory.used) : 0)
  }

  private mutating func send(_ index: Int, _ pages: inout PageList, _ memory: GuestMemory, untouched: UInt64) {
    migrations.all[index].memory = memory
    migrations.all[index].mark = memory.mark
    migrations.all[index].roundStartedAt = now
    migrations.all[index].roundPages = pages.count + pages.zeroCount + untouched
    migrations.all[index].sentBefore = migrations.all[index].sender.sent
    migrations.all[index].sender.send(pages, untouched: untouched)
    migrations.all[index].isDue = true
  }

  private func read(_ index: Int) -> GuestMemory? {
    guard let node = names.machines[migrations.all[index].vm], let machine = machine(node) else { return nil }
    return try? elements.machines[machine].memory(at: now)
  }

  // MARK: Sending

  /// Sends what there is room for, and goes on to the next round where all of one has arrived.
  mutating func pump(_ index: Int) {
    guard let socket = migrations.all[index].sourceSocket, migrations.all[index].isConnected else { return }
    if migrations.all[index].phase == .precopy, let node = names.machines[migrations.all[index].vm], let machine = machine(node) {
      let vm = elements.machines[machine]
      migrations.all[index].memory.renew(vm.guest.workingSets(at: vm.vm?.guestTime(now) ?? now))
    }
    var sender = migrations.all[index].sender
    let memory = migrations.all[index].memory
    var allowed = allowance(index)
    onHost(migrations.all[index].sourceNode) { stack, _ in
      while allowed > 0 {
        let room = min(stack.writable(socket), allowed)
        guard room > 0 else { break }
        let next = sender.take(room) { memory.bytes(of: $0) }
        guard !next.isEmpty else { break }
        let count = next.withUnsafeBytes { stack.write(socket, RawSpan(_unsafeBytes: $0)) }
        sender.took(count)
        if allowed != .max { allowed -= count }
        if count == 0 { break }
      }
    }
    migrations.all[index].sender = sender
    migrations.all[index].paceAt = allowed == 0 ? paceTime(index) : .never
  }

  /// Octets that its bound on the rate lets go now.
  private func allowance(_ index: Int) -> Int {
    let migration = migrations.all[index]
    guard migration.phase == .precopy, let rate = migration.rate else { return .max }
    let bursts = (now - migration.roundStartedAt).rawValue / Self.burstTime(rate) + 1
    let due = bursts * Self.burst
    return Int(due - min(due, migration.sender.sent - migration.sentBefore))
  }

  private static func burstTime(_ rate: UInt64) -> UInt64 { max(1, burst * 8_000_000_000 / rate) }

  /// Octets at once: in fewer its segments would be small.
  private static var burst: UInt64 { 16 << 10 }

  private func paceTime(_ index: Int) -> Instant {
    guard let rate = migrations.all[index].rate else { return .never }
    let time = Self.burstTime(rate)
    let bursts = (now - migrations.all[index].roundStartedAt).rawValue / time + 1
    return migrations.all[index].roundStartedAt + Nanoseconds(bursts * time)
  }

  // MARK: Rounds

  private mutating func roundOver(_ index: Int) {
    let migration = migrations.all[index]
    switch migration.phase {
    case .precopy: break
    case .connecting, .stopAndCopy, .activating, .postcopy, .done, .failed: return
    }
    let bytes = migration.sender.sent - migration.sentBefore
    let time = now - migration.roundStartedAt
    migrations.all[index].rounds.append(migration.roundPages)
    // Of a short one the round trip would be most of its time.
    if bytes >= 1 << 18 || migration.bandwidth == nil, time > .zero {
      migrations.all[index].bandwidth = UInt64(Double(bytes) / (Double(time.rawValue) / 1e9))
    }
    guard let memory = read(index) else { return fail(index, "its memory can't be read") }
    var pages = memory.changes(since: migration.mark)
    let left = pages.count * 4104 + pages.zeroCount * 9
    let isLast = migrations.all[index].rounds.count >= migration.settings.rounds
    if let rule = migration.settings.adaptiveRate {
      // What was written meanwhile, and a step more.
      let next = max(rule.from, UInt64(Double(left * 8) / max(time.seconds, 1e-9)) &+ rule.step)
      if left <= rule.rest || next > rule.to || isLast { return stop(index) }
      migrations.all[index].rate = min(next, migration.settings.maxBandwidth ?? .max)
      return send(index, &pages, memory, untouched: 0)
    }
    let limit = Double(migrations.all[index].bandwidth ?? .max) * Double(migration.settings.downtimeLimit.rawValue) / 1e9
    if Double(left) <= limit { return stop(index) }
    let isHopeless = pages.count * 2 > migration.roundPages && migrations.all[index].rounds.count > 1
    switch migration.settings.policy {
    case .cancel where isLast:
      return fail(
        index, "its memory changes faster than it is sent (\(pages.count) pages left after \(migration.settings.rounds) rounds)")
    case .force where isLast: return stop(index)
    case .postcopy where isLast || isHopeless: return stop(index)
    case .autoConverge where isHopeless:
      if migration.throttle == 99, isLast {
        return fail(index, "its memory changes faster than it is sent even with 99 % of its CPU taken away")
      }
      throttle(index, to: migration.throttle == 0 ? 20 : min(99, migration.throttle + 10))
    case .cancel, .force, .postcopy, .autoConverge: break
    }
    send(index, &pages, memory, untouched: 0)
  }

  /// The VM stands still, and all that differs goes. With postcopy nothing of its working sets: that follows.
  private mutating func stop(_ index: Int) {
    guard let node = names.machines[migrations.all[index].vm], let machine = machine(node) else { return }
    migrations.all[index].stateBefore = elements.machines[machine].state
    elements.machines[machine].standStill(now: now)
    if hasProcessors { followLife(of: node, machine) }
    // What is flooded to it finds it standing still.
    settle(node)
    guard let memory = read(index), let devices = try? ImageEncoder().encode(elements.machines[machine].vm) else {
      return fail(index, "its memory can't be read")
    }
    let pages = memory.changes(since: migrations.all[index].mark)
    migrations.all[index].stoppedAt = now
    migrations.all[index].ringsAtStop = elements.machines[machine].interfaces.map(\.waitingToReceive)
    migrations.all[index].phase = .stopAndCopy
    migrations.all[index].roundPages = pages.count + pages.zeroCount
    migrations.all[index].memory = memory
    migrations.all[index].mark = memory.mark
    migrations.all[index].roundStartedAt = now
    migrations.all[index].sentBefore = migrations.all[index].sender.sent
    if migrations.all[index].settings.policy == .postcopy {
      migrations.all[index].sender.sendHead(pages, devices: devices, digest: memory.digest)
    } else {
      migrations.all[index].sender.sendLast(pages, devices: devices, digest: memory.digest)
    }
    pump(index)
  }
}
