import WeftCore
import WeftWire

extension VirtualSwitch {
  public func facts(now: Instant, _ facts: inout Facts) {
    facts.add(database.table(now: now))
    if let guards { facts.add(guards.refusals) }
    if let tree { facts.add(tree.rows) }
    facts.add([
      CounterFact("forwarded", counters.forwarded), CounterFact("flooded", counters.flooded),
      CounterFact("moves", counters.moves), CounterFact("not-learnt", counters.notLearnt),
    ])
  }

  public func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    guard let ethernet = EthernetView(frame.bytes) else { return [] }
    var looked: [Lookup] = []
    if let tree {
      if ethernet.destination == BPDU.group { return [Lookup("spanning tree: a message for the switch itself")] }
      let own = tree.ports[port.index]
      looked.append(Lookup("spanning tree: the port is \(own.role.rawValue), \(own.state.rawValue)"))
      if !own.learning { return looked }
    }
    var vlan: UInt16 = 0
    if let vlans = policy?.vlans {
      switch vlans.classify(ethernet, on: port) {
      case .member(let tci, let isTagged):
        vlan = tci & 0xfff
        looked.append(Lookup("VLAN \(vlan)\(isTagged ? ", by its tag" : ", untagged")"))
      case .refused(let wanted):
        return looked + [Lookup("VLAN: the port takes \(wanted == 0 ? "nothing untagged" : "nothing of VLAN \(wanted)")")]
      }
    }
    looked += guards?.lookups(frame, on: port, in: vlan, now: now, database) ?? []
    return looked + [lookup(ethernet.destination, in: vlan, ports: ports, now: now)]
  }

  private func lookup(_ destination: MACAddress, in vlan: UInt16, ports: [String], now: Instant) -> Lookup {
    if destination.isGroup { return Lookup("group address: flooded") }
    guard let egress = database.port(of: destination, in: vlan, now: now) else {
      return Lookup("forwarding database: \(destination) unknown, flooded to \(portCount - 1) ports")
    }
    let name = ports.indices.contains(egress.index) ? ports[egress.index] : "port \(egress.index)"
    return Lookup("forwarding database: \(destination) is on \(name)")
  }
}
