public import WeftCore

// What the far end of a port's cable says of a frame. Where both ends would write the same, only one of them has a file;
// the other's words come when the record is written already.
extension CaptureSet {
  /// Adds a drop to the record of a frame that left through the port, and has met its end at the far end of the cable.
  /// `since` is when it left, or some time before; `node` dropped it.
  /// - Returns: the record's number in its file; nil if there is none, as of a frame that a filter has left out.
  /// - Precondition: nothing is staged in the port's file.
  @discardableResult
  public func commentFarDrop(
    port number: Int, packetID: UInt64, since: Instant, by node: String, _ reason: DropReason,
    _ detail: DropDetail = .none, isHarmless: Bool = false
  ) -> UInt64? {
    let port = ports + checked(number)
    let file = files + port.pointee.file
    guard isOpen, !store.hasFailed, classic == nil else { return nil }
    precondition(!file.pointee.buffer.isStaged)
    let oldest = epoch &+ since.rawValue
    guard let record = file.pointee.departure(of: packetID, at: port.pointee.interface, since: oldest, store) else { return nil }
    let before = file.pointee.buffer.committed
    file.pointee.account(store) { writer, buffer in
      // Written behind everything, as of a staged record of one word, then moved to where it belongs.
      buffer.put(0 as UInt32)
      writer.commentDrop(by: node, reason, detail, isHarmless: isHarmless, into: &buffer)
      buffer.moveStagedOption(intoBlockAt: record.offset)
    }
    if !isHarmless { port.pointee.counts.dropped &+= 1 }
    store.countWritten(file.pointee.buffer.committed - before)
    return record.number
  }
}

extension CaptureFile {
  /// The last record of a packet that left through an interface at `oldest` or later: where it is in the buffer, and its
  /// number. What has been flushed since is taken back.
  fileprivate mutating func departure(
    of packetID: UInt64, at interface: UInt32, since oldest: UInt64, _ store: CaptureStore
  ) -> (offset: Int, number: UInt64)? {
    while true {
      switch buffer.lastDeparture(of: packetID, at: interface, since: oldest) {
      case .found(let offset, let packetsBehind): return (offset, writer.recordCount - packetsBehind)
      case .none: return nil
      case .notHere: if !takeBack(store) { return nil }
      }
    }
  }
}

extension CaptureBuffer {
  fileprivate enum Search {
    case found(offset: Int, packetsBehind: UInt64)
    /// All records of that time are here, and it is none of them.
    case none
    /// It would be before the buffer's first.
    case notHere
  }

  /// Walks from the last block to the first: blocks have their length at both ends.
  fileprivate func lastDeparture(of packetID: UInt64, at interface: UInt32, since oldest: UInt64) -> Search {
    var end = committed
    var packets: UInt64 = 0
    func word(_ offset: Int) -> UInt32 { UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    while end >= 12 {
      let start = end - Int(word(end - 4))
      guard start >= 0 else { return .none }
      end = start
      guard word(start) == Pcapng.BlockType.enhancedPacket else { continue }
      guard UInt64(word(start + 12)) << 32 | UInt64(word(start + 16)) >= oldest else { return .none }
      // The writer's order: flags, then the packet's number.
      let options = start + 28 + (Int(word(start + 20)) + 3) & ~3
      let id = UInt64(word(options + 16)) << 32 | UInt64(word(options + 12))
      if id == packetID, word(options + 4) == Pcapng.outbound, word(start + 8) == interface {
        return .found(offset: start, packetsBehind: packets)
      }
      packets += 1
    }
    return .notHere
  }

  /// Makes what is staged behind one word the last option of a block that is written already, and final.
  fileprivate mutating func moveStagedOption(intoBlockAt start: Int) {
    let option = [UInt8](UnsafeRawBufferPointer(start: base + committed + 4, count: count - committed - 4))
    let oldLength = Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)))
    let length = UInt32(truncatingIfNeeded: oldLength + option.count)
    // Before the end of options and the second length.
    let place = start + oldLength - 8
    (base + place + option.count).copyMemory(from: base + place, byteCount: committed - place)
    option.withUnsafeBytes { (base + place).copyMemory(from: $0.baseAddress!, byteCount: option.count) }
    patch(length, at: start + 4)
    patch(length, at: start + Int(length) - 4)
    committed += option.count
    count = committed
  }
}
