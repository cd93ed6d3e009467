import Testing
import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// How fast a migration may go, by which way, and what it takes of a machine's cpu.
@Suite struct MigrationRateTests {
  /// Clark et al. 2005, SPECweb, at a fiftieth of all sizes and rates: 676.8 MB of memory, of which 18.2 MB are written faster than
  /// 500 Mbit/s; 724 Mbit/s at the end (as handed down in hypervisor-facts.md, 9).
  @Test func clarksRuleGivesClarksDowntime() throws {
    // What the guest itself writes each round (its stack, its clock) is of the 18.2 MB too.
    let text = """
      duration: 80 s
      segments: {campus: {subnet: 10.0.0.0/24, rate: 15250 kbit/s}}
      hosts:
        server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}}
        server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}}
      vms:
        web: {network: lan1, address: 10.0.0.10, memory: 14 MiB, programs: [{dirty: {rate: 500/s, set: 360448, fill: 13536000}}]}
      events:
        - at: 1 s
          migrate:
            vm: web
            to: server2
            activation: 9 ms
            adaptive-rate: {from: 2 Mbit/s, to: 10 Mbit/s, step: 1 Mbit/s, rest: 5 KiB}
      """
    var simulation = try Simulation(topology(text), captures: nil)
    simulation.advance(to: .seconds(50))
    while simulation.world.migrations.all[0].rounds.isEmpty, simulation.now < .seconds(70) {
      simulation.advance(to: simulation.now + .milliseconds(50))
    }
    let first = (simulation.now - .seconds(1)).seconds
    #expect(abs(first / 54.1 - 1) < 0.05, "\(first) s")
    var rates: [UInt64] = []
    while simulation.world.migrations.all[0].phase == .precopy, simulation.now < .seconds(70) {
      if let rate = simulation.world.migrations.all[0].rate, rates.last != rate { rates.append(rate) }
      simulation.advance(to: simulation.now + .milliseconds(10))
    }
    simulation.run()
    let report = try simulation.finish()
    let migration = try #require(report.migrations.first)
    let downtime = try #require(migration.downtime).seconds
    #expect(abs(downtime / 0.210 - 1) < 0.2, "\(downtime) s")
    // Each round is as much faster than the one before as the step says, as all of the set was written again.
    #expect(rates.count >= 8 && rates.last.map { $0 > 9_000_000 && $0 <= 10_000_000 } == true, "\(rates)")
    for (slower, faster) in zip(rates.dropFirst(), rates.dropFirst(2)) {
      #expect((900_000...1_500_000).contains(faster - slower), "\(rates)")
    }
  }

  @Test func anIdleMachineIsStoppedOnceTheRestIsSmall() throws {
    func report(_ rest: String) throws -> Report.Migration {
      let text = Self.twoWays("adaptive-rate: {from: 8 Mbit/s, rest: \(rest)}")
      return try #require(run(text).migrations.first)
    }
    #expect(try report("1 MiB").rounds.count == 1)
    #expect(try report("0 B").rounds.count > 1)
  }

  private static func twoWays(_ keys: String, _ events: String = "") -> String {
    """
    duration: 8 s
    segments: {campus: {subnet: 10.0.0.0/24, rate: 20 Mbit/s}, backbone: {subnet: 10.9.0.0/24, rate: 100 Mbit/s}}
    hosts:
      server1: {uplink: campus 10.0.0.1, links: {backbone: 10.9.0.1}, networks: {lan1: bridge}}
      server2: {uplink: campus 10.0.0.2, links: {backbone: 10.9.0.2}, networks: {lan2: {mode: nat, subnet: 10.5.0.0/24}, lan3: bridge}}
    vms: {web: {network: lan1, address: 10.0.0.10, memory: 4 MiB, programs: [{dirty: {rate: 100/s, set: 64 KiB, fill: 2 MiB}}]}}
    events: [{at: 1 s, migrate: {vm: web, to: server2, \(keys)}}\(events)]
    """
  }

  @Test func itGoesByTheNetworkThatItIsTold() throws {
    func octets(_ keys: String) throws -> (campus: UInt64, backbone: UInt64, Report) {
      var simulation = try Simulation(topology(Self.twoWays(keys)), captures: nil)
      simulation.run()
      func count(_ segment: String) -> UInt64 {
        simulation.world.graph.ports.array.filter { $0.name == "\(segment)/server1" }.reduce(0) { $0 + $1.counters.receivedBytes }
      }
      return (count("campus"), count("backbone"), try simulation.finish())
    }
    let (campus, backbone, report) = try octets("via: backbone")
    #expect(report.migrations.first?.phase == "done" && report.complaints.isEmpty)
    #expect(backbone > 2 << 20 && campus < 10_000, "\(backbone), \(campus)")
    let (plain, none, other) = try octets("via: campus")
    #expect(plain > 2 << 20 && none < 1000 && other.migrations.first?.phase == "done")
    // Its rate is that of the way.
    #expect(try #require(other.migrations[0].duration).seconds > 2 * #require(report.migrations[0].duration).seconds)
  }

