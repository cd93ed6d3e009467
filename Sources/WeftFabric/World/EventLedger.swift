import WeftCore
import WeftWire

/// What switches and machines noticed, by kind and node. Of the lab, not of who noticed it: a machine that is taken back to a
/// snapshot takes none of it back.
struct EventLedger: Codable {
  struct Entry: Codable {
    var event: NoticedEvent
    var node: Int
    var count: UInt64
    var first: Instant
    var last: Instant
    /// Whose address the last of them was about.
    var mac: MACAddress?
    /// From and to which of the node's ports that went.
    var ports: [PortIndex] = []
  }

  /// In the order in which each was first noticed.
  private(set) var entries: [Entry] = []

  mutating func note(_ event: NoticedEvent, _ observation: Observation, by node: NodeID, now: Instant) {
    let index: Int
    if let known = entries.firstIndex(where: { $0.event == event && $0.node == node.index }) {
      index = known
      entries[index].count &+= 1
      entries[index].last = now
    } else {
      index = entries.count
      entries.append(Entry(event: event, node: node.index, count: 1, first: now, last: now))
    }
    entries[index].mac = observation.mac
    guard let move = observation.move else { return }
    if entries[index].ports.count != 2 { entries[index].ports = [move.from, move.to] }
    (entries[index].ports[0], entries[index].ports[1]) = (move.from, move.to)
  }

  /// How often, at these nodes or at all.
  func count(_ event: NoticedEvent, at nodes: Set<NodeID>? = nil) -> UInt64 {
    entries.reduce(0) { sum, entry in
      entry.event == event && nodes?.contains(NodeID(entry.node)) ?? true ? sum &+ entry.count : sum
    }
  }

  /// Of a decoded one.
  func fits(nodes: Int) -> Bool {
    entries.allSatisfy { (0..<nodes).contains($0.node) && ($0.ports.isEmpty || $0.ports.count == 2) }
  }
}
