/// The times that a node's capture records bear.
///
/// Inside a host cables cost no time: a packet is at many ports in one moment, and tools that merge files by time couldn't
/// tell in which order. So records of one moment are set apart by what came of what, as Lamport clocks do: a frame arrives
/// at least 1 ns after its record of leaving, and leaves a node at least 1 ns after the node has last heard something.
/// Virtual time itself knows nothing of it: as soon as it has moved on, records bear it again.
struct CausalClock: Codable, Hashable {
  /// Of the last arrival.
  var heard: UInt64 = 0
  /// Of the last record.
  var last: UInt64 = 0

  /// A frame arrives that left at `stamp`.
  @inline(__always)
  mutating func arrive(_ stamp: UInt64, now: UInt64) -> UInt64 {
    heard = max(now, stamp &+ 1, last)
    last = heard
    return heard
  }

  /// A frame leaves.
  @inline(__always)
  mutating func leave(now: UInt64) -> UInt64 {
    last = max(now, heard &+ 1)
    return last
  }

  /// Something is noted between the two.
  mutating func note(now: UInt64) -> UInt64 {
    last = max(now, last)
    return last
  }
}
