import WeftWire

/// Bytes in order, taken off at the front: a send or receive buffer. Owns no memory while empty and never used;
/// doubles as it fills, and gives a lot back when empty. Bytes may be written ahead of the end (out-of-order data)
/// and are counted in later.
@usableFromInline
struct ByteRing {
  /// A power of two long, or empty.
  private var storage: [UInt8] = []
  private var head = 0
  @usableFromInline private(set) var count = 0
  /// How far from the front anything was written.
  private(set) var extent = 0

  static let smallest = 2048
  /// Emptied, more than this is given back.
  static let kept = 64 << 10

  /// Lets go of the memory.
  mutating func release() { self = ByteRing() }

  @inline(__always)
  private mutating func reserve(_ needed: Int) {
    if needed > storage.count { grow(needed) }
  }

  @inline(never)
  private mutating func grow(_ needed: Int) {
    var size = max(Self.smallest, storage.count)
    while size < needed { size *= 2 }
    let (old, start, length) = (storage, head, extent)
    storage = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      let first = min(length, old.count - start)
      old.withUnsafeBytes { from in
        guard let source = from.baseAddress, let target = buffer.baseAddress else { return }
        UnsafeMutableRawPointer(target).copyMemory(from: source + start, byteCount: first)
        (UnsafeMutableRawPointer(target) + first).copyMemory(from: source, byteCount: length - first)
      }
      // The rest is never read before it is written, but an array must be initialized.
      buffer.baseAddress.map { ($0 + length).initialize(repeating: 0, count: size - length) }
      initialized = size
    }
    head = 0
  }

  /// Writes at an offset from the front, which may lie behind the end.
  mutating func write(_ bytes: RawSpan, at offset: Int) {
    let length = bytes.byteCount
    guard length > 0 else { return }
    reserve(offset &+ length)
    extent = max(extent, offset &+ length)
    let mask = storage.count &- 1
    let start = (head &+ offset) & mask
    let first = min(length, storage.count &- start)
    storage.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { source in
        guard let to = target.baseAddress, let from = source.baseAddress else { return }
        Self.copy(from, to: to + start, first)
        Self.copy(from + first, to: to, length &- first)
      }
    }
  }

  /// In pieces that the C library copies by vector registers: its way for more takes an instruction a byte in what counts
  /// instructions, and is no faster.
  @inline(__always)
  private static func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ count: Int) {
    var done = 0
    while done < count {
      let piece = min(count &- done, 2048)
      (target + done).copyMemory(from: source + done, byteCount: piece)
      done &+= piece
    }
  }

  /// Counts bytes written behind the end in. Precondition: they were written.
  @inline(__always)
  mutating func commit(_ length: Int) {
    count &+= length
    precondition(count <= extent)
  }

  mutating func append(_ bytes: RawSpan) {
    write(bytes, at: count)
    commit(bytes.byteCount)
  }

  /// Takes bytes off the front. Precondition: length ≤ count.
  @inline(__always)
  mutating func consume(_ length: Int) {
    precondition(length <= count)
    count &-= length
    extent &-= length
    if !storage.isEmpty { head = (head &+ length) & (storage.count &- 1) }
    // What a burst needed isn't kept by an idle connection.
    if extent == 0, storage.count > Self.kept { release() }
  }

  /// Copies bytes from an offset to a place in a frame. Precondition: they are there.
  @inline(__always)
  func copy(from offset: Int, count length: Int, to span: inout MutableRawSpan, at place: Int) {
    precondition(offset >= 0 && offset &+ length <= count && place &+ length <= span.byteCount)
    guard length > 0 else { return }
    let start = (head &+ offset) & (storage.count &- 1)
    let first = min(length, storage.count &- start)
    storage.withUnsafeBytes { source in
      span.withUnsafeMutableBytes { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        (to + place).copyMemory(from: from + start, byteCount: first)
        if first < length { (to + place + first).copyMemory(from: from, byteCount: length &- first) }
      }
    }
  }

  /// Shows the first `length` bytes where they lie, until `body` says false of a piece. Precondition: length ≤ count.
  @usableFromInline
  func pieces(_ length: Int, _ body: (RawSpan, Int) -> Bool) -> Bool {
    guard length > 0 else { return true }
    let first = min(length, storage.count &- head)
    let span = storage.span.bytes
    guard body(span.extracting(head..<head &+ first), 0) else { return false }
    return first == length || body(span.extracting(0..<length &- first), first)
  }

  /// The first bytes, at most `limit`; for slow paths.
  func prefix(_ limit: Int) -> [UInt8] { range(0, min(limit, count)) }

  private func range(_ offset: Int, _ length: Int) -> [UInt8] {
    guard length > 0 else { return [] }
    let start = (head + offset) & (storage.count - 1)
    let first = min(length, storage.count - start)
    return Array(storage[start..<start + first]) + storage[0..<length - first]
  }
}

extension ByteRing: Codable {
  private enum CodingKeys: CodingKey { case count, bytes }

  @usableFromInline
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .count)
    try container.encode(range(0, extent), forKey: .bytes)
  }

  @usableFromInline
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let bytes = try container.decode([UInt8].self, forKey: .bytes)
    let count = try container.decode(Int.self, forKey: .count)
    guard count >= 0, count <= bytes.count else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a ring's count"))
    }
    write(bytes.span.bytes, at: 0)
    self.count = count
  }
}
