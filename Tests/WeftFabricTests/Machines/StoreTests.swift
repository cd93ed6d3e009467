import Foundation
import Testing
import WeftCore
import WeftDisk
import WeftFabric
import WeftStorage
import WeftTestSupport
import WeftTopology

/// Files as a machine has them: what isn't synced may be lost when the power goes. It dies before any call that is asked for.
struct MortalFiles: StoreFiles {
  enum Fate { case lives, dies, fails(String) }

  private struct Item {
    var bytes: [UInt8]
    /// As far as the medium has it; nil: its name isn't there.
    var durable: [UInt8]?
  }

  private var items: [String: Item] = [:]
  /// Names that the medium has and that are gone.
  private var removed: [String: [UInt8]] = [:]
  private(set) var folders: Set<String> = []
  private(set) var calls = 0
  private var fate: (Int) -> Fate

  init(_ fate: @escaping (Int) -> Fate = { _ in .lives }) { self.fate = fate }

  /// Nothing more befalls it.
  var revived: MortalFiles {
    var files = self
    files.fate = { _ in .lives }
    return files
  }

  private mutating func call(_ path: String) throws(StoreError) {
    calls += 1
    switch fate(calls) {
    case .lives: return
    case .dies: throw .died
    case .fails(let why): throw .system(path: path, why)
    }
  }

  mutating func makeFolder(_ path: String) throws(StoreError) {
    try call(path)
    folders.insert(path)
  }

  mutating func create(_ path: String) throws(StoreError) -> Bool {
    try call(path)
    if items[path] != nil { return false }
    items[path] = Item(bytes: [], durable: nil)
    return true
  }

  mutating func append(_ bytes: ArraySlice<UInt8>, to path: String) throws(StoreError) {
    try call(path)
    items[path]?.bytes += bytes
  }

  mutating func sync(_ path: String) throws(StoreError) {
    try call(path)
    if let bytes = items[path]?.bytes { items[path]?.durable = bytes }
  }

  mutating func syncFolder(_ path: String) throws(StoreError) {
    try call(path)
    removed = removed.filter { Self.folder($0.key) != path }
  }

  mutating func rename(_ path: String, to other: String) throws(StoreError) {
    try call(path)
    guard let item = items.removeValue(forKey: path) else { throw .system(path: path, "it isn't there") }
    items[other] = item
  }

  mutating func remove(_ path: String) throws(StoreError) {
    try call(path)
    if let item = items.removeValue(forKey: path), let durable = item.durable { removed[path] = durable }
  }

  func list(_ path: String) -> [String] {
    let all = Set(items.keys).union(folders)
    return all.filter { Self.folder($0) == path }.map { String($0.dropFirst(path.count + 1)) }.sorted()
  }

  func read(_ path: String) -> [UInt8]? { items[path]?.bytes }

  /// After a loss of power: of what wasn't synced a part is there, or nothing; what was removed may be back.
  func afterPowerCut(_ random: inout RandomStream) -> MortalFiles {
    var left = revived
    for (path, item) in items.sorted(by: { $0.key < $1.key }) {
      guard item.bytes != item.durable else { continue }
      left.items[path]?.bytes = random.next(below: 2) == 0 ? item.durable ?? [] : Array(item.bytes.prefix(item.bytes.count / 2))
    }
    for (path, bytes) in removed.sorted(by: { $0.key < $1.key }) where random.next(below: 2) == 0 {
      left.items[path] = Item(bytes: bytes, durable: bytes)
    }
    return left
  }

  mutating func damage(_ path: String, _ change: (inout [UInt8]) -> Void) {
    guard var bytes = items[path]?.bytes else { return }
    change(&bytes)
    items[path] = Item(bytes: bytes, durable: bytes)
  }

  var paths: [String] { items.keys.sorted() }

  private static func folder(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }
}

/// A folder that survives whatever ends its writer.
@Suite struct StoreTests {
  private static let lock = StoreLock(process: 4711, began: "1")

