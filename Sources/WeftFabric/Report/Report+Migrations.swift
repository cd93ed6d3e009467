import WeftCore
import WeftHypervisor

extension World {
  var migrationReport: [Report.Migration] {
    migrations.all.map { migration in
      let copied = migration.stoppedAt.flatMap { stopped in migration.copiedAt.map { $0 - stopped } }
      let activation = migration.resumedAt == nil ? nil : migration.settings.activation
      let commit = migration.downtime.flatMap { downtime in
        copied.flatMap { copied in activation.map { downtime - copied - $0 } }
      }
      return Report.Migration(
        vm: migration.vm, from: migration.source, to: migration.target, startedAt: migration.startedAt,
        phase: migration.phase.rawValue, failure: migration.failure, rounds: migration.rounds,
        last: migration.stoppedAt == nil ? nil : migration.roundPages, pages: migration.sender.pages,
        zeroPages: migration.sender.zeroPages, bytes: migration.sender.sent,
        duration: migration.resumedAt.map { $0 - migration.startedAt }, downtime: migration.downtime, copy: copied,
        commit: commit,
        activation: activation, throttle: migration.mostThrottled)
    }
  }
}

extension Report {
  /// `web: server1 → server2: rounds 32920 / 8192 / 4011 pages, last 230; 5.97 s, downtime 31.2 ms = copy 28.1 ms + …`
  static func line(_ migration: Migration) -> String {
    var text = "\(migration.vm): \(migration.from) → \(migration.to): "
    let rounds =
      migration.rounds.count > 6
      ? migration.rounds.prefix(3).map(String.init) + ["…"] + migration.rounds.suffix(2).map(String.init)
      : migration.rounds.map(String.init)
    text += rounds.isEmpty ? "no round" : "rounds \(rounds.joined(separator: " / ")) pages"
    if let last = migration.last { text += ", last \(last)" }
    if let duration = migration.duration { text += "; \(duration)" }
    if let downtime = migration.downtime {
      text += ", downtime \(downtime)"
      if let copy = migration.copy, let commit = migration.commit, let activation = migration.activation {
        text += " = copy \(copy) + commit \(commit) + activation \(activation)"
      }
    }
    if migration.throttle > 0 { text += ", throttled by up to \(migration.throttle) %" }
    if let failure = migration.failure { return text + "; failed: \(failure)" }
    return migration.phase == "done" ? text : text + "; \(migration.phase)"
  }
}

extension World {
  var memoryReport: [Report.HostMemory] {
    hosts.compactMap { host in
      guard let memory = host.memory else { return nil }
      let machines = balloonMachines(of: host)
      let taken = Balloons.taken(from: machines, toFit: memory) ?? []
      return Report.HostMemory(
        host: host.name, memory: memory,
        machines: machines.enumerated().map {
          .init(name: $1.name, memory: $1.memory, used: $1.used, ballooned: taken.indices.contains($0) ? taken[$0] : 0)
        })
    }
  }
}

extension Report {
  /// `server: web: memory 512 MiB, used 11 MiB, ballooned 0`
  static func lines(_ memory: HostMemory) -> [String] {
    memory.machines.map { machine in
      "\(memory.host): \(machine.name): memory \(Self.size(machine.memory)), used \(Self.size(machine.used)), ballooned "
        + Self.size(machine.ballooned)
    }
  }

  private static func size(_ bytes: UInt64) -> String {
    bytes == 0 ? "0" : bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
  }
}
