import WeftCore
import WeftNAT
import WeftSettings

/// An entry of a NAT's connection table.
public struct ConnectionLine: Sendable {
  public var gateway: String
  public var entry: ConnectionEntry
  /// As `conntrack -L` prints it.
  public var line: String
  /// Of the gateway's ports.
  var interfaces: [String]
}

/// What happened to a NAT's connection table so far.
public struct ConnectionStatisticsLine: Sendable, Encodable {
  public var gateway: String
  public var counters: NATGateway.Counters

  /// As `conntrack -S` prints it (conntrack-tools 1.4.7), with what means something here: segments that fit no connection; flows
  /// that found no free port; flows that found no room; entries given up for others.
  public var line: String {
    "cpu=0   \tfound=0 invalid=\(counters.invalid) insert=0 insert_failed=\(counters.portsExhausted) "
      + "drop=\(counters.tableFull) early_drop=\(counters.evicted) error=0 search_restart=0 "
  }
}

/// A change of a NAT's connection table.
public struct ConnectionEventLine: Sendable {
  public var gateway: String
  public var event: ConnectionEvent
  /// As `conntrack -E` prints it.
  public var line: String
  var interfaces: [String]

  /// The moment as `conntrack -E -o timestamp` puts it in front of the line: `[00000001.002000]` and a tab.
  public var timestamp: String {
    let micros = event.at.rawValue / 1000
    return "[\((micros / 1_000_000).padded(to: 8)).\((micros % 1_000_000).padded(to: 6))]\t"
  }
}

extension Simulation {
  /// The names that `weft conntrack` knows gateways by.
  public var gatewayNames: [String] {
    world.gatewayNodes.map { world.name($0.node) }
  }

  /// The NAT that has this name, is its host's, or is that of a network called so.
  public func gatewayName(for name: String) -> String? {
    if gatewayNames.contains(name) { return name }
    return (world.names.gatewayOfNetwork[name] ?? world.names.gateways[name]).map { world.name($0) }
  }

  public func connections(at now: Instant, _ filter: FlowFilter = FlowFilter()) -> [ConnectionLine] {
    world.facts(ConnectionEntry.self, at: now).filter { filter.matches($0.1) }.map { node, entry in
      ConnectionLine(
        gateway: world.name(node), entry: entry, line: entry.conntrackLine, interfaces: world.graph.portNames(of: node))
    }
  }

  /// Of each NAT, as `conntrack -S` has it of a box with one CPU.
  public var connectionStatistics: [ConnectionStatisticsLine] {
    world.gatewayNodes.map { node, gateway in
      ConnectionStatisticsLine(gateway: world.name(node), counters: world.elements.gateways[gateway].counters)
    }
  }

  /// From now on; a run keeps the last million of each gateway.
  public mutating func recordConnectionEvents() {
    for gateway in world.elements.gateways.ids { world.elements.gateways[gateway].recordEvents(limit: 1_000_000) }
  }

  /// In the order of time; of one moment, in the order of gateways.
  public mutating func takeConnectionEvents(_ filter: FlowFilter = FlowFilter()) -> [ConnectionEventLine] {
    var all: [ConnectionEventLine] = []
    for (node, gateway) in world.gatewayNodes {
      let name = world.name(node)
      let interfaces = world.graph.portNames(of: node)
      all += world.elements.gateways[gateway].takeEvents().filter { filter.matches($0.entry) }.map {
        ConnectionEventLine(gateway: name, event: $0, line: $0.conntrackLine, interfaces: interfaces)
      }
    }
    return all.enumerated().sorted { ($0.element.event.at, $0.offset) < ($1.element.event.at, $1.offset) }.map(
      \.element)
  }
}
