/// A wire as its sender reckons with it.
public enum Wire {
  /// How long so many octets take at a rate in bits per second, to the nanosecond above.
  @inlinable @inline(__always)
  public static func time(octets: Int, rate: UInt64) -> Nanoseconds {
    let rate = max(rate, 1)
    let (bits, overflow) = UInt64(max(octets, 0)).multipliedReportingOverflow(by: 8_000_000_000)
    return Nanoseconds(overflow ? .max : bits / rate &+ (bits % rate == 0 ? 0 : 1))
  }
}
