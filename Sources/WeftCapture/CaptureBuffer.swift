/// Growing raw memory that a writer fills and a sink drains.
///
/// Bytes before `committed` are final; those from there to `count` belong to a record that may still be cancelled. No
/// memory is held before the first byte, so that an idle port costs nothing.
public struct CaptureBuffer: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer
  /// Bytes of memory held.
  public private(set) var capacity: Int
  /// Bytes written, the staged ones included.
  public internal(set) var count: Int
  /// Bytes that a sink may take.
  public internal(set) var committed: Int

  /// The first allocation; one memory page holds the head of a file and some forty small records.
  static let firstCapacity = 4096
  /// Stands for "no memory" so that the pointer needs no optional check in the hot path. Never read or written.
  private static var none: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 16)! }

  public init() {
    base = Self.none
    capacity = 0
    count = 0
    committed = 0
  }

  deinit { if capacity > 0 { base.deallocate() } }

  /// Whether a record is begun and neither committed nor cancelled.
  public var isStaged: Bool { count > committed }

  /// Hands the committed bytes over and forgets them; a staged record stays.
  public mutating func drain<E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    guard committed > 0 else { return }
    try body(UnsafeRawBufferPointer(start: base, count: committed))
    let rest = count - committed
    if rest > 0 { base.copyMemory(from: base + committed, byteCount: rest) }
    count = rest
    committed = 0
  }

  /// A copy of the committed bytes.
  public func bytes() -> [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: committed)) }

  /// Appends bytes that are final. Precondition: nothing is staged.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    precondition(!isStaged)
    put(bytes)
    committed = count
  }

  /// Puts final bytes before all others.
  mutating func prepend(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    (base + bytes.count).copyMemory(from: base, byteCount: count)
    base.copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
    committed += bytes.count
  }

  /// A buffer's memory by itself. Whoever has it gives it back exactly once: to a buffer, or with `release`.
  struct Memory: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int
    /// Bytes in it.
    let count: Int

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
    func release() { base.deallocate() }
  }

  /// Gives the memory away with all that is in it, for `next` to give other memory of the same size.
  /// Preconditions: there is some, and nothing is staged.
  mutating func exchange(_ next: (Memory) -> UnsafeMutableRawPointer) {
    precondition(capacity > 0 && !isStaged)
    base = next(Memory(base: base, capacity: capacity, count: count))
    count = 0
    committed = 0
  }

  /// Gives all memory back, and with it everything in the buffer.
  public mutating func release() {
    if capacity > 0 { base.deallocate() }
    base = Self.none
    capacity = 0
    count = 0
    committed = 0
  }

  static func allocate(_ size: Int) -> UnsafeMutableRawPointer { .allocate(byteCount: size, alignment: 16) }

  @inline(__always)
  mutating func reserve(_ more: Int) {
    if capacity - count < more { grow(more) }
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    var size = max(Self.firstCapacity, capacity)
    while size - count < more { size *= 2 }
    let memory = Self.allocate(size)
    if count > 0 { memory.copyMemory(from: base, byteCount: count) }
    if capacity > 0 { base.deallocate() }
    base = memory
    capacity = size
  }

  @inline(__always)
  mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Appends an integer in little-endian order, whatever the machine's: the same run gives the same bytes anywhere.
  @inline(__always)
  mutating func put<T: FixedWidthInteger>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    (base + count).storeBytes(of: value.littleEndian, as: T.self)
    count += MemoryLayout<T>.size
  }

  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
  }

  /// Zeros up to the next multiple of four counted from `start`.
  @inline(__always)
  mutating func pad(from start: Int) {
    let missing = -(count - start) & 3
    guard missing > 0 else { return }
    reserve(4)
    (base + count).storeBytes(of: 0, as: UInt32.self)
    count += missing
  }

  @inline(__always)
  func patch<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    (base + offset).storeBytes(of: value.littleEndian, as: T.self)
  }
}

// The memory belongs to this value alone, and it can't be copied.
extension CaptureBuffer: @unchecked Sendable {}
