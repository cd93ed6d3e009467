import Testing
import WeftCore

@Suite struct LinkTests {
  let pool = FramePool()

  func link(
    delay: Nanoseconds = .zero, rate: UInt64? = nil, frames: Int = 1000, bytes: Int? = nil, loss: Double = 0,
    seed: UInt64 = 1
  ) -> Link {
    Link(
      LinkParameters(delay: delay, rate: rate, queueFrames: frames, queueBytes: bytes, loss: loss),
      random: RandomStream(seed: seed, owner: "a-b", purpose: "loss"))
  }

  func send(_ count: Int, _ link: inout Link, at now: UInt64, value: UInt8 = 0) -> DropReason? {
    switch link.send(pool.filled(value, count: count), now: Instant(now)) {
    case .sent: nil
    case .dropped(let reason): reason
    }
  }

  /// The first byte of what comes first.
  func arriving(_ link: inout Link) -> UInt8? {
    guard let frame = link.arrive(now: .never) else { return nil }
    return frame.bytes.u8(0)
  }

  func arrivals(_ link: inout Link) -> [UInt64] {
    var moments: [UInt64] = []
    while link.deadline != .never {
      let now = link.deadline
      check(link.arrive(now: Instant(now.rawValue - 1)) == nil)
      guard link.arrive(now: now) != nil else { break }
      moments.append(now.rawValue)
    }
    return moments
  }

  @Test(
    arguments: [
      // 1,514 bytes are 1,538 octets on the wire: 12.304 µs at 1 Gbit/s.
      (1514, 1_000_000_000, 12_304), (64, 1_000_000_000, 704), (64, 10_000_000, 70_400), (976, 8_000, 1_000_000_000),
      // To the nearest nanosecond: 70.4, 7.04, 234.67. Nothing takes less than 84 octets.
      (64, 10_000_000_000, 70), (64, 100_000_000_000, 7), (64, 3_000_000_000, 235), (0, 1_000, 672_000_000),
      (60, 1_000_000, 672_000), (42, 1_000_000, 672_000),
    ] as [(Int, UInt64, UInt64)]) func oneFrameTakesItsBitsOverTheRate(count: Int, rate: UInt64, time: UInt64)
  {
    var link = link(delay: Nanoseconds(1000), rate: rate)
    #expect(send(count, &link, at: 500) == nil)
    #expect(arrivals(&link) == [500 + time + 1000])
  }

