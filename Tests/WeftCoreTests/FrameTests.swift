import Testing
import WeftCore
import WeftWire

@Suite struct FrameTests {
  @Test func aFrameGoesBackToItsPoolWhenTheLastOwnerLetsGo() {
    let pool = FramePool()
    do {
      let frame = pool.frame([1, 2, 3])
      #expect(pool.outstanding == 1)
      let other = frame.share()
      #expect(pool.outstanding == 1)
      _ = consume frame
      #expect(pool.outstanding == 1)
      check(other.bytes.array == [1, 2, 3])
    }
    #expect(pool.outstanding == 0)
  }

  @Test func aSharedFrameIsCopiedBeforeItIsWritten() {
    let pool = FramePool()
    let original = pool.frame([1, 2, 3])
    original.packetID = 7
    original.trace = 9
    var copy = original.share()
    var span = copy.mutableBytes
    span.put(0xff as UInt8, at: 1)
    check(copy.bytes.array == [1, 0xff, 3])
    check(original.bytes.array == [1, 2, 3])
    #expect(copy.packetID == 7 && copy.trace == 9)
    #expect(pool.outstanding == 2)
    // Now both are alone: writing copies no more.
    var again = copy.mutableBytes
    again.put(0 as UInt8, at: 0)
    #expect(pool.outstanding == 2)
  }

  @Test func headroomTakesHeadersInAndGivesThemUp() {
    let pool = FramePool()
    var frame = pool.frame([5, 6, 7])
    frame.prepend(FramePool.headroom)
    #expect(frame.count == 3 + FramePool.headroom)
    frame.dropFirst(FramePool.headroom)
    check(frame.bytes.array == [5, 6, 7])
    frame.dropFirst(1)
    frame.truncate(to: 1)
    check(frame.bytes.array == [6])
    frame.prepend(1)
    check(frame.bytes.array == [5, 6])
    frame.truncate(to: 0)
    check(frame.bytes.isEmpty)
  }

  @Test func aSharersCutsAreItsOwn() {
    let pool = FramePool()
    let whole = pool.frame([1, 2, 3, 4])
    var part = whole.share()
    part.dropFirst(2)
    check(whole.count == 4 && part.bytes.array == [3, 4])
    var span = part.mutableBytes
    span.put(9 as UInt8, at: 0)
    check(whole.bytes.array == [1, 2, 3, 4] && part.bytes.array == [9, 4])
  }

  @Test(arguments: [0, 1, FramePool.maximumFrame]) func framesOfEverySizeHoldTheirBytes(count: Int) {
    let pool = FramePool()
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31) }
    let neighbours = (
      pool.filled(0xaa, count: FramePool.maximumFrame).store(), pool.frame(bytes).store(),
      pool.filled(0xbb, count: 1900).store()
    )
    #expect(neighbours.1.withBytes { $0.array } == bytes)
    for stored in [neighbours.0, neighbours.1, neighbours.2] { _ = Frame(stored: stored) }
    #expect(pool.outstanding == 0)
  }

  @Test func aSlotIsReusedWhileItIsHotAndComesBackClean() {
    let pool = FramePool()
    for round in 0..<1000 {
      let frame = pool.frame(count: 64)
      #expect(frame.packetID == 0 && frame.trace == 0)
      frame.packetID = UInt64(round + 1)
      frame.trace = 1
    }
    let footprint = pool.footprint
    #expect(footprint > 0 && footprint <= 64 * 2048)
    var stored: [StoredFrame] = []
    for _ in 0..<200 { stored.append(pool.frame(count: 1).store()) }
    #expect(pool.outstanding == 200 && pool.footprint == 4 * 64 * 2048)
    for frame in stored { _ = Frame(stored: frame) }
    #expect(pool.outstanding == 0 && pool.footprint == 4 * 64 * 2048)
  }

  @Test func framesOutliveThePoolObject() {
    var pool: FramePool? = FramePool()
    weak let watched = pool
    let frame = pool!.frame([1, 2, 3])
    var shared = frame.share()
    pool = nil
    #expect(watched == nil)
    check(frame.bytes.array == [1, 2, 3])
    // A copy on write needs a slot of a pool that is gone.
    var span = shared.mutableBytes
    span.put(9 as UInt8, at: 0)
    check(shared.bytes.array == [9, 2, 3] && frame.bytes.array == [1, 2, 3])
  }

  @Test func effectsLetGoOfWhatTheDriverDidNotTake() {
    let pool = FramePool()
    do {
      var out = Effects(pool: pool, capacity: 1)
      for value in 0..<10 { out.transmit(pool.filled(UInt8(value), count: 4), on: PortIndex(value)) }
      out.drop(pool.frame([1]), on: PortIndex(3), .noRoute, .address(5))
      #expect(out.count == 11 && pool.outstanding == 11)
      #expect(out[10].reason == .noRoute && out[10].detail == .address(5) && out[10].verdict == .drop)
      #expect(out[9].frame.withBytes { $0.array } == [9, 9, 9, 9] && out[9].port == PortIndex(9))
      for index in 0..<out.count { _ = Frame(stored: out[index].frame) }
      out.removeAll()
      #expect(pool.outstanding == 0)
      out.transmit(pool.frame([1]), on: PortIndex(0))
    }
    #expect(pool.outstanding == 0)
  }
}

