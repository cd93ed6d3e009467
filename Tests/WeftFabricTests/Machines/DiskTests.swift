import Testing
import WeftCore
import WeftDisk
import WeftImage
import WeftPrograms
import WeftTopology

@testable import WeftFabric

/// Disks of VMs: what they outlive, and what a power cut leaves on them.
@Suite struct DiskTests {
  static func lab(
    store: String = "", disk: String = "", vm: String = "", put: String = "count: 100, interval: 20 ms", _ rest: String = ""
  ) -> String {
    """
    name: disks
    duration: 12 s
    hosts:
      h:
        networks: {lan: {mode: isolated, subnet: 10.1.0.0/24, delay: 1 ms}}
        pools: {ssd: {size: 20 GiB}}
    vms:
      web: {network: lan, address: 10.1.0.1, disks: [{name: root, size: 1 GiB\(disk)}], programs: [{kv-store: {\(store)}}]\(vm)}
      client: {network: lan, address: 10.1.0.2, programs: [{http-put: {to: "web:80", \(put)}}]}
    \(rest)
    """
  }

  private static func text(_ yaml: String) throws -> [String] {
    try run(yaml).text().split(separator: "\n").map { $0.drop { $0 == " " } }.map(String.init)
  }

  private static func note(_ report: Report, _ machine: String) -> String? {
    report.programs.first { $0.machine == machine }?.report.note
  }

  @Test func whatWasAcknowledgedOutlivesAPowerCut() throws {
    let report = try run(
      Self.lab(
        "events: [{at: 1.5 s, stop: web}, {at: 1.6 s, start: web}, {at: 3 s, reset: web}, {at: 4 s, shutdown: web}, {at: 6 s, start: web}]"
      ))
    #expect(report.complaints == [])
    let client = try #require(report.programs.first { $0.machine == "client" }?.report)
    let acknowledged = try #require(client.note?.split(separator: " ").first.flatMap { Int($0) })
    #expect(acknowledged > 80)
    #expect(Self.note(report, "web") == "\(acknowledged) records")
  }

  @Test func withAWriteBackTheLastAreLost() throws {
    let events = "events: [{at: 1.5 s, crash: web}, {at: 1.6 s, reset: web}, {at: 5 s, shutdown: web}, {at: 7 s, start: web}]"
    let report = try run(Self.lab(store: "write-back: 500 ms", put: "count: 100, interval: 20 ms, path: /o", events))
    let client = try #require(report.programs.first { $0.machine == "client" }?.report)
    let acknowledged = try #require(client.note?.split(separator: " ").first.flatMap { Int($0) })
    let left = try #require(Self.note(report, "web")?.split(separator: " ").first.flatMap { Int($0) })
    #expect(left < acknowledged && left > acknowledged - 26)
  }

  @Test func anOrderlyEndLosesNothing() throws {
    let events = "events: [{at: 1.5 s, shutdown: web}, {at: 2.8 s, start: web}]"
    for (store, disk) in [("", ""), ("write-back: 500 ms", ", rate: 1 MB/s"), ("", ", flush: ignored"), ("journal: none", "")] {
      let report = try run(Self.lab(store: store, disk: disk, put: "count: 60, interval: 20 ms", events))
      #expect(Self.note(report, "client") == "60 acknowledged, the last was 60" && Self.note(report, "web") == "60 records")
    }
  }

  /// What it holds now, and what it found where that is another.
  @Test func theReportSaysWhatAStoreHoldsAndWhetherItIsThere() throws {
    let puts = "count: 100, interval: 20 ms"
    #expect(Self.note(try run(Self.lab(put: puts)), "web") == "100 records")
    let report = try run(Self.lab(put: puts, "events: [{at: 1.5 s, stop: web}, {at: 1.6 s, start: web}, {at: 8 s, stop: web}]"))
    let note = try #require(Self.note(report, "web"))
    #expect(note.hasPrefix("100 records, ") && note.hasSuffix(" found"), "\(note)")
    let states = report.programs.filter { $0.machine == "web" }.map(\.report.state)
    #expect(states == [.ended])
    #expect(report.text().contains("web: kv-store :80: ended with its machine, "))
  }

