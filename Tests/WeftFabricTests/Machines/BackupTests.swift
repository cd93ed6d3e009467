import Testing
import WeftCore
import WeftDisk
import WeftTopology

@testable import WeftFabric

/// Backups: what they have, what they lack, and what outlives the medium.
@Suite struct BackupTests {
  fileprivate static func lab(store: String = "", disk: String = "", vault: String = "", _ events: String, _ expect: String = "")
    -> String
  {
    """
    name: backups
    duration: 14 s
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      one: {uplink: net 203.0.113.2, networks: {lan: bridge}, pools: {ssd: {size: 20 GiB}}}
      two: {uplink: net 203.0.113.3, networks: {lan2: bridge}, pools: {ssd: {size: 20 GiB}, vault: {\(vault)}}}
    vms:
      web: {network: lan, address: 203.0.113.10, disks: [{name: root, size: 1 GiB, pool: ssd\(disk)}], programs: [{kv-store: {\(store)}}]}
      client: {network: lan, address: 203.0.113.11, programs: [{http-put: {to: "web:80", count: 300, interval: 10 ms}}]}
    events:
      \(events)
    expect: [\(expect)]
    """
  }

  private static func records(_ report: Report, _ machine: String = "web") -> Int? {
    report.programs.first { $0.machine == machine }?.report.note?.split(separator: " ").first.flatMap { Int($0) }
  }

