import WeftCore
import WeftHypervisor
import WeftStack

// The target's end of a migration.
extension World {
  mutating func hearAtTarget(_ index: Int) {
    let migration = migrations.all[index]
    if migration.targetSocket == nil { return greet(index) }
    guard let socket = migration.targetSocket else { return }
    var bytes: [UInt8] = []
    onHost(migration.targetNode) { stack, _ in bytes = stack.read(socket) }
    take(bytes, index)
  }

  /// Somebody has connected; who it is, its first octets say.
  private mutating func greet(_ index: Int) {
    let node = migrations.all[index].targetNode
    for caller in migrations.callers where caller.node == node {
      var bytes: [UInt8] = []
      onHost(node) { stack, _ in bytes = stack.peek(caller.socket, 1 << 10) }
      var receiver = PageReceiver()
      guard case .hello(let name, _)? = receiver.take(bytes).first, name == migrations.all[index].vm else { continue }
      migrations.callers.removeAll { $0.node == node && $0.socket == caller.socket }
      migrations.all[index].targetSocket = caller.socket
      return hearAtTarget(index)
    }
  }

  private mutating func take(_ bytes: [UInt8], _ index: Int) {
    guard !bytes.isEmpty else { return }
    for news in migrations.all[index].receiver.take(bytes) {
      switch news {
      case .hello(_, let pages): accept(index, pages)
      case .round: answer(index, .heard)
      case .head:
        migrations.all[index].copiedAt = now
        answer(index, .complete)
      case .end(let isEqual):
        migrations.all[index].copiedAt = migrations.all[index].copiedAt ?? now
        answer(index, isEqual ? .complete : .differs)
      case .nonsense: fail(index, "\(migrations.all[index].target) got nonsense")
      }
    }
  }

  private mutating func accept(_ index: Int, _ pages: UInt64) {
    let wanted = memory(of: migrations.all[index].vm) / UInt64(WorkingSet.pageSize)
    answer(index, pages == wanted && shortage(index) == nil ? .accepted : .refused)
  }

  /// Why its target has no room for it any more.
  func shortage(_ index: Int) -> String? {
    let migration = migrations.all[index]
    guard let host = host(migration.target), let machine = names.machines[migration.vm].flatMap({ machine($0) }) else {
      return "there is no host \(migration.target)"
    }
    return lack(of: memory(of: migration.vm), used: { usedMemory(machine) }, at: host, for: migration.vm)
  }

  mutating func answer(_ index: Int, _ answer: MigrationStream.Answer) {
    guard let socket = migrations.all[index].targetSocket else { return }
    onHost(migrations.all[index].targetNode) { stack, _ in
      let bytes = [answer.rawValue]
      _ = stack.write(socket, bytes.span.bytes)
    }
  }

  /// The source lets go of the lease, and the target, which waits for it, has it. The arbiter is whoever keeps the VM's disk: it
  /// hears both, whatever becomes of the cables between them. False where the target is no more.
  mutating func passLease(_ index: Int) -> Bool {
    guard let host = host(migrations.all[index].target), !host.hasFailed else { return false }
    migrations.all[index].lease = .target
    migrations.all[index].phase = .activating
    migrations.all[index].activateAt = now + migrations.all[index].settings.activation
    return true
  }

  /// The lease of a host that has failed runs out: a target that has all of the VM goes on.
  mutating func outliveSource(_ index: Int) {
    let migration = migrations.all[index]
    guard migration.phase == .stopAndCopy, migration.copiedAt != nil,
      let failed = host(migration.source)?.failedAt, now >= failed + Migration.patience
    else { return }
    _ = passLease(index)
  }
}