  /// Of one short cluster, as each is hashed thousands of times.
  private static func disk(_ seed: UInt64) throws -> BlockDevice {
    var device = try BlockDevice(size: 1024)
    var random = RandomStream(seed: seed, owner: "store", purpose: "disk")
    try device.write((0..<600).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: 0)
    return device
  }

  /// Five backups of which three stay, and two snapshots.
  private static func work(_ files: some StoreFiles) throws(StoreError) {
    var store = try Store(writing: "/s", files, lock: lock) { _ in false }
    var vault = try store.vault(host: "h", pool: "vault")
    for _ in 0..<5 {
      let number = (vault.points.map(\.number).max() ?? 0) + 1
      guard let device = try? disk(UInt64(number)) else { throw .unknown("disk") }
      _ = vault.add("web", number: number, at: .start, isQuiesced: true, parent: nil, [.init(name: "root", device, changed: nil)])
      vault.keep(last: 3, of: "web")
      try store.save(vault, host: "h", pool: "vault")
    }
    for number in 1...2 {
      var chunks: [ChunkID: [UInt8]] = [:]
      guard let device = try? disk(UInt64(100 + number)) else { throw .unknown("disk") }
      let record = DiskRecord("root", device, into: &chunks)
      try store.save(
        SnapshotRecord(vm: "web", name: "s\(number)", parent: nil, at: .start, disks: [record]),
        chunks)
    }
    try store.sweep()
    try store.close()
  }

  /// The same on files that may die; what is left of them then, and whether it came to its end.
  private static func work(on files: MortalFiles) throws -> (left: MortalFiles, isDone: Bool) {
    let log = Log(files)
    do { try work(Logged(log: log)) } catch {
      if case .damaged = error { throw error }
      return (log.files.revived, false)
    }
    return (log.files, true)
  }

  /// What is listed, each put together.
  private static func verified(_ files: MortalFiles) throws -> Int {
    let store = Store(reading: "/s", files)
    var count = 0
    for item in try store.backups() {
      for disk in try item.result.get().point.disks { _ = try store.contents(of: disk) }
      count += 1
    }
    for item in try store.snapshots() {
      for disk in try item.result.get().disks { _ = try store.contents(of: disk) }
      count += 1
    }
    return count
  }

  /// A kill, or a power cut, before each of its calls.
  @Test func whateverEndsTheWriterAllThatIsListedIsWholeAndTheNextGoesOn() throws {
    let whole = try Self.work(on: MortalFiles()).left
    print("a store's run has \(whole.calls) calls")
    #expect(whole.calls >= 100)
    #expect(try Self.verified(whole) == 5)
    var random = RandomStream(seed: 1, owner: "store", purpose: "power")
    var deaths = 0
    for call in 1...whole.calls {
      let (left, isDone) = try Self.work(on: MortalFiles { $0 == call ? .dies : .lives })
      deaths += isDone ? 0 : 1
      for survivor in [left, left.afterPowerCut(&random), left.afterPowerCut(&random)] {
        _ = try Self.verified(survivor)
        #expect(try Self.verified(Self.work(on: survivor).left) == 5, "after call \(call)")
      }
    }
    #expect(deaths == whole.calls)
  }

  /// ENOSPC and EIO at each call: an error, and what is listed is whole.
  @Test(arguments: ["No space left on device", "Input/output error"]) func aFullOrBrokenDiskLosesNothing(why: String) throws {
    let whole = try Self.work(on: MortalFiles()).left
    for call in 1...whole.calls {
      let (left, isDone) = try Self.work(on: MortalFiles { $0 == call ? .fails(why) : .lives })
      #expect(!isDone)
      _ = try Self.verified(left)
      #expect(try Self.verified(Self.work(on: left).left) == 5)
    }
  }

