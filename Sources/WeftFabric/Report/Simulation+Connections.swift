import WeftCore
import WeftNAT

/// An entry of a NAT's connection table.
public struct ConnectionLine: Codable, Sendable {
  public var gateway: String
  public var entry: ConnectionEntry
  /// As `conntrack -L` prints it.
  public var line: String
}

/// A change of a NAT's connection table.
public struct ConnectionEventLine: Codable, Sendable {
  public var gateway: String
  public var event: ConnectionEvent
  /// As `conntrack -E` prints it.
  public var line: String
}

extension Simulation {
  /// The names that `weft conntrack` knows gateways by.
  public var gatewayNames: [String] {
    world.nodes.indices.filter { world.nodes[$0].kind == .gateway }.map { world.nodes[$0].name }
  }

  public func connections(at now: Instant) -> [ConnectionLine] {
    world.nodes.indices.filter { world.nodes[$0].kind == .gateway }.flatMap { node in
      world.gateways[world.nodes[node].index].connections(now: now).map {
        ConnectionLine(gateway: world.nodes[node].name, entry: $0, line: $0.conntrackLine)
      }
    }
  }

  /// From now on; a run keeps the last million of each gateway.
  public mutating func recordConnectionEvents() {
    for index in world.gateways.indices { world.gateways[index].recordEvents(limit: 1_000_000) }
  }

  /// In the order of time; of one moment, in the order of gateways.
  public mutating func takeConnectionEvents() -> [ConnectionEventLine] {
    var all: [ConnectionEventLine] = []
    for node in world.nodes.indices where world.nodes[node].kind == .gateway {
      let name = world.nodes[node].name
      all += world.gateways[world.nodes[node].index].takeEvents().map {
        ConnectionEventLine(gateway: name, event: $0, line: $0.conntrackLine)
      }
    }
    return all.enumerated().sorted { ($0.element.event.at, $0.offset) < ($1.element.event.at, $1.offset) }.map(
      \.element)
  }
}
