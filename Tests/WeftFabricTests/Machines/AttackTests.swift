import Foundation
import Testing
import WeftCapture
import WeftCore
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// One attacker beside a pair of honest VMs: with guards nobody notices, without each attack succeeds.
@Suite struct AttackTests {
  enum Guards: String { case off, on }

  /// What is seen of the honest ones.
  struct Harm: Sendable {
    /// The longest round trip between two of them.
    var roundTrip: Nanoseconds
    var lostPings: UInt64
    /// Of the one flow that there is; nil where it didn't end.
    var throughput: UInt64?
    /// Packets that the attacker got and that weren't for it.
    var wrongFrames: UInt64
    var report: Report
  }

  /// With WEFT_WHOLE_ATTACKS=1 all of the ten seconds, with ten million packets: minutes, in a debug build.
  static let isWhole = ProcessInfo.processInfo.environment["WEFT_WHOLE_ATTACKS"] == "1"
  static let seconds: UInt64 = isWhole ? 10 : 3

  /// A flow of 10 Mbit/s from client to web and pings from peer to web; late comes when the attack is under way.
  static func lab(_ attack: String?, _ guards: Guards) -> String {
    let rules =
      guards == .off
      ? "nat: {limits: {table: 1000, early-drop: false}}"
      : """
      nat: {limits: {table: 1000, early-drop: false, sessions-per-vm: 100}},
            guards: {port-security: 1, source-guard: true, arp-inspection: true, dhcp-guard: true,
                     storm-control: {broadcast: 100/s, multicast: 100/s, unknown: 100/s, burst: 20}, rate: 20 Mbit/s, burst: 8 kB}
      """
    let program = attack.map { "programs: [{attack: {\($0), start: 1 s}}]," } ?? ""
    let bytes = 10_000_000 / 8 * seconds
    return """
      name: attack
      duration: \(seconds + 3) s
      segments: {wan: {subnet: 203.0.113.0/24}}
      hosts:
        box:
          uplink: wan 203.0.113.2
          networks:
            lan:
              {mode: nat, subnet: 10.0.0.0/24, rate: 100 Mbit/s, delay: 100 us, queue: 2000, \(rules)}
        srv: {uplink: wan 203.0.113.9, programs: [tcp-echo, udp-echo]}
      vms:
        web: {network: lan, address: 10.0.0.5, mac: 52:54:00:00:00:05, programs: [sink, udp-echo]}
        client:
          {network: lan, address: 10.0.0.6, rate: 10 Mbit/s, programs: [{bulk: {to: "web:5001", size: \(bytes), start: 900 ms}}]}
        peer:
          network: lan
          address: 10.0.0.7
          programs:
            - {ping: {to: web, count: \(10 * seconds), interval: 100 ms, start: 1 s}}
            - {ping: {to: late, count: 3, interval: 200 ms, start: \(seconds + 1) s}}
        mallory: {network: lan, address: 10.0.0.66, rate: 1 Gbit/s, delay: 0, \(program) mac: 52:54:00:00:00:66}
        late: {network: lan, autostart: false}
      events: [{at: \(seconds) s, start: late}]
      expect:
        - {name: leased, from: late, lease: true, at: \(seconds + 1) s, within: 1 s}
        - {name: beyond, from: late, ping: srv, at: \(seconds + 1) s, timeout: 1 s, within: 1 s}
        - {name: new flow, from: client, to: "srv:7/udp", at: \(seconds) s, timeout: 1 s, within: 1 s}
      """
  }

  static func run(_ attack: String?, _ guards: Guards) throws -> Harm {
    var simulation = try Simulation(topology(lab(attack, guards)))
    let report = try simulation.complete()
    let pings = try #require(report.programs.first { $0.machine == "peer" }).report
    let flow = try #require(report.programs.first { $0.machine == "client" }).report
    return Harm(
      roundTrip: pings.rtt?.maximum ?? .zero, lostPings: pings.requests - pings.replies,
      throughput: flow.state == .done ? flow.throughput : nil,
      wrongFrames: report.drops.filter { $0.port == "mallory/eth0" && $0.reason == "not-for-us" }.reduce(0) { $0 + $1.count },
      report: report)
  }

