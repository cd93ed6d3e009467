/// An SCTP packet (RFC 9260, 3): a common header, then chunks.
///
///     |  source port (16)  | destination port (16) |
///     |  verification tag (32)                     |
///     |  CRC32c (32), low byte first               |
public struct SCTPView: ~Escapable {
  public let bytes: RawSpan

  /// Nil where the common header is cut short.
  @inlinable @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 12 else { return nil }
    self.bytes = bytes
  }

  @inlinable public var sourcePort: UInt16 { bytes.u16(0) }
  @inlinable public var destinationPort: UInt16 { bytes.u16(2) }
  @inlinable public var verificationTag: UInt32 { bytes.u32(4) }
  public var checksum: UInt32 { bytes.u32(8).byteSwapped }
  public var hasValidChecksum: Bool { CRC32C.checksum(bytes, zeroing: 8..<12) == checksum }

  /// A chunk's head; its value is the rest of `length`.
  public struct Chunk: BitwiseCopyable, Sendable {
    public var type: UInt8
    public var flags: UInt8
    /// With the head's four bytes, without padding; as it says, whatever there is.
    public var length: UInt16
    /// Where it begins in the packet.
    public var offset: Int
  }

  /// The chunk at an offset, the first at 12; nil where no head is left.
  public func chunk(at offset: Int) -> Chunk? {
    guard offset + 4 <= bytes.byteCount else { return nil }
    return Chunk(type: bytes.u8(offset), flags: bytes.u8(offset + 1), length: bytes.u16(offset + 2), offset: offset)
  }

  /// What an INIT or INIT ACK says its sender wants to read as verification tag; nil where it is cut short.
  public func initiateTag(_ chunk: Chunk) -> UInt32? {
    // Its fixed part: tag, window, streams out and in, first number.
    chunk.offset + 20 <= bytes.byteCount ? bytes.u32(chunk.offset + 4) : nil
  }
}

extension SCTPView.Chunk {
  /// Where the next one begins: chunks are padded to four bytes.
  public var end: Int { offset + (Int(length) + 3) & ~3 }
}
