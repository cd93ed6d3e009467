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
    let optionLength = options.byteCount
    var position = 0
    while position < payload.byteCount {
      let length = min((mtu - 20 - optionLength) & ~7, payload.byteCount - position)
      var piece = out.frame(count: 34 + optionLength + length)
      piece.trace = trace
      var span = piece.mutableBytes
      span.put(header.extracting(0..<20), at: 14)
      span.put(options, at: 34)
      if position > 0 { blankOptions(options, &span) }
      span.put(payload.extracting(position..<position + length), at: 34 + optionLength)
      let isLast = position + length == payload.byteCount
      span.put(UInt8(0x45 + optionLength / 4), at: 14)
      span.put(UInt16(20 + optionLength + length), at: 16)
      span.put((isLast ? word & 0x2000 : 0x2000) | word & 0x1fff + UInt16(position / 8), at: 20)
      span.put(0 as UInt16, at: 24)
      span.put(InternetChecksum.checksum(span.bytes.extracting(14..<34 + optionLength)), at: 24)
      send(piece, &out)
      position += length
    }
  }

  /// Behind the first only options with the copied flag count (RFC 791, 3.1): in the place of others are no-operations, as Linux
  /// puts them there.
  private static func blankOptions(_ options: RawSpan, _ span: inout MutableRawSpan) {
    var offset = 0
    while offset < options.byteCount, options.u8(offset) != 0 {
      let size = options.u8(offset) == 1 ? 1 : Int(options.u8(offset + 1))
      if options.u8(offset) & 0x80 == 0 {
        for place in offset..<offset + size { span.put(1 as UInt8, at: 34 + place) }
      }
      offset += size
    }
  }
}
