import WeftCore

/// How many frames each port dropped, by reason. Sparse: most ports never drop anything.
struct DropLedger: Codable {
  private var counts = FlatMap<UInt64, UInt64>()

  mutating func count(_ reason: DropReason, port: Int) {
    let key = UInt64(port) << 8 | UInt64(reason.rawValue)
    if counts.update(key, { $0 &+= 1 }) == nil { counts.insert(key, 1) }
  }

  mutating func count(_ reason: DropReason, port: Int, times: UInt32) {
    guard times > 0 else { return }
    let key = UInt64(port) << 8 | UInt64(reason.rawValue)
    if counts.update(key, { $0 &+= UInt64(times) }) == nil { counts.insert(key, UInt64(times)) }
  }

  /// Ordered by port, then reason.
  var all: [(port: Int, reason: DropReason, count: UInt64)] {
    counts.unordered.sorted { $0.key < $1.key }.compactMap { entry in
      DropReason(rawValue: UInt8(truncatingIfNeeded: entry.key)).map { (Int(entry.key >> 8), $0, entry.value) }
    }
  }

  var total: UInt64 { counts.unordered.reduce(0) { $0 + $1.value } }
}
