import WeftCore
import WeftWire

extension VirtualSwitch {
  public func facts(now: Instant, _ facts: inout Facts) {
    facts.add(database.table(now: now))
    if let guards { facts.add(guards.refusals) }
    facts.add([
      CounterFact("forwarded", counters.forwarded), CounterFact("flooded", counters.flooded),
      CounterFact("moves", counters.moves), CounterFact("not-learnt", counters.notLearnt),
    ])
  }

  public func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    guard let ethernet = EthernetView(frame.bytes) else { return [] }
    let looked = guards?.lookups(frame, on: port, now: now, database) ?? []
    return looked + [lookup(ethernet.destination, ports: ports, now: now)]
  }

  private func lookup(_ destination: MACAddress, ports: [String], now: Instant) -> Lookup {
    if destination.isGroup { return Lookup("group address: flooded") }
    guard let egress = database.port(of: destination, now: now) else {
      return Lookup("forwarding database: \(destination) unknown, flooded to \(portCount - 1) ports")
    }
    let name = ports.indices.contains(egress.index) ? ports[egress.index] : "port \(egress.index)"
    return Lookup("forwarding database: \(destination) is on \(name)")
  }
}
