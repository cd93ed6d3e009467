/// One file of a run: its buffer, and the file on disk that the buffer is flushed to. It is made at the first flush.
struct CaptureFile: ~Copyable {
  /// Without directory: `home-wan.pcapng`.
  let name: String
  var buffer = CaptureBuffer()
  var writer: PcapngWriter
  var names = NamesInFile()
  /// Bytes on disk, or on their way there.
  private(set) var flushed = 0
  /// The first failure; from then on nothing is written.
  private(set) var failure: CaptureError?
  /// Whether the file is there, or on its way.
  private var exists = false
  /// Whether the folder knows of it.
  private var isListed = false
  /// Not even the head: idle ports hold no memory, and have no file.
  private(set) var isUntouched = true
  /// Where the file may be cut, whole records before it: at each flush, with the records up to there.
  private var marks: [(bytes: Int, records: UInt64)] = []

  init(name: String, writer: PcapngWriter = PcapngWriter()) {
    self.name = name
    self.writer = writer
  }

  private var isPcapng: Bool { name.hasSuffix(".pcapng") }

  mutating func touch() { isUntouched = false }

  /// Makes sure that `more` bytes fit: flushes if the buffer is full or the common budget spent, else lets it grow.
  @inline(__always)
  mutating func makeRoom(_ more: Int, _ store: CaptureStore) {
    if buffer.capacity - buffer.count < more { makeRoomSlowly(more, store) }
  }

  @inline(never)
  private mutating func makeRoomSlowly(_ more: Int, _ store: CaptureStore) {
    let full = buffer.capacity >= CaptureStore.fullBuffer
    let frugal = buffer.capacity >= CaptureStore.frugalBuffer && store.isShort
    if store.folder != nil, full || frugal {
      if let writer = store.writer, writer.isReady() { handOver(to: writer, store) } else { flush(store) }
    }
    let before = buffer.capacity
    buffer.reserve(more)
    store.account(buffer.capacity - before)
  }

  /// Has the full buffer written beside the run.
  private mutating func handOver(to writer: CaptureWriter, _ store: CaptureStore) {
    guard failure == nil, buffer.committed > 0, let path = store.path(name), list(store) else { return }
    let create = !exists
    exists = true
    flushed += buffer.committed
    marks.append((flushed, self.writer.recordCount))
    buffer.exchange { writer.write(CaptureWriter.Job(path: path, create: create, memory: $0)) }
  }

  /// Of a failure of the writer's: takes back what it hasn't written of this file. Where it is this file that failed, that
  /// is lost.
  mutating func takeOver(_ failed: CaptureWriter.Failure, _ rest: [CaptureWriter.Job], _ store: CaptureStore) {
    guard let path = store.path(name) else { return }
    for job in rest.reversed() where job.path == path {
      let before = buffer.capacity
      buffer.prepend(job.memory.bytes)
      store.account(buffer.capacity - before)
      takeFromDisk(job)
    }
    guard failed.job.path == path else { return }
    takeFromDisk(failed.job)
    let behind = buffer.bytes().withUnsafeBytes { CaptureRecords.whole($0, upTo: 0, isPcapng: isPcapng).lost }
    writer.loseRecords(behind)
    lose(failed.job.memory.bytes, but: failed.written, failed.error, store)
  }

  private mutating func takeFromDisk(_ job: CaptureWriter.Job) {
    flushed -= job.memory.count
    marks.removeLast()
    if job.create { exists = false }
  }

  /// Before the file is made. False: the folder has no room to say so.
  private mutating func list(_ store: CaptureStore) -> Bool {
    guard !isListed, let folder = store.folder else { return true }
    do throws(CaptureError) {
      try folder.add(name)
      isListed = true
      return true
    } catch {
      fail(error, store)
      return false
    }
  }

  /// Of bytes that couldn't all be written: what a full disk doesn't take is lost, but for whole records.
  private mutating func lose(
    _ bytes: UnsafeRawBufferPointer, but written: Int, _ error: CaptureError, _ store: CaptureStore
  ) {
    let (rest, lost) = CaptureRecords.whole(bytes, upTo: written, isPcapng: isPcapng)
    flushed += rest
    writer.loseRecords(lost)
    // A head without a record, or half a head, is nothing to read.
    if writer.recordCount == 0 { flushed = 0 }
    if let path = store.path(name) {
      if flushed > 0 { FileSystem.cut(path, to: flushed) } else { FileSystem.remove(path) }
    }
    fail(error, store)
  }

