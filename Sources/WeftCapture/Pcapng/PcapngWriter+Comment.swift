public import WeftWire

// Comments put together in place: a busy NAT notes a translation per packet, and must not make a String each time.
extension PcapngWriter {
  /// Starts a comment of the staged packet, to be filled with `append`.
  public mutating func openComment(into buffer: inout CaptureBuffer) {
    precondition(buffer.isStaged && commentStart < 0)
    commentStart = buffer.count - buffer.committed
    buffer.put(UInt32(Pcapng.Option.comment))
  }

  public mutating func closeComment(into buffer: inout CaptureBuffer) {
    precondition(commentStart >= 0)
    buffer.closeOption(at: buffer.committed + commentStart)
    commentStart = -1
  }

  public func append(_ text: StaticString, into buffer: inout CaptureBuffer) {
    guard text.hasPointerRepresentation else { return buffer.put(text.description) }
    buffer.put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  public func append(_ text: String, into buffer: inout CaptureBuffer) { buffer.put(text) }

  /// In decimal.
  public func append(_ number: UInt32, into buffer: inout CaptureBuffer) {
    buffer.reserve(10)
    var divisor: UInt32 = 1
    while number / divisor >= 10 { divisor &*= 10 }
    while divisor > 0 {
      buffer.put(UInt8(truncatingIfNeeded: 48 &+ number / divisor % 10))
      divisor /= 10
    }
  }

  /// `192.168.122.2`, and with a port `192.168.122.2:40000`.
  public func append(_ address: IPv4Address, port: UInt16? = nil, into buffer: inout CaptureBuffer) {
    var shift: UInt32 = 32
    while shift > 0 {
      shift -= 8
      append(address.rawValue >> shift & 255, into: &buffer)
      if shift > 0 { buffer.put(UInt8(ascii: ".")) }
    }
    if let port {
      buffer.put(UInt8(ascii: ":"))
      append(UInt32(port), into: &buffer)
    }
  }

  /// `dropped by NODE: REASON (detail)`; see `FabricComment`.
  public mutating func commentDrop(
    by node: String, reason: String, detail: String = "", into buffer: inout CaptureBuffer
  ) {
    openComment(into: &buffer)
    append("dropped by ", into: &buffer)
    append(node, into: &buffer)
    append(": ", into: &buffer)
    append(reason, into: &buffer)
    if !detail.isEmpty {
      append(" (", into: &buffer)
      append(detail, into: &buffer)
      append(")", into: &buffer)
    }
    closeComment(into: &buffer)
  }

  /// `NODE: snat A:p -> B:p`; see `FabricComment`.
  public mutating func commentTranslation(
    by node: String, _ kind: FabricComment.Translation, from old: FabricComment.Endpoint,
    to new: FabricComment.Endpoint, into buffer: inout CaptureBuffer
  ) {
    openComment(into: &buffer)
    append(node, into: &buffer)
    append(kind == .source ? ": snat " : ": dnat ", into: &buffer)
    append(old.address, port: old.port, into: &buffer)
    append(" -> ", into: &buffer)
    append(new.address, port: new.port, into: &buffer)
    closeComment(into: &buffer)
  }
}
