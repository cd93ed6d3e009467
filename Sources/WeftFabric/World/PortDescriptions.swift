import WeftTopology

/// Where ports sit, in words: `NAT gateway home, towards segment campus`. For captures and reports.
struct PortDescriptions {
  private var switches: [String: String] = [:]
  private let hosts: Set<String>

  init(_ topology: Topology) {
    for segment in topology.segments { switches[segment.name] = "segment \(segment.name)" }
    for host in topology.hosts {
      for network in host.networks {
        switch network.mode {
        case .nat: switches["\(network.name)-switch"] = "NAT network \(network.name)"
        case .bridge: switches[network.name] = "bridge \(network.name) of \(host.name)"
        case .hostOnly: switches[network.name] = "host-only network \(network.name)"
        case .isolated: switches[network.name] = "isolated network \(network.name)"
        }
      }
    }
    hosts = Set(topology.hosts.map(\.name))
  }

  func text(of port: Int, in world: borrowing World) -> String {
    let near = self.node(world.ports[port].node, in: world)
    let link = world.ports[port].linkOut
    guard link >= 0 else { return near }
    return "\(near), towards \(node(world.ports[world.ends[link].to].node, in: world))"
  }

  private func node(_ node: Int, in world: borrowing World) -> String {
    let name = world.nodes[node].name
    return switch world.nodes[node].kind {
    case .virtualSwitch: switches[name] ?? "switch \(name)"
    case .gateway: "NAT gateway \(name)"
    case .dhcpServer:
      name.hasSuffix("-dhcp") ? "DHCP server of \(name.dropLast("-dhcp".count))" : "DHCP server \(name)"
    case .machine: "\(hosts.contains(name) ? "host" : "VM") \(name)"
    }
  }
}