  /// The words of the report, and that a disk of a certain VM always fares the same.
  @Test func aCutIsSaid() throws {
    let events = "events: [{at: 1.5 s, stop: web}, {at: 1.6 s, start: web}]"
    let lines = try Self.text(Self.lab(disk: ", flush: ignored", put: "count: 100, interval: 20 ms, size: 2000", events))
    let line = try #require(lines.first { $0.hasPrefix("web/root: ") })
    #expect(line.contains("; cut at 1.5 s with ") && line.contains(" sectors un-flushed, ") && line.hasSuffix(" kept"))
    #expect(try Self.text(Self.lab(disk: ", flush: ignored", put: "count: 100, interval: 20 ms, size: 2000", events)) == lines)
  }

  /// A write of several sectors takes time: what has come over when the power goes is a part of it.
  @Test func onASlowDiskInPlaceAValueIsTorn() throws {
    let notes = try (0..<6).map { cut in
      let events = "events: [{at: \(1.5 + Double(cut) / 8) s, stop: web}, {at: 3 s, start: web}]"
      let report = try run(
        Self.lab(
          store: "journal: none", disk: ", rate: 200 kB/s", put: "count: 400, interval: 5 ms, size: 4000, keys: 5", events))
      return Self.note(report, "web") ?? ""
    }
    #expect(notes.contains { $0.hasPrefix("5 records, 4 found, 1 torn at ") && $0.hasSuffix(", discarded") }, "\(notes)")
  }

  @Test func aRevertTakesDisksBack() throws {
    let text = Self.lab(
      """
      events:
        - {at: 1 s, snapshot: {vm: web, name: warm}}
        - {at: 1 s, snapshot: {vm: web, name: cold, memory: false}}
        - {at: 1.5 s, revert: {vm: web, to: warm}}
        - {at: 4 s, revert: {vm: web, to: cold}}
        - {at: 5 s, start: web}
      expect:
        - {vm: web, disk-equal: warm, at: 1 s, within: 0 s}
        - {vm: web, disk-equal: warm, at: 1.5 s, within: 0 s}
        - {vm: web, disk-equal: {to: cold, disk: root}, at: 4 s, within: 0 s}
        - {vm: web, state: stopped, at: 4.5 s, within: 0 s}
        - {from: client, http: "http://web/order-40", status: 200, at: 6 s}
        - {from: client, http: "http://web/order-90", status: 404, at: 6 s}
        - {vm: web, disk-equal: warm, never-during: [1.1 s, 1.4 s]}
        - {vm: web, disk-equal: web, at: 3 s, within: 0 s}
      """)
    let report = try run(text)
    #expect(report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } == [])
    #expect(report.complaints == [])
  }

  @Test func disksGoWithTheCheckpoint() throws {
    let text = Self.lab(
      store: "write-back: 300 ms", disk: ", rate: 1 MB/s", put: "count: 100, interval: 20 ms, size: 3000",
      "events: [{at: 1.2 s, snapshot: {vm: web, name: a}}, {at: 1.5 s, stop: web}, {at: 1.6 s, start: web}, {at: 2 s, revert: {vm: web, to: a}}]"
    )
    for moment in [900, 1105, 1350, 1550, 1999] as [UInt64] {
      var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
      simulation.run(until: .milliseconds(moment))
      let bytes = try simulation.image().encoded()
      var other = try Simulation(
        resuming: SimulationImage(decoding: bytes, pool: FramePool()), pool: FramePool(), captures: nil)
      let (one, two) = (try simulation.complete(), try other.complete())
      #expect(one.text() == two.text() && one.machines[1].disks[0].bytesWritten > 0)
    }
  }

