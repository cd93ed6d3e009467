import Testing
import WeftCore

@testable import WeftHypervisor

/// Memory in pages, and a migration's stream between its two ends.
@Suite struct MemoryTests {
  private static func memory(_ parts: [UInt32: [UInt8]], writes: UInt64 = 0) -> GuestMemory {
    var memory = GuestMemory()
    for (region, bytes) in parts.sorted(by: { $0.key < $1.key }) { memory.add(bytes, region: region) }
    memory.add(WorkingSet(seed: 1, pages: 16, turn: 8, writes: writes), program: 0)
    return memory
  }

  @Test func oneByteIsOnePage() {
    var bytes = [UInt8](repeating: 7, count: 10_000)
    let before = Self.memory([1: bytes])
    #expect(before.used == 3 + 16)
    bytes[5000] = 8
    let changes = Self.memory([1: bytes]).changes(since: before.mark)
    #expect(changes.count == 1 && changes.zeroCount == 0)
    bytes[5000] = 7
    #expect(Self.memory([1: bytes]).changes(since: before.mark).left == 0, "what was changed and changed back is clean")
  }

  @Test func aPageThatBecomesZeroIsToldOf() {
    let before = Self.memory([1: [1], 2: [UInt8](repeating: 1, count: 5000)])
    let changes = Self.memory([1: [1]]).changes(since: before.mark)
    #expect(changes.count == 0 && changes.zeroCount == 2)
  }

  @Test(arguments: [(0, 3, 3), (6, 10, 4), (0, 8, 8), (3, 100, 8), (5, 5, 0)])
  func aWorkingSetIsDirtyWhereItWasWritten(from: UInt64, to: UInt64, pages: UInt64) {
    let (before, after) = (Self.memory([:], writes: from), Self.memory([:], writes: to))
    let changes = after.changes(since: before.mark)
    #expect(changes.count == pages)
    // The truth, page for page.
    let different = (0..<16).filter { page in
      let number = PageNumber(region: PageNumber.sets, UInt64(page))
      return before.bytes(of: number) != after.bytes(of: number)
    }
    #expect(UInt64(different.count) == pages)
  }

  @Test func nothingIsWhatItIsNot() {
    let one = Self.memory([1: [1, 2, 3]]).mark
    #expect(one == Self.memory([1: [1, 2, 3]]).mark)
    #expect(one != Self.memory([1: [1, 2, 4]]).mark && one != Self.memory([2: [1, 2, 3]]).mark)
    #expect(one != Self.memory([1: [1, 2, 3]], writes: 1).mark)
  }

  /// Whatever the pieces in which it comes.
  @Test(arguments: [1, 7, 4096, 100_000])
  func whatIsSentArrives(piece: Int) {
    let memory = Self.memory([1: Array(0..<200), 9: [UInt8](repeating: 3, count: 9000)], writes: 5)
    var (sender, receiver) = (PageSender(name: "web", pages: 64), PageReceiver())
    var news: [PageReceiver.News] = []
    func go() {
      while true {
        let next = sender.take(piece) { memory.bytes(of: $0) }
        if next.isEmpty { break }
        sender.took(next.count)
        news += receiver.take(Array(next))
      }
    }
    go()
    sender.send(memory.changes(since: nil), untouched: 64 - memory.used)
    go()
    sender.sendLast(PageList(), devices: [1, 2, 3], digest: memory.digest)
    go()
    #expect(news == [.hello(name: "web", pages: 64), .round, .end(isEqual: true)])
    #expect(receiver.received == 64 && receiver.deviceBytes == 3 && sender.pages == memory.used)
    let end = sender.sent
    let pages = memory.used * 4104
    #expect(end == 25 + pages + (64 - memory.used) * 9 + 8 + 8 + 3 + 8 + 16)
  }

  @Test func aPageThatWasForgottenShows() {
    let (old, new) = (Self.memory([1: [1]]), Self.memory([1: [2]]))
    var (sender, receiver) = (PageSender(name: "web", pages: 64), PageReceiver())
    sender.send(old.changes(since: nil))
    var news: [PageReceiver.News] = []
    func go() {
      while true {
        let next = sender.take(1 << 20) { old.bytes(of: $0) }
        if next.isEmpty { return }
        sender.took(next.count)
        news += receiver.take(Array(next))
      }
    }
    go()
    sender.sendLast(PageList(), devices: [], digest: new.digest)
    go()
    #expect(news.last == .end(isEqual: false))
  }

  @Test func nonsenseIsRefused() {
    var receiver = PageReceiver()
    #expect(receiver.take(Array("GET / HTTP/1.1\r\n\r\nxxxxxx".utf8)) == [.nonsense])
    var random = RandomStream(seed: 1, owner: "fuzz", purpose: "migration")
    for _ in 0..<2000 {
      var receiver = PageReceiver()
      var bytes = MigrationStream.hello("web", pages: 4)
      for _ in 0..<random.next(below: 40) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
      if random.next(below: 2) == 0 {
        bytes[Int(random.next(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
      }
      _ = receiver.take(bytes)
    }
  }
}
