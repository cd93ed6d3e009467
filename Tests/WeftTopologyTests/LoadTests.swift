import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftTopology

private func address(_ text: String) throws -> IPv4Address { try #require(IPv4Address(text)) }
private func prefix(_ text: String) throws -> IPv4Prefix { try #require(IPv4Prefix(text)) }

private func file(_ name: String) throws -> Topology {
  try topology(String(contentsOf: packageRoot.appending(path: name), encoding: .utf8))
}

struct LoadTests {
  @Test func natVersusBridgeGivesTheModel() throws {
    let lab = try file("topologies/nat-vs-bridge.yaml")
    #expect(lab.name == "nat-vs-bridge" && lab.seed == 1 && lab.duration == nil)
    #expect(lab.segments.map(\.name) == ["campus"])
    #expect(lab.segments[0].subnet == (try prefix("134.115.153.0/24")))
    #expect(lab.segments[0].link.delay == .milliseconds(1) && lab.segments[0].link.rate == 1_000_000_000)
    #expect(lab.segments[0].mark == Mark(line: 9, column: 3))

    #expect(lab.hosts.map(\.name) == ["laptop", "visitor"])
    let laptop = lab.hosts[0]
    #expect(laptop.uplink?.address == (try address("134.115.153.223")))
    #expect(laptop.uplink?.prefix == lab.segments[0].subnet && laptop.uplink?.gateway == nil)
    // The cable is the segment's where the uplink does not say otherwise.
    #expect(laptop.uplink?.link == lab.segments[0].link)
    #expect(laptop.networks.map(\.name) == ["home", "lan"] && laptop.networks.map(\.mode) == [.nat, .bridge])
    let home = laptop.networks[0]
    #expect(home.gateway == (try address("192.168.122.1")))
    #expect(home.dhcp?.server == (try address("192.168.122.254")))
    #expect(home.dhcp?.rangeFirst == (try address("192.168.122.2")))
    #expect(home.dhcp?.rangeLast == (try address("192.168.122.253")))
    #expect(home.forwards.count == 1)
    #expect(home.forwards[0].hostPort == 8080 && home.forwards[0].vm == "web" && home.forwards[0].vmPort == 80)
    #expect(home.forwards[0].protocol == .tcp)
    #expect(laptop.networks[1].subnet == lab.segments[0].subnet)
    #expect(laptop.networks[1].gateway == nil && laptop.networks[1].dhcp == nil)
    #expect(lab.hosts[1].networks.isEmpty && lab.hosts[1].programs.count == 1)

    #expect(lab.vms.map(\.name) == ["web", "public"] && lab.vms.map(\.host) == ["laptop", "laptop"])
    #expect(lab.vms[0].nics[0].address == nil && lab.vms[0].nics[0].network == "home")
    #expect(lab.vms[1].nics[0].address == (try address("134.115.153.73")))
    #expect(lab.vms[0].programs[0].settings as? HTTPServerSettings == HTTPServerSettings(port: 80))
    #expect(lab.events.map(\.at) == [.seconds(5), .seconds(6)])
    #expect(lab.events[0].action == .linkDown(LinkName(node: "laptop", port: "uplink")))

    #expect(lab.expectations.map(\.from) == ["web", "visitor", "visitor", "visitor"])
    #expect(lab.expectations.map(\.outcome) == [.open, .dropped, .open, .open])
    #expect(lab.expectations[0].seenAs == (try address("134.115.153.223")))
    #expect(lab.expectations[1].by == "home" && lab.expectations[2].reaches == "web")
    #expect(lab.expectations[1].name == "nobody comes in unasked")
    guard lab.expectations[0].probe as? ConnectProbeSettings == .connect(to: .node("visitor"), port: 80, protocol: .tcp),
      case .within(at: .seconds(1), within: .seconds(10)) = lab.expectations[0].timing
    else {
      Issue.record("not a connection at 1 s")
      return
    }
  }

  @Test func everyFormGivesTheModel() throws {
    let lab = try file("Tests/WeftTopologyTests/Fixtures/every-form.yaml")
    #expect(lab.duration == .minutes(2) && lab.seed == 42)
    let far = lab.segments[1].link
    #expect(far.delay == .milliseconds(20) && far.rate == 10_000_000 && far.loss == 0.005)
    #expect(far.queue.frames == 100 && far.queue.bytes == 64_000 && lab.segments[0].link.queue.frames == 500)
    let laptop = lab.hosts[0]
    #expect(laptop.uplink?.mac?.description == "52:54:00:12:34:56")
    #expect(laptop.uplink?.link.delay == .microseconds(300) && laptop.uplink?.link.queue.frames == 500)
    let home = laptop.networks[0]
    #expect(
      home.forwards.map { "\($0.hostPort):\($0.vm):\($0.vmPort)/\($0.protocol)" } == [
        "8080:web:80/tcp", "53:web:53/tcp", "53:web:53/udp", "8443:web:443/tcp", "8000:web:80/tcp", "7000:web:7100/udp",
      ])
    #expect(home.nat.unsolicited == .refuse && home.nat.timeouts.tcpEstablished == .hours(24))
    #expect(home.dhcp?.leaseTime == .minutes(10) && home.fdb.limit == 1000)
    #expect(laptop.networks[2].subnet == (try prefix("192.168.123.0/24")) && laptop.networks[2].dhcp == nil)
    #expect(laptop.networks[3].link.delay == .milliseconds(20))
    #expect(lab.vms.map(\.name) == ["web", "public", "router", "vm1", "vm2", "vm3", "vm4", "load1", "load2", "load3"])
    #expect(lab.vms[0].nics[0].reservation == (try address("192.168.122.50")))
    #expect(lab.vms[2].autostart == false && lab.vms[2].nics.count == 2 && lab.vms[2].nics[1].loss(0.01))
    #expect(lab.vms[2].nics[1].rings.tx == 64 && lab.vms[2].nics[1].rings.rx == 128)
    #expect(lab.vms[6].nics[0].address == (try address("10.9.0.14")))
    var ping = PingSettings(.node("vm1"))
    (ping.count, ping.interval, ping.size, ping.ttl) = (2, .milliseconds(200), 100, 3)
    // The last of the ring pings the first.
    #expect(lab.vms[6].programs[0].settings as? PingSettings == ping)
    #expect(lab.vms[6].programs[1].start == .seconds(2))
    #expect(lab.expectations[0].rttAtMost == .seconds(1))
    #expect(lab.expectations[5].name == "web → lease is open")
    #expect(lab.expectations[7].name == "web → public/tcp by hole punching is blocked")
    #expect(lab.expectations[7].timeout == .seconds(8) && lab.expectations[8].timeout == .seconds(123))
    var nat = NATTypeProbeSettings(.node("server"))
    (nat.port, nat.mapping, nat.filtering, nat.hairpin) = (4000, .endpointIndependent, .addressDependent, true)
    guard lab.expectations[6].probe as? NATTypeProbeSettings == nat,
      case .within(_, within: .seconds(129)) = lab.expectations[8].timing
    else {
      Issue.record("what the NAT must look like, and how long silence may take")
      return
    }
    #expect(lab.capture.filter == "tcp port 80" && lab.capture.snaplen == 128 && lab.capture.ports == ["web/*"])
  }

  @Test func theTemplateLoads() throws {
    let text = Topology.template(schema: "../schema.json")
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 26)
    let lab = try topology(text)
    #expect(lab.vms.map(\.name) == ["web"] && lab.expectations.count == 1)
    #expect(text.contains("# yaml-language-server: $schema=") && text.contains("# $schema: "))
    // What it offers behind a # works as well.
    _ = try topology(text.replacing("# - {from", with: "  - {from"))
  }

  @Test func nameDefaultsToTheFiles() {
    #expect(load("seed: 3", file: "a/b/two-nats.yaml").topology?.name == "two-nats")
  }

  @Test func defaultsFlowFromKindToGroupToNode() throws {
    let lab = try topology(
      """
      defaults:
        network: {mode: host-only, delay: 1 ms}
        vm: {delay: 2 ms, rings: {rx: 8, tx: 9}, programs: [tcp-echo]}
      hosts: {h: {networks: {n: {delay: 3 ms}, m: }}}
      groups: {g: {count: 2, network: m, delay: 4 ms, rings: {tx: 10}}}
      vms:
        a: {network: n}
        b: {network: n, delay: 0, programs: []}
        c: {nics: [{network: n}, {network: m, delay: 5 ms}]}
      """)
    #expect(lab.hosts[0].networks.map(\.mode) == [.hostOnly, .hostOnly])
    #expect(lab.hosts[0].networks.map(\.link.delay) == [.milliseconds(3), .milliseconds(1)])
    let delays = lab.vms.map { $0.nics.map(\.link.delay.rawValue) }
    #expect(delays == [[2_000_000], [0], [2_000_000, 5_000_000], [4_000_000], [4_000_000]])
    #expect(lab.vms[3].nics[0].rings.rx == 8 && lab.vms[3].nics[0].rings.tx == 10)
    #expect(lab.vms.map(\.programs.count) == [1, 0, 1, 1, 1])
  }

  @Test func anchorsMergeKeysAndOwnKeysWork() throws {
    let lab = try topology(
      """
      x-base: &base {delay: 1 ms, rate: 1 Mbit/s}
      x-more: &more {delay: 2 ms, loss: 1 %}
      segments:
        a: {<<: *base, subnet: 10.0.0.0/24, x-note: mine}
        b: {<<: [*more, *base], subnet: 10.0.1.0/24, delay: 3 ms}
      """)
    #expect(lab.segments.map(\.link.delay) == [.milliseconds(1), .milliseconds(3)])
    #expect(lab.segments[1].link.rate == 1_000_000 && lab.segments[1].link.loss == 0.01)
  }

  @Test func twoHostsMayHaveTheSameSubnetBehindTheirNATs() throws {
    let lab = try topology(
      """
      segments: {s: 10.0.0.0/24}
      hosts:
        a: {uplink: s 10.0.0.1, networks: {n1: nat, n2: host-only, n3: {mode: nat, subnet: 192.168.123.0/24}}}
        b: {uplink: s 10.0.0.2, networks: {m1: nat}}
      """)
    #expect(
      lab.hosts[0].networks.map(\.subnet.description) == ["192.168.122.0/24", "192.168.124.0/24", "192.168.123.0/24"])
    #expect(lab.hosts[1].networks[0].subnet.description == "192.168.122.0/24")
  }

  @Test func addressesAreNeverNumbers() throws {
    let lab = try topology(base + "  x: {network: home, mac: 52:54:00:12:34:56}\n")
    #expect(lab.vms[2].nics[0].mac?.rawValue == 0x5254_0012_3456)
  }

  @Test func captureFilterIsAskedOfTheCaller() {
    let load = Topology.load(text: "capture: tpc port 80", file: "f") { $0 == "tpc port 80" ? "syntax error" : nil }
    #expect(load.diagnostics.map(\.message) == ["not a capture filter: syntax error"])
    #expect(load.diagnostics.first?.column == 10)
  }

  /// What was found when the text was checked is of the first member alone.
  @Test(arguments: [
    "{count: 3, network: lab, address: 10.1.0.1, mac: 52:54:00:00:01:00, programs: [{ping: {to: \"g{n}\"}}]}",
    "{count: 3, nics: [{network: lab, address: 10.1.0.1, mac: 52:54:00:00:01:00}], programs: [{ping: {to: \"g{n}\"}}]}",
  ])
  func aGroupsAddressesCountUpThoughOtherTextsDependOnTheNumber(group: String) throws {
    let text = """
      segments: {lan: {subnet: 10.0.0.0/8}}
      hosts: {h: {uplink: lan 10.255.0.1, networks: {lab: {mode: bridge}}}}
      groups: {g: \(group)}
      """
    let vms = try #require(load(text).topology).vms
    #expect(vms.map { $0.nics[0].address } == [1, 2, 3].map { IPv4Address(rawValue: 0x0a01_0000 + $0) })
    #expect(vms.map { $0.nics[0].mac } == [0, 1, 2].map { MACAddress(rawValue: 0x5254_0000_0100 + $0) })
  }

  @Test func aPoolTooSmallIsAWarning() {
    let load = load(base + "groups: {g: {count: 300, network: home}}\n")
    #expect(load.topology?.vms.count == 302)
    #expect(load.diagnostics.map(\.severity) == [.warning])
  }

  @Test func tenThousandVMsLoadQuickly() throws {
    var text = "hosts: {h: {networks: {n: {mode: host-only, subnet: 10.0.0.0/8}}}}\nvms:\n"
    for n in 1...10_000 {
      text += "  vm\(n): {network: n, address: 10.1.\(n / 250).\(n % 250 + 1), programs: [{ping: vm1}]}\n"
    }
    let clock = ContinuousClock()
    let start = clock.now
    let lab = try topology(text)
    #expect(lab.vms.count == 10_000)
    let listed = clock.now - start
    let group = """
      hosts: {h: {networks: {n: {mode: host-only, subnet: 10.0.0.0/8}}}}
      groups: {g: {count: 100000, network: n, address: 10.1.0.1, programs: [{ping: {to: next}}]}}
      """
    let again = clock.now
    let many = try topology(group)
    #expect(many.vms.count == 100_000)
    #expect(many.vms[99_999].nics[0].address == (try address("10.2.134.160")))
    let grouped = clock.now - again
    print("10,000 listed: \(listed), 100,000 in a group: \(grouped)")
    // Debug builds of a busy machine; anything quadratic takes minutes.
    #expect(listed < .seconds(20) && grouped < .seconds(20))
  }

  @Test func theSameTextGivesTheSameDiagnostics() {
    let text = base + "  a: {network: hme}\n  b: {ntwork: home, foo: 1, bar: 2}\n  web: \n"
    let first = load(text).diagnostics
    for _ in 0..<10 { #expect(load(text).diagnostics == first) }
  }
}

extension NIC {
  fileprivate func loss(_ value: Double) -> Bool { link.loss == value }
}

struct ShortFormTests {
  /// A lab as short as it gets: NAT, one VM, one expectation.
  @Test func aLabFitsIntoAFewLines() throws {
    let lab = try topology(
      """
      segments: {campus: 134.115.153.0/24}
      hosts:
        laptop: {uplink: campus 134.115.153.223, networks: {home: nat}}
        visitor: {uplink: campus 134.115.153.10, programs: [http-server]}
      vms:
        web: {network: home}
      expect:
        - {from: web, to: "visitor:80", seen-as: 134.115.153.223}
      """)
    #expect(lab.expectations[0].name == "web → visitor:80 is open, seen as 134.115.153.223")
    #expect(lab.hosts[0].networks[0].subnet.description == "192.168.122.0/24")
  }

  /// Hairpinning: the NAT's own address is both what is pinged and what is seen.
  @Test func theSameAddressMayBePingedAndSeen() throws {
    let lab = try topology(base + "expect: [{from: web, ping: 134.115.153.223, seen-as: 134.115.153.223}]\n")
    #expect(lab.expectations[0].seenAs == IPv4Address(134, 115, 153, 223))
  }
}
