import Foundation
import Testing
import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// VMs that move to another host while they run.
@Suite struct MigrationTests {
  /// `link`: of both hosts' cables.
  private static func lab(
    _ programs: String, events: String, memory: String = "4 MiB", link: String = "delay: 10 us", duration: String = "20 s"
  ) -> String {
    """
    duration: \(duration)
    segments: {campus: {subnet: 10.0.0.0/24, \(link)}}
    hosts:
      server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}}
      server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}}
      client: {uplink: campus 10.0.0.9}
    vms: {web: {network: lan1, address: 10.0.0.10, memory: \(memory), programs: [\(programs)]}}
    events: [\(events)]
    """
  }

  private static func migration(_ report: Report) throws -> Report.Migration { try #require(report.migrations.first) }

  /// What QEMU 7.2 came to between two processes, to a 32nd: pages and seconds (hypervisor-facts.md, 9).
  @Test(arguments: [
    (0, 0, "300 ms", 32_920.0 / 32, 4.033), (125, 256, "30 ms", 48_188.0 / 32, 5.81),
    (188, 512, "30 ms", 93_019.0 / 32, 11.32),
  ])
  func roundsAreThoseOfQEMUAndOfTheFormula(rate: Int, set: Int, limit: String, pages: Double, seconds: Double) throws {
    let dirty = rate == 0 ? "{dirty: {fill: 4 MiB, set: 0}}" : "{dirty: {rate: \(rate)/s, set: \(set * 4096), fill: 4 MiB}}"
    let report = try run(
      Self.lab(
        dirty, events: "{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: 1 MiB/s, downtime-limit: \(limit), rounds: 100}}"
      ))
    let migration = try Self.migration(report)
    #expect(migration.phase == "done")
    let all = Double(migration.pages + migration.zeroPages)
    let time = try Double(#require(migration.duration).rawValue) / 1e9
    #expect(abs(all / pages - 1) < 0.05, "\(all) pages, QEMU \(pages)")
    #expect(abs(time / seconds - 1) < 0.05, "\(time) s, QEMU \(seconds)")
    // V0 = all; t = V / B; V' = what is dirtied in t; until V <= B * T.
    let bandwidth = 1_048_576.0 / 4104
    var (left, sum, clock) = (1024.0, 0.0, 0.0)
    let most = bandwidth * (limit == "300 ms" ? 0.3 : 0.03)
    while left > most {
      (sum, clock) = (sum + left, clock + left / bandwidth)
      left = min(Double(set), Double(rate) * left / bandwidth)
    }
    #expect(abs(all / (sum + left) - 1) < 0.05, "\(all) pages, formula \(sum + left)")
    #expect(abs(time / (clock + left / bandwidth) - 1) < 0.05, "\(time) s, formula \(clock)")
  }

  /// RTT, what is left, and the activation.
  @Test func anIdleMachineStandsStillForNextToNothing() throws {
    let report = try run(
      Self.lab("http-server", events: "{at: 1 s, migrate: {vm: web, to: server2}}", link: "delay: 2 ms, rate: 100 Mbit/s"))
    let migration = try Self.migration(report)
    let downtime = try #require(migration.downtime)
    // Two cables, there and back.
    #expect(downtime >= .milliseconds(8) && downtime <= .milliseconds(8 + 1 + 1), "\(downtime)")
    #expect(migration.last == 0, "nothing was dirtied meanwhile")
  }

  @Test func oneGiBOfWhichTenMiBAreUsedSendsLittleMore() throws {
    let report = try run(
      Self.lab(
        "{dirty: {fill: 10 MiB, set: 0}}", events: "{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: none}}",
        memory: "1 GiB", link: "rate: 1 Gbit/s"))
    let migration = try Self.migration(report)
    #expect(migration.phase == "done" && migration.bytes < 14_000_000 && migration.bytes > 10 << 20, "\(migration.bytes)")
    #expect(migration.pages + migration.zeroPages >= 262_144)
  }

  /// From the capture: RARPs at QEMU's moments, with the guest's own announcement behind the first.
  @Test func itIsAnnouncedAsQEMUDoes() throws {
    var simulation = try Simulation(
      topology(Self.lab("http-server", events: "{at: 1 s, migrate: {vm: web, to: server2}}")),
      captures: CaptureOptions(directory: nil))
    let migration = try Self.migration(simulation.complete())
    let resumed = try 1 + Double(#require(migration.duration).rawValue) / 1e9
    let all = try packets(#require(simulation.captured()["web/eth0"]))
    let announcements = all.filter { $0.bytes.count == 60 && Array($0.bytes[12..<14]) == [0x80, 0x35] }
    let offsets = announcements.map { ($0.seconds - resumed) * 1000 }
    #expect(zip(offsets, [0, 50, 200, 450, 800]).allSatisfy { abs($0 - $1) < 0.01 } && offsets.count == 5, "\(offsets)")
    let own = all.filter {
      Array($0.bytes[12..<14]) == [0x08, 0x06] && $0.seconds >= resumed && $0.bytes[28..<32] == $0.bytes[38..<42]
    }
    #expect(own.count == 1)
  }

  @Test func aConnectionLivesThroughItWithOneGap() throws {
    let report = try run(
      Self.lab(
        "{sink: 5001}, {dirty: {rate: 200/s, set: 256 KiB}}",
        events: "{at: 0.3 s, migrate: {vm: web, to: server2, downtime-limit: 50 ms}}", link: "delay: 1 ms, rate: 50 Mbit/s",
        duration: "8 s"
      ).replacingOccurrences(
        of: "client: {uplink: campus 10.0.0.9}",
        with: "client: {uplink: campus 10.0.0.9, programs: [{bulk: {to: \"web:5001\", size: 6 MB}}]}"))
    #expect(try Self.migration(report).phase == "done")
    let sender = try #require(report.programs.first { $0.machine == "client" })
    #expect(sender.report.state == .done)
    #expect(report.programs.first { $0.report.title.hasPrefix("sink") }?.report.bytesIn == 6_000_000)
    #expect(!report.drops.contains { $0.reason == "no-socket" || $0.reason == "port-closed" })
  }

  /// A cable that is cut at any moment: never two sides run it, and in the end one does.
  @Test(arguments: ["server1.uplink", "server2.uplink"])
  func whateverIsCutOneSideRunsItAndNeverTwo(cable: String) throws {
    let dirty = "{dirty: {rate: 50/s, set: 64 KiB, fill: 256 KiB}}"
    let events = "{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: 512 KiB/s}}"
    let whole = try Self.migration(run(Self.lab(dirty, events: events, memory: "1 MiB", link: "delay: 5 ms, rate: 100 Mbit/s")))
    let length = try #require(whole.duration).rawValue
    var moments: [UInt64] = (1...5).map { length * $0 / 6 }
    // The last exchange, in steps of 4 ms.
    moments += (0..<12).map { length + 4_000_000 - 4_000_000 * $0 }
    var ended: Set<String> = []
    for moment in moments {
      let cut = "\(1_000_000_000 + moment) ns"
      let report = try run(
        Self.lab(
          dirty, events: events + ", {at: \(cut), link-down: \(cable)}", memory: "1 MiB", link: "delay: 5 ms, rate: 100 Mbit/s",
          duration: "6 s"))
      let vm = try #require(report.machines.first { $0.name == "web" })
      #expect(vm.state == "running", "cut at \(cut): \(vm.state)")
      let migration = try Self.migration(report)
      #expect(
        (vm.host == "server2") == (migration.downtime != nil), "cut at \(cut): on \(vm.host ?? "") after \(migration.phase)")
      ended.insert(vm.host ?? "")
      if let failure = migration.failure { #expect(vm.host == "server1", "\(failure)") }
    }
    #expect(ended == ["server1", "server2"])
  }

  @Test func aCheckpointInItsMidstGoesOnExactly() throws {
    let text = Self.lab(
      "{sink: 5001}, {dirty: {rate: 200/s, set: 256 KiB, fill: 1 MiB}}",
      events: "{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: 2 MiB/s}}", link: "delay: 5 ms, rate: 100 Mbit/s",
      duration: "4 s")
    var whole = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let expected = try whole.outcome()
    let length = try #require(Self.migration(whole.end()).duration).rawValue
    for part in 0...8 {
      var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
      simulation.run(until: Instant(1_000_000_000 + length * UInt64(part) / 8 - (part == 8 ? 3_000_000 : 0)))
      var resumed = try Simulation(
        resuming: SimulationImage(decoding: simulation.image().encoded(), pool: FramePool()), pool: FramePool(), captures: nil)
      let found = try resumed.outcome()
      #expect(found.isSame(expected), "at \(part)/8: \(expected.difference(found))")
    }
  }

  @Test func whatCannotBeIsSaid() throws {
    func complaint(_ events: String) throws -> [String] { try run(Self.lab("http-server", events: events)).complaints }
    #expect(
      try complaint("{at: 1 s, migrate: {vm: web, to: server2, max-bandwidth: 1 MiB/s}}, {at: 1.001 s, save: web}")
        == ["line 8, at 1.001 s: can't save web: it is being migrated to server2"])
    #expect(
      try complaint("{at: 1 s, stop: web}, {at: 2 s, migrate: {vm: web, to: server2}}")
        == ["line 8, at 2 s: can't migrate web: it is stopped"])
    #expect(
      try complaint("{at: 1 s, migrate: {vm: web, to: server2}}, {at: 5 s, migrate: {vm: web, to: server2}}")
        == ["line 8, at 5 s: can't migrate web: it is on server2"])
    let load = Topology.load(text: Self.lab("http-server", events: "{at: 1 s, migrate: {vm: web, to: client}}"), file: "m.yaml")
    #expect(load.diagnostics.map(\.message) == ["can't migrate \"web\": client has no network like lan1"])
    #expect(load.diagnostics.first?.line == 8)
  }

  @Test func aHostWithoutRoomRefusesIt() throws {
    let text = Self.lab("http-server", events: "{at: 1 s, migrate: {vm: web, to: server2}}")
      .replacingOccurrences(of: "server2: {uplink", with: "server2: {memory: 2 MiB, uplink")
    #expect(try run(text).complaints == ["line 8, at 1 s: can't migrate web: server2 has 2 MiB free, and it needs 4 MiB"])
    let tight = Self.lab("http-server", events: "").replacingOccurrences(
      of: "server1: {uplink", with: "server1: {memory: 3 MiB, uplink")
    let load = Topology.load(text: tight, file: "m.yaml")
    #expect(load.diagnostics.map(\.message) == ["the memory of 1 VMs on \"server1\" adds up to 4 MiB, and it has 3 MiB"])
  }

  @Test func aBalloonMakesRoomOfWhatIsNotUsed() throws {
    func lab(_ memory: String, _ fill: String) -> String {
      """
      duration: 2 s
      hosts: {h: {memory: \(memory), overcommit: balloon, networks: {lan: {mode: isolated, subnet: 10.0.0.0/24}}}}
      vms:
        a: {network: lan, address: 10.0.0.1, memory: 8 MiB, start-order: 2, programs: [{dirty: {set: 0, fill: \(fill)}}]}
        b: {network: lan, address: 10.0.0.2, memory: 8 MiB}
      """
    }
    let memory = try #require(run(lab("12 MiB", "6 MiB")).hostMemory.first)
    #expect(memory.machines.map(\.ballooned) == [0, 4 << 20])
    #expect(try #require(memory.machines.first).used >= 6 << 20)
    let load = Topology.load(text: lab("4 MiB", "6 MiB"), file: "b.yaml")
    #expect(
      load.diagnostics.map(\.message) == [
        "the VMs on \"h\" use 6 MiB of their memory, and it has 4 MiB: a balloon takes only what isn't used"
      ])
  }
}
