import WeftCore
import WeftGuest
import WeftHypervisor
import WeftSettings
import WeftTopology

// What happens to the world from outside: events of the file, verbs of the hypervisor.
extension World {
  /// Boots a machine that starts by itself. One that an event has started already stays as it is.
  mutating func boot(_ node: NodeID) {
    guard let machine = machine(node), !graph.nodes[node].isRemoved else { return }
    if elements.machines[machine].vm == nil {
      elements.machines[machine].guest.boot(now: now, &effects)
      settle(node)
    } else {
      try? perform(.start, on: name(node))
    }
  }

  /// Pulls or plugs a cable. What was on it is lost; both ends are told.
  mutating func setCable(_ name: LinkName, up: Bool) throws(ActionError) {
    setCable(try cable(name).links, up: up)
  }

  /// Both directions of a cable.
  mutating func setCable(_ directions: [LinkID], up: Bool) {
    dissolveLanes()
    for link in directions {
      var lost: [StoredFrame] = []
      links[link].setUp(up, now: now) { lost.append($0.store()) }
      for stored in lost {
        drop(Frame(stored: stored), at: graph.ends[link].from, .linkDown, .none, recorded: false, inbound: false)
      }
      scheduler.schedule(link, at: links[link].deadline)
    }
    for link in directions { tell(graph.ends[link].toNode, graph.ends[link].toPort, up: up) }
  }

  mutating func tell(_ node: NodeID, _ port: PortIndex, up: Bool) {
    var change = ChangeLink(port: port, up: up, now: now)
    elements.visit(graph.nodes[node].element, &change, &effects)
    settle(node)
  }

  private func cable(_ name: LinkName) throws(ActionError) -> Cable {
    guard let cable = names.cables[name] else { throw .unknown(sort: "cable", name: "\(name.node).\(name.port)") }
    return cable
  }

  mutating func setLink(_ name: LinkName, delay: Nanoseconds?, rate: UInt64?, loss: Double?) throws(ActionError) {
    let cable = try cable(name)
    dissolveLanes()
    for link in cable.links {
      if let delay { links[link].parameters.delay = delay }
      if let rate { links[link].parameters.rate = rate }
      if let loss { links[link].parameters.setLoss(loss) }
    }
  }

  mutating func setIPForwarding(_ host: String, _ enabled: Bool) throws(ActionError) {
    guard let node = names.gateways[host], let gateway = gateway(node) else {
      throw .unknown(sort: "host with a NAT", name: host)
    }
    elements.gateways[gateway].setIPForwarding(enabled)
    settle(node)
  }

  /// Whether every machine has finished what it was going to do by itself.
  var isIdle: Bool {
    migrations.all.allSatisfy(\.isOver) && !standbys.areDue && restarts.isEmpty && storage.jobs.isEmpty
      && elements.machines.allSatisfy { !$0.state.runs || $0.guest.isIdle }
  }
}
