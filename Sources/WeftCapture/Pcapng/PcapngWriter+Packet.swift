/// Enhanced Packet Blocks (section 4.3), in two phases: the fabric stages a frame as it arrives, and only afterwards
/// knows whether it was dropped, and why. Nothing is allocated but the buffer's growth.
///
/// ```
///    0                   1                   2                   3
///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///    +---------------------------------------------------------------+
///  0 |                    Block Type = 0x00000006                    |
///  4 |                      Block Total Length                       |
///  8 |                         Interface ID                          |
/// 12 |                        Timestamp (upper)                      |
/// 16 |                        Timestamp (lower)                      |
/// 20 |                    Captured Packet Length                     |
/// 24 |                    Original Packet Length                     |
/// 28 /              Packet Data, padded to 32 bits                   /
///    /                      Options (variable)                       /
///    |                      Block Total Length                       |
///    +---------------------------------------------------------------+
/// ```
extension PcapngWriter {
  /// Stages a packet. `commit` or `cancel` must follow before the next one of this buffer.
  ///
  /// - Parameters:
  ///   - timestampNanos: since 1970.
  ///   - bytes: the frame from its Ethernet header on, without FCS; what exceeds the snaplen is cut.
  ///   - originalLength: the frame's length on the wire.
  ///   - inbound: whether the frame came in through the port, seen from the element that has it.
  ///   - packetID: the same on every hop of one packet: `frame.packet_id` in Wireshark.
  ///   - interface: as `interface(_:into:)` has numbered it.
  ///   - buffer: with nothing staged.
  @inline(__always)
  public mutating func begin(
    timestampNanos: UInt64, bytes: UnsafeRawBufferPointer, originalLength: Int, inbound: Bool, packetID: UInt64,
    interface: UInt32 = 0, into buffer: inout CaptureBuffer
  ) {
    precondition(!buffer.isStaged)
    let captured = min(bytes.count, Pcapng.snapLength)
    let padded = (captured + 3) & ~3
    // Header 28, flags 8, packet id 12, drop count 12, end of options and length 8.
    buffer.reserve(padded + 68)
    let block = buffer.base + buffer.count
    block.storeBytes(of: Pcapng.BlockType.enhancedPacket.littleEndian, as: UInt32.self)
    block.storeBytes(of: interface.littleEndian, toByteOffset: 8, as: UInt32.self)
    block.storeBytes(
      of: UInt32(truncatingIfNeeded: timestampNanos >> 32).littleEndian, toByteOffset: 12, as: UInt32.self)
    block.storeBytes(of: UInt32(truncatingIfNeeded: timestampNanos).littleEndian, toByteOffset: 16, as: UInt32.self)
    block.storeBytes(of: UInt32(truncatingIfNeeded: captured).littleEndian, toByteOffset: 20, as: UInt32.self)
    let original = UInt32(truncatingIfNeeded: max(originalLength, captured))
    block.storeBytes(of: original.littleEndian, toByteOffset: 24, as: UInt32.self)
    if captured > 0 {
      // The last word first: its spare octets are the padding.
      block.storeBytes(of: 0, toByteOffset: 24 + padded, as: UInt32.self)
      (block + 28).copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: captured)
    }
    let options = block + 28 + padded
    // Code 2 and length 4 in one word; 1 inbound, 2 outbound (section 4.3.1).
    options.storeBytes(of: (UInt32(Pcapng.Option.packetFlags) | 4 << 16).littleEndian, as: UInt32.self)
    options.storeBytes(of: UInt32(inbound ? Pcapng.inbound : Pcapng.outbound).littleEndian, toByteOffset: 4, as: UInt32.self)
    options.storeBytes(of: (UInt32(Pcapng.Option.packetID) | 8 << 16).littleEndian, toByteOffset: 8, as: UInt32.self)
    options.storeBytes(of: packetID.littleEndian, toByteOffset: 12, as: UInt64.self)
    buffer.count += padded + 48
    if lostCount > 0 {
      buffer.put(UInt32(Pcapng.Option.packetDropCount) | 8 << 16)
      buffer.put(lostCount)
    }
  }

  /// As above, from a span.
  public mutating func begin(
    timestampNanos: UInt64, bytes: RawSpan, originalLength: Int, inbound: Bool, packetID: UInt64,
    interface: UInt32 = 0, into buffer: inout CaptureBuffer
  ) {
    bytes.withUnsafeBytes {
      begin(
        timestampNanos: timestampNanos, bytes: $0, originalLength: originalLength, inbound: inbound, packetID: packetID,
        interface: interface, into: &buffer)
    }
  }

  /// Makes the staged packet final.
  @inline(__always)
  public mutating func commit(into buffer: inout CaptureBuffer) {
    precondition(buffer.isStaged)
    buffer.put(0 as UInt32)
    buffer.patchLength(from: buffer.committed)
    countRecord()
  }

  /// Drops the staged packet, if there is one, as if it had never been begun.
  public mutating func cancel(into buffer: inout CaptureBuffer) {
    buffer.count = buffer.committed
    commentStart = -1
  }

  /// Adds a comment to the staged packet; there may be several.
  public mutating func comment(_ text: StaticString, into buffer: inout CaptureBuffer) {
    openComment(into: &buffer)
    append(text, into: &buffer)
    closeComment(into: &buffer)
  }

  public mutating func comment(_ text: String, into buffer: inout CaptureBuffer) {
    openComment(into: &buffer)
    buffer.put(text)
    closeComment(into: &buffer)
  }

  /// The octets must be UTF-8 (section 3.5.1).
  public mutating func comment(utf8: UnsafeRawBufferPointer, into buffer: inout CaptureBuffer) {
    openComment(into: &buffer)
    buffer.put(utf8)
    closeComment(into: &buffer)
  }
}
