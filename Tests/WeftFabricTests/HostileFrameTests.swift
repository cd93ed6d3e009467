import Testing
import WeftCore
import WeftTestSupport
import WeftWire

@testable import WeftFabric

/// Frames as nobody honest makes them, given to every port of a lab: none traps, none makes time stand still, none is
/// lost uncounted.
@Suite struct HostileFrameTests {
  @Test func theCorpusIsLarge() { #expect(Self.corpus(.zero, .any).count > 1_500) }

  private static func corpus(_ mac: MACAddress, _ address: IPv4Address) -> [[UInt8]] {
    func octets(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
    return HostileFrames(
      destination: octets(mac.rawValue, 6), source: [0x52, 0x54, 0, 0xaa, 0, 1],
      from: octets(UInt64(address.rawValue & 0xffff_ff00 | 77), 4), to: octets(UInt64(address.rawValue), 4)
    ).frames
  }

  @Test(arguments: ["rfc", "linux", "full-cone", "symmetric"]) func everyNodeStands(profile: String) throws {
    let lab = """
      segments: {lan: {subnet: 192.0.2.0/24, delay: 1 us}}
      hosts:
        h: {uplink: lan 192.0.2.1, programs: [tcp-echo], networks: {home: {mode: nat, subnet: 10.0.0.0/24, nat: \(profile), forwards: ["80:web:80", "7:web:7/udp"]}}}
        p: {uplink: lan 192.0.2.9, programs: [http-server, udp-echo, tcp-echo, sink, stun-server, rendezvous]}
      vms:
        web: {network: home, programs: [http-server, udp-echo, tcp-echo]}
        idle: {network: home, address: 10.0.0.9}
      """
    var simulation = try Simulation(topology(lab), until: .start + .seconds(400))
    simulation.run(until: .start + .milliseconds(300))
    var moment = simulation.now
    for node in simulation.world.graph.nodes.ids {
      for port in 0..<simulation.world.graph.nodes[node].portCount {
        let (mac, address) = Self.owner(of: port, node, simulation.world)
        for (number, bytes) in Self.corpus(mac, address).enumerated() {
          let before = Self.accounted(simulation.world)
          simulation.world.inject(bytes, to: node, on: port)
          let isARP = bytes.count > 13 && bytes[12] == 8 && bytes[13] == 6
          let element = simulation.world.graph.nodes[node].element
          if element.virtualSwitch != nil || element.gateway != nil && !isARP {
            let name = simulation.world.name(node)
            #expect(Self.accounted(simulation.world) > before, "frame \(number) at port \(port) of \(name): \(bytes)")
          }
          if number % 50 == 0 {
            moment = moment + .microseconds(100)
            let goesOn = simulation.run(until: moment, events: 200_000)
            #expect(!goesOn, "time stands still after frame \(number)")
          }
        }
      }
    }
    // Everything that was kept has its time.
    simulation.run(until: moment + .seconds(200))
    #expect(simulation.now > moment)
  }

  /// Frames that are somewhere: dropped with a reason, sent on, or kept.
  private static func accounted(_ world: borrowing World) -> UInt64 {
    var sum = world.recorder.drops.total &+ UInt64(world.pool.outstanding)
    for port in world.graph.ports.ids { sum &+= world.graph.ports[port].counters.transmitted }
    for link in world.links.ids { sum &-= UInt64(world.links[link].inFlight) }
    for lane in 0..<world.floods.laneCount { sum &+= world.floods.lanes[lane].sentFrames }
    return sum
  }

  /// Whom a frame has to be for to be looked at by a port's owner.
  private static func owner(of port: Int, _ node: NodeID, _ world: borrowing World) -> (MACAddress, IPv4Address) {
    switch world.graph.nodes[node].element {
    case .virtualSwitch: return (.broadcast, IPv4Address("10.0.0.9") ?? .any)
    case .gateway(let id):
      let configuration = world.elements.gateways[id].configuration
      return port < 2
        ? (configuration.outside.mac, configuration.outside.address)
        : (configuration.networks[port - 2].mac, configuration.networks[port - 2].address)
    case .dhcpServer(let id):
      return (world.elements.servers[id].configuration.mac, world.elements.servers[id].configuration.address)
    case .custom: return (.broadcast, .any)
    case .machine(let id):
      let machine = world.elements.machines[id]
      return (machine.interfaces[port].mac, machine.guest.stack.address(of: port) ?? .any)
    }
  }
}
