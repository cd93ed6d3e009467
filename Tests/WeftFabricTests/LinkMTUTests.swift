import Testing
import WeftCapture
import WeftCore
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// A link has one MTU for both directions, wherever the file says it.
@Suite struct LinkMTUTests {
  /// The largest IP packet that was seen at a port, and how many were dropped there.
  private func largest(_ simulation: inout Simulation, at port: String) throws -> Int {
    let bytes = try #require(try simulation.captured()[port])
    return try PcapngReader.packets(bytes).map { $0.originalLength - 14 }.max() ?? 0
  }

  private func hold(_ report: Report, _ location: SourceLocation = #_sourceLocation) {
    #expect(!report.expectations.isEmpty, sourceLocation: location)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)", sourceLocation: location) }
  }

  /// Downloads, uploads, datagrams and pings of any size over an uplink of 1420, however that is said.
  @Test(arguments: [
    ("", "", "nat: {mtu: 1420}"), ("", "mtu: 1420,", ""), ("mtu: 1420,", "", ""), ("", "mtu: 1420,", "nat: {mtu: 1420}"),
    ("mtu: 1420,", "", "nat: linux"),
  ])
  func anUplinksMTUBindsBothDirections(segment: String, uplink: String, nat: String) throws {
    var simulation = try Simulation(
      topology(
        """
        segments:
          internet: {subnet: 203.0.113.0/24, \(segment) delay: 1 ms, rate: 100 Mbit/s}
        hosts:
          vpn:
            uplink: {segment: internet, \(uplink) address: 203.0.113.2}
            networks: {docker: {mode: nat, subnet: 172.17.0.0/24, forwards: ["5001:container:5001/udp"], \(nat)}}
          server:
            uplink: internet 203.0.113.10
            programs: [{http-server: {size: 100 kB}}, sink, udp-echo, {udp-rate: {to: "vpn:5001", size: 1472 B, count: 3}}]
        vms:
          container: {network: docker, programs: [sink]}
        expect:
          - {from: container, http: "http://server/", is: open}
          - {from: container, throughput: {to: "server:5001", size: 50 kB}}
          - {from: vpn, http: "http://server/", is: open}
          - {from: container, ping: {to: server, size: 1472 B}}
          - {from: server, ping: {to: vpn, size: 1472 B}}
        """), captures: CaptureOptions(directory: nil))
    simulation.run()
    #expect(try largest(&simulation, at: "docker/wan") <= 1420)
    let report = try simulation.finish()
    hold(report)
    let sink = try #require(report.programs.first { $0.machine == "container" })
    #expect(sink.report.bytesIn == 3 * 1472, "\(sink)")
    #expect(!report.drops.contains { $0.reason == "frame-too-big" }, "\(report.drops)")
  }

  /// Each kind of link, between any two machines on it.
  @Test(arguments: ["nat", "host-only", "isolated", "bridge"], ["network", "nic"])
  func networksAndNICsHaveOneToo(mode: String, place: String) throws {
    let addresses = mode == "bridge" ? "203.0.113" : "10.0.0"
    let subnet = mode == "bridge" ? "" : ", subnet: 10.0.0.0/24"
    var simulation = try Simulation(
      topology(
        """
        segments: {lan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          box: {uplink: lan 203.0.113.1, programs: [{http-server: {size: 50 kB}}], networks: {net: {mode: \(mode)\(subnet)\(place == "network" ? ", mtu: 1000" : "")}}}
          far: {uplink: lan 203.0.113.9, programs: [{http-server: {size: 50 kB}}, sink]}
        vms:
          a: {network: net, address: \(addresses).20\(place == "nic" ? ", mtu: 1000" : ""), programs: [{http-server: {size: 50 kB}}, sink]}
          b: {network: net, address: \(addresses).21, programs: [{http-server: {size: 50 kB}}]}
        expect:
          - {from: a, http: "http://b/"}
          - {from: b, http: "http://a/"}
          - {from: b, ping: {to: a, size: 3000 B}}
          - {from: b, throughput: {to: "a:5001", size: 50 kB}}
        \(mode == "isolated" || mode == "host-only" ? "" : "  - {from: a, http: \"http://far/\"}\n  - {from: a, throughput: {to: \"far:5001\", size: 50 kB}}")
        """), captures: CaptureOptions(directory: nil))
    simulation.run()
    #expect(try largest(&simulation, at: "a/eth0") <= 1000)
    let report = try simulation.finish()
    hold(report)
    #expect(!report.drops.contains { $0.reason == "frame-too-big" }, "\(report.drops)")
  }

