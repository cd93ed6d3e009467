import WeftCore
import WeftNAT

/// An entry of a NAT's connection table.
public struct ConnectionLine: Sendable {
  public var gateway: String
  public var entry: ConnectionEntry
  /// As `conntrack -L` prints it.
  public var line: String
  /// Of the gateway's ports.
  var interfaces: [String]
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

  public func connections(at now: Instant) -> [ConnectionLine] {
    world.facts(ConnectionEntry.self, at: now).map { node, entry in
      ConnectionLine(
        gateway: world.name(node), entry: entry, line: entry.conntrackLine, interfaces: world.graph.portNames(of: node))
    }
  }

  /// From now on; a run keeps the last million of each gateway.
  public mutating func recordConnectionEvents() {
    for gateway in world.elements.gateways.ids { world.elements.gateways[gateway].recordEvents(limit: 1_000_000) }
  }

  /// In the order of time; of one moment, in the order of gateways.
  public mutating func takeConnectionEvents() -> [ConnectionEventLine] {
    var all: [ConnectionEventLine] = []
    for (node, gateway) in world.gatewayNodes {
      let name = world.name(node)
      let interfaces = world.graph.portNames(of: node)
      all += world.elements.gateways[gateway].takeEvents().map {
        ConnectionEventLine(gateway: name, event: $0, line: $0.conntrackLine, interfaces: interfaces)
      }
    }
    return all.enumerated().sorted { ($0.element.event.at, $0.offset) < ($1.element.event.at, $1.offset) }.map(
      \.element)
  }
}
