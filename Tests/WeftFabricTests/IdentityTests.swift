import Testing
import WeftCore
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// What a thing is called, numbered by and drawn from comes from its name and the seed, never from its place.
@Suite struct IdentityTests {
  /// A host beside all others, with VMs that talk to each other, under addresses that nobody else has: an address that
  /// stands twice in a lab has both names.
  private static func strangers(_ first: String = "aaa") throws -> Topology {
    try topology(
      """
      hosts: {\(first)-host: {networks: {\(first)-net: {mode: isolated, subnet: 172.31.99.0/24}}}}
      vms:
        \(first)-one: {network: \(first)-net, address: 172.31.99.2, programs: [udp-echo, {ping: {to: "\(first)-two", count: 50, interval: 30 ms}}]}
        \(first)-two: {network: \(first)-net, address: 172.31.99.3, programs: [{udp-rate: {to: "\(first)-one:7", interval: 11 ms, count: 100}}]}
        \(first)-off: {network: \(first)-net, address: 172.31.99.4, autostart: false}
      """)
  }

  private static func captures(_ topology: Topology, until: Instant) throws -> (captures: [String: [UInt8]], report: Report) {
    var simulation = try Simulation(topology, until: until, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    return (try simulation.captured(), report)
  }

  private static func check(_ original: Topology, until: Instant) throws {
    let before = try captures(original, until: until)
    for atBeginning in [true, false] {
      let others = try strangers()
      var more = original
      more.hosts = atBeginning ? others.hosts + more.hosts : more.hosts + others.hosts
      more.vms = atBeginning ? others.vms + more.vms : more.vms + others.vms
      let after = try captures(more, until: until)
      let changed = before.captures.keys.filter { before.captures[$0] != after.captures[$0] }.sorted()
      #expect(changed.isEmpty, "\(atBeginning ? "before" : "behind") the others: \(changed)")
      #expect(after.captures.keys.contains("aaa-one/eth0"))
      let verdicts = before.report.expectations.map(\.observed) == after.report.expectations.map(\.observed)
      #expect(verdicts)
    }
  }

  @Test(arguments: ["nat-vs-bridge", "bridge-lan", "two-nats", "nat-port-forward", "host-only", "fragments", "busy"])
  func anUnrelatedVMInTheFileLeavesAllOtherCapturesTheSameBytes(name: String) throws {
    try Self.check(lab(name), until: .seconds(4))
  }

  /// Its place among those of its network does matter for its address, and for what others hear of it; not for their MACs.
  @Test func aNeighbourMovesNobodysMAC() throws {
    func macs(_ vms: String) throws -> [String: MACAddress] {
      let world = WorldBuilder(
        topology: try topology("hosts: {h: {networks: {n: host-only}}}\nvms:\n\(vms)"), seed: 1
      ).build()
      return Dictionary(
        uniqueKeysWithValues: world.machineNodes.compactMap { node, machine in
          world.elements.machines[machine].interfaces.first.map { (world.name(node), $0.mac) }
        })
    }
    let alone = try macs("  web: {network: n}\n  db: {network: n}\n")
    let crowd = try macs("  early: {network: n}\n  db: {network: n}\n  web: {network: n}\n")
    #expect(alone["web"] == crowd["web"] && alone["db"] == crowd["db"] && Set(crowd.values).count == crowd.count)
  }

  @Test func macsAreLocalUnicastAndOfTheSeed() throws {
    func macs(_ seed: UInt64) throws -> [MACAddress] {
      let world = WorldBuilder(topology: try lab("nat-vs-bridge"), seed: seed).build()
      return world.machineNodes.flatMap { world.elements.machines[$0.machine].interfaces.map(\.mac) }
    }
    let (one, two) = (try macs(1), try macs(2))
    #expect(!one.isEmpty && Set(one).isDisjoint(with: two) && Set(one).count == one.count)
    for mac in one + two { #expect(mac.rawValue >> 40 & 3 == 2, "\(mac)") }
    #expect(try macs(1) == one)
  }

  /// Names that draw the same number: who comes first in the alphabet has it, whatever the order of the file.
  @Test func numbersOfNamesAreTheirOwn() {
    let names = (0..<20_000).map { "vm\($0)" }
    var forwards = NameNumbers(names)
    var backwards = NameNumbers(names.reversed())
    let numbers = names.map { forwards.number(of: $0) }
    #expect(numbers == names.map { backwards.number(of: $0) } && Set(numbers).count == names.count)
    #expect(!numbers.contains(0))
  }

  @Test(arguments: [
    ("home-switch", "the switch of NAT network home"), ("home-dhcp", "the DHCP server of network home"),
    ("net-dhcp", "the DHCP server of segment net"), ("h-nat", "the NAT gateway of host h"),
  ])
  func noNameIsThatOfAnotherPartOfTheLab(name: String, what: String) {
    let load = Topology.load(
      text: """
        segments: {net: {subnet: 203.0.113.0/24, dhcp: true}}
        hosts: {h: {uplink: net 203.0.113.2, networks: {home: nat, work: nat}}}
        vms: {\(name): {network: home}}
        """, file: "test.yaml")
    let found = load.diagnostics.contains {
      $0.message == "the name \"\(name)\" is that of \(what)" && $0.line == 3 && $0.column == 7
    }
    #expect(found, "\(load.diagnostics)")
  }
}