  /// One flipped bit in any chunk, and in each byte of a manifest: it is found, and the file is named.
  @Test func aFlippedBitIsFoundAndItsFileNamed() throws {
    let whole = try Self.work(on: MortalFiles()).left
    for path in whole.paths where path.contains("/objects/") || path.contains("/backups/") {
      let length = try #require(whole.read(path)).count
      let places = path.contains("/objects/") ? [0, length / 2, length - 1] : Array(0..<length)
      for place in places {
        var files = whole
        files.damage(path) { $0[place] ^= 1 << UInt8(place % 8) }
        do {
          _ = try Self.verified(files)
          Issue.record("\(path) at \(place)")
        } catch {
          #expect("\(error)".contains(path))
        }
      }
    }
  }

  /// Of manifests and chunks: an error, or what was written.
  @Test func tenThousandMutationsOfAStoreAreErrorsOrTheSame() throws {
    let whole = try Self.work(on: MortalFiles()).left
    let paths = whole.paths.filter { !$0.contains("/lock") }
    let store = Store(reading: "/s", whole)
    let backups = try store.backups().map { try $0.result.get() }
    let snapshots = try store.snapshots().map { try $0.result.get() }
    var random = RandomStream(seed: 11, owner: "store", purpose: "mutations")
    var errors = 0
    for round in 0..<10_000 {
      var files = whole
      let path = paths[Int(random.next(below: UInt64(paths.count)))]
      files.damage(path) { bytes in
        for _ in 0...random.next(below: 3) {
          bytes[Int(random.next(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
        }
        if round % 10 == 0 { bytes = Array(bytes.prefix(Int(random.next(below: UInt64(bytes.count))))) }
      }
      let store = Store(reading: "/s", files)
      do {
        if path.contains("/objects/") {
          _ = try store.chunk(#require(ChunkID(path.replacing("/s/objects/", with: "").replacing("/", with: ""))))
        } else if path.contains("/backups/") {
          #expect(try store.backups().map { try $0.result.get() } == backups)
        } else {
          #expect(try store.snapshots().map { try $0.result.get() } == snapshots)
        }
      } catch let error as StoreError {
        errors += 1
        #expect(error.description.contains(path))
      }
    }
    #expect(errors > 9_900)
  }

  private static func home(_ events: String, _ rest: String = "") throws -> Topology {
    try topology(
      """
      name: two-runs
      duration: 8 s
      hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}, pools: {ssd: {}}}}
      vms:
        web: {network: lan, address: 10.1.0.1, disks: [{name: root, size: 1 GiB, pool: ssd}], programs: [kv-store, {tcp-echo: 7}]}
        client: {network: lan, address: 10.1.0.2, programs: [{http-put: {to: "web:80", count: 50, interval: 10 ms}}]}
      events: [\(events)]
      \(rest)
      """)
  }

  /// A later run goes back to a snapshot with memory: its programs, what they knew, and its disks.
  @Test func anotherRunGoesOnFromASnapshotOfTheStore() throws {
    let scratch = Scratch()
    let root = scratch.file("store")
    var first = try Simulation(
      Self.home("{at: 2 s, snapshot: {vm: web, name: full}}, {at: 3 s, snapshot: {vm: web, name: cold, memory: false}}"),
      captures: nil)
    _ = try first.complete()
    var store = try Store(writing: root, SystemFiles())
    try store.save(first)
    try store.close()

    // Nobody writes to it this time: what it has is from the store.
    let checks =
      "expect: [{from: client, http: \"http://web/order-50\", status: 200, at: 5 s, within: 1 s}, {vm: web, memory-equal: full, at: 4 s, within: 0 s}]"
    for events in [
      "{at: 4 s, revert: {vm: web, to: full, reseed: false}}", "{at: 4 s, revert: {vm: web, to: cold}}, {at: 4.2 s, start: web}",
    ] {
      let text = try Self.home("{at: 10 ms, stop: client}, {at: 3 s, start: client}, " + events, checks)
      var second = try Simulation(text, captures: nil)
      try Store(reading: root, SystemFiles()).load(into: &second)
      second.advance(to: .milliseconds(10))
      let report = try second.complete()
      #expect(report.complaints == [])
      #expect(report.expectations[0].passed, "\(report.expectations[0].observed)")
      #expect(report.expectations[1].passed == events.contains("full"), "\(report.expectations[1].observed)")
    }
    // By its own clock it is two seconds old: a run that is younger can't go on from it.
    var early = try Simulation(
      Self.home("{at: 1 s, revert: {vm: web, to: full}}, {at: 3 s, snapshot: {vm: web, name: full}}"), captures: nil)
    try Store(reading: root, SystemFiles()).load(into: &early)
    let report = try early.complete()
    #expect(
      report.complaints.count == 1
        && report.complaints[0].hasSuffix("can't revert web to full: its clock is at 2 s there, and it is 1 s"))
    #expect(report.machines.first { $0.name == "web" }?.snapshots == ["cold", "full"], "its own takes the other's place")
    // The same snapshots, written again, are the same bytes.
    var again = try Simulation(Self.home(""), captures: nil)
    try Store(reading: root, SystemFiles()).load(into: &again)
    func sorted(_ simulation: borrowing Simulation) -> [(record: SnapshotRecord, chunks: [ChunkID: [UInt8]])] {
      simulation.snapshotRecords().sorted { $0.record.name < $1.record.name }
    }
    let (one, two) = (sorted(first), sorted(again))
    #expect(one.map(\.record) == two.map(\.record) && one.map(\.chunks) == two.map(\.chunks))
  }

  /// Of the file that another run goes on from: an error, or what was written.
  @Test func tenThousandMutationsOfAMachineAreErrorsOrTheSame() throws {
    let text =
      "{hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}}}, vms: {web: {network: lan, address: 10.1.0.1}}}"
    var simulation = try Simulation(topology(text), captures: nil)
    simulation.advance(to: .seconds(1))
    try simulation.takeSnapshot("s", of: "web")
    let (record, chunks) = simulation.snapshotRecords()[0]
    let file = try #require(record.machine).flatMap { chunks[$0] ?? [] }
    var random = RandomStream(seed: 12, owner: "machine", purpose: "mutations")
    var errors = 0
    var other = try Simulation(topology(text), captures: nil)
    for round in 0..<10_000 {
      var damaged = file
      let bound = UInt64(round % 4 == 0 ? file.count : 200)
      for _ in 0...random.next(below: 3) { damaged[Int(random.next(below: bound))] = UInt8(truncatingIfNeeded: random.next()) }
      if round % 10 == 0 { damaged = Array(damaged.prefix(Int(random.next(below: UInt64(file.count))))) }
      do {
        try other.load([(damaged, [])], of: "web")
        #expect(damaged == file)
      } catch { errors += 1 }
      if round == 0 { #expect(throws: Never.self) { try other.load([(file, [])], of: "web") } }
    }
    #expect(errors > 9_500)
  }

  /// 1 GiB, 10 MiB used, to an eighth of the used: the first takes what is used and 2 % more, an identical second next to nothing, and a third what
  /// changed.
  @Test func aSnapshotTakesWhatItsMachineUses() throws {
    let used = 1280 << 10
    let text = """
      duration: 6 s
      hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}}}
      vms: {web: {network: lan, address: 10.1.0.1, memory: 1 GiB, programs: [{dirty: {fill: \(used), set: 400 KiB, rate: 100/s}}]}}
      """
    var simulation = try Simulation(topology(text), captures: nil)
    var sizes: [Int] = []
    var seen: Set<ChunkID> = []
    for (moment, name) in [(1_900, "a"), (1_900, "b"), (2_900, "c")] as [(UInt64, String)] {
      simulation.advance(to: .milliseconds(moment))
      try simulation.takeSnapshot(name, of: "web")
      let (record, chunks) = try #require(simulation.snapshotRecords().first { $0.record.name == name })
      let manifest = try JSONEncoder().encode(record).count
      sizes.append(chunks.filter { seen.insert($0.key).inserted }.reduce(manifest) { $0 + $1.value.count })
    }
    #expect(sizes[0] >= used && sizes[0] <= used + 200 << 10)
    #expect(sizes[1] <= 64 << 10 && sizes[2] > 90 * 4096 && sizes[2] <= 100 * 4096 + 64 << 10)
  }

  @Test func twoWritersAreNotLetIn() throws {
    var store = try Store(writing: "/s", MortalFiles(), lock: Self.lock) { _ in true }
    #expect(throws: StoreError.locked(path: "/s", by: 4711)) {
      _ = try Store(writing: "/s", store.files, lock: .own) { _ in true }
    }
    let other = try Store(writing: "/s", store.files, lock: .own) { _ in false }
    #expect(other.files.paths.contains("/s/lock"))
    try store.close()
    #expect(StoreLock.own.isAlive && !StoreLock(process: 1 << 22 + 5, began: "1").isAlive)
    #expect(!StoreLock(process: StoreLock.own.process, began: "1").isAlive, "the number was given again")
  }

  /// Real files, and a run that begins with the backups of another.
  @Test func anotherRunRestoresWhatOneHasBackedUp() throws {
    let scratch = Scratch()
    let root = scratch.file("store")
    func lab(_ events: String, _ count: Int) throws -> Topology {
      try topology(
        """
        name: two-runs
        duration: 6 s
        hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}, pools: {ssd: {}, vault: {}}}}
        vms:
          web: {network: lan, address: 10.1.0.1, disks: [{name: root, size: 1 GiB, pool: ssd}], programs: [kv-store]}
          client: {network: lan, address: 10.1.0.2, programs: [{http-put: {to: "web:80", count: \(count), interval: 10 ms}}]}
        events: [\(events)]
        """)
    }
    var first = try Simulation(
      lab("{at: 2 s, backup: {vm: web, to: vault}}, {at: 2 s, snapshot: {vm: web, name: full}}", 50), captures: nil)
    _ = try first.complete()
    var store = try Store(writing: root, SystemFiles())
    try store.save(first)
    try store.close()

    var second = try Simulation(
      lab(
        "{at: 2 s, stop: web}, {at: 3 s, restore-backup: {from: vault/web}}, {at: 4 s, start: web}, "
          + "{at: 5 s, backup: {vm: web, to: vault, kind: incremental, keep: 1}}", 3), captures: nil)
    try Store(reading: root, SystemFiles()).load(into: &second)
    let report = try second.complete()
    #expect(report.complaints == [] && report.programs[0].report.note == "50 records")
    #expect(report.backups.map(\.name) == ["web#2"] && report.backups[0].kind == "incremental")
    var again = try Store(writing: root, SystemFiles())
    try again.save(second)
    try again.sweep()
    try again.close()
    let all = try Store(reading: root, SystemFiles())
    #expect(try all.backups().map { try $0.result.get().name } == ["vault/web#2"])
    #expect(try all.snapshots().map { try $0.result.get().name } == ["full"])
    for item in try all.snapshots() { for disk in try item.result.get().disks { _ = try all.contents(of: disk) } }
  }
}

/// Where the changes of files are kept that are thrown away with whoever dies.
private final class Log {
  var files: MortalFiles
  init(_ files: MortalFiles) { self.files = files }
}

private struct Logged: StoreFiles {
  let log: Log
  func makeFolder(_ path: String) throws(StoreError) { try log.files.makeFolder(path) }
  func create(_ path: String) throws(StoreError) -> Bool { try log.files.create(path) }
  func append(_ bytes: ArraySlice<UInt8>, to path: String) throws(StoreError) { try log.files.append(bytes, to: path) }
  func sync(_ path: String) throws(StoreError) { try log.files.sync(path) }
  func syncFolder(_ path: String) throws(StoreError) { try log.files.syncFolder(path) }
  func rename(_ path: String, to other: String) throws(StoreError) { try log.files.rename(path, to: other) }
  func remove(_ path: String) throws(StoreError) { try log.files.remove(path) }
  func list(_ path: String) -> [String] { log.files.list(path) }
  func read(_ path: String) -> [UInt8]? { log.files.read(path) }
}
