import Testing
import WeftCore
import WeftNAT
import WeftSettings
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// Hosts whose uplinks are plugged into networks of other hosts.
@Suite struct UplinkTests {
  private static let inner =
    "home-router: {uplink: isp-lan 100.64.0.2, networks: {home: {mode: nat, forwards: [\"80:web:80\"]}, bridged: bridge}}"
  private static let outer = """
    isp: {uplink: internet 203.0.113.2, networks: {isp-lan: {mode: nat, subnet: 100.64.0.0/24, forwards: ["80:home-router:80"]}}}
    """

  private static func lab(_ first: String, _ second: String) -> String {
    """
    segments: {internet: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      \(first)
      \(second)
      server: {uplink: internet 203.0.113.10, programs: [http-server]}
    vms:
      web: {network: home, programs: [http-server]}
      bridged-vm: {network: bridged, address: 100.64.0.3, programs: [http-server]}
      customer: {network: isp-lan, programs: [http-server]}
    expect:
      - {from: web, to: "server:80", seen-as: 203.0.113.2}
      - {from: home-router, to: "server:80", seen-as: 203.0.113.2}
      - {from: bridged-vm, to: "customer:80", seen-as: 100.64.0.3}
      - {from: customer, to: "home-router:80", reaches: web}
      - {from: customer, to: "bridged-vm:80", reaches: bridged-vm}
      - {from: server, to: "isp:80", reaches: web, seen-as: 203.0.113.10}
      - {from: customer, lease: true}
    """
  }

  @Test(arguments: [[inner, outer], [outer, inner]]) func theOrderOfTheFileDoesNotMatter(hosts: [String]) throws {
    let text = Self.lab(hosts[0], hosts[1])
    let report = try run(text)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
    // What is plugged in by hand is not given to anybody else.
    let simulation = try Simulation(topology(text))
    let customer = simulation.world.names.addresses["customer"]
    #expect(customer == IPv4Address(100, 64, 0, 4))
  }

  @Test(arguments: ["host-only", "isolated"]) func aHostMayHaveItsUplinkOnANetworkWithoutAWayOut(mode: String) throws {
    let report = try run(
      """
      segments: {internet: 203.0.113.0/24}
      hosts:
        box: {uplink: lan 10.9.0.9, programs: [http-server]}
        laptop: {uplink: internet 203.0.113.2, networks: {lan: {mode: \(mode), subnet: 10.9.0.0/24}}}
        server: {uplink: internet 203.0.113.10, programs: [http-server]}
      vms: {vm: {network: lan, address: 10.9.0.5}}
      events: [{at: 5 s, link-down: box.uplink}]
      expect:
        - {from: vm, to: "box:80", reaches: box}
        - {from: box, to: "server:80", is: blocked}
        - {from: vm, ping: box, is: blocked, at: 6 s}
      """)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  /// Three NATs one behind the other.
  @Test func natsNest() throws {
    let report = try run(
      """
      segments: {internet: 203.0.113.0/24}
      hosts:
        c: {uplink: b-lan 192.168.123.9, networks: {c-lan: nat}}
        b: {uplink: a-lan 192.168.122.9, networks: {b-lan: nat}}
        a: {uplink: internet 203.0.113.2, networks: {a-lan: nat}}
        server: {uplink: internet 203.0.113.10, programs: [http-server]}
      vms: {vm: {network: c-lan}}
      expect:
        - {from: vm, to: "server:80", seen-as: 203.0.113.2}
        - {from: vm, ping: b}
      """)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }
}

/// Whatever the file asks for, the world runs.
@Suite struct NATProfileRunTests {
  @Test(arguments: NATSettings.Profile.allCases, NATSettings.Ports.allCases)
  func aVMReachesOutAndAForwardLetsIn(profile: NATSettings.Profile, ports: NATSettings.Ports) throws {
    // The host's own address is no VM's.
    let axis = profile == .oneToOne ? ", addresses: [134.115.153.99]" : ", ports: \(ports.rawValue)"
    let seen = profile == .oneToOne ? "134.115.153.99" : "134.115.153.223"
    let report = try run(
      Labs.small.replacing("{home: {mode: nat,", with: "{home: {mode: nat, nat: {profile: \(profile.rawValue)\(axis)},")
        + """

        expect:
          - {from: web, to: "visitor:80", seen-as: \(seen)}
          - {from: web, to: "visitor:7/udp", seen-as: \(seen)}
          - {from: web, ping: visitor}
          - {from: visitor, to: "laptop:8080", reaches: web}
        """)
    for verdict in report.expectations { #expect(verdict.passed, "\(profile) \(ports): \(verdict)") }
  }

  @Test func aOneToOneVMHasItsAddressToItself() throws {
    let report = try run(
      Labs.small.replacing(
        "{home: {mode: nat, forwards: [\"8080:web:80/tcp\"]}",
        with:
          "{home: {mode: nat, nat: {profile: one-to-one, addresses: [134.115.153.99], one-to-one: {web: 134.115.153.99}}}"
      )
        + """

        expect:
          - {from: web, to: "visitor:80", seen-as: 134.115.153.99}
          - {from: visitor, to: "134.115.153.99:80", reaches: web}
        """)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }
}
