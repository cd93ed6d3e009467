/// A frame that came out.
struct Output: Equatable {
  var side: Side
  var bytes: [UInt8]
}

/// A NAT between two links: the kernel's or ours.
protocol Box: AnyObject {
  /// As new: without connections, and with this MTU outside.
  func reset(outsideMTU: Int) throws
  /// Gives a frame in; everything that came of it, in order on each side, the inside first. Where `expected` frames have
  /// come, a box that works at its own pace waits no longer than for one more.
  func give(_ frame: [UInt8], on side: Side, expected: Int?) throws -> [Output]
  func pause(milliseconds: Int) throws -> [Output]
}
