import WeftCore
import WeftWire

/// All sessions: 64 bytes each of what a packet touches, 32 of what only creation, expiry and reports do, two slots
/// of the index, and for TCP its windows. Owns no memory while empty; grows by doubling.
///
/// A packet only stores the session's new deadline. The timing wheel holds each session where its deadline once was,
/// and looks again when that moment comes (lazily, as timers mostly move and seldom fire).
struct Conntrack {
  /// The list of the wheel it is in, the mapping it retains, its neighbours among the unassured. 32 bytes.
  struct Link: BitwiseCopyable {
    /// Order of creation × 512 + slot of the wheel, in halves: an eight-byte field would pad every link by four.
    private var high: UInt32
    private var low: UInt32
    var next: UInt32
    /// Its own number while it is in no list.
    var previous: UInt32
    /// Of its inside endpoint, where it retains one.
    var mapping: Packed<MappingID>
    /// Of TCP and SCTP, where its windows are, or `none`; of UDP the millisecond in which it began.
    var detail: UInt32
    /// Among the sessions that are not assured, in the order of their creation.
    var older = Conntrack.none
    var newer = Conntrack.none

    init(sequence: UInt64, number: Int, mapping: Packed<MappingID>, detail: UInt32) {
      high = UInt32(truncatingIfNeeded: sequence >> 23)
      low = UInt32(truncatingIfNeeded: sequence << 9)
      next = Conntrack.none
      previous = UInt32(number)
      self.mapping = mapping
      self.detail = detail
    }

    var sequence: UInt64 { UInt64(high) << 23 | UInt64(low >> 9) }
    var slot: Int {
      get { Int(low & 511) }
      set { low = low & ~511 | UInt32(truncatingIfNeeded: newValue) }
    }
  }

  static let none = UInt32.max

  private(set) var sessions = EntryTable<Session>()
  private(set) var links: [Link] = []
  private var index = TagIndex()
  private var free: [UInt32] = []
  private(set) var count = 0
  private(set) var created: UInt64 = 0
  /// Grows with each that goes.
  private(set) var removals: UInt64 = 0
  private(set) var wheel = ExpiryWheel()
  private var windows: [TCPWindow] = []
  private var freeWindows: [UInt32] = []
  /// What goes first when the table is full, by the order in which it came to that: sessions that are not assured, then
  /// connections that are closing.
  private(set) var unassured = Queue()
  private(set) var closing = Queue()
  var events = EventRing()
  var sources = SourceFlows()
  /// The latest moment it was told of.
  var now = Instant.start

  var footprint: Int {
    sessions.footprint + links.capacity * MemoryLayout<Link>.stride + index.footprint
      + free.capacity * 4 + wheel.footprint + windows.capacity * MemoryLayout<TCPWindow>.stride + freeWindows.capacity
      * 4
  }

  @inline(__always)
  func find(_ tuple: Tuple) -> Hit? {
    // A reference is the session's number and, in bit 0, the direction.
    let found = index.find(tuple.hash) { reference in
      sessions[reference >> 1].matches(tuple, reference & 1 == 0 ? .original : .reply)
    }
    return found.map { Hit(session: SessionID($0 >> 1), direction: $0 & 1 == 0 ? .original : .reply) }
  }

  @inline(__always)
  subscript(_ id: SessionID) -> Session {
    get { sessions[id.index] }
    _modify { yield &sessions[id.index] }
  }

  /// Whether it hasn't ended.
  func holds(_ id: SessionID) -> Bool { sessions.indices.contains(id.index) && sessions[id.index].inUse != 0 }

  /// A tuple with this hash will be looked for soon: fetches its slot of the index, and once that is there …
  @inline(__always)
  func prefetchSlot(_ hash: UInt64) { index.prefetch(hash) }

  /// … its session.
  @inline(__always)
  func prefetchSession(_ hash: UInt64) {
    if let reference = index.guess(hash) { sessions.prefetch(reference >> 1) }
  }

  /// Counted from 0 as sessions are made: no two share one.
  func sequence(_ id: SessionID) -> UInt64 { links[id.index].sequence }

  /// The mapping it retains.
  func mapping(_ id: SessionID) -> MappingID? { links[id.index].mapping.id }
  mutating func setMapping(_ id: SessionID, _ mapping: MappingID?) { links[id.index].mapping = Packed(mapping) }

  /// Of TCP where windows are tracked, and of SCTP.
  @inline(__always)
  func window(_ id: SessionID) -> TCPWindow? {
    let place = links[id.index].detail
    return place == Self.none ? nil : windows[Int(place)]
  }

  /// Precondition: it has one.
  @inline(__always)
  mutating func setWindow(_ id: SessionID, _ window: TCPWindow) {
    let place = Int(links[id.index].detail)
    let moves =
      sessions[id.index].kind == .sctp && windows[place].association.state.isClosing != window.association.state.isClosing
    if moves { dequeue(id.index) }
    windows[place] = window
    if moves { enqueue(id.index) }
  }

