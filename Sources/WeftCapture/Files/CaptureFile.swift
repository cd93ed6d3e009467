/// One file of a run: its buffer, and the hidden partial file that the buffer is flushed to.
struct CaptureFile: ~Copyable {
  /// Without directory: `home-wan.pcapng`.
  let name: String
  var buffer = CaptureBuffer()
  var writer: PcapngWriter
  /// Bytes in the partial file.
  private(set) var flushed = 0
  /// The first failure; from then on nothing is written.
  private(set) var failure: CaptureError?
  /// Whether the partial file is there.
  private var exists = false

  init(name: String, writer: PcapngWriter = PcapngWriter()) {
    self.name = name
    self.writer = writer
  }

  /// Whether not a byte was written, not even the head: idle ports hold no memory.
  var isUntouched: Bool { flushed == 0 && buffer.count == 0 }

  /// Makes sure that `more` bytes fit: flushes if the buffer is full or the common budget spent, else lets it grow.
  @inline(__always)
  mutating func makeRoom(_ more: Int, _ store: CaptureStore) {
    if buffer.capacity - buffer.count < more { makeRoomSlowly(more, store) }
  }

  @inline(never)
  private mutating func makeRoomSlowly(_ more: Int, _ store: CaptureStore) {
    let full = buffer.capacity >= CaptureStore.fullBuffer
    let frugal = buffer.capacity >= CaptureStore.frugalBuffer && store.isShort
    if store.partialPath(name) != nil, full || frugal { flush(store) }
    let before = buffer.capacity
    buffer.reserve(more)
    store.account(buffer.capacity - before)
  }

  /// Moves the committed bytes to the partial file.
  mutating func flush(_ store: CaptureStore) {
    guard failure == nil, buffer.committed > 0, let path = store.partialPath(name) else { return }
    do throws(CaptureError) {
      let create = !exists
      let count = buffer.committed
      exists = true
      try buffer.drain { bytes throws(CaptureError) in try FileSystem.append(bytes, to: path, create: create) }
      flushed += count
    } catch {
      fail(error, store)
    }
  }

  /// Keeps the first failure, and gives the space on disk back at once.
  private mutating func fail(_ error: CaptureError, _ store: CaptureStore) {
    // Users know the file by its final name.
    failure = CaptureError(error.operation, path: store.finalPath(name) ?? name, reason: error.reason, code: error.code)
    store.hasFailed = true
    discard(store)
  }

  /// All committed bytes, in the partial file and in memory.
  func bytes(_ store: CaptureStore) throws(CaptureError) -> [UInt8] {
    var bytes: [UInt8] = []
    if flushed > 0, let path = store.partialPath(name) {
      try FileSystem.load(path, count: flushed, into: &bytes)
    }
    buffer.bytes().withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Starts where another process left off.
  mutating func restore(_ bytes: [UInt8], _ store: CaptureStore) {
    guard !bytes.isEmpty else { return }
    makeRoom(bytes.count, store)
    bytes.withUnsafeBytes { buffer.append($0) }
    if buffer.count > CaptureStore.fullBuffer, store.partialPath(name) != nil {
      flush(store)
      releaseMemory(store)
    }
  }

  mutating func releaseMemory(_ store: CaptureStore) {
    store.account(-buffer.capacity)
    buffer.release()
  }

  /// Removes the partial file and the memory.
  mutating func discard(_ store: CaptureStore) {
    if exists, let path = store.partialPath(name) { FileSystem.remove(path) }
    exists = false
    releaseMemory(store)
  }

  /// Puts the flushed file in its place.
  mutating func publish(_ store: CaptureStore) throws(CaptureError) {
    guard let partial = store.partialPath(name), let final = store.finalPath(name) else { return }
    try FileSystem.move(partial, to: final)
    exists = false
  }
}
