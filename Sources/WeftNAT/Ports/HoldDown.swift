import WeftCore
import WeftWire

/// External ports that were given back lately (RFC 6888, REQ-8). All wait equally long: the oldest is the first to go.
struct HoldDown: Codable {
  struct Held: Codable {
    var until: Instant
    var kind: FlowKind
    var externalAddress: IPv4Address
    var externalPort: UInt16
    var insideAddress: IPv4Address
    var insidePort: UInt16
    var port: GatewayPort
  }

  private var queue: [Held] = []
  private var head = 0
  /// Where in the queue an external endpoint is, counted from the first there ever was.
  private var places = FlatMap<UInt64, UInt64>()
  private var dropped: UInt64 = 0

  private static func key(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) -> UInt64 {
    UInt64(kind.rawValue) << 48 | UInt64(port) << 32 | UInt64(address.rawValue)
  }

  /// Of a decoded one: that every endpoint is where it is said to be.
  var isConsistent: Bool {
    guard (0...queue.count).contains(head), dropped < 1 << 62 else { return false }
    return places.unordered.allSatisfy { key, place in
      guard place >= dropped, place - dropped < UInt64(queue.count), place - dropped >= UInt64(head) else { return false }
      let held = queue[Int(place - dropped)]
      return Self.key(held.kind, held.externalAddress, held.externalPort) == key
    } && zip(queue, queue.dropFirst()).allSatisfy { $0.until <= $1.until }
  }

  /// Whether `next` has something: only looks.
  func isDue(_ now: Instant) -> Bool { !isEmpty && head < queue.count && queue[head].until <= now }

  var isEmpty: Bool { places.isEmpty }
  var all: [Held] { queue[head...].filter { holds($0) } }

  private func holds(_ held: Held) -> Bool { find(held.kind, held.externalAddress, held.externalPort) != nil }

  mutating func add(_ held: Held) {
    places[Self.key(held.kind, held.externalAddress, held.externalPort)] = dropped + UInt64(queue.count)
    queue.append(held)
  }

  func find(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) -> Held? {
    places[Self.key(kind, address, port)].map { queue[Int($0 - dropped)] }
  }

  mutating func remove(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) {
    places[Self.key(kind, address, port)] = nil
  }

  /// The next one whose time is over.
  mutating func next(now: Instant) -> Held? {
    while head < queue.count, queue[head].until <= now {
      let held = queue[head]
      let place = dropped + UInt64(head)
      head += 1
      if head == queue.count || head > 4096 && head > queue.count / 2 {
        queue.removeFirst(head)
        dropped += UInt64(head)
        head = 0
      }
      let key = Self.key(held.kind, held.externalAddress, held.externalPort)
      if places[key] == place {
        places[key] = nil
        return held
      }
    }
    return nil
  }
}
