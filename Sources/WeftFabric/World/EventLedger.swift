import WeftCore

/// What switches and machines noticed, by kind and node. Of the lab, not of who noticed it: a machine that is taken back to a
/// snapshot takes none of it back.
struct EventLedger: Codable {
  struct Entry: Codable {
    var event: NoticedEvent
    var node: Int
    var count: UInt64
    var first: Instant
    var last: Instant
  }

  /// In the order in which each was first noticed.
  private(set) var entries: [Entry] = []

  mutating func note(_ event: NoticedEvent, by node: NodeID, now: Instant) {
    if let index = entries.firstIndex(where: { $0.event == event && $0.node == node.index }) {
      entries[index].count &+= 1
      entries[index].last = now
    } else {
      entries.append(Entry(event: event, node: node.index, count: 1, first: now, last: now))
    }
  }

  /// How often, at these nodes or at all.
  func count(_ event: NoticedEvent, at nodes: Set<NodeID>? = nil) -> UInt64 {
    entries.reduce(0) { sum, entry in
      entry.event == event && nodes?.contains(NodeID(entry.node)) ?? true ? sum &+ entry.count : sum
    }
  }

  /// Of a decoded one.
  func fits(nodes: Int) -> Bool { entries.allSatisfy { (0..<nodes).contains($0.node) } }
}
