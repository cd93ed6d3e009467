import WeftWire

/// Frames as a checkpoint holds them: a column for each mark, and the bytes of all one after the other.
struct FrameBlock: Codable {
  private var packetIDs: [UInt64] = []
  private var traces: [UInt32] = []
  private var stamps: [UInt64] = []
  private var lengths: [UInt16] = []
  private var bytes: [UInt8] = []

  var count: Int { lengths.count }

  init() {}

  mutating func append(_ frame: StoredFrame) {
    packetIDs.append(frame.packetID)
    traces.append(frame.trace)
    stamps.append(frame.stamp)
    lengths.append(UInt16(truncatingIfNeeded: frame.count))
    frame.withBytes { frame in frame.withUnsafeBytes { bytes.append(contentsOf: $0) } }
  }

  /// Whether there is one of everything for each frame, and none is longer than a slot.
  private var isConsistent: Bool {
    packetIDs.count == count && traces.count == count && stamps.count == count
      && lengths.allSatisfy { Int($0) <= FrameSlot.size - FrameSlot.headerSize }
      && lengths.reduce(0) { $0 + Int($1) } == bytes.count
  }

  /// The frames, one by one: if one is refused, those before it go back to the pool with who has them.
  func unpack(into pool: FramePool, _ body: (consuming Frame, _ index: Int) throws -> Void) throws {
    guard isConsistent else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "frames that don't fit together"))
    }
    var at = 0
    for index in 0..<count {
      let length = Int(lengths[index])
      // With less headroom if it had taken some in for headers.
      var frame = pool.frame(
        count: length, headroom: min(FramePool.headroom, FrameSlot.size - FrameSlot.headerSize - length))
      var span = frame.mutableBytes
      span.put(bytes.span.bytes.extracting(at..<at + length), at: 0)
      at += length
      frame.packetID = packetIDs[index]
      frame.trace = traces[index]
      frame.stamp = stamps[index]
      try body(frame, index)
    }
  }
}
