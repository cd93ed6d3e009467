import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// Labs with several switches, VLANs and trees.
@Suite struct SwitchedLabTests {
  private static let building = """
    segments:
      building: {subnet: 192.168.1.0/24, switches: [core, floor], cables: [core floor]}
      office: {subnet: 10.0.10.0/24, vlan: 10, on: building, dhcp: true}
      phones: {subnet: 10.0.20.0/24, vlan: 20, on: building, dhcp: true}
    hosts:
      one: {uplink: {segment: building, address: 192.168.1.11}, networks: {lan: bridge, other: {mode: isolated, subnet: 10.7.0.0/24}}}
      desk: {uplink: {segment: office, switch: floor, address: 10.0.10.99}, programs: [http-server]}

    """

  private static func run(_ text: String, until end: Nanoseconds = .seconds(5)) throws -> Simulation {
    var simulation = try Simulation(topology(text), until: .start + end, captures: CaptureOptions(directory: nil))
    simulation.run(until: .start + end)
    return simulation
  }

  @Test("A VM of a VLAN gets its address from the segment that the VLAN is, and meets who is plugged into it")
  func addressesOfVLANs() throws {
    var simulation = try Self.run(
      Self.building + """
        vms:
          alice: {network: lan, vlan: 10}
          phone: {network: lan, vlan: 20}
        expect:
          - {from: alice, to: "desk:80", is: open, at: 2 s}
          - {from: phone, lease: true, at: 2 s}
          - {from: phone, ping: desk, is: unreachable, at: 2 s}
        """)
    let report = try simulation.complete()
    #expect(report.expectations.filter { !$0.passed }.map(\.observed) == [])
    #expect(
      simulation.world.names.addresses["alice"].map { IPv4Prefix(IPv4Address(10, 0, 10, 0), length: 24).contains($0) } == true)
  }

  @Test("A VM that comes while the world runs, and an interface that does, are of the VLAN that they say")
  func laterNICs() throws {
    var simulation = try Self.run(
      Self.building + """
        vms:
          alice: {network: lan, vlan: 10}
          bob: {network: other, address: 10.7.0.9}
        events:
          - {at: 1 s, add-nic: {vm: bob, nic: {network: lan, vlan: 10, address: 10.0.10.50}}}
        expect:
          - {from: desk, ping: 10.0.10.50, is: open, at: 3 s}
        """)
    let report = try simulation.complete()
    #expect(report.expectations.filter { !$0.passed }.map(\.observed) == [])
  }

  @Test("Explain and the tables of a switch tell the VLAN, the drop names it")
  func told() throws {
    let simulation = try Self.run(
      Self.building + """
        vms: {phone: {network: lan, vlan: 20, address: 10.0.20.7, programs: [{ping: 10.0.20.9}]}}
        """, until: .seconds(3))
    var facts = Facts(only: ForwardingEntry.self)
    let core = try #require(simulation.world.elements.switches.array.first)
    core.facts(now: simulation.now, &facts)
    #expect(facts.rows.contains { $0.key.hasSuffix("vlan 20") }, "\(facts.rows.map(\.key))")
    #expect(simulation.forwardingDatabase(of: "core").contains { $0.line.contains("vlan 20") })
    var ring = try Simulation(example("spanning-tree.yaml"))
    ring.run(until: .start + .seconds(5))
    let lines = ring.spanningTrees(of: "ring").map(\.line)
    #expect(lines.count { $0.contains("alternate discarding") } == 1, "\(lines)")
    #expect(lines.count { $0.contains(": left root forwarding") || $0.contains(": root root forwarding") } >= 1, "\(lines)")
  }

  @Test("A sensor hears all frames of web, both ways and once, and nobody else does")
  func mirrored() throws {
    var simulation = try Simulation(example("mirror-port.yaml"), captures: CaptureOptions(directory: nil))
    simulation.run(until: .start + .seconds(3))
    let captured = try simulation.captured()
    /// TCP between web and its client, by the addresses in IPv4 headers.
    func packets(_ name: String) throws -> Int {
      let bytes = try #require(captured.first { $0.key.contains(name) }?.value)
      let pairs: [[UInt8]] = [[10, 0, 0, 10, 10, 0, 0, 11], [10, 0, 0, 11, 10, 0, 0, 10]]
      return bytes.indices.dropLast(34).count { place in
        bytes[place] == 0x45 && bytes[place + 9] == 6 && pairs.contains(Array(bytes[(place + 12)..<(place + 20)]))
      }
    }
    let own = try packets("web/eth0")
    #expect(own >= 6)
    #expect(try packets("sensor/eth0") == own)
    #expect(try packets("bystander/eth0") == 0)
  }

  @Test(
    "Mistakes about switches and VLANs are told with what would do",
    arguments: [
      ("segments: {a: {subnet: 10.0.0.0/24, vlan: 10}}", "a VLAN is one \"on\" another segment"),
      ("segments: {a: {subnet: 10.0.0.0/24, on: b}, b: 10.1.0.0/24}", "needs \"vlan\""),
      ("segments: {a: {subnet: 10.0.0.0/24, vlan: 1, on: b}, b: 10.1.0.0/24}", "is \"b\" itself"),
      ("segments: {a: {subnet: 10.0.0.0/24, vlan: 5000, on: b}, b: 10.1.0.0/24}", "5000"),
      ("segments: {a: {subnet: 10.0.0.0/24, switches: [s], cables: [s t]}}", "unknown switch \"t\""),
      ("segments: {a: {subnet: 10.0.0.0/24, switches: [s], cables: [s s]}}", "from a switch to itself"),
      ("segments: {a: {subnet: 10.0.0.0/24, switches: [s, s]}}", "taken by another switch"),
      ("segments: {a: {subnet: 10.0.0.0/24, stp: {mode: rstp, priority: 5000}}}", "no multiple of 4096"),
      ("segments: {a: {subnet: 10.0.0.0/24, stp: {mode: rstp, max-age: 40 s}}}", "at most twice \"forward-delay\""),
      (
        "segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: {segment: a, address: 10.0.0.1, vlan: 1, trunk: [1]}}}",
        "one \"vlan\", or a \"trunk\""
      ),
      ("segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: {segment: a, address: 10.0.0.1, native: 1}}}", "goes with \"trunk\""),
      (
        "segments: {a: 10.0.0.0/24, b: 10.1.0.0/24}\nhosts: {h: {uplink: a 10.0.0.1}, i: {uplink: b 10.1.0.1}}\nmirrors: [{to: h, from: [i]}]",
        "a mirror is one of a switch's own ports"
      ), ("segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: a 10.0.0.1}}\nmirrors: [{to: h, from: [h]}]", "not to itself"),
      ("segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: {segment: a, address: 10.0.0.1, trunk: 20-10}}}", "did you mean 10-20"),
    ])
  func mistakes(text: String, said: String) {
    let told = Topology.load(text: text, file: "lab.yaml").diagnostics.map { "\($0.message) \($0.hint ?? "")" }
    #expect(told.contains { $0.contains(said) }, "\(told)")
  }
}
