import Testing
import WeftCore
import WeftFabric
import WeftSettings
import WeftTopology
import WeftWire

/// A topology made by a program is what the file makes: it needs no marks, and nothing of it depends on them.
@Suite struct CodeTopologyTests {
  /// topologies/nat-vs-bridge.yaml in code.
  static func natAgainstBridge() -> Topology {
    let subnet = IPv4Prefix(IPv4Address(134, 115, 153, 0), length: 24)
    let inside = IPv4Prefix(IPv4Address(192, 168, 122, 0), length: 24)
    var campus = Segment(name: "campus", subnet: subnet)
    campus.link.delay = .milliseconds(1)
    campus.link.rate = 1_000_000_000

    func uplink(_ address: IPv4Address) -> Uplink {
      var uplink = Uplink(segment: "campus", address: address, prefix: subnet)
      uplink.link = campus.link
      return uplink
    }
    let server = Program(HTTPServerSettings(port: 80))

    var home = Network(name: "home", mode: .nat, subnet: inside)
    home.gateway = IPv4Address(192, 168, 122, 1)
    home.dhcp = DHCPSettings(
      server: IPv4Address(192, 168, 122, 254), rangeFirst: IPv4Address(192, 168, 122, 2),
      rangeLast: IPv4Address(192, 168, 122, 253))
    home.forwards = [Forward(protocol: .tcp, hostPort: 8080, vm: "web", vmPort: 80)]
    let lan = Network(name: "lan", mode: .bridge, subnet: subnet)

    var laptop = Host(name: "laptop")
    laptop.uplink = uplink(IPv4Address(134, 115, 153, 223))
    laptop.networks = [home, lan]
    var visitor = Host(name: "visitor")
    visitor.uplink = uplink(IPv4Address(134, 115, 153, 10))
    visitor.programs = [server]

    var web = VM(name: "web", host: "laptop", nics: [NIC(network: "home")])
    web.programs = [server]
    var nic = NIC(network: "lan")
    nic.address = IPv4Address(134, 115, 153, 73)
    var open = VM(name: "public", host: "laptop", nics: [nic])
    open.programs = [server]

    func check(
      _ name: String, from: String, to: String, _ port: UInt16, _ change: (inout WeftTopology.Expectation) -> Void = { _ in }
    )
      -> WeftTopology.Expectation
    {
      var check = WeftTopology.Expectation(
        name: name, from: from, probe: .connect(to: .node(to), port: port, protocol: .tcp),
        timing: .within(at: .seconds(1), within: .seconds(10)))
      change(&check)
      return check
    }
    let cable = LinkName(node: "laptop", port: "uplink")
    var lab = Topology(name: "nat-vs-bridge")
    (lab.segments, lab.hosts, lab.vms) = ([campus], [laptop, visitor], [web, open])
    lab.events = [Event(at: .seconds(5), action: .linkDown(cable)), Event(at: .seconds(6), action: .linkUp(cable))]
    lab.expectations = [
      check("a VM behind NAT reaches out", from: "web", to: "visitor", 80) { $0.seenAs = IPv4Address(134, 115, 153, 223) },
      check("nobody comes in unasked", from: "visitor", to: "laptop", 80) {
        $0.outcome = .dropped
        $0.by = "home"
      },
      check("… unless a port is forwarded", from: "visitor", to: "laptop", 8080) { $0.reaches = "web" },
      check("a bridged VM is its own machine", from: "visitor", to: "public", 80),
    ]
    return lab
  }

  @Test func aTopologyInCodeRunsAsTheSameOneInAFile() throws {
    func run(_ topology: Topology) throws -> (Fingerprint?, Report) {
      var simulation = try Simulation(topology)
      simulation.recordFingerprint()
      simulation.run()
      return (simulation.fingerprint, try simulation.finish())
    }
    let (inCode, report) = try run(Self.natAgainstBridge())
    let (inFile, expected) = try run(example("nat-vs-bridge.yaml"))
    let fingerprint = try #require(inCode)
    #expect(fingerprint == inFile)
    #expect(report.expectations.map(\.name) == expected.expectations.map(\.name))
    #expect(report.expectations.map(\.passed) == expected.expectations.map(\.passed))
    #expect(report.expectations.allSatisfy { $0.passed })
    #expect(report.endedAt == expected.endedAt)
  }
}