  /// The router before a narrow link says so, and without that answer nothing arrives.
  @Test(arguments: [true, false]) func aRouterBeforeANarrowLinkAnswers(isHeard: Bool) throws {
    let rule = isHeard ? "" : ", nat: {rules: [{deny: out, protocol: icmp}]}"
    let report = try run(
      """
      segments: {internet: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        isp: {uplink: internet 203.0.113.1, networks: {access: {mode: nat, subnet: 100.64.0.0/24, forwards: ["8080:home:8080"]\(rule)}}}
        home: {uplink: {segment: access, address: 100.64.0.2, mtu: 1400}, programs: [sink], networks: {lan: {mode: nat, forwards: ["8080:pc:8080"]}}}
        server: {uplink: internet 203.0.113.9}
      vms: {pc: {network: lan, lease: 192.168.122.20, programs: [{sink: 8080}]}}
      expect:
        - {from: server, throughput: {to: "isp:8080", size: 100 kB}, is: \(isHeard ? "open" : "blocked"), within: 8 s}
      """)
    hold(report)
    #expect(report.drops.contains { $0.reason == "fragmentation-needed" && $0.node == "access" }, "\(report.drops)")
  }

  /// A bridge is no router: what is larger than the cable behind it is lost, without a word.
  @Test func aBridgeDropsWhatIsTooBig() throws {
    let report = try run(
      """
      segments: {lan: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        box: {uplink: {segment: lan, address: 203.0.113.1, mtu: 1400}, networks: {net: bridge}}
        far: {uplink: lan 203.0.113.9, programs: [sink, http-server]}
      vms:
        a: {network: net, address: 203.0.113.20, mtu: 1500}
        b: {network: net, address: 203.0.113.21}
      expect:
        - {from: a, ping: {to: far, size: 1472 B}, is: dropped, reason: frame-too-big, within: 4 s}
        - {from: a, throughput: {to: "far:5001", size: 50 kB}, is: dropped, reason: frame-too-big, within: 8 s}
        - {from: a, http: "http://far/", is: open}
        - {from: b, throughput: {to: "far:5001", size: 50 kB}, is: open}
        - {from: far, ping: {to: b, size: 1472 B}, is: open}
      """)
    hold(report)
    #expect(report.drops.contains { $0.reason == "frame-too-big" && $0.port == "net/uplink" }, "\(report.drops)")
  }

  @Test func floodsOfLanesObserveItToo() throws {
    let report = try run(
      """
      hosts: {pc: {networks: {net: {mode: isolated, subnet: 10.0.0.0/24}}}}
      vms:
        a: {network: net, address: 10.0.0.1, programs: [{udp-rate: {to: "255.255.255.255:9", size: 1000 B, count: 5}}]}
        b: {network: net, address: 10.0.0.2, mtu: 600, programs: [{sink: 9}]}
        c: {network: net, address: 10.0.0.3, programs: [{sink: 9}]}
      capture: {ports: ["a/*"]}
      """)
    #expect(report.programs.first { $0.machine == "b" }?.report.bytesIn == 0)
    #expect(report.programs.first { $0.machine == "c" }?.report.bytesIn == 5000)
    #expect(report.drops.first { $0.reason == "frame-too-big" }?.count == 5, "\(report.drops)")
  }

  @Test func contradictionsAreTold() throws {
    func messages(_ yaml: String) -> [String] {
      Topology.load(bytes: Array(yaml.utf8), file: "test.yaml").diagnostics.map { "\($0.severity): \($0.message)" }
    }
    let lab = { (uplink: String, nat: String, vm: String, mode: String) in
      """
      segments: {lan: {subnet: 203.0.113.0/24, dhcp: true}}
      hosts: {box: {uplink: {segment: lan, address: 203.0.113.1\(uplink)}, networks: {net: {mode: \(mode)\(nat)}}}}
      vms: {a: {network: net\(vm)}}
      expect: [{from: a, ping: box}]
      """
    }
    #expect(messages(lab("", "", "", "nat")) == [])
    #expect(messages(lab(", mtu: 1400", ", nat: {mtu: 1400}", "", "nat")) == [])
    #expect(
      messages(lab(", mtu: 1400", ", nat: {mtu: 1300}", "", "nat")).first?.hasPrefix("warning: the uplink has an MTU of 1400")
        == true)
    #expect(messages(lab("", ", mtu: 500", "", "nat")).first?.contains("don't fit an MTU of 500") == true)
    #expect(messages(lab("", "", ", mtu: 500", "nat")).first?.contains("don't fit an MTU of 500") == true)
    #expect(
      messages(lab(", mtu: 1400", "", ", mtu: 1500", "bridge")).first?.hasPrefix("warning: VM \"a\" sends packets of up to 1500")
        == true)
    #expect(messages(lab(", mtu: 1400", "", "", "bridge")) == [])
    #expect(messages(lab(", mtu: 67", "", "", "nat")).first?.contains("error") == true)
  }
}
