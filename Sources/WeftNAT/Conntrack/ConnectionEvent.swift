import WeftCore

/// A change of the connection table, as `conntrack -E` tells it.
public struct ConnectionEvent: Hashable, Sendable, Codable {
  public enum Kind: String, Hashable, Sendable, Codable, CaseIterable { case new, update, destroy }

  public var kind: Kind
  public var at: Instant
  /// After the change; before it where the entry is gone.
  public var entry: ConnectionEntry
}

/// The latest events, until somebody takes them.
struct EventRing: Codable {
  private(set) var limit = 0
  private var events: [ConnectionEvent] = []
  private var head = 0
  private(set) var lost: UInt64 = 0

  /// Of a decoded one.
  var isConsistent: Bool {
    (0...1 << 40).contains(limit) && events.count <= max(limit, 0) && (0...max(events.count - 1, 0)).contains(head)
  }

  mutating func setLimit(_ limit: Int) {
    self.limit = max(limit, 0)
    let kept = take().suffix(self.limit)
    events = Array(kept)
  }

  mutating func add(_ event: ConnectionEvent) {
    if events.count < limit {
      events.append(event)
    } else {
      events[head] = event
      head = (head + 1) % limit
      lost &+= 1
    }
  }

  mutating func take() -> [ConnectionEvent] {
    let all = Array(events[head...] + events[..<head])
    events = []
    head = 0
    return all
  }
}

extension NATGateway {
  /// Keeps the last `limit` events from now on; 0, as it begins, keeps none.
  public mutating func recordEvents(limit: Int) { conntrack.events.setLimit(limit) }

  /// What has happened since the last time, oldest first.
  public mutating func takeEvents() -> [ConnectionEvent] { conntrack.events.take() }

  /// Events that were overwritten before anybody took them.
  public var lostEvents: UInt64 { conntrack.events.lost }
}

extension Conntrack {
  @inline(__always)
  mutating func record(_ kind: ConnectionEvent.Kind, _ id: SessionID) {
    if events.limit > 0 { events.add(ConnectionEvent(kind: kind, at: now, entry: entry(id, now: now))) }
  }
}
