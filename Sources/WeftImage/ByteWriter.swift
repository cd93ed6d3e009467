/// Bytes that grow: numbers are little-endian.
final class ByteWriter {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 4096) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
  var array: [UInt8] { Array(bytes) }

  @inline(__always)
  func reserve(_ more: Int) { if capacity &- count < more { grow(more) } }

  @inline(never)
  private func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = larger
  }

  @inline(__always)
  func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count &+= MemoryLayout<T>.size
  }

  /// Seven bits a byte, the low ones first; the top bit says that there is more.
  @inline(__always)
  func appendCompact(_ value: UInt64) {
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
      count &+= 1
      rest >>= 7
    }
    base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    (base + count).copyMemory(from: start, byteCount: source.count)
    count &+= source.count
  }

  func append(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      appendCompact(UInt64(utf8.count))
      append(UnsafeRawBufferPointer(utf8))
    }
  }

  /// Numbers one after the other, as they lie in memory: every machine that weft runs on is little-endian.
  func append<T: FixedWidthInteger & BitwiseCopyable>(words: [T]) {
    appendCompact(UInt64(words.count))
    words.withUnsafeBytes { append($0) }
  }

  /// Overwrites. Precondition: the place has been written.
  func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at place: Int) {
    precondition(place >= 0 && place + MemoryLayout<T>.size <= count)
    base.storeBytes(of: value.littleEndian, toByteOffset: place, as: T.self)
  }

  /// Gives up what was written last. Precondition: length ≤ count.
  func truncate(to length: Int) {
    precondition(length >= 0 && length <= count)
    count = length
  }
}
