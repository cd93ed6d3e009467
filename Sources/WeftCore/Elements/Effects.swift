import WeftWire

/// What an element wants done, in order. Verdicts about frames are values here: pass it out of a port, or drop it for a
/// reason. The driver (simulator, live edge or test) reads them and clears the list; the storage is reused, so that the
/// frame path allocates nothing once it has grown to the largest flood.
public struct Effects: ~Copyable {
  public enum Verdict: UInt8, BitwiseCopyable, Sendable {
    case transmit
    case drop
    /// Out of every port but the entry's, which it came in on.
    case flood
  }

  /// 40 bytes: what only few frames have lies elsewhere.
  @frozen
  public struct Entry: BitwiseCopyable {
    public let frame: StoredFrame
    public let port: PortIndex
    public let verdict: Verdict
    /// Only for drops; `.queueFull` stands here otherwise and means nothing.
    public let reason: DropReason
    /// How many notes it has: see `note(_:of:)`.
    public let noteCount: UInt8
    /// Only for drops; of what has notes, the place of the first.
    public let detail: DropDetail

    @inlinable @inline(__always)
    init(
      frame: StoredFrame, port: PortIndex, verdict: Verdict, reason: DropReason = .queueFull, detail: DropDetail = .none,
      noteCount: UInt8 = 0
    ) {
      self.frame = frame
      self.port = port
      self.verdict = verdict
      self.reason = reason
      self.noteCount = noteCount
      self.detail = detail
    }

    /// For a driver that sends a frame by itself.
    public init(transmit frame: StoredFrame, on port: PortIndex) {
      self.init(frame: frame, port: port, verdict: .transmit)
    }
  }

  /// Where new frames come from.
  public let pool: FramePool
  @usableFromInline var entries: UnsafeMutablePointer<Entry>
  @usableFromInline var capacity: Int
  @usableFromInline var notes: [Note] = []
  /// Whether anybody reads what was rewritten: nobody does in a run without captures.
  public var keepsNotes = true
  @usableFromInline var storedCount: Int
  @inlinable public var count: Int { storedCount }
  /// Of traced frames only, so nearly always empty.
  public var observations: [Observation] = []
  /// Of packets that were rewritten and wait for an ARP answer: their departure will tell again.
  public var rewrites: [Rewrite] = []

  public struct Rewrite: Sendable {
    public var packetID: UInt64
    public var first: Note
    public var second: Note?

    public init(packetID: UInt64, first: Note, second: Note?) {
      self.packetID = packetID
      self.first = first
      self.second = second
    }
  }

  public init(pool: FramePool, capacity: Int = 64) {
    self.pool = pool
    entries = .allocate(capacity: capacity)
    self.capacity = capacity
    storedCount = 0
  }

  deinit {
    for index in 0..<count { _ = Frame(stored: entries[index].frame) }
    entries.deallocate()
  }

  /// A new frame of `count` undefined bytes.
  @inlinable @inline(__always)
  public func frame(count: Int) -> Frame { pool.frame(count: count) }

  @inlinable @inline(__always)
  public mutating func transmit(_ frame: consuming Frame, on port: PortIndex) {
    append(Entry(frame: frame.store(), port: port, verdict: .transmit))
  }

  @inlinable @inline(__always)
  public mutating func transmit(_ frame: consuming Frame, on port: PortIndex, note: Note) {
    guard keepsNotes else { return transmit(frame, on: port) }
    let place = DropDetail.number(UInt32(truncatingIfNeeded: notes.count))
    notes.append(note)
    append(Entry(frame: frame.store(), port: port, verdict: .transmit, detail: place, noteCount: 1))
  }

  /// With both ends translated (hairpin).
  @inlinable
  public mutating func transmit(_ frame: consuming Frame, on port: PortIndex, notes first: Note, _ second: Note) {
    guard keepsNotes else { return transmit(frame, on: port) }
    let place = DropDetail.number(UInt32(truncatingIfNeeded: notes.count))
    notes.append(first)
    notes.append(second)
    append(Entry(frame: frame.store(), port: port, verdict: .transmit, detail: place, noteCount: 2))
  }

  /// Precondition: number < entry.noteCount.
  public func note(_ number: Int, of entry: Entry) -> Note { notes[Int(entry.detail.value) + number] }

  /// `port` is the one it came in on: there the capture says why. Drop a frame as it came, before rewriting it.
  @inlinable
  public mutating func drop(
    _ frame: consuming Frame, on port: PortIndex, _ reason: DropReason, _ detail: DropDetail = .none
  ) {
    append(Entry(frame: frame.store(), port: port, verdict: .drop, reason: reason, detail: detail))
  }

  /// Out of every port but `port`, in their order. One entry, however many ports there are.
  @inlinable
  public mutating func flood(_ frame: consuming Frame, from port: PortIndex) {
    append(Entry(frame: frame.store(), port: port, verdict: .flood))
  }

  public mutating func observe(_ observation: Observation) { observations.append(observation) }

  @inlinable @inline(__always)
  mutating func append(_ entry: Entry) {
    if count == capacity { grow() }
    (entries + count).initialize(to: entry)
    storedCount &+= 1
  }

  /// Takes out those that `body` takes: their frames are its then.
  public mutating func take(_ body: (Entry) -> Bool) {
    var kept = 0
    for index in 0..<count where !body(entries[index]) {
      if kept != index { (entries + kept).pointee = entries[index] }
      kept &+= 1
    }
    storedCount = kept
  }

  @usableFromInline
  mutating func forgetNotes() {
    notes.removeAll(keepingCapacity: true)
    rewrites.removeAll(keepingCapacity: true)
  }

  @usableFromInline
  mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: entries, count: count)
    entries.deallocate()
    entries = larger
    capacity *= 2
  }

  /// The driver takes the entry's frame back with `Frame(stored:)`, each exactly once, then calls `removeAll`.
  @inlinable public subscript(index: Int) -> Entry {
    @inline(__always) unsafeAddress { UnsafePointer(entries + index) }
  }

  /// Forgets the entries; their frames belong to the driver now. Where nobody keeps notes.
  @inlinable public mutating func removeEntries() { storedCount = 0 }

  /// The same, and their notes.
  @inlinable public mutating func removeAll() {
    storedCount = 0
    if keepsNotes, !notes.isEmpty || !rewrites.isEmpty { forgetNotes() }
  }
}
