import WeftCore
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
    let switchNodes = plan.nodes.filter { $0.element.virtualSwitch != nil }
    world.elements.switches = Arena(
      zip(switchNodes, switchSettings).map { node, settings in
        VirtualSwitch(ports: node.ports.count, fdb: settings)
      })
    world.elements.gateways = Arena(finishedGateways.map { NATGateway($0) })
    world.elements.servers = Arena(servers.map { DHCPServer($0) })
    world.elements.machines = Arena(machines)
    world.packetNumbers = NameNumbers(plan.nodes.lazy.map(\.name))
    for planned in plan.nodes { world.add(planned.element, planned.name, planned.role, ports: planned.ports) }
    for planned in plan.cables {
      let a = world.graph.port(planned.a.port, of: planned.a.node)
      let b = world.graph.port(planned.b.port, of: planned.b.node)
      let cable = world.connect(a, b, planned.aToB, planned.bToA, seed: seed)
      for name in planned.names { names.cables[name] = cable }
    }
    guards.apply(to: &world)
    switching.apply(to: &world, plan, &macs, seed: seed)
    for mirror in topology.mirrors { world.addMirror(mirror, names) }
    world.site = Site(copy self)
    world.storage = Storage(topology)
    resolveEventForwards()
    for host in topology.hosts where host.networks.contains(where: { $0.nat.localForwards }) {
      names.sharesForwards.insert(host.name)
    }
    world.names = names
    let placed = Dictionary(grouping: topology.vms, by: \.host)
    world.hosts = topology.hosts.map {
      Host(name: $0.name, virtualMachines: (placed[$0.name] ?? []).map(\.name), memory: $0.memory)
    }
    world.restarting = Set(topology.vms.filter { $0.onHostFailure == .restart }.map(\.name))
    world.addStandbys(topology)
    world.addProcessors(topology)
    for index in world.hosts.indices {
      world.hosts[index].overcommit = topology.hosts[index].overcommit
      world.hosts[index].power = topology.hosts[index].power
    }
    let orders = Dictionary(topology.vms.map { ($0.name, $0.startOrder) }) { first, _ in first }
    let waiting = Set(topology.vms.filter { !$0.autostart }.map(\.name))
    let starting = world.machineNodes.map { (name: world.name($0.node), node: $0.node) }.filter { !waiting.contains($0.name) }
    world.bootOrder = starting.map { (boot: Boot($0.name, $0.node, seed: seed, order: orders[$0.name] ?? 1), name: $0.name) }
      .sorted { ($0.boot.at, $0.name) < ($1.boot.at, $1.name) }.map(\.boot)
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
    let networks = configuration.networks.map(\.name)
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