  /// In milliseconds, as far as they go: of UDP.
  func begin(_ id: SessionID) -> UInt32 { links[id.index].detail }

  /// Whether a UDP flow began more than two seconds ago.
  func isOld(_ id: SessionID, now: Instant) -> Bool { Self.milliseconds(now) &- links[id.index].detail > 2000 }

  static func milliseconds(_ instant: Instant) -> UInt32 { UInt32(truncatingIfNeeded: instant.rawValue / 1_000_000) }

  /// Precondition: neither tuple is in.
  mutating func insert(_ session: Session, mapping: MappingID?, began: Instant) -> SessionID {
    let id = insert(session, mapping: mapping, sequence: created, began: Self.milliseconds(began))
    created &+= 1
    return id
  }

  mutating func insert(_ session: Session, mapping: MappingID?, sequence: UInt64, began: UInt32) -> SessionID {
    let number = free.last.map(Int.init) ?? sessions.count
    let link = Link(
      sequence: sequence, number: number, mapping: Packed(mapping), detail: session.kind == .udp ? began : Self.none)
    if !free.isEmpty {
      free.removeLast()
      sessions[number] = session
      links[number] = link
    } else {
      if number == links.capacity { links.reserveCapacity(max(4, number * 2)) }
      sessions.append(session)
      links.append(link)
    }
    count += 1
    index.insert(session.original.hash, number << 1)
    index.insert(session.reply.hash, number << 1 | 1)
    wheel.insert(number, deadline: session.deadline, &links)
    enqueue(number)
    return SessionID(number)
  }

  /// Where its connection stands now, and whether it has been answered or established.
  mutating func change(_ id: SessionID, to state: TCPState, assures: Bool) {
    let number = id.index
    let wasAssured = sessions[number].flags.contains(.assured)
    let moves = assures && !wasAssured || state.isClosing != sessions[number].state.isClosing && (wasAssured || assures)
    if moves { dequeue(number) }
    sessions[number].state = state
    if assures { sessions[number].flags.insert(.assured) }
    if moves { enqueue(number) }
  }

  /// Puts a session at the end of the queue of its rank.
  mutating func enqueue(_ number: Int) {
    switch rank(number) {
    case .unassured: unassured.append(number, &links)
    case .closing: closing.append(number, &links)
    case .kept: break
    }
  }

  mutating func dequeue(_ number: Int) {
    switch rank(number) {
    case .unassured: unassured.take(number, &links)
    case .closing: closing.take(number, &links)
    case .kept: break
    }
  }

  mutating func addWindow(_ id: SessionID, _ window: TCPWindow) {
    let number = id.index
    if let free = freeWindows.popLast() {
      windows[Int(free)] = window
      links[number].detail = free
    } else {
      links[number].detail = UInt32(windows.count)
      windows.append(window)
    }
  }

  mutating func remove(_ id: SessionID) {
    let number = id.index
    dequeue(number)
    if sessions[number].kind.hasStates, links[number].detail != Self.none { freeWindows.append(links[number].detail) }
    if !sources.isEmpty { sources.remove(SessionID(number), sessions[number].original) }
    wheel.remove(number, &links)
    index.remove(sessions[number].original.hash, number << 1)
    index.remove(sessions[number].reply.hash, number << 1 | 1)
    sessions[number].inUse = 0
    removals &+= 1
    count -= 1
    if count == 0, sessions.capacity > 1024 {
      // An idle gateway gives its memory back.
      sessions = EntryTable()
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

  /// Sets a deadline; where it is earlier than before, the wheel must be told if it would look too late.
  @inline(__always)
  mutating func setDeadline(_ id: SessionID, _ deadline: UInt64) {
    let old = sessions[id.index].deadline
    sessions[id.index].deadline = deadline
    if deadline < old { moveUp(id.index, deadline) }
  }

  private mutating func moveUp(_ number: Int, _ deadline: UInt64) {
    if !wheel.looks(atSlot: links[number].slot, by: deadline) {
      wheel.remove(number, &links)
      wheel.insert(number, deadline: deadline, &links)
    }
  }

  /// The next session that is over, to be removed by the caller; nil when there is none left by `now`.
  mutating func nextExpired(now: Instant) -> SessionID? {
    while let number = wheel.next(now: now.rawValue, &links) {
      if ExpiryWheel.tick(sessions[number].deadline) <= wheel.current { return SessionID(number) }
      wheel.insert(number, deadline: sessions[number].deadline, &links)
    }
    return nil
  }

  /// All sessions in the order of their creation.
  var inOrder: [SessionID] {
    sessions.indices.filter { sessions[$0].inUse != 0 }.sorted { links[$0].sequence < links[$1].sequence }
      .map { SessionID($0) }
  }

  mutating func restoreCreated(_ value: UInt64) { created = value }
}
