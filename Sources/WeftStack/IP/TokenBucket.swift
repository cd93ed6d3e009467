import WeftCore

/// Lets through `perSecond` on average and `burst` at once. Kept as the moment at which the bucket is full again
/// (the generic cell rate algorithm), so that it is one number.
struct TokenBucket: Codable {
  private var full: UInt64 = 0
  private let cost: UInt64
  private let depth: UInt64

  init(perSecond: UInt64, burst: UInt64) {
    cost = 1_000_000_000 / perSecond
    depth = cost * burst
  }

  mutating func take(now: Instant) -> Bool {
    let next = max(full, now.rawValue) &+ cost
    guard next &- now.rawValue <= depth else { return false }
    full = next
    return true
  }
}

extension TokenBucket {
  /// Of a decoded one: far from where adding up would overflow.
  var isConsistent: Bool { (1...1_000_000_000).contains(cost) && depth <= 1 << 62 && full <= 1 << 63 }
}
