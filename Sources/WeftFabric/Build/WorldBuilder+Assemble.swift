import WeftCore
import WeftGuest
import WeftHypervisor
import WeftNAT
import WeftServices
import WeftSwitch
import WeftTopology
import WeftWire

extension WorldBuilder {
  /// Makes the world of the finished plan.
  consuming func assemble(_ pool: FramePool) -> World {
    var world = World(pool: pool)
    for planned in plan.nodes {
      world.nodes.append(
        Node(
          kind: planned.kind, index: planned.index, name: planned.name, firstPort: world.ports.count,
          portCount: planned.ports.count))
      for port in planned.ports { world.ports.append(Port(node: world.nodes.count - 1, name: "\(planned.name)/\(port)")) }
    }
    let switches = plan.nodes.filter { $0.kind == .virtualSwitch }
    world.switches = zip(switches, switchSettings).map { node, settings in
      VirtualSwitch(ports: node.ports.count, fdbLimit: settings.limit, ageing: settings.ageing)
    }
    world.gateways = zip(gateways, gatewayForwards).map { configuration, forwards in
      var configuration = configuration
      configuration.forwards = forwards.compactMap { portForward($0.network, $0.forward) }
      return NATGateway(configuration)
    }
    world.servers = servers.map(DHCPServer.init)
    world.machines = machines
    world.packetCounts = [UInt64](repeating: 0, count: world.nodes.count)
    for cable in plan.cables {
      if let name = cable.name { names.cables[name] = world.links.count }
      let a = world.nodes[cable.a.node].firstPort + cable.a.port
      let b = world.nodes[cable.b.node].firstPort + cable.b.port
      for (from, to, end, parameters) in [(a, b, cable.b, cable.aToB), (b, a, cable.a, cable.bToA)] {
        world.ports[from].linkOut = world.links.count
        world.ends.append(LinkEnds(from: from, to: to, toNode: end.node, toPort: PortIndex(end.port)))
        world.links.append(
          Link(parameters, random: RandomStream(seed: seed, owner: world.ports[from].name, purpose: "loss")))
      }
    }
    world.names = names
    world.schedule()
    return world
  }

  /// To where the VM is planned to be. The validator has seen to it that it is on one of the gateway's networks.
  private func portForward(_ network: String, _ forward: Forward) -> PortForward? {
    guard let address = addressPlan.address(of: forward.vm, on: network) else { return nil }
    return PortForward(
      forward.protocol == .tcp ? .tcp : .udp, externalPort: forward.hostPort, to: address, port: forward.vmPort)
  }
}