  private static func failures(_ report: Report) -> [String] {
    report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  /// With PUTs acknowledged at once, a backup that asks nobody lacks some of them; one that asks first lacks none, and clients see no more
  /// than the flush.
  @Test func aQuiescedBackupHasAllThatWasAcknowledged() throws {
    for isQuiesced in [false, true] {
      let text = Self.lab(
        store: "write-back: 500 ms", disk: ", rate: 10 MB/s", vault: "rate: 1 MB/s",
        "[{at: 2.4 s, backup: {vm: web, to: vault, quiesce: \(isQuiesced)}}, {at: 2.4 s, link-down: client}, {at: 5 s, stop: web}, "
          + "{at: 6 s, restore-backup: {from: vault/web}}, {at: 7 s, start: web}]",
        "{vm: web, backup-verifies: vault, at: 4 s, within: 0 s}")
      let report = try run(text)
      #expect(Self.failures(report) == [])
      let acknowledged = try #require(Self.records(report, "client"))
      let backup = try #require(report.backups.first)
      #expect(acknowledged > 200)
      if isQuiesced {
        #expect(Self.records(report) == acknowledged)
        #expect(backup.frozen > .zero && backup.frozen < .milliseconds(5))
        #expect(report.text().contains("backup web#1: 1 cluster of 1, frozen \(backup.frozen), verified"))
      } else {
        #expect(try #require(Self.records(report)) < acknowledged)
        #expect(report.text().contains("backup web#1: 1 cluster of 1, not quiesced, verified"))
      }
    }
  }

  /// Who comes in the midst of it waits for the flush, and not for the copy.
  @Test func clientsWaitForTheFlushAlone() throws {
    let report = try run(
      Self.lab(
        store: "write-back: 500 ms", disk: ", rate: 100 kB/s", vault: "rate: 800 kbit/s",
        "[{at: 2.4 s, backup: {vm: web, to: vault}}]"))
    let backup = try #require(report.backups.first)
    let longest = try #require(report.programs.first { $0.machine == "client" }?.report.rtt?.maximum)
    #expect(backup.frozen > .milliseconds(20))
    #expect(longest <= backup.frozen + .milliseconds(1) && longest > backup.frozen - .milliseconds(15))
    #expect(try #require(backup.finishedAt) - backup.at > .milliseconds(600))
  }

  @Test func theMediumTakesSnapshotsAlongAndABackupElsewhereRestoresOnAnotherHost() throws {
    let text = Self.lab(
      """
      [{at: 1 s, snapshot: {vm: web, name: before}}, {at: 2 s, backup: {vm: web, to: vault}},
       {at: 3.5 s, snapshot: {vm: web, name: after, memory: false}},
       {at: 4 s, backup: {vm: web, to: vault, kind: incremental, keep: 1}},
       {at: 5 s, fail-media: {pool: ssd, host: one}}, {at: 6 s, revert: {vm: web, to: before}},
       {at: 7 s, restore-backup: {from: vault/web, host: two}}, {at: 8 s, reset: web}]
      """,
      """
      {vm: web, state: crashed, at: 5 s, within: 0 s}, {vm: web, state: running, at: 8 s, within: 0 s},
      {vm: web, stored: {what: backups vault, at-most: 64 KiB}, at: 4.5 s, within: 0 s},
      {from: client, http: "http://web/order-300", status: 200, at: 9 s}
      """)
    let report = try run(text)
    #expect(Self.failures(report).count == 1)
    #expect(Self.failures(report)[0].hasSuffix(", at 6 s: snapshot before of web is lost with its disk"))
    #expect(report.machines.first { $0.name == "web" }?.host == "two")
    #expect(Self.records(report) == 300)
    #expect(report.text().contains("backup web#2: 1 cluster of 1, frozen"))
    #expect(report.text().contains("; removed at 4 s"))
  }

  /// The bitmap of a copy that failed is given back: what it would have had is in the next.
  @Test func aFailedIncrementalLosesNothing() throws {
    let text = Self.lab(
      vault: "rate: 100 kB/s",
      """
      [{at: 1 s, backup: {vm: web, to: vault}}, {at: 5 s, backup: {vm: web, to: vault, kind: incremental}},
       {at: 5.1 s, backup: {vm: web, to: vault}}, {at: 5.2 s, fail-media: vault}]
      """)
    let report = try run(text)
    #expect(report.complaints.count == 1 && report.complaints[0].hasSuffix("at 5.1 s: backup web#2 isn't done yet"))
    #expect(report.backups.map(\.failure) == [nil, "pool vault is lost"])
    var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    simulation.run(until: .milliseconds(5150))
    let during = try #require(simulation.world.machine(named: "web")?.guest.drives["root"]?.device.bitmaps.first?.clusters.count)
    simulation.run()
    let after = try #require(simulation.world.machine(named: "web")?.guest.drives["root"]?.device.bitmaps.first?.clusters.count)
    #expect(during == 0 && after == 1)
  }

  @Test func aCheckpointAmidABackupGoesOn() throws {
    let text = Self.lab(
      store: "write-back: 500 ms", disk: ", rate: 100 kB/s", vault: "rate: 100 kB/s",
      "[{at: 2.4 s, backup: {vm: web, to: vault}}, {at: 5 s, backup: {vm: web, to: vault, kind: incremental, keep: 1}}]")
    for moment in [2401, 2600, 5300] as [UInt64] {
      var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
      simulation.run(until: .milliseconds(moment))
      #expect(!simulation.world.storage.jobs.isEmpty)
      var other = try Simulation(
        resuming: SimulationImage(decoding: try simulation.image().encoded(), pool: FramePool()), pool: FramePool(), captures: nil
      )
      let (one, two) = (try simulation.complete(), try other.complete())
      #expect(one.text() == two.text() && one.backups.count == 2 && one.backups.allSatisfy { $0.failure == nil })
    }
  }

  @Test(arguments: [
    ("backup: {vm: web, to: valt}", "unknown pool \"valt\"", "did you mean \"vault\"?", true),
    ("backup: {vm: client, to: vault}", "\"client\" has no disks to back up", "disks: [{name: root, size: 1 GiB}]", true),
    ("fail-media: ssd", "one and two have a pool \"ssd\"", "say which host's: host: one", true),
    ("restore-backup: {from: vault}", "whose backup?", "vault/web", true),
    ("restore-backup: {from: vault/wep}", "unknown vm \"wep\"", nil, true),
    (
      "restore-backup: {from: vault/web}", "can't restore \"web\" from a backup: it is running from the beginning",
      "stop it first", false
    ),
    ("backup: {vm: web, to: ssd}", "a backup in the pool of the disk itself is lost with it", "give it a pool of its own", false),
  ])
  func mistakesAreSaid(event: String, message: String, hint: String?, isError: Bool) {
    let load = Topology.load(text: Self.lab("[{at: 1 s, \(event)}]"), file: "backups.yaml")
    #expect(load.diagnostics.map { $0.message.lowercased() } == [message.lowercased()])
    #expect(load.diagnostics.first?.severity == (isError ? .error : .warning))
    if let hint { #expect(load.diagnostics.first?.hint == hint) }
  }
}

extension BackupTests {
  @Test(arguments: [
    ("disk-equal: befor", "unknown snapshot or VM \"befor\"", "did you mean \"before\"?"),
    ("disk-equal: {to: before, disk: rot}", "unknown disk \"rot\"", "did you mean \"root\"?"),
    ("backup-verifies: valt", "unknown pool \"valt\"", "did you mean \"vault\"?"),
    ("stored: {what: snapshot befor, at-most: 1}", "unknown snapshot \"befor\"", "did you mean \"before\"?"),
    ("stored: {what: backup valt, at-most: 1}", "unknown pool \"valt\"", "did you mean \"vault\"?"),
    (
      "stored: {what: before, at-most: 1}", "\"before\" is nothing that is stored",
      "write it like snapshot before, memory before, backup vault (the last one), backups vault (all), disk root"
    ),
    ("stored: {what: disk root}", "stored needs at-most or at-least", nil),
  ])
  func mistakesOfChecksAreSaid(check: String, message: String, hint: String?) {
    let load = Topology.load(
      text: Self.lab("[{at: 1 s, snapshot: {vm: web, name: before}}]", "{vm: web, \(check)}"), file: "backups.yaml")
    #expect(load.topology == nil && load.diagnostics.map(\.message) == [message])
    #expect(load.diagnostics.first?.hint == hint && load.diagnostics.first?.line ?? 0 > 10)
  }

  /// The same by events and by hand.
  @Test func theAPIDoesWhatEventsDo() throws {
    let events = try run(
      Self.lab(
        "[{at: 2 s, backup: {vm: web, to: vault}}, {at: 4 s, fail-media: {pool: ssd, host: one}}, {at: 5 s, restore-backup: {from: vault/web, host: two}}, {at: 6 s, reset: web}]"
      ))
    var hand = try Simulation(topology(Self.lab("[]")), captures: CaptureOptions(directory: nil))
    hand.advance(to: .seconds(2))
    try hand.backUp(BackupOrder(vm: "web", to: "vault"))
    hand.advance(to: .seconds(4))
    #expect(throws: ActionError.impossible("several hosts have a pool ssd")) { try hand.failMedia("ssd") }
    try hand.failMedia("ssd", of: "one")
    hand.advance(to: .seconds(5))
    var order = RestoreOrder(vm: "web", from: "vault")
    order.host = "two"
    try hand.restoreBackup(order)
    hand.advance(to: .seconds(6))
    try hand.perform(.reset, on: "web")
    let report = try hand.complete()
    #expect(events.complaints == [] && report.backups == events.backups && report.storageNews == events.storageNews)
    #expect(report.machines.map { "\($0.disks)" } == events.machines.map { "\($0.disks)" })
  }
}

/// Vaults by themselves.
@Suite struct VaultTests {
  /// A hundred random writes between ten incrementals: each restores to what the disk was, and is its dirty clusters exactly.
  @Test func eachBackupIsTheDiskAtItsMoment() throws {
    var random = RandomStream(seed: 5, owner: "vault", purpose: "test")
    var device = try BlockDevice(size: 8 << 20)
    try device.addBitmap(named: "b")
    var vault = Vault()
    var hashes: [[UInt8]] = []
    for number in 1...10 {
      for _ in 0..<10 {
        let bytes = (0..<1 + random.next(below: 3000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let offset = Int(random.next(below: UInt64(device.size - bytes.count)))
        if random.next(below: 4) == 0 {
          try device.zero(at: offset & ~65_535, count: 65_536)
        } else {
          try device.write(bytes, at: offset)
        }
      }
      let dirty = try device.sync("b")
      let parent = vault.last(of: "web")
      let point = vault.add(
        "web", number: number, at: .seconds(UInt64(number)), isQuiesced: true, parent: parent,
        [.init(name: "root", device, changed: parent == nil ? nil : dirty)])
      var held = 0
      device.forEachCluster { _, _ in held += 1 }
      #expect(point.copied == (number == 1 ? held : dirty.count) && point.clusterCount == held)
      hashes.append(device.contentHash)
    }
    for (point, hash) in zip(vault.points, hashes) { #expect(try vault.contents(of: point.disks[0]).contentHash == hash) }
    #expect(vault.keep(last: 3, of: "web") == Array(1...7))
    #expect(vault.points.map(\.number) == [8, 9, 10])
    let needed = vault.points.reduce(into: Set<ChunkID>()) { $0.formUnion($1.chunks) }
    #expect(Set(vault.chunkIDs) == needed)
    for (point, hash) in zip(vault.points, hashes.suffix(3)) {
      #expect(try vault.contents(of: point.disks[0]).contentHash == hash)
    }
  }

  @Test func oneByteIsOneCluster() throws {
    var device = try BlockDevice(size: 8 << 20)
    try device.write([UInt8](repeating: 7, count: 1 << 20), at: 0)
    try device.addBitmap(named: "b")
    var vault = Vault()
    let first = vault.add(
      "web", number: 1, at: .start, isQuiesced: false, parent: nil, [.init(name: "root", device, changed: nil)])
    try device.write([1], at: 300_000)
    let second = vault.add(
      "web", number: 2, at: .start, isQuiesced: false, parent: first, [.init(name: "root", device, changed: try device.sync("b"))]
    )
    #expect(first.copied == 16 && second.copied == 1 && second.clusterCount == 16 && vault.storedBytes() == 2 * 65_536)
  }
}
