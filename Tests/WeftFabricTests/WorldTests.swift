import Testing
import WeftCore
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// What a file's things become in the world.
@Suite struct WorldTests {
  private static func names(_ yaml: String) throws -> (nodes: [String], ports: Set<String>) {
    let simulation = try Simulation(topology(yaml))
    return (simulation.world.graph.nodes.array.map(\.name), Set(simulation.world.graph.ports.array.map(\.name)))
  }

  @Test func nodesAndPortsHaveTheNamesOfTheFile() throws {
    let (nodes, ports) = try Self.names(Labs.small)
    #expect(nodes == ["campus", "lan", "home-switch", "home", "laptop", "home-dhcp", "visitor", "web", "public"])
    #expect(
      ports == [
        "campus/laptop", "campus/visitor", "lan/host", "lan/uplink", "lan/public", "home-switch/gateway",
        "home-switch/dhcp",
        "home-switch/web", "home/wan", "home/host", "home/lan", "laptop/eth0", "home-dhcp/lan", "visitor/uplink",
        "web/eth0",
        "public/eth0",
      ])
  }

  private static let many = """
    name: many
    segments: {campus: {subnet: 10.0.0.0/24, delay: 1 ms}}
    hosts:
      pc:
        uplink: campus 10.0.0.1
        networks:
          red: {mode: nat, subnet: 192.168.1.0/24, forwards: ["80:r:80"]}
          blue: {mode: nat, subnet: 192.168.2.0/24, forwards: ["81:b:80"]}
          lan: bridge
          priv: {mode: host-only, subnet: 192.168.3.0/24}
          cell: {mode: isolated, subnet: 192.168.4.0/24}
        programs: [{http-server: 8000}]
      other: {uplink: campus 10.0.0.2, programs: [http-server]}
    vms:
      r: {network: red, lease: 192.168.1.77, programs: [http-server]}
      b: {network: blue, programs: [http-server]}
      two:
        nics:
          [{network: red}, {network: lan, address: 10.0.0.9}, {network: priv}, {network: cell, address: 192.168.4.9}]
        programs: [http-server]
      lone: {network: cell, address: 192.168.4.10, programs: [tcp-echo]}
    """

  @Test func oneHostHasOneGatewayForItsNATNetworks() throws {
    let (nodes, ports) = try Self.names(Self.many)
    #expect(nodes.filter { $0.contains("nat") } == ["pc-nat"])
    for port in [
      "pc-nat/wan", "pc-nat/host", "pc-nat/red", "pc-nat/blue", "lan/host", "pc/eth0", "pc/priv", "two/eth3",
    ] {
      #expect(ports.contains(port), "\(port)")
    }
  }

  @Test(arguments: [
    "from: r, to: \"other:80\", seen-as: 10.0.0.1", "from: b, to: \"other:80\", seen-as: 10.0.0.1",
    "from: other, to: \"pc:80\", reaches: r", "from: other, to: \"pc:81\", reaches: b",
    // The gateway routes between its networks, as a Linux host with two libvirt networks does not by default.
    "from: two, to: \"r:80\", reaches: r", "from: other, to: \"10.0.0.9:80\", reaches: two", "from: pc, ping: r",
    "from: pc, ping: b", "from: pc, to: \"r:80\", reaches: r", "from: two, ping: pc",
    "from: r, to: \"pc:8000\", reaches: pc", "from: r, to: \"192.168.1.1:8000\", reaches: pc",
    "from: r, ping: 192.168.1.1",
    "from: other, to: \"pc:8000\", reaches: pc",
    "from: pc, to: \"192.168.3.2:80\", reaches: two, seen-as: 192.168.3.1",
    "from: two, to: \"lone:7\", seen-as: 192.168.4.9",
    "from: other, to: \"pc:82\", is: dropped, by: red", "from: other, to: \"pc:82\", is: dropped, by: pc",
    "from: r, lease: true", "from: two, lease: true",
  ])
  func aHostWithEverythingWorks(expectation: String) throws {
    let verdict = try verdict("\(expectation), within: 6 s", in: Self.many)
    #expect(verdict.passed, "\(verdict)")
  }

  @Test func leasesAreTheReservedOnes() throws {
    let report = try run(Self.many, until: .start + .seconds(2))
    let leases = Dictionary(
      uniqueKeysWithValues: report.leases.map { ("\($0.network) \($0.hostname ?? "")", $0.address) })
    #expect(leases["red r"] == "192.168.1.77")
    #expect(leases["blue b"] == "192.168.2.2")
    #expect(leases.keys.sorted() == ["blue b", "priv two", "red r", "red two"])
  }

  /// Of two NICs on one network the first is meant by the VM's name, in forwards and in probes.
  @Test func theFirstOfTwoNICsOnANetworkIsTheVMs() throws {
    let lab = """
      name: twins
      segments: {campus: {subnet: 10.0.0.0/24}}
      hosts:
        pc: {uplink: campus 10.0.0.1, networks: {home: {mode: nat, subnet: 192.168.1.0/24, forwards: ["80:vm:80"]}}}
        other: {uplink: campus 10.0.0.2}
      vms:
        vm:
          nics: [{network: home, address: 192.168.1.10}, {network: home, address: 192.168.1.20}]
          programs: [http-server]
      """
    let simulation = try Simulation(topology(lab))
    #expect(simulation.world.names.addresses["vm"] == IPv4Address(192, 168, 1, 10))
    #expect(try verdict("from: other, to: \"pc:80\", reaches: vm", in: lab).passed)
  }

  @Test func noTwoNICsShareAMAC() throws {
    let lab = Self.many.replacingOccurrences(of: "{network: blue,", with: "{network: blue, mac: 52:54:00:00:00:01,")
    let simulation = try Simulation(topology(lab))
    let macs = simulation.world.elements.machines.array.flatMap { $0.interfaces.map(\.mac) }
    #expect(Set(macs).count == macs.count && macs.contains(MACAddress(rawValue: 0x5254_0000_0001)))
  }

  @Test func aHundredMachinesOnOneSwitchReachTheirNeighbours() throws {
    let lab = """
      name: crowd
      hosts: {pc: {networks: {net: {mode: isolated, subnet: 10.0.0.0/16}}}}
      groups: {vm: {count: 100, network: net, address: 10.0.1.1, programs: [{ping: {to: next, count: 1}}]}}
      """
    let report = try run(lab, until: .start + .seconds(2))
    #expect(report.programs.count == 100)
    #expect(
      report.programs.allSatisfy { $0.report.replies == 1 }, "\(report.programs.filter { $0.report.replies != 1 })")
  }
}

/// Names that weft gives to ports itself may also be VMs' names.
@Suite struct PortNameTests {
  @Test func portsOfANodeHaveDifferentNames() throws {
    let lab = """
      name: names
      segments: {campus: 10.0.0.0/24}
      hosts:
        pc:
          uplink: campus 10.0.0.1
          networks: {home: nat, lan: bridge, priv: {mode: host-only, subnet: 192.168.2.0/24}}
      vms:
        gateway: {network: home}
        dhcp: {network: home}
        host: {network: priv}
        uplink: {network: lan, address: 10.0.0.9}
        x: {nics: [{network: home}, {network: lan, address: 10.0.0.11}]}
        x-eth1: {network: lan, address: 10.0.0.12}
      """
    let simulation = try Simulation(topology(lab))
    let names = simulation.world.graph.ports.array.map(\.name)
    #expect(Set(names).count == names.count, "\(names.sorted())")
    let nodes = simulation.world.graph.nodes.array.map(\.name)
    #expect(Set(nodes).count == nodes.count)
  }
}
