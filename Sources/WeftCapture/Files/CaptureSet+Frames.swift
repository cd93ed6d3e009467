public import WeftCore

// The frame path: nothing is allocated here but a buffer's growth.
extension CaptureSet {
  /// Stages a frame at a port; comments may follow, and `commit` or `cancel` must. Returns whether there will be a
  /// record: not if the filter leaves the frame out, nor after a failure. Then all that follows for this frame is a
  /// no-op.
  @discardableResult
  public func stage(
    port: Int, at time: Instant, bytes: UnsafeRawBufferPointer, originalLength: Int, inbound: Bool, packetID: UInt64
  ) -> Bool {
    let port = ports + checked(port)
    port.pointee.counts.received &+= 1
    let number = port.pointee.file
    let file = files + number
    guard isOpen, !store.hasFailed else { return false }
    if let filter, !filter.matches(bytes, originalLength: originalLength) { return false }
    if store.isFull {
      store.countMissed(at: time)
      return false
    }
    if file.pointee.isUntouched { writeHead(number) }
    let kept = UnsafeRawBufferPointer(start: bytes.baseAddress, count: min(bytes.count, snaplen))
    // The record's head and its fixed options, and what comments usually need, lest they double a full buffer.
    file.pointee.makeRoom(kept.count + 512, store)
    if store.hasFailed { return false }
    if classic == nil, !addressNames.isEmpty { nameAddresses(kept, file) }
    let nanos = epoch &+ time.rawValue
    if let classic {
      classic.stage(timestampNanos: nanos, bytes: kept, originalLength: originalLength, into: &file.pointee.buffer)
    } else {
      file.pointee.writer.begin(
        timestampNanos: nanos, bytes: kept, originalLength: originalLength, inbound: inbound, packetID: packetID,
        interface: port.pointee.interface, into: &file.pointee.buffer)
    }
    return true
  }

  /// As above, from a span.
  @discardableResult
  public func stage(
    port: Int, at time: Instant, bytes: RawSpan, originalLength: Int, inbound: Bool, packetID: UInt64
  ) -> Bool {
    bytes.withUnsafeBytes {
      stage(port: port, at: time, bytes: $0, originalLength: originalLength, inbound: inbound, packetID: packetID)
    }
  }

  /// The number in its file of the staged frame, or of the next one, as Wireshark shows it.
  public func frameNumber(port: Int) -> UInt64 { files[ports[checked(port)].file].writer.frameNumber }

  /// Makes the staged frame final. `dropped`: by an element, which the port's statistics count.
  public func commit(port: Int, dropped: Bool = false) {
    let port = ports + checked(port)
    if dropped { port.pointee.counts.dropped &+= 1 }
    let file = files + port.pointee.file
    guard file.pointee.buffer.isStaged else { return }
    let before = file.pointee.buffer.committed
    if classic == nil {
      file.pointee.writer.commit(into: &file.pointee.buffer)
    } else {
      file.pointee.buffer.committed = file.pointee.buffer.count
      file.pointee.writer.countRecord()
    }
    store.countWritten(file.pointee.buffer.committed - before)
  }

  @inline(__always)
  private func nameAddresses(_ bytes: UnsafeRawBufferPointer, _ file: UnsafeMutablePointer<CaptureFile>) {
    let found = FrameAddresses(bytes)
    if !file.pointee.names.isRecent(found.first) { name(found.first, file) }
    if !file.pointee.names.isRecent(found.second) { name(found.second, file) }
    guard found.third != 0 else { return }
    if !file.pointee.names.isRecent(found.third) { name(found.third, file) }
    if !file.pointee.names.isRecent(found.fourth) { name(found.fourth, file) }
  }

  @inline(never)
  private func name(_ address: UInt32, _ file: UnsafeMutablePointer<CaptureFile>) {
    guard file.pointee.names.isNew(address, addressNames) else { return }
    let before = file.pointee.buffer.committed
    let names = Array(addressNames.names(of: address))
    file.pointee.account(store) { $0.names(names, into: &$1) }
    store.countWritten(file.pointee.buffer.committed - before)
  }

  /// Forgets the staged frame, if there is one; it stays counted as received.
  public func cancel(port: Int) {
    let file = files + ports[checked(port)].file
    file.pointee.writer.cancel(into: &file.pointee.buffer)
  }

  /// Notes frames that were lost at the port and never staged, as by a full queue: `epb_dropcount` of the next record.
  public func noteLost(port: Int, count: UInt64 = 1) {
    let port = ports + checked(port)
    port.pointee.counts.dropped &+= count
    files[port.pointee.file].writer.noteLost(count)
  }

  public func comment(port: Int, _ text: StaticString) {
    guard let file = commentable(port) else { return }
    file.pointee.account(store) { $0.comment(text, into: &$1) }
  }

  public func comment(port: Int, _ text: String) {
    guard let file = commentable(port) else { return }
    file.pointee.account(store) { $0.comment(text, into: &$1) }
  }

  /// `dropped by NODE: REASON (detail)`, or `ignored by …`.
  public func commentDrop(
    port: Int, by node: String, _ reason: DropReason, _ detail: DropDetail = .none, isHarmless: Bool = false
  ) {
    guard let file = commentable(port) else { return }
    file.pointee.account(store) { $0.commentDrop(by: node, reason, detail, isHarmless: isHarmless, into: &$1) }
  }

  /// `NODE: snat A:p -> B:p`.
  public func comment(port: Int, by node: String, _ note: Note) {
    guard let file = commentable(port) else { return }
    file.pointee.account(store) { $0.comment(by: node, note, into: &$1) }
  }

  private func commentable(_ port: Int) -> UnsafeMutablePointer<CaptureFile>? {
    let file = files + ports[checked(port)].file
    return classic == nil && file.pointee.buffer.isStaged ? file : nil
  }
}

extension CaptureFile {
  /// Lets the writer add to the buffer, and keeps the account of memory.
  @inline(__always)
  mutating func account(_ store: CaptureStore, _ body: (inout PcapngWriter, inout CaptureBuffer) -> Void) {
    let before = buffer.capacity
    body(&writer, &buffer)
    store.account(buffer.capacity - before)
  }
}
