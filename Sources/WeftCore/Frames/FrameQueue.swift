import WeftWire

/// A bounded queue of frames inside an element: what waits for an address to resolve, or for a paused guest.
///
/// A value: a copy shares the memory until one of the two changes, and what it changes are frames of its own, for a
/// frame's marks (packet id, stamp) are written where it lies. Owns no memory before the first frame. Frames are counted
/// without atomics: a queue and its copies belong to one thread.
public struct FrameQueue: Codable {
  public let capacity: Int
  public private(set) var count = 0
  private var ring: Ring?

  /// From this many places on an empty queue gives its memory back.
  private static let large = 512

  /// Precondition: capacity > 0.
  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  public var isEmpty: Bool { count == 0 }
  public var isFull: Bool { count >= capacity }

  /// The oldest frame's length in bytes.
  public var firstCount: Int? { count > 0 ? ring?[0].count : nil }

  /// The oldest frame's trace; 0 for none.
  public var firstTrace: UInt32 { count > 0 ? ring?[0].trace ?? 0 : 0 }

  /// Looks at each frame, from the oldest.
  public func map<T>(_ body: (RawSpan) -> T) -> [T] { stored { $0.withBytes(body) } }

  private func stored<T>(_ body: (StoredFrame) -> T) -> [T] {
    guard let ring else { return [] }
    return (0..<ring.count).map { body(ring[$0]) }
  }

  /// The traces of the frames that wait, those without left out.
  public func forEachTrace(_ body: (UInt32) -> Void) { forEachTraced { trace, _ in body(trace) } }

  /// The frames that wait and have a trace, from the oldest.
  public func forEachTraced(_ body: (UInt32, RawSpan) -> Void) {
    guard let ring else { return }
    for index in 0..<ring.count where ring[index].trace != 0 {
      let frame = ring[index]
      frame.withBytes { body(frame.trace, $0) }
    }
  }

  /// Precondition: not full. The caller decides what to do with a frame too many: it knows the reason.
  public mutating func push(_ frame: consuming Frame) {
    precondition(count < capacity)
    own()
    ring.unsafelyUnwrapped.push(frame)
    count &+= 1
  }

  /// The oldest.
  public mutating func pop() -> Frame? {
    guard count > 0 else { return nil }
    count &-= 1
    own()
    let frame = ring.unsafelyUnwrapped.pop()
    if count == 0, ring.unsafelyUnwrapped.places >= Self.large { ring = nil }
    return frame
  }

  /// Makes the ring this queue's alone.
  @inline(__always)
  private mutating func own() {
    if !isKnownUniquelyReferenced(&ring) { ring = ring?.copy() ?? Ring() }
  }

  /// Owns the frames. Its size is a power of two: taking the oldest out moves no other.
  private final class Ring {
    // A queue and its copies belong to one thread, and none of this calls out.
    @exclusivity(unchecked) private var frames: [StoredFrame] = []
    @exclusivity(unchecked) private var head = 0
    @exclusivity(unchecked) private(set) var count = 0

    var places: Int { frames.count }

    deinit { while count > 0 { _ = pop() } }

    /// Counted from the oldest. Precondition: index < count.
    subscript(index: Int) -> StoredFrame { frames[(head &+ index) & (frames.count &- 1)] }

    func push(_ frame: consuming Frame) {
      let stored = frame.store()
      if count == frames.count { grow(stored) }
      frames[(head &+ count) & (frames.count &- 1)] = stored
      count &+= 1
    }

    /// Precondition: count > 0.
    func pop() -> Frame {
      let stored = frames[head]
      head = (head &+ 1) & (frames.count &- 1)
      count &-= 1
      return Frame(stored: stored)
    }

    func copy() -> Ring {
      let copy = Ring()
      for index in 0..<count { copy.push(self[index].copy()) }
      return copy
    }

    private func grow(_ filler: StoredFrame) {
      var larger = [StoredFrame](repeating: filler, count: max(4, frames.count * 2))
      for index in 0..<count { larger[index] = self[index] }
      frames = larger
      head = 0
    }
  }

  private enum CodingKeys: CodingKey { case capacity, frames }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(capacity, forKey: .capacity)
    var block = FrameBlock()
    if let ring { for index in 0..<ring.count { block.append(ring[index]) } }
    if block.count > 0 { try container.encode(block, forKey: .frames) }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let block = try container.decodeIfPresent(FrameBlock.self, forKey: .frames) ?? FrameBlock()
    capacity = try container.decode(Int.self, forKey: .capacity)
    guard capacity > 0, block.count <= capacity else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "more frames than fit"))
    }
    if block.count > 0 { try block.unpack(into: decoder.framePool) { frame, _ in push(frame) } }
  }
}

extension CodingUserInfoKey {
  /// Where decoded frames get their memory: a `FramePoolReference`.
  public static let framePool = CodingUserInfoKey(rawValue: "weft.framePool").unsafelyUnwrapped
}

/// Carries a pool through a decoder's user info. One world decodes on one thread.
public struct FramePoolReference: @unchecked Sendable {
  public let pool: FramePool
  public init(_ pool: FramePool) { self.pool = pool }
}

extension Decoder {
  public var framePool: FramePool {
    get throws {
      guard let reference = userInfo[.framePool] as? FramePoolReference else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: codingPath, debugDescription: "no frame pool to decode into"))
      }
      return reference.pool
    }
  }
}
