import WeftCore
import WeftWire

/// All sessions: 64 bytes each of what a packet touches, 20 of what only creation, expiry and reports do, and two slots
/// of the index. Owns no memory while empty; grows by doubling.
///
/// A packet only stores the session's new deadline. The timing wheel holds each session where its deadline once was,
/// and looks again when that moment comes (lazily, as timers mostly move and seldom fire).
struct SessionTable {
  /// Direction in bit 0 (1 = reply), number in the rest.
  typealias Hit = Int

  /// The list of the wheel it is in, and the mapping it holds. Twenty bytes.
  struct Link: BitwiseCopyable {
    /// Order of creation × 512 + place in the wheel, in halves: an eight-byte field would pad every link by four.
    private var high: UInt32
    private var low: UInt32
    var next: UInt32
    /// Its own number while it is in no list.
    var previous: UInt32
    /// Of its inside endpoint, where it holds one; else `none`.
    var mapping: UInt32

    init(sequence: UInt64, number: Int, mapping: UInt32) {
      high = UInt32(truncatingIfNeeded: sequence >> 23)
      low = UInt32(truncatingIfNeeded: sequence << 9)
      next = SessionTable.none
      previous = UInt32(number)
      self.mapping = mapping
    }

    var sequence: UInt64 { UInt64(high) << 23 | UInt64(low >> 9) }
    var place: Int {
      get { Int(low & 511) }
      set { low = low & ~511 | UInt32(truncatingIfNeeded: newValue) }
    }
  }

  static let none = UInt32.max

  var entries: [Session] = []
  var links: [Link] = []
  private var index = TagIndex()
  private var free: [UInt32] = []
  private(set) var count = 0
  private(set) var created: UInt64 = 0
  var wheel = ExpiryWheel()

  var footprint: Int {
    entries.capacity * MemoryLayout<Session>.stride + links.capacity * MemoryLayout<Link>.stride + index.footprint
      + free.capacity * 4 + wheel.footprint
  }

  @inline(__always)
  func find(_ tuple: Tuple) -> Hit {
    index.find(tuple.hash) { hit in entries[hit >> 1].matches(tuple, isReply: hit & 1 != 0) }
  }

  /// Precondition: neither tuple is in.
  mutating func insert(_ session: Session, mapping: UInt32, sequence: UInt64? = nil) -> Int {
    let number = free.last.map(Int.init) ?? entries.count
    let link = Link(sequence: sequence ?? created, number: number, mapping: mapping)
    if !free.isEmpty {
      free.removeLast()
      entries[number] = session
      links[number] = link
    } else {
      if number == entries.capacity {
        entries.reserveCapacity(max(4, number * 2))
        links.reserveCapacity(max(4, number * 2))
      }
      entries.append(session)
      links.append(link)
    }
    if sequence == nil { created += 1 }
    count += 1
    index.insert(session.original.hash, number << 1)
    index.insert(session.reply.hash, number << 1 | 1)
    wheel.insert(number, deadline: session.deadline, &links)
    return number
  }

  mutating func remove(_ number: Int) {
    wheel.remove(number, &links)
    index.remove(entries[number].original.hash, number << 1)
    index.remove(entries[number].reply.hash, number << 1 | 1)
    entries[number].inUse = 0
    count -= 1
    if count == 0, entries.capacity > 1024 {
      // An idle gateway gives its memory back.
      entries = []
      links = []
      free = []
      index = TagIndex()
      wheel.reset()
    } else {
      free.append(UInt32(number))
    }
  }

  /// Sets a deadline that may be earlier than before: only then must the wheel be told.
  mutating func shorten(_ number: Int, to deadline: UInt64) {
    let earlier = deadline < entries[number].deadline
    entries[number].deadline = deadline
    if earlier {
      wheel.remove(number, &links)
      wheel.insert(number, deadline: deadline, &links)
    }
  }

  /// The next session that is over, to be removed by the caller; nil when there is none left by `now`.
  mutating func nextExpired(now: Instant) -> Int? {
    while let number = wheel.next(now: now.rawValue, &links) {
      if ExpiryWheel.tick(entries[number].deadline) <= wheel.current { return number }
      wheel.insert(number, deadline: entries[number].deadline, &links)
    }
    return nil
  }

  /// Numbers of all sessions in the order of their creation.
  var inOrder: [Int] {
    entries.indices.filter { entries[$0].inUse != 0 }.sorted { links[$0].sequence < links[$1].sequence }
  }

  mutating func restoreCreated(_ value: UInt64) { created = value }
}