  /// What holds while nobody attacks.
  static let quiet: [Guards: Harm] = [.on: try! run(nil, .on), .off: try! run(nil, .off)]

  static func count(_ report: Report, _ reason: String, at port: String = "lan-switch/mallory") -> UInt64 {
    report.drops.filter { $0.port == port && $0.reason == reason }.reduce(0) { $0 + $1.count }
  }

  static func holds(_ report: Report, _ name: String) -> Bool { report.expectations.contains { $0.name == name && $0.passed } }

  struct Case: CustomTestStringConvertible {
    var attack: String
    /// By which it is stopped, where it is a frame at a switch.
    var reason: String?
    var testDescription: String { attack }
  }

  static let cases = [
    Case(attack: "kind: mac-spoof, victim: web", reason: "mac-spoof"),
    Case(attack: "kind: ip-spoof, victim: web, to: client, pps: 1000", reason: "ip-spoof"),
    Case(attack: "kind: arp-spoof, victim: web", reason: "arp-spoof"),
    Case(attack: "kind: arp-spoof, victim: web, to: peer", reason: "arp-spoof"),
    Case(attack: "kind: rogue-dhcp", reason: "rogue-dhcp"),
    Case(attack: "kind: dhcp-starvation, pps: \(10_000 / seconds), count: 10000", reason: "dhcp-spoof"),
    Case(attack: "kind: fdb-flood, pps: \(100_000 / seconds), count: 100000", reason: "mac-limit"),
    Case(
      attack: "kind: packet-flood, victim: web, pps: 1000000, count: \(isWhole ? 10_000_000 : 200_000)",
      reason: "rate-limit"),
    Case(attack: "kind: broadcast-storm, pps: 200000, count: \(isWhole ? 2_000_000 : 100_000)", reason: "storm-control"),
    Case(attack: "kind: conntrack-flood, victim: srv, pps: 1000", reason: nil),
  ]

  /// The longest frame on the victim's cable, 1,538 octets at 100 Mbit/s, and what the issue grants beside it.
  static let allowance = Nanoseconds(123_040) + .microseconds(1100)

