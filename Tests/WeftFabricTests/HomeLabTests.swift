import Testing
import WeftCore
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// DHCP on segments and across bridges, forwards to what is there, 127.0.0.0/8, multicast: labs as people bring them.
@Suite struct HomeLabTests {
  private func hold(_ report: Report, _ location: SourceLocation = #_sourceLocation) {
    #expect(!report.expectations.isEmpty, sourceLocation: location)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)", sourceLocation: location) }
  }

  private func requests(_ report: Report, _ machine: String, _ title: String) -> UInt64? {
    report.programs.first { $0.machine == machine && $0.report.title.hasPrefix(title) }?.report.requests
  }

  @Test func aSegmentsServerServesUplinksAndBridgedVMs() throws {
    let text = """
      segments:
        campus: {subnet: 10.1.0.0/24, dhcp: {range: 10.1.0.100-10.1.0.103, lease-time: 10 min}, gateway: 10.1.0.1, delay: 1 ms}
        world: {subnet: 203.0.113.0/24}
      hosts:
        laptop: {uplink: campus, networks: {lan: bridge}, programs: [{http-server: 3000}]}
        visitor: {uplink: {segment: campus, dhcp: true, lease: 10.1.0.50}}
        old: {uplink: campus 10.1.0.101}
      vms:
        public: {network: lan, programs: [http-server]}
        kept: {network: lan, lease: 10.1.0.60, programs: [http-server]}
        fixed: {network: lan, address: 10.1.0.102}
      expect:
        - {from: public, lease: true}
        - {from: laptop, lease: true}
        - {from: visitor, lease: true}
        - {from: old, to: "public:80", is: open, reaches: public}
        - {from: fixed, to: "kept:80", is: open, reaches: kept}
        - {from: public, to: "laptop:3000", is: open, seen-as: 10.1.0.103}
        - {from: public, ping: visitor, is: open}
      """
    let report = try run(text)
    hold(report)
    #expect(report.leases.map(\.network) == ["campus", "campus", "campus", "campus"])
    #expect(report.leases.map(\.address) == ["10.1.0.50", "10.1.0.60", "10.1.0.100", "10.1.0.103"])
    var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let names = simulation.world.names.addresses
    simulation.run()
    // Planned and leased are the same, and the router handed out is the segment's.
    for name in ["laptop", "visitor", "public", "kept"] {
      let node = try #require(simulation.world.names.machines[name])
      let found = simulation.world.machine(node)
      let guest = simulation.world.elements.machines[try #require(found)].guest
      #expect(guest.stack.address(of: 0) == names[name])
      #expect(guest.stack.network(of: 0)?.gateway == IPv4Address(10, 1, 0, 1))
    }
  }

  @Test func theRoutersServerServesWhatIsPluggedIntoItsNetworkAndItsForwardsLeadThere() throws {
    hold(
      try run(
        """
        segments: {internet: {subnet: 203.0.113.0/24, delay: 5 ms}}
        hosts:
          pc: {uplink: homelan, networks: {lan: bridge}}
          router:
            uplink: internet 203.0.113.2
            networks:
              homelan:
                mode: nat
                subnet: 192.168.1.0/24
                nat: linux
                forwards: ["8123:hass:8123", "8080:nas:80", "81:192.168.1.77:80", {from: 82, to: "192.168.1.71:80"}]
          nas: {uplink: {segment: homelan, lease: 192.168.1.70}, programs: [http-server]}
          plain: {uplink: homelan 192.168.1.71, programs: [http-server]}
          world: {uplink: internet 203.0.113.10, programs: [http-server]}
        vms:
          hass: {network: lan, programs: [{http-server: 8123}]}
          other: {network: lan, address: 192.168.1.77, programs: [http-server]}
        events:
          - {at: 5 s, remove-forward: {network: homelan, forward: "81:192.168.1.77:80"}}
          - {at: 5 s, add-forward: {network: homelan, forward: "83:hass:8123"}}
        expect:
          - {from: hass, lease: true}
          - {from: pc, lease: true}
          - {from: hass, to: "world:80", is: open, seen-as: 203.0.113.2}
          - {from: plain, to: "hass:8123", is: open, reaches: hass}
          - {from: world, to: "router:8123", is: open, reaches: hass, seen-as: 203.0.113.10}
          - {from: world, to: "router:8080", is: open, reaches: nas}
          - {from: world, to: "router:81", is: open, reaches: other}
          - {from: world, to: "router:82", is: open, reaches: plain}
          - {from: world, to: "router:81", is: refused, at: 6 s}
          - {from: world, to: "router:83", is: open, reaches: hass, at: 6 s}
        """))
  }

  /// A lease that is over is given to another; whoever comes back gets none before that one's is over (RFC 2131, 2.2).
  @Test func noAddressIsLeasedTwice() throws {
    hold(
      try run(
        """
        segments: {campus: {subnet: 134.115.153.0/24, delay: 1 ms}}
        hosts:
          pc:
            uplink: campus 134.115.153.2
            networks:
              home: {mode: nat, subnet: 192.168.122.0/24, dhcp: {range: 192.168.122.10-192.168.122.10, lease-time: 2 min}}
          visitor: {uplink: campus 134.115.153.10, programs: [http-server]}
        vms: {a: {network: home}, b: {network: home, autostart: false}}
        events: [{at: 10 s, pause: a}, {at: 3 min, start: b}, {at: 3.5 min, resume: a}, {at: 4 min, stop: b}]
        expect:
          - {from: b, to: "visitor:80", is: open, at: 3.2 min}
          - {from: a, lease: true, never-during: {from: 3.6 min, to: 4.5 min, every: 10 s}}
          - {from: b, lease: true, is: open, at: 3.9 min}
          - {from: a, lease: true, at: 6 min, within: 90 s}
        """))
  }

  /// A paused machine's clock stands still, and its server's doesn't: by its own it has what is another's by now, and uses it.
  @Test func aPausedMachineComesBackWithAnAddressThatIsAnothers() throws {
    hold(
      try run(
        """
        hosts:
          pc: {networks: {home: {mode: host-only, subnet: 192.168.122.0/24, dhcp: {range: 192.168.122.10-192.168.122.10, lease-time: 2 min}}}}
        vms: {a: {network: home}, b: {network: home, autostart: false}}
        events: [{at: 10 s, pause: a}, {at: 3 min, start: b}, {at: 3.5 min, resume: a}]
        expect:
          - {from: b, lease: true, at: 3.2 min}
          - {from: a, lease: true, never-during: [3.6 min, 4 min]}
          - {from: b, lease: true, at: 3.6 min, within: 0 s}
        """))
  }

  @Test func aLeaseIsOneByDHCPAndLiving() throws {
    for (machine, holds) in [("vm", true), ("fixed", false), ("host", false)] {
      let verdict = try verdict(
        "from: \(machine), lease: true, within: 1 s",
        in: """
          segments: {wan: 203.0.113.0/24}
          hosts: {host: {uplink: wan 203.0.113.2, networks: {home: nat}}}
          vms: {vm: {network: home}, fixed: {network: home, address: 192.168.122.9}}
          """)
      #expect(verdict.passed == holds, "\(verdict)")
    }
  }

  @Test func loopbackStaysInsideAMachine() throws {
    let text = """
      segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        mac:
          uplink: wan 203.0.113.2
          networks: {home: {mode: nat, forwards: ["8080:web:80"]}}
          programs: [{http-server: 3000}]
        two: {uplink: wan 203.0.113.9}
      vms:
        web: {network: home, programs: [http-server, {udp-echo: 7}, {ping: {to: localhost, count: 2}}]}
      expect:
        - {from: web, to: "127.0.0.1:80", is: open, reaches: web, seen-as: 127.0.0.1}
        - {from: web, to: "127.9.9.9:80", is: open, reaches: web}
        - {from: web, http: "http://localhost/", is: open}
        - {from: web, to: "127.0.0.1:7/udp", is: open, reaches: web}
        - {from: web, to: "127.0.0.1:8/udp", is: refused}
        - {from: web, ping: 127.0.0.1, is: open}
        - {from: web, to: "127.0.0.1:81", is: refused}
        - {from: web, to: "web:80", is: open, reaches: web}
        - {from: two, ping: localhost, is: open}
        - {from: mac, to: "localhost:3000", is: open, reaches: mac}
        - {from: mac, to: "localhost:8080", is: refused}
        - {from: mac, to: "mac:8080", is: refused}
        - {from: two, to: "mac:8080", is: open, reaches: web}
      """
    var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    hold(try simulation.complete())
    let loopback: [UInt8] = [127, 0, 0, 1]
    for (port, bytes) in try simulation.captured() {
      let found = bytes.indices.dropLast(3).contains { Array(bytes[$0..<$0 + 4]) == loopback }
      #expect(!found, "\(port)")
    }
  }

  @Test func whereForwardsAreListenersTheHostReachesThemToo() throws {
    hold(
      try run(
        """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          mac:
            uplink: wan 203.0.113.2
            networks:
              home:
                mode: nat
                forwards: ["8080:web:80", "7000-7001:web:7-8/udp", "203.0.113.2:9090:web:80"]
                nat: {local-forwards: true}
        vms: {web: {network: home, programs: [http-server, {udp-echo: 8}]}}
        events:
          - {at: 5 s, remove-forward: {network: home, forward: "8080:web:80"}}
          - {at: 5 s, add-forward: {network: home, forward: "8081:web:80"}}
        expect:
          - {from: mac, to: "localhost:8080", is: open, reaches: web}
          - {from: mac, to: "mac:8080", is: open, reaches: web}
          - {from: mac, to: "localhost:7001/udp", is: open, reaches: web}
          - {from: mac, to: "localhost:7000/udp", is: refused}
          - {from: mac, to: "mac:9090", is: open, reaches: web}
          - {from: mac, to: "localhost:9090", is: refused}
          - {from: mac, to: "localhost:8080", is: refused, at: 6 s}
          - {from: mac, to: "localhost:8081", is: open, reaches: web, at: 6 s}
        """))
  }

  /// The advice is about the forward, not about a program that can't be there.
  @Test func explainSpeaksOfTheForwardThatTheHostItselfDoesNotPass() throws {
    var simulation = try Simulation(
      topology(
        """
        segments: {wan: 203.0.113.0/24}
        hosts: {mac: {uplink: wan 203.0.113.2, networks: {podman: {mode: nat, forwards: ["8080:c:80"]}}}}
        vms: {c: {network: podman, programs: [http-server]}}
        """), until: .start + .seconds(2))
    simulation.run()
    let explanation = try simulation.explain(
      from: "mac", .connect(to: .node("mac"), port: 8080, protocol: .tcp), to: "mac:8080")
    #expect(explanation.hint?.contains("forwarded to c (line 2)") == true, "\(explanation)")
    #expect(explanation.hint?.contains("ask c:80") == true && explanation.line == 2)
  }

  @Test func multicastReachesTheLinkAndNothingBehindANAT() throws {
    let report = try run(
      """
      segments: {lan: {subnet: 192.168.1.0/24, delay: 1 ms}}
      hosts:
        pc:
          uplink: lan 192.168.1.20
          networks: {home: nat, br: bridge}
          programs: [{sink: 5353}, {udp-rate: {to: "224.0.0.251:1900", count: 2, start: 2 s}}]
        router: {uplink: lan 192.168.1.1}
        printer: {uplink: lan 192.168.1.50, programs: [{sink: 5353}, {sink: 1900}, {udp-echo: 7}]}
      vms:
        behind: {network: home, programs: [{sink: 5353}, {udp-rate: {to: "224.0.0.251:5353", count: 3, start: 2 s}}]}
        neighbour: {network: home, programs: [{sink: 5353}]}
        bridged:
          network: br
          address: 192.168.1.60
          programs:
            - udp-rate: {to: "224.0.0.251:5353", count: 3, start: 2 s}
            - udp-rate: {to: "239.1.2.3:7", count: 4, start: 2 s}
            - udp-rate: {to: "239.1.2.3:9", count: 4, start: 2 s}
      expect: [{from: printer, ping: router}]
      """)
    hold(report)
    #expect(requests(report, "printer", "sink :5353") == 3)
    #expect(requests(report, "printer", "sink :1900") == 2)
    // Three from the LAN, three from the VMs' network: the host is on both.
    #expect(requests(report, "pc", "sink :5353") == 6)
    // The sender's own program is a member too.
    #expect(requests(report, "behind", "sink :5353") == 3)
    #expect(requests(report, "neighbour", "sink :5353") == 3)
    let echo = report.programs.first { $0.machine == "printer" && $0.report.title == "udp-echo :7" }?.report
    #expect(echo?.requests == 4 && echo?.replies == 4)
    let dropped = report.drops.filter { $0.node == "home" && $0.reason == "multicast-not-forwarded" }
    #expect(dropped.isEmpty, "it was for the host")
  }

  /// netfilter looks its rules up for a flow's first packet alone.
  @Test(arguments: [("linux", "", 29, 0), ("linux", ", keep: false", 5, 24), ("rfc", "", 5, 24), ("rfc", ", keep: true", 29, 0)])
  func aFlowOutlivesItsForwardWhereItMay(profile: String, keep: String, old: Int, new: Int) throws {
    let report = try run(
      """
      segments: {net: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        h: {uplink: net 203.0.113.1, networks: {n: {mode: nat, nat: \(profile), forwards: ["514:old:5001/udp"]}}}
        c: {uplink: net 203.0.113.2, programs: [{udp-rate: {to: "h:514", interval: 1 s, count: 29, start: 1 s}}]}
      vms: {old: {network: n, programs: [sink]}, new: {network: n, programs: [sink]}}
      events:
        - {at: 5.5 s, remove-forward: {network: n, forward: "514:old:5001/udp"\(keep)}}
        - {at: 5.6 s, add-forward: {network: n, forward: "514:new:5001/udp"}}
      duration: 35 s
      """)
    #expect(requests(report, "old", "sink") == UInt64(old) && requests(report, "new", "sink") == UInt64(new))
  }

  /// … and a flow that met no forward meets none that comes later, until it has been silent or is flushed.
  @Test(arguments: [
    ("linux", "", 0), ("linux", "- {at: 12 s, flush-conntrack: n}", 8), ("rfc", "", 15),
    ("linux", "- {at: 12 s, flush-conntrack: {network: n, protocol: udp, port: 53, source: 203.0.113.0/24}}", 8),
    ("linux", "- {at: 12 s, flush-conntrack: {network: n, port: 54}}", 0),
  ])
  func aFlowThatBeganBeforeItsForwardStaysOutside(profile: String, event: String, arrived: Int) throws {
    let report = try run(
      """
      segments: {net: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        h: {uplink: net 203.0.113.1, networks: {n: {mode: nat, nat: \(profile)}}}
        c: {uplink: net 203.0.113.2, programs: [{udp-rate: {to: "h:53", interval: 1 s, count: 19, start: 1 s}}]}
      vms: {web: {network: n, programs: [{sink: 53}]}}
      events:
        - {at: 4.5 s, add-forward: {network: n, forward: "53:web:53/udp"}}
        \(event)
      duration: 25 s
      """)
    #expect(requests(report, "web", "sink") == UInt64(arrived))
  }
}