@Suite struct FrameQueueTests {
  @Test func firstInFirstOutThroughManyTurnsOfTheRing() {
    let pool = FramePool()
    var queue = FrameQueue(capacity: 10)
    var expected: [UInt8] = []
    var next: UInt8 = 0
    var random = RandomStream(seed: 1, owner: "queue", purpose: "test")
    for _ in 0..<2_000 {
      if random.next(below: 2) == 0, !queue.isFull {
        queue.push(pool.filled(next, count: Int(next) + 1))
        expected.append(next)
        next &+= 1
      } else if let frame = queue.pop() {
        let value = expected.removeFirst()
        check(frame.bytes.u8(0) == value && frame.count == Int(value) + 1)
      }
      #expect(queue.firstCount == expected.first.map { Int($0) + 1 })
      #expect(queue.count == expected.count && queue.isEmpty == expected.isEmpty && pool.outstanding == expected.count)
    }
  }

  /// Marks too: they are written where a frame lies.
  @Test func aCopyChangesAlone() throws {
    let pool = FramePool()
    do {
      var first = FrameQueue(capacity: 9)
      for value in 0..<5 as Range<UInt8> { first.push(pool.frame([value])) }
      var second = first
      let third = first
      #expect(pool.outstanding == 5)
      let popped = second.pop()?.store()
      let taken = try #require(popped)
      Frame(stored: taken).packetID = 77
      for value in 5..<9 as Range<UInt8> { second.push(pool.frame([value])) }
      #expect(first.map { $0.array } == [[0], [1], [2], [3], [4]] && third.count == 5)
      #expect(second.map { $0.array } == [[1], [2], [3], [4], [5], [6], [7], [8]])
      check(first.pop()?.packetID == 0)
      #expect(first.count == 4 && third.count == 5 && second.count == 8)
    }
    #expect(pool.outstanding == 0)
  }

  @Test func itsFramesGoBackWithIt() {
    let pool = FramePool()
    do {
      var queue = FrameQueue(capacity: 3)
      for _ in 0..<3 { queue.push(pool.frame([1])) }
      #expect(queue.isFull && pool.outstanding == 3)
    }
    #expect(pool.outstanding == 0)
  }

  @Test func aCheckpointKeepsFramesOrderAndMarks() throws {
    let pool = FramePool()
    var queue = FrameQueue(capacity: 5)
    queue.push(pool.frame([0]))
    for value in 1...4 as ClosedRange<UInt8> {
      let frame = pool.frame([value, value])
      frame.packetID = UInt64(value) * 100
      frame.trace = UInt32(value)
      queue.push(frame)
    }
    _ = queue.pop()
    // One that took all its headroom in is longer than a new frame may be.
    var long = pool.filled(7, count: FramePool.maximumFrame)
    long.prepend(FramePool.headroom)
    queue.push(long)
    let other = FramePool()
    var copy = try recoded(queue, in: other)
    #expect(copy.count == 5 && copy.capacity == 5 && other.outstanding == 5)
    for value in 1...4 as ClosedRange<UInt8> {
      let popped = copy.pop()?.store()
      let frame = try #require(popped)
      #expect(
        frame.withBytes { $0.array } == [value, value] && frame.packetID == UInt64(value) * 100
          && frame.trace == UInt32(value))
      _ = Frame(stored: frame)
    }
    check(copy.pop()?.count == FramePool.maximumFrame + FramePool.headroom)
    #expect(other.outstanding == 0)
  }

  /// On the frame path each costs its bytes.
  @Test func sizesAreWhatTheCommentsSay() {
    #expect(MemoryLayout<Note>.size == 16)
    #expect(MemoryLayout<Effects.Entry>.stride == 40)
    #expect(MemoryLayout<StoredFrame>.size == 16)
  }

  /// What is known to be right is so until somebody writes, and for each sharer by itself.
  @Test func writingEndsWhatWasKnownOfChecksums() {
    let pool = FramePool()
    let sound = pool.frame([1, 2, 3])
    sound.isSound = true
    var other = sound.share()
    let before = other.isSound
    var span = other.mutableBytes
    span.put(9 as UInt8, at: 0)
    let (written, original) = (other.isSound, sound.isSound)
    #expect(before && !written && original)
    var shorter = sound.share()
    shorter.truncate(to: 2)
    let truncated = shorter.isSound
    #expect(!truncated)
  }
}
