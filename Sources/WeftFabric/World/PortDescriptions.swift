import WeftTopology

/// Where ports sit, in words: `NAT gateway home, towards segment campus`. For captures and reports.
struct PortDescriptions {
  private var networks: [String: String] = [:]

  init(_ topology: Topology) {
    for host in topology.hosts {
      for network in host.networks {
        networks[network.name] =
          switch network.mode {
          case .nat: "NAT network \(network.name)"
          case .bridge: "bridge \(network.name) of \(host.name)"
          case .hostOnly: "host-only network \(network.name)"
          case .isolated: "isolated network \(network.name)"
          }
      }
    }
  }

  func text(of port: PortID, in world: borrowing World) -> String {
    let near = text(of: world.graph.ports[port].node, in: world)
    guard let far = world.graph.neighbour(of: port) else { return near }
    return "\(near), towards \(text(of: world.graph.ports[far].node, in: world))"
  }

  private func text(of node: NodeID, in world: borrowing World) -> String {
    switch world.graph.nodes[node].role {
    case .segment(let name): world.name(node) == name ? "segment \(name)" : "switch \(world.name(node)) of \(name)"
    case .network(let name, _): networks[name] ?? "network \(name)"
    case .gateway: "NAT gateway \(world.name(node))"
    case .dhcpServer(let name): "DHCP server of \(name)"
    case .host(let name): "host \(name)"
    case .vm(let name): "VM \(name)"
    case .custom: world.name(node)
    }
  }
}
