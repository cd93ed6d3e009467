import WeftCore
import WeftWire

/// All sessions: 64 bytes each of what a packet touches, 32 of what only creation, expiry and reports do, two slots
/// of the index, and for TCP its windows. Owns no memory while empty; grows by doubling.
///
/// A packet only stores the session's new deadline. The timing wheel holds each session where its deadline once was,
/// and looks again when that moment comes (lazily, as timers mostly move and seldom fire).
struct SessionTable {
  /// Direction in bit 0 (1 = reply), number in the rest.
  typealias Hit = Int

  /// The list of the wheel it is in, the mapping it holds, its neighbours among the unassured. 32 bytes.
  struct Link: BitwiseCopyable {
    /// Order of creation × 512 + place in the wheel, in halves: an eight-byte field would pad every link by four.
    private var high: UInt32
    private var low: UInt32
    var next: UInt32
    /// Its own number while it is in no list.
    var previous: UInt32
    /// Of its inside endpoint, where it holds one; else `none`.
    var mapping: UInt32
    /// Of TCP, where windows are tracked; else `none`.
    var window = SessionTable.none
    /// Among the sessions that are not assured, in the order of their creation.
    var older = SessionTable.none
    var newer = SessionTable.none

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
  /// Grows with each that goes.
  private(set) var removals: UInt64 = 0
  var wheel = ExpiryWheel()
  var windows: [TCPWindow] = []
  private var freeWindows: [UInt32] = []
  /// Of the sessions that are not assured: the first to go when the table is full.
  private(set) var oldest = SessionTable.none
  private var newest = SessionTable.none

  var footprint: Int {
    entries.capacity * MemoryLayout<Session>.stride + links.capacity * MemoryLayout<Link>.stride + index.footprint
      + free.capacity * 4 + wheel.footprint + windows.capacity * MemoryLayout<TCPWindow>.stride + freeWindows.capacity
      * 4
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
    if sequence == nil { created &+= 1 }
    count += 1
    index.insert(session.original.hash, number << 1)
    index.insert(session.reply.hash, number << 1 | 1)
    wheel.insert(number, deadline: session.deadline, &links)
    if !session.flags.contains(.assured) {
      links[number].older = newest
      if newest != Self.none { links[Int(newest)].newer = UInt32(number) } else { oldest = UInt32(number) }
      newest = UInt32(number)
    }
    return number
  }

  /// Answered or established: no longer one that a full table gives up.
  mutating func assure(_ number: Int) {
    guard !entries[number].flags.contains(.assured) else { return }
    entries[number].flags.insert(.assured)
    unlist(number)
  }

  private mutating func unlist(_ number: Int) {
    let link = links[number]
    if link.older != Self.none { links[Int(link.older)].newer = link.newer } else { oldest = link.newer }
    if link.newer != Self.none { links[Int(link.newer)].older = link.older } else { newest = link.older }
    links[number].older = Self.none
    links[number].newer = Self.none
  }

  mutating func addWindow(_ number: Int, _ window: TCPWindow) {
    if let free = freeWindows.popLast() {
      windows[Int(free)] = window
      links[number].window = free
    } else {
      links[number].window = UInt32(windows.count)
      windows.append(window)
    }
  }

  mutating func remove(_ number: Int) {
    if !entries[number].flags.contains(.assured) { unlist(number) }
    if links[number].window != Self.none { freeWindows.append(links[number].window) }
    wheel.remove(number, &links)
    index.remove(entries[number].original.hash, number << 1)
    index.remove(entries[number].reply.hash, number << 1 | 1)
    entries[number].inUse = 0
    removals &+= 1
    count -= 1
    if count == 0, entries.capacity > 1024 {
      // An idle gateway gives its memory back.
      entries = []
      links = []
      free = []
      index = TagIndex()
      windows = []
      freeWindows = []
      wheel.reset()
    } else {
      free.append(UInt32(number))
    }
  }

  /// Sets a deadline that may be earlier than before: the wheel must be told where it would look too late.
  mutating func shorten(_ number: Int, to deadline: UInt64) {
    entries[number].deadline = deadline
    if !wheel.looks(atPlace: links[number].place, by: deadline) {
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
