import WeftCore
import WeftWire

/// What the gateway's own packets need.
struct Answers {
  /// Of the last packet it made.
  private(set) var identification: UInt16 = 0
  var held = HeldSYNs()

  init() {}

  init(identification: UInt16, held: HeldSYNs) {
    self.identification = identification
    self.held = held
  }

  mutating func nextIdentification() -> UInt16 {
    identification &+= 1
    return identification
  }
}

/// Unsolicited SYNs that nothing has been said about yet (RFC 5382, REQ-4). They were dropped as they came; what waits
/// here is the answer. All wait equally long.
struct HeldSYNs: Codable {
  static let wait = Nanoseconds.seconds(6)
  /// Beyond this many nobody is answered: silence is always allowed (REQ-4a).
  static let limit = 256

  private var frames = FrameQueue(capacity: Self.limit)
  private var due: [Instant] = []

  /// Of a decoded one: a moment for each frame, and in order.
  var isConsistent: Bool {
    due.count == frames.count && frames.capacity == Self.limit
      && zip(due, due.dropFirst()).allSatisfy { $0 <= $1 }
  }

  var isEmpty: Bool { due.isEmpty }
  var deadline: Instant { due.first ?? .never }

  func forEachTrace(_ body: (UInt32) -> Void) { frames.forEachTrace(body) }

  mutating func add(_ frame: consuming Frame, now: Instant) {
    guard due.count < Self.limit else { return }
    frames.push(frame)
    due.append(now + Self.wait)
  }

  mutating func next(now: Instant) -> Frame? {
    guard let first = due.first, first <= now else { return nil }
    due.removeFirst()
    return frames.pop()
  }
}
