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
}
