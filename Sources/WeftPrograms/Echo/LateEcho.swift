import WeftCore
import WeftWire

/// A request to an echo server to wait before it answers: what a client sends that wants to know how long a NAT keeps
/// its mapping without traffic.
public enum LateEcho {
  static let length = 16
  private static let magic: (UInt32, UInt32) = (0x7765_6674, 0x6c61_7465)
  /// Longer than any NAT keeps anything.
  private static let longest = Nanoseconds.seconds(30 * 86_400)
  /// How many answers a server has waiting at most.
  static let most = 1024

  public static func request(_ delay: Nanoseconds) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    span.put(magic.0, at: 0)
    span.put(magic.1, at: 4)
    span.put(UInt32(truncatingIfNeeded: delay.rawValue >> 32), at: 8)
    span.put(UInt32(truncatingIfNeeded: delay.rawValue), at: 12)
    return bytes
  }

  /// The delay asked for; nil where it isn't such a request. What stands before it makes it a message of the port's
  /// protocol.
  @inline(__always)
  static func delay(_ bytes: RawSpan) -> Nanoseconds? {
    let at = bytes.byteCount - length
    guard at >= 0, bytes.u32(at) == magic.0, bytes.u32(at + 4) == magic.1 else { return nil }
    return min(Nanoseconds(UInt64(bytes.u32(at + 8)) << 32 | UInt64(bytes.u32(at + 12))), longest)
  }
}