  @Test(arguments: cases) func withGuardsNobodyNotices(attack: Case) throws {
    let quiet = try #require(Self.quiet[.on])
    let harm = try Self.run(attack.attack, .on)
    #expect(harm.roundTrip <= quiet.roundTrip + Self.allowance, "\(harm.roundTrip), else \(quiet.roundTrip)")
    #expect(harm.lostPings == 0)
    let (usual, left) = (try #require(quiet.throughput), try #require(harm.throughput, "the flow was lost"))
    #expect(left * 100 >= usual * 95, "\(left) of \(usual)")
    #expect(harm.wrongFrames == 0)
    for verdict in harm.report.expectations { #expect(verdict.passed, "\(verdict.name): \(verdict.observed)") }
    if let reason = attack.reason { #expect(Self.count(harm.report, reason) > 0, "\(harm.report.guards)") }
    #expect(harm.report.noticed.filter { $0.event == "mac-flap" || $0.event == "duplicate-address" }.isEmpty)
  }

  // MARK: Without

  @Test func withoutGuardsAStolenPortGetsAnothersFrames() throws {
    let harm = try Self.run(Self.cases[0].attack, .off)
    #expect(harm.wrongFrames >= 1 && harm.lostPings > 0)
    #expect(harm.report.noticed.contains { $0.event == "mac-flap" && $0.node == "lan-switch" && $0.count > 1 })
  }

  @Test func withoutGuardsTheVictimGetsAnswersItNeverAskedFor() throws {
    let harm = try Self.run(Self.cases[1].attack, .off)
    #expect(Self.count(harm.report, "unexpected-icmp", at: "web/eth0") > 100)
  }

  @Test(arguments: [2, 3]) func withoutGuardsAClaimedAddressIsBelieved(place: Int) throws {
    let harm = try Self.run(Self.cases[place].attack, .off)
    #expect(harm.wrongFrames >= 1 && harm.lostPings > 0)
    // Only a claim that the victim hears too is noticed by it.
    #expect(harm.report.noticed.contains { $0.event == "duplicate-address" && $0.node == "web" } == (place == 2))
  }

  @Test func withoutGuardsARogueServersClientGoesByWayOfIt() throws {
    let harm = try Self.run("kind: rogue-dhcp", .off)
    #expect(Self.holds(harm.report, "leased") && !Self.holds(harm.report, "beyond") && harm.wrongFrames >= 1)
  }

  @Test func withoutGuardsThePoolIsUsedUp() throws {
    let harm = try Self.run(Self.cases[5].attack, .off)
    #expect(!Self.holds(harm.report, "leased"))
    #expect(Self.count(harm.report, "dhcp-no-free-address", at: "lan-dhcp/lan") > 1000)
  }

  @Test func withoutGuardsAFullTableFloodsWhatIsOthers() throws {
    let harm = try Self.run(Self.cases[6].attack, .off)
    // late came too late to be learnt: what is sent to it goes to everybody.
    #expect(harm.wrongFrames >= 1)
    #expect(harm.report.noticed.contains { $0.event == "fdb-full" && $0.count > 1000 })
  }

  @Test(arguments: [7, 8]) func withoutGuardsAFloodFillsTheVictimsCable(place: Int) throws {
    let quiet = try #require(Self.quiet[.off])
    let harm = try Self.run(Self.cases[place].attack, .off)
    #expect(harm.roundTrip.rawValue >= 10 * quiet.roundTrip.rawValue, "\(harm.roundTrip), else \(quiet.roundTrip)")
  }

  @Test func withoutGuardsOneVMFillsTheNATsTable() throws {
    let harm = try Self.run(Self.cases[9].attack, .off)
    #expect(harm.report.connectionTables.contains { $0.most == 1000 })
    #expect(!Self.holds(harm.report, "new flow"))
    let guarded = try Self.run(Self.cases[9].attack, .on)
    #expect(Self.count(guarded.report, "host-limit", at: "lan/lan") > 100)
    #expect(guarded.report.connectionTables.allSatisfy { $0.most < 200 })
  }

  // MARK: Where the victim has gone elsewhere

  /// Two hosts' bridges on one segment; web moves from the attacker's to the other.
  private static func moving(_ attack: String, guards: Guards) -> String {
    let rules =
      guards == .on ? "guards: {port-security: 1, source-guard: true, arp-inspection: true, dhcp-guard: true}" : "delay: 0"
    return """
      name: moved
      duration: 10 s
      segments: {net: {subnet: 10.0.0.0/24, dhcp: true, delay: 50 us}}
      hosts:
        one: {uplink: net 10.0.0.1, networks: {left: {mode: bridge, \(rules)}}}
        two: {uplink: net 10.0.0.2, networks: {right: {mode: bridge, \(rules)}}}
      vms:
        web: {network: left, mac: 52:54:00:00:00:05, programs: [udp-echo]}
        peer: {network: left, address: 10.0.0.7, programs: [{ping: {to: web, count: 60, interval: 100 ms, start: 3 s}}]}
        mallory: {network: left, address: 10.0.0.66, programs: [{attack: {\(attack), start: 3 s}}]}
      events: [{at: 2 s, plug: {nic: web, into: right}}]
      """
  }

  @Test(arguments: ["kind: mac-spoof, victim: web", "kind: ip-spoof, victim: web, to: peer", "kind: arp-spoof, victim: web"])
  func theGuardsHoldWhereTheVictimHasGoneTo(attack: String) throws {
    func lost(_ guards: Guards) throws -> (UInt64, Report) {
      var simulation = try Simulation(topology(Self.moving(attack, guards: guards)))
      let report = try simulation.complete()
      let pings = try #require(report.programs.first { $0.machine == "peer" }).report
      #expect(pings.requests == 60)
      return (pings.requests - pings.replies, report)
    }
    let (guarded, report) = try lost(.on)
    #expect(guarded == 0, "its own announcements and lease are no forgery: \(report.guards)")
    #expect(report.guards.allSatisfy { $0.port == "left/mallory" } && !report.guards.isEmpty)
    let (open, control) = try lost(.off)
    #expect(open > 0 || Self.count(control, "unexpected-icmp", at: "web/eth0") > 0)
  }
}