  @Test(
    arguments: [(10_000_000_000, 70_400), (100_000_000_000, 7_040), (3_000_000_000, 234_667), (7, 100_571_428_571_429)]
      as [(UInt64, UInt64)])
  func aBusyWireLosesNoFractions(rate: UInt64, thousandFrames: UInt64) {
    var link = link(rate: rate)
    for _ in 0..<1000 { #expect(send(64, &link, at: 0) == nil) }
    #expect(arrivals(&link).last == thousandFrames)
  }

  @Test func framesFollowEachOtherOnTheWireAndAnIdleWireStartsAtOnce() {
    var link = link(delay: .microseconds(1), rate: 1_000_000_000)
    for now in [0, 0, 100, 5000] as [UInt64] { #expect(send(101, &link, at: now) == nil) }
    #expect(arrivals(&link) == [2000, 3000, 4000, 7000])
    #expect(link.counters.frames == 4 && link.counters.bytes == 404 && link.counters.dropped == 0)
  }

  @Test func theQueueIsBoundedInFrames() {
    var link = link(delay: .seconds(1), rate: 1_000_000_000, frames: 3)
    // Each takes 125 octets of the wire, 1 µs; what has left the queue makes room, long before it arrives.
    #expect((0..<5).map { _ in send(101, &link, at: 0) } == [nil, nil, nil, .queueFull, .queueFull])
    #expect(send(101, &link, at: 999) == .queueFull)
    #expect(send(101, &link, at: 1000) == nil)
    #expect(
      link.queued(at: Instant(1000)) == 3 && link.queued(at: Instant(2500)) == 2 && link.queued(at: Instant(9000)) == 0)
    #expect(link.inFlight == 4 && link.counters.dropped == 3)
  }

  @Test func theQueueIsBoundedInBytes() {
    var link = link(rate: 1_000_000_000, bytes: 300)
    #expect([101, 101, 100, 50].map { send($0, &link, at: 0) } == [nil, nil, .queueFull, nil])
    #expect(send(101, &link, at: 999) == .queueFull)
    #expect(send(101, &link, at: 1000) == nil)
  }

  @Test func withoutARateNothingQueues() {
    var link = link(delay: .microseconds(5), frames: 1)
    for now in 0..<100 as Range<UInt64> { #expect(send(1500, &link, at: now) == nil) }
    #expect(arrivals(&link) == (0..<100).map { $0 + 5000 })
  }

  @Test func aShorterDelayLetsNobodyOvertake() {
    var link = link(delay: .milliseconds(10))
    #expect(send(1, &link, at: 0) == nil)
    link.parameters.delay = .milliseconds(1)
    #expect(send(1, &link, at: 1) == nil)
    #expect(arrivals(&link) == [10_000_000, 10_000_000])
  }

  func lossPattern(seed: UInt64, loss: Double = 0.3) -> [Bool] {
    var link = link(delay: .microseconds(1), loss: loss, seed: seed)
    return (0..<2000).map { send(64, &link, at: UInt64($0)) == .linkLoss }
  }

  @Test func lossDependsOnTheSeedAlone() {
    #expect(lossPattern(seed: 1) == lossPattern(seed: 1))
    #expect(lossPattern(seed: 1) != lossPattern(seed: 2))
    let lost = lossPattern(seed: 1).count { $0 }
    #expect((500...700).contains(lost))
  }

  @Test(arguments: [(0, 0), (-1, 0), (.nan, 0), (1, 2000), (7, 2000), (.infinity, 2000)] as [(Double, Int)])
  func noLossAndAllLossAndNonsense(loss: Double, lost: Int) {
    #expect(lossPattern(seed: 1, loss: loss).count { $0 } == lost)
  }

  /// Offered twice the rate with half of it lost, the wire is just busy: what is lost takes no time on it.
  @Test func lostFramesDoNotHoldTheWire() {
    var link = link(rate: 1_000_000_000, loss: 1)
    for _ in 0..<10_000 { #expect(send(101, &link, at: 0) == .linkLoss) }
    link.parameters.setLoss(0)
    #expect(send(101, &link, at: 0) == nil)
    #expect(arrivals(&link) == [1000])
  }

  @Test func aLinkThatGoesDownLosesWhatIsOnItsWayOldestFirst() {
    var link = link(delay: .milliseconds(1), rate: 1_000_000_000)
    for value in 0..<5 as Range<UInt8> { #expect(send(101, &link, at: 0, value: value) == nil) }
    var lost: [UInt8] = []
    link.setUp(false, now: Instant(2500)) { lost.append($0.bytes.u8(0)) }
    #expect(lost == [0, 1, 2, 3, 4] && link.inFlight == 0 && link.deadline == .never && !link.isUp)
    #expect(pool.outstanding == 0 && link.counters.dropped == 5)
    #expect(send(101, &link, at: 3000) == .linkDown)
    link.setUp(true, now: Instant(4000)) { _ in Issue.record("nothing was on its way") }
    #expect(send(101, &link, at: 4000) == nil)
    #expect(arrivals(&link) == [1_005_000])
  }

  @Test func endlessDelaysSaturateAndARateOfZeroIsNoTrap() {
    var endless = link(delay: Nanoseconds(.max))
    #expect(send(64, &endless, at: 5) == nil && endless.deadline == .never && endless.inFlight == 1)
    var dead = link(rate: 0, frames: 2)
    #expect((0..<3).map { _ in send(64, &dead, at: 0) } == [nil, nil, .queueFull])
    #expect(dead.deadline > Instant.start + .seconds(500))
  }

  @Test func itsFramesGoBackWithItAndACopyHasItsOwn() {
    do {
      var first = link(delay: .seconds(1))
      #expect(send(10, &first, at: 0, value: 1) == nil)
      var second = first
      #expect(send(10, &second, at: 1, value: 2) == nil)
      #expect(first.inFlight == 1 && second.inFlight == 2 && pool.outstanding == 3)
      #expect(arriving(&first) == 1)
      #expect(arriving(&second) == 1)
      #expect(pool.outstanding == 1)
    }
    #expect(pool.outstanding == 0)
  }

  @Test func aCheckpointInMidFlightGoesOnTheSame() throws {
    var original = link(delay: .microseconds(50), rate: 3_000_000_000, frames: 20, bytes: 4000, loss: 0.2)
    var now: UInt64 = 0
    var random = RandomStream(seed: 3, owner: "x", purpose: "y")
    func step(_ link: inout Link, at now: UInt64, _ count: Int) -> [UInt64] {
      var log: [UInt64] = []
      while let frame = link.arrive(now: Instant(now)) {
        log += [frame.packetID, UInt64(frame.bytes.u8(0)), UInt64(frame.count)]
      }
      let frame = pool.filled(UInt8(truncatingIfNeeded: now), count: count)
      frame.packetID = now
      switch link.send(frame, now: Instant(now)) {
      case .sent: log.append(1)
      case .dropped(let reason): log.append(UInt64(reason.rawValue) << 32)
      }
      return log + [link.deadline.rawValue, UInt64(link.inFlight), UInt64(link.queued(at: Instant(now)))]
    }
    for _ in 0..<300 {
      now += random.next(below: 2000)
      _ = step(&original, at: now, 60 + Int(random.next(below: 1000)))
    }
    let other = FramePool()
    var copy = try recoded(original, in: other)
    #expect(
      copy.inFlight == original.inFlight && other.outstanding == copy.inFlight && copy.counters == original.counters)
    for _ in 0..<300 {
      now += random.next(below: 2000)
      let count = 60 + Int(random.next(below: 1000))
      #expect(step(&original, at: now, count) == step(&copy, at: now, count))
    }
  }
}
