import Testing
import WeftCore
import WeftSwitch
import WeftTestSupport
import WeftWire

@testable import WeftFabric

/// Nodes, ports and cables that come to a world while it runs.
@Suite struct GraphTests {
  /// Ten thousand VMs are a few hundred kilobytes of deadlines, not gigabytes.
  @Test func aSchedulerThatGrowsWithItsGraphHasRoomForTwiceAsManyAtMost() {
    var scheduler = Scheduler()
    for count in 1...3000 { scheduler.grow(links: 2 * count, nodes: count) }
    for count in 3001...4000 { scheduler.grow(links: 6000, nodes: count) }
    #expect((6000...12_000).contains(scheduler.links) && (4000...8000).contains(scheduler.nodes))
  }

  @Test func whatComesLaterIsReachedAndMovesNobody() throws {
    var simulation = try Simulation(
      topology(
        """
        segments: {net: {subnet: 203.0.113.0/24}}
        hosts:
          a: {uplink: net 203.0.113.1, programs: [{ping: {to: b}}]}
          b: {uplink: net 203.0.113.2}
        """), until: .start + .seconds(10), captures: CaptureOptions(directory: nil))
    simulation.run(until: .start + .seconds(1))
    let (nodes, ports, links) = (
      simulation.world.graph.nodes.array.map(\.name), simulation.world.graph.ports.array.map(\.name),
      simulation.world.links.count
    )
    let found = simulation.world.graph.nodes.ids.first { simulation.world.graph.nodes[$0].role == .segment("net") }
    let segment = try #require(found)
    let bridge = try #require(simulation.world.graph.nodes[segment].element.virtualSwitch)

    let hub = simulation.world.elements.switches.append(VirtualSwitch(ports: 2))
    let node = simulation.world.add(.virtualSwitch(hub), "hub", .custom, ports: ["up", "down"])
    simulation.world.elements.switches[bridge].addPort()
    let port = simulation.world.graph.addPort("hub", to: segment)
    let cable = simulation.world.connect(
      simulation.world.graph.port(PortIndex(0), of: node), port, LinkParameters(delay: .milliseconds(1)),
      LinkParameters(), seed: 1)
    #expect(Array(simulation.world.graph.nodes.array.map(\.name).prefix(nodes.count)) == nodes)
    #expect(Array(simulation.world.graph.ports.array.map(\.name).prefix(ports.count)) == ports)
    #expect(cable.links.map(\.index) == [links, links + 1])
    // Links of later cables still come before nodes that were there before.
    #expect(Scheduler.Source.link(cable.back) < .node(segment))

    let before = simulation.world.graph.ports.array.map(\.counters.received)
    var frame = [UInt8](repeating: 0xff, count: 60)
    (frame[6], frame[12]) = (2, 0x88)
    simulation.world.inject(frame, to: node, on: 1)
    simulation.run(until: simulation.now + .milliseconds(2))
    for (index, name) in ports.enumerated() where name == "a/uplink" || name == "b/uplink" {
      let now = simulation.world.graph.ports[PortID(index)].counters.received
      #expect(now > before[index], "\(name)")
    }
    // It goes on as it would.
    let report = try simulation.complete()
    #expect(report.programs.first?.report.replies == 4, "\(report.programs)")
  }

  /// Linux forgets the neighbours of an interface whose carrier goes (`neigh_carrier_down`).
  @Test(arguments: [("laptop.uplink", "wan"), ("web.eth0", "lan")])
  func aGatewayForgetsTheNeighboursBehindAPulledCable(cable: String, interface: String) throws {
    func neighbours(at moment: UInt64) throws -> [String] {
      var simulation = try Simulation(
        topology(
          """
          segments: {net: {subnet: 203.0.113.0/24}}
          hosts:
            laptop: {uplink: net 203.0.113.1, networks: {home: {mode: nat, subnet: 10.0.0.0/24}}}
            visitor: {uplink: net 203.0.113.2, programs: [{http-server: 80}]}
          vms: {web: {network: home}}
          events: [{at: 3 s, link-down: \(cable)}, {at: 4 s, link-up: \(cable)}]
          expect: [{from: web, to: "visitor:80", at: 2 s}, {from: web, to: "visitor:80", at: 6 s}]
          """), until: .start + .seconds(20))
      simulation.run(until: .start + .milliseconds(moment))
      return simulation.neighbours(of: "home").filter { $0.node == "home" && $0.interface == interface }.map(\.address)
    }
    #expect(try neighbours(at: 2900).count == 1)
    // Between the gateway and a VM stands the network's switch: its own cable is still in.
    #expect(try neighbours(at: 3100).isEmpty == (interface == "wan"))
    #expect(try neighbours(at: 6500).count == 1)
  }
}
