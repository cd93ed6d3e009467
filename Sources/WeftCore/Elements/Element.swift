/// A port of an element, counted from 0.
public struct PortIndex: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: Int) { self.rawValue = UInt32(truncatingIfNeeded: rawValue) }
  @inlinable public var index: Int { Int(rawValue) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(UInt32.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// A node of the fabric as a pure state machine: frames and the time come in as arguments, effects go out. It reads no
/// clock, opens no socket, and holds all its state in itself.
///
/// Coding it whole is part of the contract: checkpoints, forks and migration are an element encoded here and decoded
/// there, and the decoded one must behave the same to the last bit. Frames that wait inside an element live in a
/// `FrameQueue`, which knows how to code them.
public protocol Element: Codable {
  /// A frame came in on a port. It must leave in `out`: transmitted, dropped with a reason, kept in a queue, or consumed.
  mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects)

  /// `deadline` has come. Called with `now` ≥ deadline; afterwards `deadline` must be later than `now`.
  mutating func wake(now: Instant, _ out: inout Effects)

  /// When it wants to be woken; `.never` if not. The driver reads it after every call.
  var deadline: Instant { get }
}
