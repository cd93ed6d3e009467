// Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4): by the sign of their distance.

extension UInt32 {
  @inline(__always) func isBefore(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) < 0 }
  @inline(__always) func isAfter(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) > 0 }
  @inline(__always) func isAtMost(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) <= 0 }
  @inline(__always) func isAtLeast(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) >= 0 }
  /// Bytes from `other` to this one; negative when it lies before.
  @inline(__always) func distance(from other: UInt32) -> Int { Int(Int32(bitPattern: self &- other)) }
}
