import WeftCore

/// A storage pool: its host and its name there.
public struct PoolName: Sendable, Codable, Hashable {
  public var host: String
  public var name: String

  public init(host: String, name: String) { (self.host, self.name) = (host, name) }
}

/// A disk as a machine has it: its bytes, how fast they come and go, and what the lab saw of it. Times are the guest's: a drive
/// stands still with its machine.
public struct Drive: Sendable, Codable {
  /// The last time that the power went.
  public struct Cut: Sendable, Codable, Hashable {
    /// The world's time.
    public var at: Instant
    public var unflushed: Int
    public var kept: Int
  }

  private struct Request: Sendable, Codable {
    /// Nil: a flush.
    var write: Write?
    var from: Instant
    var done: Instant
  }

  private struct Write: Sendable, Codable {
    var offset: Int
    var bytes: [UInt8]
  }

  public let name: String
  /// Where it lies, wherever its machine runs; nil: nowhere in particular.
  public private(set) var pool: PoolName?
  public private(set) var device: BlockDevice
  /// Bytes a second, read and written; nil: no time.
  public let rate: UInt64?
  /// Its medium is gone: it reads and writes nothing more.
  public private(set) var isLost = false
  public private(set) var lastCut: Cut?
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0
  public private(set) var flushes: UInt64 = 0
  /// What was asked for and isn't done, in its order.
  private var queue: [Request] = []
  private var freeAt = Instant.start
  private var chance: RandomStream

  /// `owner`: the machine's name, by which the random numbers of its power cuts are its own. Precondition: a rate > 0.
  public init(name: String, _ device: BlockDevice, pool: PoolName? = nil, rate: UInt64? = nil, owner: String, seed: UInt64) {
    precondition(rate != 0)
    self.name = name
    self.pool = pool
    self.device = device
    self.rate = rate
    chance = RandomStream(seed: seed, owner: owner, purpose: "disk \(name)")
  }

  public var size: Int { device.size }

  // MARK: What a guest does

  /// What is there once all that was asked for before is done; and when it has come.
  /// - Throws: `DiskError.outside`, `DiskError.lost`.
  public mutating func read(at offset: Int, count: Int, now: Instant) throws(DiskError) -> (bytes: [UInt8], at: Instant) {
    try check()
    advance(to: now)
    var seen = device
    for case let write? in queue.map(\.write) { try seen.write(write.bytes, at: write.offset) }
    let bytes = try seen.read(at: offset, count: count)
    bytesRead &+= UInt64(count)
    return (bytes, take(count, now: now))
  }

  /// - Throws: `DiskError.outside`, `DiskError.lost`; nothing is written then.
  public mutating func write(_ bytes: [UInt8], at offset: Int, now: Instant) throws(DiskError) {
    try check()
    advance(to: now)
    guard offset >= 0, offset <= size, bytes.count <= size - offset else {
      throw .outside(offset: offset, count: bytes.count, size: size)
    }
    bytesWritten &+= UInt64(bytes.count)
    if rate == nil { return try device.write(bytes, at: offset) }
    let from = max(freeAt, now)
    queue.append(Request(write: Write(offset: offset, bytes: bytes), from: from, done: take(bytes.count, now: now)))
  }

  /// When all that was written before is on the medium, or the disk says so.
  /// - Throws: `DiskError.lost`.
  public mutating func flush(now: Instant) throws(DiskError) -> Instant {
    try check()
    advance(to: now)
    flushes &+= 1
    if queue.isEmpty {
      device.flush()
      return now
    }
    queue.append(Request(write: nil, from: freeAt, done: freeAt))
    return freeAt
  }

  private func check() throws(DiskError) { if isLost { throw .lost } }

  /// When so many bytes more have gone over.
  private mutating func take(_ bytes: Int, now: Instant) -> Instant {
    guard let rate else { return now }
    // Up to 8 GiB at once: the product fits.
    let product = UInt64(min(bytes, 1 << 33)) * 1_000_000_000
    freeAt = max(freeAt, now) + Nanoseconds((product + rate - 1) / rate)
    return freeAt
  }

  // MARK: Time and power

