/// A length of time in nanoseconds. 2^64 ns are 584 years; arithmetic that would leave that range saturates.
public struct Nanoseconds: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  public let rawValue: UInt64

  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(UInt64.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  @inlinable public static var zero: Nanoseconds { Nanoseconds(0) }
  @inlinable public static func microseconds(_ n: UInt64) -> Self { Self(1_000) * n }
  @inlinable public static func milliseconds(_ n: UInt64) -> Self { Self(1_000_000) * n }
  @inlinable public static func seconds(_ n: UInt64) -> Self { Self(1_000_000_000) * n }
  @inlinable public static func minutes(_ n: UInt64) -> Self { .seconds(60) * n }
  @inlinable public static func hours(_ n: UInt64) -> Self { .seconds(3600) * n }

  public var seconds: Double { Double(rawValue) / 1e9 }

  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  @inlinable public static func + (a: Self, b: Self) -> Self { Self(a.rawValue.saturatingAdd(b.rawValue)) }
  @inlinable public static func - (a: Self, b: Self) -> Self {
    Self(a.rawValue > b.rawValue ? a.rawValue &- b.rawValue : 0)
  }
  @inlinable public static func * (a: Self, n: UInt64) -> Self {
    let (value, overflow) = a.rawValue.multipliedReportingOverflow(by: n)
    return Self(overflow ? .max : value)
  }
  @inlinable public static func / (a: Self, n: UInt64) -> Self { Self(a.rawValue / n) }
}

/// A moment of the world's virtual time: nanoseconds since it began.
public struct Instant: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  public let rawValue: UInt64

  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(UInt64.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  @inlinable public static var start: Instant { Instant(0) }
  @inlinable public static func microseconds(_ n: UInt64) -> Instant { .start + .microseconds(n) }
  @inlinable public static func milliseconds(_ n: UInt64) -> Instant { .start + .milliseconds(n) }
  @inlinable public static func seconds(_ n: UInt64) -> Instant { .start + .seconds(n) }
  @inlinable public static func minutes(_ n: UInt64) -> Instant { .start + .minutes(n) }
  @inlinable public static func hours(_ n: UInt64) -> Instant { .start + .hours(n) }
  /// Later than every moment that can come: "no deadline".
  @inlinable public static var never: Instant { Instant(.max) }

  public var seconds: Double { Double(rawValue) / 1e9 }

  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  /// Saturates at `never`.
  @inlinable public static func + (a: Self, b: Nanoseconds) -> Self { Self(a.rawValue.saturatingAdd(b.rawValue)) }
  /// Zero where `b` is later than `a`.
  @inlinable public static func - (a: Self, b: Self) -> Nanoseconds {
    Nanoseconds(a.rawValue > b.rawValue ? a.rawValue &- b.rawValue : 0)
  }
}

extension UInt64 {
  @inlinable func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

extension Nanoseconds: CustomStringConvertible {
  /// With the largest unit it reaches and at most three decimals, cut off: `1.5 ms`, `2 s`, `750 ns`, `1.234 s`.
  public var description: String {
    for (unit, scale) in [("s", 1_000_000_000 as UInt64), ("ms", 1_000_000), ("µs", 1_000)] where rawValue >= scale {
      return "\(Self.decimal(rawValue, per: scale)) \(unit)"
    }
    return rawValue == 0 ? "0 s" : "\(rawValue) ns"
  }

  private static func decimal(_ value: UInt64, per scale: UInt64) -> String {
    let thousandths = value % scale / (scale / 1000)
    guard thousandths > 0 else { return "\(value / scale)" }
    var digits = String(thousandths)
    digits = String(repeating: "0", count: 3 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(value / scale).\(digits)"
  }
}

extension Instant: CustomStringConvertible {
  public var description: String { self == .never ? "never" : Nanoseconds(rawValue).description }
}
