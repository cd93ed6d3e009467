/// A token bucket without rounding: any window of length w lets through at most the burst and rate · w, and a sender that never
/// rests gets all of the rate. Tokens are billionths of a unit, which a rate per second gains whole in a nanosecond.
public struct RateBucket: Codable, Hashable, Sendable {
  /// Units a second.
  public let rate: UInt64
  private let depth: UInt64
  private var level: UInt64
  private var at = Instant.start

  private static let unit: UInt64 = 1_000_000_000

  /// Full. `burst`: units, 2³³ at most.
  public init(rate: UInt64, burst: UInt64) {
    self.rate = rate
    depth = min(burst, 1 << 33) * Self.unit
    level = depth
  }

  /// Whether there is room for so many units; they are taken then.
  public mutating func take(_ units: UInt64, now: Instant) -> Bool {
    let (gained, isLong) = rate.multipliedReportingOverflow(by: (now - at).rawValue)
    let (sum, isFull) = level.addingReportingOverflow(gained)
    level = isLong || isFull ? depth : min(depth, sum)
    at = now
    let (cost, isHuge) = units.multipliedReportingOverflow(by: Self.unit)
    guard !isHuge, cost <= level else { return false }
    level -= cost
    return true
  }

  /// Of a decoded one.
  public var isConsistent: Bool { level <= depth && depth <= (1 << 33) * Self.unit }
}