  @Test(arguments: [
    ("disks: [{name: root, size: 8 GiB, pool: sdd}]", "host \"h\" has no pool \"sdd\"", "did you mean \"ssd\"?"),
    ("disks: [{name: root, size: 1000}]", "a disk is whole sectors of 512 bytes", nil),
    ("disks: [{name: a, size: 1 GiB}, {name: a, size: 1 GiB}]", "two disks are called \"a\"", nil),
    ("disks: [{name: a, size: 30 GiB}]", "the disks in pool \"ssd\" of host \"h\" hold 30 GiB, it 20 GiB", nil),
    (
      "disks: [{name: root, size: 1 GiB}], programs: [{kv-store: {disk: rot}}]", "\"v\" has no disk \"rot\"",
      "did you mean \"root\"?"
    ),
    ("programs: [kv-store]", "\"v\" has no disk for kv-store", "disks: [{name: root, size: 1 GiB}]"),
    (
      "disks: [{name: a, size: 1 GiB, cache: write-through, flush: ignored}]", "a disk that writes through has nothing to flush",
      "cache: write-back"
    ),
  ])
  func mistakesAreSaidWithTheirPlace(vm: String, message: String, hint: String?) {
    let load = Topology.load(
      text: """
        hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}, pools: {ssd: {size: 20 GiB}}}}
        vms: {v: {network: lan, address: 10.1.0.1, \(vm)}}
        """, file: "mistakes.yaml")
    #expect(load.diagnostics.map(\.message) == [message])
    if let hint { #expect(load.diagnostics.first?.hint == hint) }
  }

  /// A disk begins with what is in a file, whole or with one below it, and the file isn't written to.
  @Test func aDiskBeginsWithAnImage() throws {
    var base = try BlockDevice(size: 4 << 20, name: "base")
    try base.write(Array("hello".utf8), at: 100_000)
    var upper = base
    upper.addOverlay(named: "top")
    try upper.write([1, 2, 3], at: 1 << 20)
    let files = [
      "base.qcow2": base.qcow2, "base.raw": base.raw, "top.qcow2": try upper.qcow2(layer: 1, backing: Qcow2Backing("base.qcow2")),
      "bad.qcow2": Array(base.qcow2.prefix(70_000)),
    ]
    func load(_ disk: String) -> TopologyLoad {
      Topology.load(
        text: """
          hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}}}
          vms: {web: {network: lan, address: 10.1.0.1, disks: [{name: root, \(disk)}]}}
          """, file: "images.yaml", readFile: { name in if let file = files[name] { file } else { throw CancellationError() } })
    }
    for (disk, size) in [
      ("image: base.qcow2", 4 << 20), ("image: base.raw, size: 8 MiB", 8 << 20),
      ("image: top.qcow2, cache: write-through", 4 << 20),
    ] {
      var simulation = try Simulation(try #require(load(disk).topology), captures: nil)
      simulation.run(until: .seconds(1))
      let drive = try #require(simulation.world.machine(named: "web")?.guest.drives["root"])
      #expect(drive.size == size && drive.device.layers.last?.name == "root")
      #expect(try drive.device.read(at: 100_000, count: 5) == Array("hello".utf8))
      #expect(try drive.device.read(at: 1 << 20, count: 3) == (disk.contains("top") ? [1, 2, 3] : [0, 0, 0]))
      var other = try Simulation(
        resuming: SimulationImage(decoding: try simulation.image().encoded(), pool: FramePool()), pool: FramePool(), captures: nil
      )
      other.run(until: .seconds(2))
      #expect(other.world.machine(named: "web")?.guest.drives["root"]?.device.contentHash == drive.device.contentHash)
    }
    #expect(load("image: none.raw").diagnostics.map(\.message) == ["there is no file none.raw"])
    #expect(load("image: base.raw, size: 1 MiB").diagnostics.map(\.message) == ["base.raw has 4 MiB, more than the disk"])
    #expect(load("cache: write-back").diagnostics.map(\.message) == ["a disk needs a size or an image"])
    let bad = load("image: bad.qcow2").diagnostics
    #expect(bad.count == 1 && bad[0].message.hasPrefix("bad.qcow2: ") && bad[0].line == 2)
  }
}
