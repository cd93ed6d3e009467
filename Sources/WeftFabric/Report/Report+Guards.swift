import WeftCore
import WeftSwitch
import WeftWire

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
    /// Of the last: whose MAC address it was about, and what machine has it by the file.
    public var mac: String?
    public var machine: String?
    /// Of one that moved: between which ports.
    public var from: String?
    public var to: String?
  }

  static func line(_ row: Guard) -> String { "  \(row.port): \(row.reason): \(times(row.count, row.first, row.last))" }
  static func line(_ row: Noticed) -> String {
    let who = row.mac.map { mac in row.machine.map { "\($0) (\(mac))" } ?? mac }
    let detail: String =
      switch (who, row.from, row.to) {
      case (let who?, let from?, let to?): "; \(row.count == 1 ? "" : "the last: ")\(who) from \(from) to \(to)"
      case (let who?, _, _): "; \(row.count == 1 ? "" : "the last ")from \(who)"
      default: ""
      }
    return "  \(row.node): \(row.event): \(times(row.count, row.first, row.last))\(detail)"
  }

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
    var bearers: [MACAddress: String] = [:]
    if recorder.events.entries.contains(where: { $0.mac != nil }) {
      for port in graph.ports.ids {
        guard !graph.ports[port].isRemoved, let mac = mac(of: port) else { continue }
        let owner = name(graph.ports[port].node)
        // Of two with one address both.
        bearers[mac] = bearers[mac].map { $0 == owner ? owner : "\($0) and \(owner)" } ?? owner
      }
    }
    return recorder.events.entries.map { entry in
      let node = NodeID(entry.node)
      let ports = entry.ports.filter { $0.index < graph.nodes[node].portCount }
        .map { graph.ports[graph.port($0, of: node)].name }
      return Report.Noticed(
        event: entry.event.rawValue, node: name(node), count: entry.count, first: entry.first, last: entry.last,
        mac: entry.mac?.description, machine: entry.mac.flatMap { bearers[$0] }, from: ports.first, to: ports.last)
    }
  }
}
