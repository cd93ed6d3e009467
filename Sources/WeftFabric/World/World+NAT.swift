import WeftCore
import WeftGuest
import WeftHypervisor
import WeftNAT
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

/// Why an event of the file could not be carried out, in words.
struct EventFailure: Error, CustomStringConvertible {
  var description: String
}

// Changes of a NAT while it runs.
extension World {
  /// All of them or, where one can't be, none.
  mutating func addForwards(_ forwards: [Forward], to network: String, _ topology: Topology) throws(EventFailure) {
    guard let node = names.gatewayOfNetwork[network], let gateway = gateway(node) else { return }
    defer { shareForwards(ofGateway: node) }
    var added: [PortForward] = []
    for forward in forwards {
      let wanted = try portForward(forward, of: network)
      do throws(PortForwardError) {
        try elements.gateways[gateway].addForward(wanted)
        added.append(wanted)
      } catch {
        for forward in added { try? elements.gateways[gateway].removeForward(forward) }
        settle(node)
        throw EventFailure(description: describe(error, forward, of: network, topology))
      }
    }
    settle(node)
  }

  /// `keep`: whether their connections go on; nil: as the NAT does it.
  mutating func removeForwards(
    _ forwards: [Forward], of network: String, keep: Bool?, _ topology: Topology
  ) throws(EventFailure) {
    guard let node = names.gatewayOfNetwork[network], let gateway = gateway(node) else { return }
    defer { shareForwards(ofGateway: node) }
    for forward in forwards {
      let unwanted = try portForward(forward, of: network)
      do throws(PortForwardError) {
        try elements.gateways[gateway].removeForward(unwanted, keepingConnections: keep)
      } catch {
        settle(node)
        throw EventFailure(description: describe(error, forward, of: network, topology))
      }
    }
    settle(node)
  }

  /// Tells a host's own stack which of its ports are forwarded, where its programs are to reach them.
  mutating func shareForwards(of host: String) {
    guard names.sharesForwards.contains(host), let gateway = names.gateways[host].flatMap({ gateway($0) }),
      let machine = names.machines[host].flatMap({ machine($0) })
    else { return }
    elements.machines[machine].guest.stack.localForwards = elements.gateways[gateway].forwards.map {
      LocalForward(
        protocol: $0.transport == .tcp ? .tcp : .udp, address: $0.externalAddress, port: $0.externalPort,
        count: $0.count, to: $0.address, toPort: $0.port)
    }
  }

  private mutating func shareForwards(ofGateway node: NodeID) {
    if case .gateway(let host) = graph.nodes[node].role { shareForwards(of: host) }
  }

  mutating func flushConnections(of network: String, _ filter: FlowFilter) throws(ActionError) {
    guard let node = names.gatewayOfNetwork[network], let gateway = gateway(node) else {
      throw .unknown(sort: "NAT network", name: network)
    }
    elements.gateways[gateway].kill(filter, now: now)
    settle(node)
  }

  private func portForward(_ forward: Forward, of network: String) throws(EventFailure) -> PortForward {
    guard let address = names.forwardTargets[.init(network: network, machine: forward.vm)] else {
      throw EventFailure(description: "\(forward) of \(network): \(forward.vm) has no address there")
    }
    return PortForward(forward, to: address)
  }

  /// What stands in the way, by name and line.
  private func describe(
    _ error: PortForwardError, _ forward: Forward, of network: String, _ topology: Topology
  ) -> String {
    let what = "the forward \(forward) of \(network)"
    switch error {
    case .conflict(_, with: .forward(let rival)):
      if let other = topology.forward(rival, besides: network) {
        return "\(what) is in the way of \(other.forward) of \(other.network) (line \(other.forward.mark.line))"
      }
      return "\(what) is in the way of another, to \(rival.address):\(rival.port)"
    case .conflict(_, with: .service(let service)):
      let host = topology.hosts.first { $0.networks.contains { $0.name == network } }
      let program = host?.programs.first { program in
        program.listens.contains { $0.1 == service.port && ($0.0 == .tcp) == (service.transport == .tcp) }
      }
      let line = program.map { " (line \($0.mark.line))" } ?? ""
      return
        "\(what): the host \(host?.name ?? "itself") listens on port \(service.port)/\(service.transport.rawValue)\(line)"
    case .conflict(_, with: .flow(let address, let port)):
      return "\(what): a connection of \(address):\(port) goes out with its port"
    case .unknown: return "\(what): there is none like it"
    case .notInside, .notExternal, .badRange: return "\(what) can't be: \(error)"
    }
  }
}

extension Topology {
  /// The forward of the file that a gateway's is made from. Of those that events have added and removed, the last.
  func forward(_ forward: PortForward, besides network: String) -> (network: String, forward: Forward)? {
    guard let host = hosts.first(where: { $0.networks.contains { $0.name == network } }) else { return nil }
    let own = Set(host.networks.map(\.name))
    var found: [(String, Forward)] = host.networks.flatMap { network in network.forwards.map { (network.name, $0) } }
    for event in events {
      if case .addForward(let name, let forwards) = event.action, own.contains(name) {
        found += forwards.map { (name, $0) }
      }
    }
    return found.last { PortForward($0.1, to: forward.address) == forward }
  }
}
