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
    var nodes: [Node] = []
    var ports: [Port] = []
    for planned in plan.nodes {
      nodes.append(
        Node(
          kind: planned.kind, index: planned.index, name: planned.name, firstPort: ports.count,
          portCount: planned.ports.count))
      for port in planned.ports { ports.append(Port(node: nodes.count - 1, name: "\(planned.name)/\(port)")) }
    }
    let switches = plan.nodes.filter { $0.kind == .virtualSwitch }
    world.switches = ElementStore(
      zip(switches, switchSettings).map { node, settings in
        VirtualSwitch(ports: node.ports.count, fdbLimit: settings.limit, ageing: settings.ageing)
      })
    world.gateways = ElementStore(finishedGateways.map { NATGateway($0) })
    world.servers = ElementStore(servers.map { DHCPServer($0) })
    world.machines = ElementStore(machines)
    var links: [Link] = []
    var ends: [LinkEnds] = []
    world.packetCounts = [UInt64](repeating: 0, count: nodes.count)
    for cable in plan.cables {
      if let name = cable.name { names.cables[name] = links.count }
      let a = nodes[cable.a.node].firstPort + cable.a.port
      let b = nodes[cable.b.node].firstPort + cable.b.port
      for (from, to, end, parameters) in [(a, b, cable.b, cable.aToB), (b, a, cable.a, cable.bToA)] {
        ports[from].linkOut = links.count
        ends.append(LinkEnds(from: from, to: to, toNode: end.node, toPort: PortIndex(end.port)))
        links.append(
          Link(parameters, random: RandomStream(seed: seed, owner: ports[from].name, purpose: "loss")))
      }
    }
    world.links = ElementStore(links)
    world.ends = ElementStore(ends)
    world.nodes = ElementStore(nodes)
    world.ports = ElementStore(ports)
    resolveEventForwards()
    for host in topology.hosts where host.networks.contains(where: { $0.nat.localForwards }) {
      names.sharesForwards.insert(host.name)
    }
    world.names = names
    let placed = Dictionary(grouping: topology.vms, by: \.host)
    world.hosts = topology.hosts.map { Host(name: $0.name, virtualMachines: (placed[$0.name] ?? []).map(\.name)) }
    let waiting = Set(topology.vms.filter { !$0.autostart }.map(\.name))
    world.bootOrder = nodes.indices.filter { nodes[$0].kind == .machine && !waiting.contains(nodes[$0].name) }
    for host in topology.hosts { world.shareForwards(of: host.name) }
    world.schedule()
    return world
  }

  /// With their forwards, once every VM has its address.
  var finishedGateways: [NATConfiguration] {
    zip(gateways, gatewayForwards).map { configuration, forwards in
      var configuration = configuration
      configuration.forwards = forwards.compactMap { portForward($0.network, $0.forward) }
      configuration.staticBindings = staticBindings(of: configuration)
      return configuration
    }
  }

  private mutating func resolveEventForwards() {
    for event in topology.events {
      switch event.action {
      case .addForward(let network, let forwards), .removeForward(let network, let forwards, _):
        for forward in forwards {
          names.forwardTargets[.init(network: network, machine: forward.vm)] =
            forward.vmAddress ?? addressPlan.address(of: forward.vm, on: network)
        }
      default: break
      }
    }
  }

  /// With one-to-one translation: the planned addresses of those that the file settles one for.
  private func staticBindings(of configuration: NATConfiguration) -> [NATConfiguration.StaticBinding] {
    let networks = configuration.insides.map(\.name)
    guard let first = networks.first, let place = placeOfNetwork[first] else { return [] }
    return topology.hosts[place.host].networks[place.network].nat.oneToOne.compactMap { pair in
      let address = networks.lazy.compactMap { addressPlan.address(of: pair.vm, on: $0) }.first
      return address.map { .init(inside: $0, external: pair.address) }
    }
  }

  /// To where the VM is planned to be. The validator has seen to it that it is on one of the gateway's networks.
  private func portForward(_ network: String, _ forward: Forward) -> PortForward? {
    let target = forward.vmAddress ?? addressPlan.address(of: forward.vm, on: network)
    guard let address = target else { return nil }
    return PortForward(forward, to: address)
  }
}
