import WeftWire

/// What a closed port answers a segment with (RFC 9293, 3.10.7.1).
public enum Reset {
  /// The header of the RST; nil for what must not be answered: a RST. `length` is that of the segment's data.
  public static func header(
    sourcePort: UInt16, destinationPort: UInt16, sequence: UInt32, acknowledgment: UInt32, flags: TCPFlags, length: Int
  ) -> TCPHeader? {
    if flags.contains(.rst) { return nil }
    if flags.contains(.ack) {
      return TCPHeader(
        sourcePort: destinationPort, destinationPort: sourcePort, sequence: acknowledgment, acknowledgment: 0,
        flags: .rst, window: 0)
    }
    let span = length + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
    return TCPHeader(
      sourcePort: destinationPort, destinationPort: sourcePort, sequence: 0,
      acknowledgment: sequence &+ UInt32(truncatingIfNeeded: span), flags: [.rst, .ack], window: 0)
  }
}
