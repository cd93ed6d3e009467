import WeftCore

/// Keeps a transmit ring's frames until the state that they were sent in is safe elsewhere: the first `open` may leave, the
/// `marked` behind them are of the epoch that is being sent, all others of the one under way.
struct OutputGate: Codable, Hashable, Sendable {
  /// When a frame came, and in which epoch.
  struct Entry: Codable, Hashable, Sendable {
    var since: Instant
    var epoch: UInt64
  }

  var open = 0
  var marked = 0
  /// Of the frames that come now.
  var epoch: UInt64
  /// Nobody is to be waited for any more: what waits may leave, and what comes behind it.
  var isOpened = false
  /// Of each frame that waits, in order, behind `left` that are gone.
  private var entries: [Entry] = []
  private var left = 0

  /// `waiting`: frames that were there before, and may leave.
  init(waiting: Int, epoch: UInt64, now: Instant) {
    self.epoch = epoch
    open = waiting
    entries = Array(repeating: Entry(since: now, epoch: epoch), count: waiting)
  }

  mutating func push(now: Instant) {
    entries.append(Entry(since: now, epoch: epoch))
    if isOpened { open += 1 }
  }

  var first: Entry? { left < entries.count ? entries[left] : nil }

  mutating func removeFirst() {
    left += 1
    open -= 1
    // Now and then, not for each.
    if left * 2 > entries.count {
      entries.removeFirst(left)
      left = 0
    }
  }

  mutating func mark(epoch: UInt64) {
    marked = entries.count - left - open
    self.epoch = epoch
  }

  /// How many may leave now that couldn't, and how long they have waited in all.
  mutating func release(now: Instant) -> (frames: UInt64, time: Nanoseconds) {
    let released = entries[(left + open)..<(left + open + marked)]
    let time = released.reduce(Nanoseconds.zero) { $0 + (now - $1.since) }
    open += marked
    marked = 0
    return (UInt64(released.count), time)
  }

  mutating func openAll() {
    (open, marked, isOpened) = (entries.count - left, 0, true)
  }

  mutating func empty() { (entries, left, open, marked) = ([], 0, 0, 0) }

  /// Of a decoded one.
  func isConsistent(waiting: Int) -> Bool {
    left >= 0 && open >= 0 && marked >= 0 && entries.count - left == waiting && open <= waiting && marked <= waiting - open
  }
}
