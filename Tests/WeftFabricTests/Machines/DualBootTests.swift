import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// A host without a hypervisor has one system at a time.
@Suite struct DualBootTests {
  private static func lab(_ events: String, _ client: String = "") -> CPULab {
    var lab = CPULab()
    lab.root = "duration: 12 s"
    lab.host = "cpus: 1, hypervisor: none"
    lab.vms =
      "other: {network: lan, address: 203.0.113.11, autostart: false, programs: [{ping: {to: client, count: 100, interval: 50 ms}}]}"
    (lab.events, lab.client) = (events, client)
    lab.web = "programs: [{ping: {to: client, count: 200, interval: 50 ms}}]"
    return lab
  }

  /// When each system's frames left.
  private static func times(_ lab: CPULab, _ name: String) throws -> [Double] {
    var simulation = try lab.simulation()
    let outcome = try simulation.outcome()
    let own: UInt8 = name == "web" ? 10 : 11
    return packets(outcome.captures["\(name)/eth0"] ?? []).filter { packet in
      packet.bytes.count > 34 && packet.bytes[12] == 8 && packet.bytes[13] == 0 && packet.bytes[29] == own
    }.map(\.seconds)
  }

  @Test func theOutageIsShutdownAndBoot() throws {
    let lab = Self.lab("{at: 3 s, boot-into: {vm: other, boot: 4 s}}")
    let (before, after) = (try Self.times(lab, "web"), try Self.times(lab, "other"))
    let (last, first) = (try #require(before.last), try #require(after.first))
    #expect(last <= 3.01 && last >= 2.94, "\(last)")
    // It pings a tenth of a second after its boot.
    #expect(first >= 7 && first <= 7.16, "\(first)")
  }

  @Test func oneSystemAtATime() throws {
    let report = try Self.lab(
      "{at: 1 s, start: other}, {at: 2 s, boot-into: web}, {at: 3 s, pause: web}, {at: 4 s, boot-into: other}"
    ).report()
    #expect(
      report.complaints.map { $0.split(separator: ": ").dropFirst().joined(separator: ": ") } == [
        "can't start other: web has the host", "can't boot into web: it is running", "can't boot into other: web is paused",
      ])
    var lab = CPULab()
    lab.events = "{at: 1 s, boot-into: web}"
    #expect(try lab.report().complaints.first?.contains("its host has a hypervisor") == true)
  }

  @Test func twoThatStartByThemselvesAreSaid() {
    var lab = Self.lab("")
    lab.vms = "other: {network: lan, address: 203.0.113.11}"
    let said = Topology.load(text: lab.text, file: "dual.yaml").diagnostics.map(\.message)
    #expect(
      said == ["\"other\" starts by itself beside \"web\", and \"server\" has no hypervisor: it runs one of them at a time"])
  }

  @Test func aCheckpointBetweenTheTwoGoesOn() throws {
    let lab = Self.lab("{at: 3 s, boot-into: {vm: other, boot: 4 s}}")
    var whole = try lab.simulation()
    var first = try lab.simulation()
    first.run(until: .seconds(5))
    var other = try first.fork()
    let (one, two) = (try whole.outcome(), try other.outcome())
    #expect(one.isSame(two), "\(one.difference(two))")
  }
}
