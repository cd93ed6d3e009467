import Testing
import WeftCore

@testable import WeftNAT

@Suite struct ExpiryWheelTests {
  /// Deadlines moved forward without the wheel's knowledge, as packets do, and entries taken out, against a plain list.
  @Test(arguments: [1, 2, 3] as [UInt64]) func takesOutExactlyWhatIsDueWhateverHappenedBefore(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "wheel", purpose: "test")
    var wheel = ExpiryWheel()
    var links = (0..<300).map { Conntrack.Link(sequence: 0, number: $0, mapping: .none, detail: Conntrack.none) }
    var deadlines = [UInt64?](repeating: nil, count: 300)
    var now: UInt64 = 0
    for _ in 0..<30_000 {
      let number = Int(random.next(below: 300))
      let spans: [UInt64] = [1 << 18, 1 << 22, 1 << 30, 1 << 38, 1 << 46, 1 << 56]
      let span = random.next(below: spans[Int(random.next(below: 6))])
      switch random.next(below: 4) {
      case 0:
        if let deadline = deadlines[number] {
          deadlines[number] = deadline + span
        } else {
          deadlines[number] = now + span
          wheel.insert(number, deadline: now + span, &links)
        }
      case 1:
        wheel.remove(number, &links)
        deadlines[number] = nil
      default:
        now += span / 8
        while let taken = wheel.next(now: now, &links) {
          guard let deadline = deadlines[taken] else {
            Issue.record("taken twice")
            return
          }
          if ExpiryWheel.tick(deadline) <= wheel.current {
            deadlines[taken] = nil
          } else {
            wheel.insert(taken, deadline: deadline, &links)
          }
        }
        // Everything due is out; whatever is left is later. An entry put in late waits for the next tick.
        let overdue = deadlines.contains { $0.map { ExpiryWheel.tick($0) < now >> 20 } ?? false }
        #expect(!overdue)
        #expect(wheel.deadline.rawValue > now)
      }
      #expect(wheel.count == deadlines.count { $0 != nil })
    }
  }
}
