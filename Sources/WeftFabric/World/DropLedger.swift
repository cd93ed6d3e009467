import WeftCore

/// How many frames each port dropped, by reason. Sparse: most ports never drop anything.
struct DropLedger: Codable {
  struct Entry {
    var port: PortID
    var reason: DropReason
    var isHarmless: Bool
    var count: UInt64
  }

  private var counts = FlatMap<UInt64, UInt64>()
  /// Of a key: the drop took nothing from anybody.
  private static let harmless: UInt64 = 1 << 63

  mutating func count(_ reason: DropReason, port: PortID, isHarmless: Bool = false) {
    let key = (isHarmless ? Self.harmless : 0) | UInt64(port.rawValue) << 8 | UInt64(reason.rawValue)
    if counts.update(key, { $0 &+= 1 }) == nil { counts.insert(key, 1) }
  }

  mutating func count(_ reason: DropReason, port: PortID, times: UInt32, isHarmless: Bool) {
    guard times > 0 else { return }
    let key = (isHarmless ? Self.harmless : 0) | UInt64(port.rawValue) << 8 | UInt64(reason.rawValue)
    if counts.update(key, { $0 &+= UInt64(times) }) == nil { counts.insert(key, UInt64(times)) }
  }

  /// The harmless ones last; ordered by port, then reason.
  var all: [Entry] {
    counts.unordered.sorted { $0.key < $1.key }.compactMap { entry in
      DropReason(rawValue: UInt8(truncatingIfNeeded: entry.key)).map {
        Entry(
          port: PortID(Int((entry.key & ~Self.harmless) >> 8)), reason: $0, isHarmless: entry.key & Self.harmless != 0,
          count: entry.value)
      }
    }
  }

  var total: UInt64 { counts.unordered.reduce(0) { $0 &+ $1.value } }
}
