import Testing
import WeftCore

@Suite struct EventQueueTests {
  /// A plain sorted model, against which any sequence of operations must agree.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func agreesWithASortedListUnderRandomOperations(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "events", purpose: "test")
    let sources: UInt64 = 50
    var queue = EventQueue(sources: Int(sources))
    var model: [UInt32: UInt64] = [:]
    var now: UInt64 = 0
    for _ in 0..<20_000 {
      switch random.next(below: 4) {
      case 0, 1:
        let source = UInt32(random.next(below: sources))
        let spans: [UInt64] = [1, 3, 300, 70_000, 20_000_000, 1 << 40]
        let at = now + random.next(below: spans[Int(random.next(below: 6))])
        queue.schedule(source, at: Instant(at))
        model[source] = at
      case 2:
        let source = UInt32(random.next(below: sources))
        queue.cancel(source)
        model[source] = nil
      default:
        let limit = now + random.next(below: 100_000)
        let expected = model.filter { $0.value <= limit }.min { ($0.value, $0.key) < ($1.value, $1.key) }
        let popped = queue.pop(notAfter: Instant(limit))
        #expect(popped?.source == expected?.key)
        #expect(popped?.at.rawValue == expected?.value)
        if let popped {
          model[popped.source] = nil
          now = popped.at.rawValue
        } else {
          now = limit
        }
      }
      #expect(queue.count == model.count)
    }
  }

  @Test func equalMomentsComeBySourceWhateverTheOrderOfInsertion() {
    for order in [[3, 1, 2, 0], [0, 1, 2, 3], [2, 3, 0, 1]] as [[UInt32]] {
      var queue = EventQueue(sources: 4)
      for source in order { queue.schedule(source, at: Instant(1000)) }
      var popped: [UInt32] = []
      while let next = queue.pop(notAfter: .never) { popped.append(next.source) }
      #expect(popped == [0, 1, 2, 3])
    }
  }

  @Test func whatIsScheduledForNowWhileDrainingComesInOrder() {
    var queue = EventQueue(sources: 8)
    queue.schedule(3, at: Instant(10))
    queue.schedule(5, at: Instant(10))
    #expect(queue.pop(notAfter: .never)?.source == 3)
    queue.schedule(1, at: Instant(10))
    #expect(queue.pop(notAfter: .never)?.source == 1)
    #expect(queue.pop(notAfter: .never)?.source == 5)
  }

  @Test func aLimitLeavesLaterOnesAndEarlierInsertionsStillWork() {
    var queue = EventQueue(sources: 2)
    queue.schedule(0, at: Instant(5_000_000))
    #expect(queue.pop(notAfter: Instant(1_000_000)) == nil)
    queue.schedule(1, at: Instant(2_000_000))
    #expect(queue.pop(notAfter: .never)?.source == 1)
    #expect(queue.pop(notAfter: .never)?.source == 0)
  }

  /// Moments around every power of the wheel's base, and the ends of time.
  @Test func levelBoundariesComeInOrder() {
    var moments: [UInt64] = [0, 1, .max - 1, .max - 2, 1 << 63, (1 << 63) - 1, (1 << 63) + 1]
    for level in 1...7 as ClosedRange<UInt64> {
      let edge = UInt64(1) << (8 * level)
      moments += [edge - 1, edge, edge + 1, edge * 255, edge * 255 + 1]
    }
    moments = Array(Set(moments))
    for start in [0, 255, 65_535, 1 << 40] as [UInt64] {
      var queue = EventQueue(sources: moments.count + 1)
      if start > 0 {
        queue.schedule(UInt32(moments.count), at: Instant(start))
        #expect(queue.pop(notAfter: .never)?.at == Instant(start))
      }
      for (source, moment) in moments.enumerated() { queue.schedule(UInt32(source), at: Instant(moment)) }
      let expected = moments.enumerated().map { (max($0.element, start), UInt32($0.offset)) }.sorted { $0 < $1 }
      for (moment, source) in expected {
        let next = queue.pop(notAfter: .never)
        #expect(next?.at.rawValue == moment && next?.source == source)
      }
      #expect(queue.pop(notAfter: .never) == nil && queue.count == 0)
    }
  }

  @Test func limitsOnTheWayToAFarEventTakeNothingAndKeepTheOrder() {
    for far in [1000, 70_000, 1 << 32, 1 << 63] as [UInt64] {
      for others in [0, 1, 5] as [UInt64] {
        var queue = EventQueue(sources: 8)
        for other in 0...others { queue.schedule(UInt32(7 - other), at: Instant(far + other)) }
        for part in 1...20 as ClosedRange<UInt64> { #expect(queue.pop(notAfter: Instant(far / 21 * part)) == nil) }
        #expect(queue.pop(notAfter: Instant(far - 1)) == nil)
        // One that comes late in between is still first.
        queue.schedule(0, at: Instant(far - 1))
        #expect(queue.pop(notAfter: Instant(far))?.source == 0)
        for other in 0...others {
          let next = queue.pop(notAfter: .never)
          #expect(next?.source == UInt32(7 - other) && next?.at.rawValue == far + other)
        }
      }
    }
  }

  @Test func schedulingTheSameMomentAgainChangesNothingAndNeverCancels() {
    var queue = EventQueue(sources: 2)
    for _ in 0..<3 { queue.schedule(0, at: Instant(500)) }
    #expect(queue.count == 1 && queue.deadline(of: 0) == Instant(500) && queue.deadline(of: 1) == nil)
    queue.schedule(0, at: .never)
    #expect(queue.count == 0 && queue.deadline(of: 0) == nil && queue.pop(notAfter: .never) == nil)
    queue.cancel(0)
    #expect(queue.count == 0)
  }

  @Test func manyAtOnceComeBySource() {
    var queue = EventQueue(sources: 5_000)
    for source in (0..<5_000 as Range<UInt32>).reversed() { queue.schedule(source, at: Instant(1 << 33)) }
    for source in stride(from: 0 as UInt32, to: 5_000, by: 3) { queue.cancel(source) }
    var last: UInt32?
    var popped = 0
    while let next = queue.pop(notAfter: .never) {
      #expect(next.source % 3 != 0 && last.map { $0 < next.source } ?? true)
      last = next.source
      popped += 1
    }
    #expect(popped == 3_333)
  }

  @Test func cancelledAndRescheduledWhileDueComesOnce() {
    var queue = EventQueue(sources: 4)
    for source in 0..<3 as Range<UInt32> { queue.schedule(source, at: Instant(10)) }
    #expect(queue.pop(notAfter: .never)?.source == 0)
    queue.cancel(1)
    queue.schedule(1, at: Instant(10))
    queue.schedule(2, at: Instant(20))
    queue.schedule(2, at: Instant(10))
    var rest: [UInt32] = []
    while let next = queue.pop(notAfter: .never) {
      rest.append(next.source)
      #expect(next.at == Instant(10))
    }
    #expect(rest == [1, 2])
  }

  /// More sources come while others wait; at one moment the rank decides, not the number.
  @Test func aQueueGrowsUnderWhatWaitsAndRanksDecideAtOneMoment() {
    let rank: (EventQueue.Source) -> UInt32 = { 1000 - $0 }
    var queue = EventQueue(sources: 2, rank: rank)
    queue.schedule(0, at: Instant(100))
    queue.schedule(1, at: Instant(100))
    queue.grow(to: 300, rank: rank)
    #expect(queue.count == 2 && queue.deadline(of: 1) == Instant(100) && queue.deadline(of: 299) == nil)
    queue.schedule(299, at: Instant(100))
    queue.schedule(298, at: Instant(1 << 40))
    var popped: [EventQueue.Source] = []
    while let next = queue.pop(notAfter: .never) { popped.append(next.source) }
    #expect(popped == [299, 1, 0, 298])
  }
}
