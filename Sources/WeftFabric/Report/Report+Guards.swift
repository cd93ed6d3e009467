import WeftCore
import WeftSwitch

extension Report {
  /// Frames that a switch's guards turned away at a port.
  public struct Guard: Codable, Sendable {
    /// `lan/mallory`
    public var port: String
    public var reason: String
    public var count: UInt64
    public var first: Instant
    public var last: Instant
  }

  /// Something that a switch or a machine noticed: `mac-flap`.
  public struct Noticed: Codable, Sendable {
    public var event: String
    public var node: String
    public var count: UInt64
    public var first: Instant
    public var last: Instant
  }

  static func line(_ row: Guard) -> String { "  \(row.port): \(row.reason): \(times(row.count, row.first, row.last))" }
  static func line(_ row: Noticed) -> String { "  \(row.node): \(row.event): \(times(row.count, row.first, row.last))" }

  private static func times(_ count: UInt64, _ first: Instant, _ last: Instant) -> String {
    count == 1 ? "once, at \(first)" : "\(count) times, \(first) to \(last)"
  }
}

extension World {
  var guardReport: [Report.Guard] {
    facts(GuardRefusals.self).map { node, row in
      .init(
        port: graph.ports[graph.port(row.port, of: node)].name, reason: row.reason.name, count: row.count, first: row.first,
        last: row.last)
    }
  }

  var noticedReport: [Report.Noticed] {
    recorder.events.entries.map {
      .init(event: $0.event.rawValue, node: name(NodeID($0.node)), count: $0.count, first: $0.first, last: $0.last)
    }
  }
}
