import WeftCore

/// The connections' timers, earliest first. An entry is never moved or taken out early: when it comes up and its
/// connection is due later, it goes back in with the new time. So a timer that moves with each packet costs nothing,
/// and a thousand idle connections are looked at one by one, when due.
struct TimerHeap: Codable {
  struct Entry: Codable {
    var at: Instant
    var connection: UInt32
  }

  private var entries: [Entry] = []

  var earliest: Instant { entries.first?.at ?? .never }

  var connections: [UInt32] { entries.map(\.connection) }

  mutating func push(_ connection: UInt32, at instant: Instant) {
    entries.append(Entry(at: instant, connection: connection))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard isBefore(child, parent) else { break }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop(notAfter now: Instant) -> Entry? {
    guard let first = entries.first, first.at <= now else { return nil }
    let last = entries.removeLast()
    if entries.isEmpty { return first }
    entries[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, isBefore(child + 1, child) { child += 1 }
      guard isBefore(child, parent) else { break }
      entries.swapAt(child, parent)
      parent = child
    }
    return first
  }

  /// By time, then by number: the order owes nothing to the heap's shape.
  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    (entries[a].at, entries[a].connection) < (entries[b].at, entries[b].connection)
  }
}
