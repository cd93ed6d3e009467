import WeftCore
import WeftWire

/// Cuts a packet, or a fragment, into fragments (RFC 791, 3.2).
public enum Fragmenter {
  /// Gives each piece to `send`, in order, as a frame with 14 bytes of room for its Ethernet header. `header` is the whole
  /// packet's IP header with its options, which are well-formed; its total length and checksum aren't looked at.
  /// Precondition: the header and eight bytes fit into `mtu`.
  public static func cut(
    _ payload: RawSpan, header: RawSpan, mtu: Int, trace: UInt32, _ out: inout Effects,
    send: (consuming Frame, inout Effects) -> Void
  ) {
    let word = header.u16(6)
    let options = header.extracting(20..<header.byteCount)
    var optionLength = options.byteCount
    var position = 0
    while position < payload.byteCount {
      let length = min((mtu - 20 - optionLength) & ~7, payload.byteCount - position)
      var piece = out.frame(count: 34 + optionLength + length)
      piece.trace = trace
      var span = piece.mutableBytes
      span.put(header.extracting(0..<20), at: 14)
      if position == 0 {
        span.put(options, at: 34)
      } else {
        copyOptions(options, &span, room: optionLength)
      }
      span.put(payload.extracting(position..<position + length), at: 34 + optionLength)
      let isLast = position + length == payload.byteCount
      span.put(UInt8(0x45 + optionLength / 4), at: 14)
      span.put(UInt16(20 + optionLength + length), at: 16)
      span.put((isLast ? word & 0x2000 : 0x2000) | word & 0x1fff + UInt16(position / 8), at: 20)
      span.put(0 as UInt16, at: 24)
      span.put(InternetChecksum.checksum(span.bytes.extracting(14..<34 + optionLength)), at: 24)
      send(piece, &out)
      // Behind the first only options with the copied flag go on.
      if position == 0 { optionLength = copiedLength(options) }
      position += length
    }
  }

  /// The length of the options with the copied flag, padded.
  private static func copiedLength(_ options: RawSpan) -> Int {
    var offset = 0
    var length = 0
    while offset < options.byteCount, options.u8(offset) != 0 {
      let size = options.u8(offset) == 1 ? 1 : Int(options.u8(offset + 1))
      if options.u8(offset) & 0x80 != 0 { length += size }
      offset += size
    }
    return (length + 3) & ~3
  }

  private static func copyOptions(_ options: RawSpan, _ span: inout MutableRawSpan, room: Int) {
    var offset = 0
    var position = 34
    while offset < options.byteCount, options.u8(offset) != 0 {
      let size = options.u8(offset) == 1 ? 1 : Int(options.u8(offset + 1))
      if options.u8(offset) & 0x80 != 0 {
        span.put(options.extracting(offset..<offset + size), at: position)
        position += size
      }
      offset += size
    }
    while position < 34 + room {
      span.put(0 as UInt8, at: position)
      position += 1
    }
  }
}
