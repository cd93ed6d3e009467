import WeftCore

/// First in, first out, of anything.
struct Line<Element: Codable & Sendable>: Codable, Sendable {
  private var elements: [Element] = []
  private var head = 0

  var count: Int { elements.count &- head }
  var isEmpty: Bool { count == 0 }
  var first: Element? { isEmpty ? nil : elements[head] }

  mutating func push(_ element: Element) { elements.append(element) }

  mutating func pop() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[head]
    head &+= 1
    if elements.count == 1 {
      elements.removeLast()
      head = 0
    } else if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 256, head &* 2 >= elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  mutating func removeAll() {
    elements.removeAll()
    head = 0
  }

  mutating func keep(first count: Int) { if self.count > count { elements.removeLast(self.count - count) } }

  mutating func change(_ body: (inout Element) -> Void) { for index in head..<elements.count { body(&elements[index]) } }
  func allSatisfy(_ predicate: (Element) -> Bool) -> Bool { elements[head...].allSatisfy(predicate) }
  func map<T>(_ body: (Element) -> T) -> [T] { elements[head...].map(body) }

  init() {}

  init(from decoder: any Decoder) throws { elements = try [Element](from: decoder) }
  func encode(to encoder: any Encoder) throws { try Array(elements[head...]).encode(to: encoder) }
}

/// Frames between a machine's card and its cable, where the hypervisor is at work on them.
struct StageQueue: Codable {
  struct Entry: Codable, Sendable {
    /// By which a driver domain's work finds it.
    var number: UInt64
    var entered: Instant
    /// `never` as long as a driver domain hasn't done its part.
    var due: Instant
    /// Until a host's process was awake.
    var woken = Nanoseconds.zero
    /// What a driver domain's work took.
    var driven = Nanoseconds.zero
    /// How long its machine waited for a cpu to make it.
    var waited = Nanoseconds.zero
  }

  /// netback's and tap's queues have a thousand places.
  private var frames = FrameQueue(capacity: 1024)
  private var entries = Line<Entry>()
  /// When the last that came in will be out.
  private var freeAt = Instant.start

  var isEmpty: Bool { frames.isEmpty }
  var isFull: Bool { frames.isFull }
  var room: Int { frames.capacity - frames.count }
  var count: Int { frames.count }

  /// When the first leaves.
  private(set) var due = Instant.never

  /// Precondition: not full.
  mutating func push(_ frame: consuming Frame, _ entry: Entry) {
    if entries.isEmpty { due = entry.due }
    frames.push(frame)
    entries.push(entry)
  }

  /// One after the other, each for this long; `waking` before one that finds nobody at work.
  mutating func occupy(_ cost: Nanoseconds, waking: Nanoseconds, now: Instant) -> (due: Instant, woken: Nanoseconds) {
    let woken = isEmpty ? waking : .zero
    freeAt = max(now + woken, freeAt) + cost
    return (freeAt, woken)
  }

  mutating func release(_ number: UInt64, at due: Instant, driven: Nanoseconds) {
    entries.change { entry in
      if entry.number == number, entry.due == .never { (entry.due, entry.driven) = (due, driven) }
    }
    self.due = entries.first?.due ?? .never
  }

  mutating func pop() -> (frame: StoredFrame, entry: Entry)? {
    guard let frame = frames.pop(), let entry = entries.pop() else { return nil }
    due = entries.first?.due ?? .never
    return (frame.store(), entry)
  }

  /// Of the machine, or of those for which a driver domain hasn't done its part.
  mutating func empty(onlyUndriven: Bool = false) -> [StoredFrame] {
    var lost: [StoredFrame] = []
    for _ in 0..<count {
      guard let (frame, entry) = pop() else { break }
      if onlyUndriven, entry.due != .never { push(Frame(stored: frame), entry) } else { lost.append(frame) }
    }
    if isEmpty { freeAt = .start }
    return lost
  }

  func forEachTrace(_ body: (UInt32) -> Void) { frames.forEachTrace(body) }

  var isConsistent: Bool { frames.count == entries.count && frames.capacity == 1024 }

  init() {}

  private enum CodingKeys: CodingKey { case frames, entries, freeAt }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    frames = try container.decode(FrameQueue.self, forKey: .frames)
    entries = try container.decode(Line<Entry>.self, forKey: .entries)
    freeAt = try container.decode(Instant.self, forKey: .freeAt)
    due = entries.first?.due ?? .never
  }
}
