import WeftWire

/// A bounded queue of frames inside an element: what waits for an address to resolve, or for a paused guest.
/// A class so that an element stays a copyable value; made only when the first frame must wait.
public final class FrameQueue: Codable {
  public let capacity: Int
  private var frames: [StoredFrame] = []

  /// Precondition: capacity > 0.
  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  deinit { while let frame = pop() { _ = consume frame } }

  public var count: Int { frames.count }
  public var isEmpty: Bool { frames.isEmpty }
  public var isFull: Bool { frames.count >= capacity }

  /// Precondition: not full. The caller decides what to do with a frame too many: it knows the reason.
  public func push(_ frame: consuming Frame) {
    precondition(frames.count < capacity)
    frames.append(frame.store())
  }

  /// The oldest.
  public func pop() -> Frame? {
    guard !frames.isEmpty else { return nil }
    return Frame(stored: frames.removeFirst())
  }

  private enum CodingKeys: CodingKey { case capacity, frames }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(capacity, forKey: .capacity)
    try container.encode(frames.map(FrameImage.init), forKey: .frames)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let images = try container.decode([FrameImage].self, forKey: .frames)
    capacity = try container.decode(Int.self, forKey: .capacity)
    guard capacity > 0, images.count <= capacity else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "more frames than fit"))
    }
    let pool = try decoder.framePool
    frames = try images.map { try $0.frame(in: pool).store() }
  }
}

/// A frame as a checkpoint holds it.
public struct FrameImage: Codable, Sendable, Hashable {
  public var packetID: UInt64
  public var trace: UInt32
  public var bytes: [UInt8]

  public init(_ stored: StoredFrame) {
    packetID = stored.packetID
    trace = stored.trace
    bytes = stored.withBytes { $0.array }
  }

  public func frame(in pool: FramePool) throws -> Frame {
    guard bytes.count <= FramePool.maximumFrame else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "a frame of \(bytes.count) bytes"))
    }
    let frame = pool.frame(bytes)
    frame.packetID = packetID
    frame.trace = trace
    return frame
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
        throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: "no frame pool to decode into"))
      }
      return reference.pool
    }
  }
}