  /// Moves the committed bytes to disk, at once. Nothing of the file is on its way.
  mutating func flush(_ store: CaptureStore) {
    guard failure == nil, buffer.committed > 0, let path = store.path(name), list(store) else { return }
    let memory = UnsafeRawBufferPointer(start: buffer.base, count: buffer.committed)
    let (written, error) = FileSystem.append(memory, to: path, create: !exists)
    exists = true
    if let error { return lose(memory, but: written, error, store) }
    flushed += written
    marks.append((flushed, writer.recordCount))
    buffer.drain { _ in }
  }

  /// Takes what was flushed last back into the buffer, before what is there. False where nothing was, or it can't be read.
  mutating func takeBack(_ store: CaptureStore) -> Bool {
    store.writer?.drain()
    guard !store.hasFailed, failure == nil, let last = marks.popLast(), let path = store.path(name) else { return false }
    let from = marks.last?.bytes ?? 0
    var bytes: [UInt8] = []
    guard (try? FileSystem.load(path, from..<last.bytes, into: &bytes)) != nil else { return false }
    FileSystem.cut(path, to: from)
    flushed = from
    let before = buffer.capacity
    bytes.withUnsafeBytes { buffer.prepend($0) }
    store.account(buffer.capacity - before)
    return true
  }

  mutating func fail(_ error: CaptureError, _ store: CaptureStore) {
    failure = failure ?? error
    store.setFailed()
    releaseMemory(store)
  }

  /// Of a file with nothing in its buffer: cuts whole records off its end on disk, for others to have the room, down to `target`
  /// bytes or a little less. Returns how many bytes that gave.
  mutating func shorten(to target: Int, _ store: CaptureStore) -> Int {
    guard buffer.count == 0, flushed > target, let path = store.path(name) else { return 0 }
    while let last = marks.last, last.bytes > target { marks.removeLast() }
    let base = marks.last ?? (0, 0)
    var bytes: [UInt8] = []
    guard (try? FileSystem.load(path, base.bytes..<flushed, into: &bytes)) != nil else { return 0 }
    let (whole, lost) = bytes.withUnsafeBytes {
      CaptureRecords.whole($0, upTo: target - base.bytes, isPcapng: isPcapng)
    }
    // A file without a record is nothing to read.
    guard lost < writer.recordCount else { return 0 }
    let before = flushed
    flushed = base.bytes + whole
    FileSystem.cut(path, to: flushed)
    writer.loseRecords(lost)
    return before - flushed
  }

  /// All committed bytes, on disk and in memory.
  func bytes(_ store: CaptureStore) throws(CaptureError) -> [UInt8] {
    var bytes: [UInt8] = []
    if flushed > 0, let path = store.path(name) { try FileSystem.load(path, 0..<flushed, into: &bytes) }
    buffer.bytes().withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Starts where another process left off.
  mutating func restore(_ bytes: [UInt8], _ store: CaptureStore) {
    guard !bytes.isEmpty else { return }
    touch()
    makeRoom(bytes.count, store)
    bytes.withUnsafeBytes { buffer.append($0) }
    store.countWritten(bytes.count)
    if buffer.count > CaptureStore.fullBuffer, store.folder != nil {
      flush(store)
      releaseMemory(store)
    }
  }

  mutating func releaseMemory(_ store: CaptureStore) {
    store.account(-buffer.capacity)
    buffer.release()
  }
}

/// Finds where records end, in files that weft itself has written.
enum CaptureRecords {
  /// How many of the first `limit` bytes are whole blocks or records, and how many packets stand behind them.
  /// The bytes begin with one, or with a file's head.
  static func whole(_ bytes: UnsafeRawBufferPointer, upTo limit: Int, isPcapng: Bool) -> (bytes: Int, lost: UInt64) {
    func word(_ at: Int) -> UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    var at = 0
    var kept = 0
    var lost: UInt64 = 0
    if !isPcapng, bytes.count >= 24, word(0) == 0xa1b2_3c4d {
      at = 24
      if limit >= 24 { kept = 24 }
    }
    while bytes.count - at >= (isPcapng ? 12 : 16) {
      let length = isPcapng ? Int(word(at + 4)) : 16 + Int(word(at + 8))
      guard length >= 12, length <= bytes.count - at else { break }
      at += length
      if at <= limit {
        kept = at
      } else if !isPcapng || word(at - length) == Pcapng.BlockType.enhancedPacket {
        lost += 1
      }
    }
    return (kept, lost)
  }
}
