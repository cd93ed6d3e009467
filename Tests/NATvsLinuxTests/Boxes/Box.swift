/// A frame that came out.
struct Output: Equatable, Comparable {
  var side: Side
  var bytes: [UInt8]

  /// Any total order.
  static func < (a: Output, b: Output) -> Bool {
    a.side == b.side ? a.bytes.lexicographicallyPrecedes(b.bytes) : a.side == .inside
  }
}

/// A NAT between two links: the kernel's or ours.
protocol Box: AnyObject {
  /// As new: without connections, and as the stimulus wants it.
  func reset(for stimulus: Stimulus) throws
  /// Gives a frame in; everything that came of it, in order on each side, the inside first.
  func give(_ frame: [UInt8], on side: Side) throws -> [Output]
  func pause(milliseconds: Int) throws -> [Output]
}
