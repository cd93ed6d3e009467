import WeftCore
import WeftSettings
import WeftWire

extension NATGateway {
  public func facts(now: Instant, _ facts: inout Facts) {
    facts.add(connections(now: now))
    facts.add(forwards)
    facts.add(filterRules)
    facts.add(links.neighbours.flatMap { $0.table(now: now) })
    facts.add([
      CounterFact("created", counters.created), CounterFact("expired", counters.expired),
      CounterFact("table-full", counters.tableFull), CounterFact("ports-exhausted", counters.portsExhausted),
      CounterFact("evicted", counters.evicted), CounterFact("invalid", counters.invalid),
      CounterFact("translated", counters.translated), CounterFact("passed", counters.passed),
      CounterFact("answered", counters.answered), CounterFact("most", counters.most),
    ])
  }

  public func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    explain(frame.bytes, on: port, now: now).map { $0.lookup(ports) }
  }
}

extension ConnectionEntry: Fact {
  public static let table = "connections"
  public var key: String { "\(id)" }
  public var fields: [FactField] {
    [
      FactField("protocol", protocolNumber), FactField("state", state.conntrackName), FactField("assured", isAssured),
      FactField("time-left", timeLeft), FactField("original", original.text), FactField("reply", reply.text),
    ]
  }
}

extension ConnectionEntry.Direction {
  fileprivate var text: String {
    "\(source):\(sourcePort) > \(destination):\(destinationPort) on port \(port.index), \(packets) packets, \(bytes) bytes"
  }
}

extension PortForward: Fact {
  public static let table = "forwards"
  public var key: String { "\(transport.rawValue) \(externalAddress.map { "\($0)" } ?? "*"):\(externalPort)" }
  public var fields: [FactField] { [FactField("count", count), FactField("to", "\(address):\(port)")] }
}

extension FilterRuleEntry: Fact {
  public static let table = "filter-rules"
  public var key: String { "\(number)" }
  public var fields: [FactField] {
    [FactField("action", rule.action.rawValue), FactField("packets", packets), FactField("bytes", bytes)]
  }
}

/// A filter rule's place among the others, from 0: what a lookup is about.
package struct FilterRuleNumber: Sendable {
  package var index: Int
}

extension ExplainStep {
  fileprivate func lookup(_ ports: [String]) -> Lookup {
    func name(_ port: PortIndex) -> String {
      ports.indices.contains(port.index) ? ports[port.index] : "port \(port.index)"
    }
    return switch self {
    case .connection(let entry, let isReply):
      Lookup("connection table: \(isReply ? "a reply of" : "in") \(entry.conntrackLine)")
    case .noConnection: Lookup("connection table: none of these ends")
    case .filterRule(let number, let rule):
      Lookup("filter: rule \(number + 1) matches: \(rule.action.rawValue)", about: FilterRuleNumber(index: number))
    case .noFilterRule(let count): Lookup("filter: none of \(count) rules matches: allowed")
    case .forward(let forward):
      Lookup(
        "port forward: \(forward.externalPort)/\(forward.transport.rawValue) to \(forward.address):\(forward.port)",
        about: forward)
    case .service(let service): Lookup("service of the host: \(service.transport.rawValue)/\(service.port)")
    case .mapping(let external, let port, let inside, let insidePort):
      Lookup("mapping: \(external):\(port) is \(inside):\(insidePort)")
    case .binding(let external, let inside): Lookup("one-to-one: \(external) is \(inside)")
    case .noTarget(let address, let port): Lookup("no service, forward or mapping has \(address):\(port)")
    case .mappingFilter(let filtering, let admits):
      Lookup("filtering \(filtering.rawValue): \(admits ? "lets it in" : "keeps it out")")
    case .ipForwarding(let isOn): Lookup("ip-forwarding: \(isOn)")
    case .hairpin(let hairpin): Lookup("hairpin: \(hairpin.rawValue)")
    case .newMapping(let mapping, let allocation, let external, let port):
      Lookup("new mapping (\(mapping.rawValue), ports \(allocation.rawValue)): \(external):\(port)")
    case .fragment(let follows):
      Lookup(follows ? "fragment: goes the way of its datagram's first" : "fragment: its datagram's first isn't here yet")
    case .nextHop(let address, let port): Lookup("next hop: \(address) on \(name(port))")
    case .verdict(.sent(let port, _, _, _, _)): Lookup("verdict: out of \(name(port))")
    case .verdict(.dropped(let reason)): Lookup("verdict: \(reason.name)")
    case .verdict(.waits): Lookup("verdict: waits for the first fragment")
    case .verdict(.answered): Lookup("verdict: answered by the gateway itself")
    }
  }
}