  @Test func aCutOfThatWayEndsItAndTheOthersGoOn() throws {
    let report = try run(Self.twoWays("via: backbone, max-bandwidth: 1 MiB/s", ", {at: 1.5 s, link-down: server1.backbone}"))
    #expect(report.migrations.first?.phase == "failed" && report.machines.first { $0.name == "web" }?.host == "server1")
    let host = try #require(report.machines.first { $0.name == "server1" })
    #expect(host.interfaces.map(\.port) == ["server1/eth0", "server1/backbone"])
    #expect(host.interfaces.map(\.isLinkUp) == [true, false])
  }

  @Test func aWayThatIsNoneIsSaid() {
    func said(_ keys: String, _ more: (String, String) = ("", "")) -> [String] {
      let text = Self.twoWays(keys).replacingOccurrences(of: more.0.isEmpty ? "\u{0}" : more.0, with: more.1)
      return Topology.load(text: text, file: "v.yaml").diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    }
    #expect(said("via: backbone", (", links: {backbone: 10.9.0.2}", "")) == ["7:57 \"server2\" isn't on \"backbone\""])
    // Where it is by then, only the run can tell.
    let back = "via: campus}}, {at: 4 s, migrate: {vm: web, to: server1, via: backbone"
    #expect(said(back, (", links: {backbone: 10.9.0.2}", "")) == [])
    #expect(said("via: nowhere").first?.hasPrefix("7:57 ") == true)
    #expect(said("", ("{backbone: 10.9.0.2}", "{backbone: 10.9.0.1}")).first?.contains("is taken by") == true)
    #expect(
      said("", ("{backbone: 10.9.0.2}", "{backbone: 10.8.0.2}")) == [
        "5:56 10.8.0.2 is outside 10.9.0.0/24, the subnet of \"backbone\""
      ])
    #expect(said("", ("{backbone: 10.9.0.2}", "{campus: 10.0.0.3}")) == ["5:46 the uplink of \"server2\" is there already"])
    #expect(said("adaptive-rate: {from: 10 Mbit/s, to: 1 Mbit/s}") == ["7:68 it begins with a rate above its most"])
  }

  /// Where VMs share a host's cpus it is they that are capped, and a hog gets what it is left.
  @Test func autoConvergeTakesVirtualCPUsAwayAndGivesThemBack() throws {
    let text = """
      duration: 60 s
      segments: {campus: {subnet: 10.0.0.0/24, rate: 20 Mbit/s}}
      hosts:
        server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}, cpus: 2}
        server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}, cpus: 2}
      vms:
        web: {network: lan1, address: 10.0.0.10, memory: 1 MiB, cap: 80 %, programs: [spin, {dirty: {rate: 10000/s, set: 512 KiB}}]}
      events:
        - at: 1 s
          migrate: {vm: web, to: server2, policy: auto-converge, rounds: 12, downtime-limit: 20 ms, max-bandwidth: 1 MiB/s}
      """
    var simulation = try Simulation(topology(text), captures: nil)
    func ran() throws -> Double {
      let cpus = simulation.world.vcpuReport
      return try #require(cpus.first).times.ran.seconds
    }
    simulation.advance(to: .milliseconds(600))
    var before = try ran()
    simulation.advance(to: .seconds(1))
    #expect(abs(try ran() - before - 0.32) < 0.03, "its own cap")
    while simulation.world.migrations.all[0].throttle < 90, simulation.now < .seconds(70) {
      simulation.advance(to: simulation.now + .milliseconds(30))
    }
    let (began, share) = (simulation.now, 1 - Double(simulation.world.migrations.all[0].throttle) / 100)
    before = try ran()
    simulation.advance(to: simulation.now + .milliseconds(300))
    #expect(simulation.world.migrations.all[0].throttle == Int((100 * (1 - share)).rounded()))
    #expect(abs((try ran() - before) / (simulation.now - began).seconds - share) < 0.02, "\(share)")
    while simulation.world.migrations.all[0].phase == .precopy, simulation.now < .seconds(70) {
      simulation.advance(to: simulation.now + .milliseconds(30))
    }
    // A page costs it next to nothing, and nothing helps.
    #expect(
      simulation.world.migrations.all[0].failure
        == "its memory changes faster than it is sent even with 99 % of its CPU taken away")
    simulation.advance(to: simulation.now + .milliseconds(60))
    before = try ran()
    simulation.advance(to: simulation.now + .seconds(1))
    #expect(abs(try ran() - before - 0.8) < 0.04, "its own cap again")
  }
}
