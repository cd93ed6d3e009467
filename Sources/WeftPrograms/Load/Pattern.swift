import CTableMemory
import WeftWire

/// The bytes that generated payloads are made of: a function of their offset, so that the receiver can check them. Its
/// period is prime: no segment size and no power of two hides a shift.
enum Pattern {
  static let period: UInt64 = 8191
  static let longest = 1 << 16

  static let table: [UInt8] = (0..<Int(period) + longest).map { index in
    // A multiplicative hash's top byte (Knuth 6.4).
    UInt8(truncatingIfNeeded: (UInt64(index) % period &+ 1) &* 0x9e37_79b9_7f4a_7c15 >> 56)
  }

  /// Calls `body` with `count` bytes from `offset` on. Precondition: count ≤ `longest`.
  @inline(__always)
  static func with<R>(offset: UInt64, count: Int, _ body: (RawSpan) -> R) -> R {
    let start = Int(offset % period)
    let table = table
    return body(table.span.bytes.extracting(start..<start &+ count))
  }

  static func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      with(offset: UInt64(bytes.count), count: min(count - bytes.count, longest)) { bytes += $0.array }
    }
    return bytes
  }

  static func matches(_ bytes: RawSpan, offset: UInt64) -> Bool {
    var done = 0
    while done < bytes.byteCount {
      let count = min(bytes.byteCount - done, longest)
      let part = bytes.extracting(done..<done + count)
      guard with(offset: offset &+ UInt64(done), count: count, { equal($0, part) }) else { return false }
      done += count
    }
    return true
  }

  private static func equal(_ a: RawSpan, _ b: RawSpan) -> Bool {
    a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        return weft_equal(left, right, min(a.count, b.count))
      }
    }
  }
}