  /// What is done by then has happened.
  public mutating func advance(to now: Instant) {
    guard let first = queue.first, first.done <= now else { return }
    let count = queue.prefix { $0.done <= now }.count
    for request in queue.prefix(count) { perform(request.write) }
    queue.removeFirst(count)
  }

  private mutating func perform(_ write: Write?) {
    if let write { try? device.write(write.bytes, at: write.offset) } else { device.flush() }
  }

  /// Of a write that is under way, the sectors that have been taken already.
  private mutating func breakOff(_ now: Instant) {
    advance(to: now)
    if let rate, let request = queue.first, let write = request.write, request.from < now {
      let elapsed = (now - request.from).rawValue
      let bytes =
        UInt64(clamping: rate.multipliedFullWidth(by: elapsed).high) > 0
        ? write.bytes.count : Int(min(UInt64(write.bytes.count), rate * elapsed / 1_000_000_000))
      let sectors = (write.offset + bytes) / BlockDevice.sectorSize * BlockDevice.sectorSize - write.offset
      if sectors > 0 { try? device.write(Array(write.bytes[..<sectors]), at: write.offset) }
    }
    queue = []
    freeAt = .start
  }

  /// The power goes. `now` is the guest's time, `at` the world's.
  public mutating func powerCut(now: Instant, at: Instant) {
    breakOff(now)
    let cut = device.powerCut(using: &chance)
    if cut.unflushed > 0 { lastCut = Cut(at: at, unflushed: cut.unflushed, kept: cut.kept) }
  }

  /// The machine goes off in good order: all is done that was asked for, and brought to the medium.
  public mutating func settle() {
    for request in queue { perform(request.write) }
    queue = []
    freeAt = .start
    device.settle()
  }

  /// As the hypervisor sees it from outside at a moment: all that the disk has taken, on the medium or not.
  public func contents(now: Instant) -> BlockDevice {
    var copy = self
    copy.breakOff(now)
    copy.device.settle()
    return copy.device
  }

  /// All that was asked for, whether it has come over or not: what its machine, as it is now, would bring to it.
  public var promised: BlockDevice {
    var copy = self
    copy.settle()
    return copy.device
  }

  /// The same drive with nothing on it, as its contents go another way.
  public func emptied() -> Drive {
    var copy = self
    if let empty = try? BlockDevice(size: size, name: name) { copy.replace(with: empty, pool: nil) }
    for bitmap in copy.device.bitmaps { try? copy.device.removeBitmap(named: bitmap.name) }
    return copy
  }

  /// The medium fails.
  public mutating func lose() {
    isLost = true
    queue = []
  }

  /// It lies there from now on, as it is.
  public mutating func move(to pool: PoolName?) { self.pool = pool }

  /// Goes on with these bytes: of a snapshot, of a backup, of another's disk. What the lab counts goes on too.
  /// - Precondition: of the same size.
  public mutating func replace(with contents: BlockDevice, pool: PoolName?) {
    self.pool = pool
    queue = []
    freeAt = .start
    let mode = device.mode
    device.revert(to: contents)
    device.mode = mode
    isLost = false
  }

  /// As a snapshot has it, with all that was under way; counters are the present's.
  public mutating func revert(to past: Drive) {
    let present = self
    self = past
    device = present.device
    device.revert(to: past.device)
    (pool, isLost, lastCut) = (present.pool, present.isLost, present.lastCut)
    (bytesRead, bytesWritten, flushes) = (present.bytesRead, present.bytesWritten, present.flushes)
  }

  /// Whoever copies it clears and marks its bitmaps.
  public mutating func withDevice<R>(now: Instant, _ body: (inout BlockDevice) throws(DiskError) -> R) throws(DiskError) -> R {
    advance(to: now)
    return try body(&device)
  }

  /// Of a decoded one.
  public var isConsistent: Bool {
    rate != 0
      && queue.allSatisfy { request in
        request.from <= request.done
          && request.write.map { $0.offset >= 0 && $0.offset <= size && $0.bytes.count <= size - $0.offset } ?? true
      } && zip(queue, queue.dropFirst()).allSatisfy { $0.done <= $1.done }
  }
}
