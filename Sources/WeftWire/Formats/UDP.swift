/// A UDP datagram (RFC 768).
///
///     |  source port (16)  | destination port (16) |
///     |  length (16)       | checksum (16)         |
public struct UDPView: ~Escapable {
  public let bytes: RawSpan

  /// Nil where the header is cut short or its length contradicts the bytes there are. Bytes beyond the length are left out.
  @inlinable @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 8 else { return nil }
    let length = Int(bytes.u16(4))
    guard length >= 8, length <= bytes.byteCount else { return nil }
    self.bytes = bytes.extracting(unchecked: 0..<length)
  }

  @inlinable public var sourcePort: UInt16 { bytes.u16(0) }
  @inlinable public var destinationPort: UInt16 { bytes.u16(2) }
  @inlinable public var length: Int { bytes.byteCount }
  @inlinable public var checksum: UInt16 { bytes.u16(6) }
  @inlinable public var payload: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: 8..<bytes.byteCount) }
  }
  /// A zero checksum means that none was made (RFC 768).
  @inlinable public func hasValidChecksum(source: IPv4Address, destination: IPv4Address) -> Bool {
    checksum == 0
      || InternetChecksum.checksum(
        bytes,
        initial: InternetChecksum.pseudoHeader(
          source: source, destination: destination, protocol: IPProtocol.udp.rawValue, length: bytes.byteCount)) == 0
  }
}

/// A UDP header as a value.
public struct UDPHeader: Hashable, Sendable {
  @inlinable public static var length: Int { 8 }

  public var sourcePort: UInt16
  public var destinationPort: UInt16

  @inlinable public init(sourcePort: UInt16, destinationPort: UInt16) {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
  }

  @inlinable public init(_ view: borrowing UDPView) {
    self.init(sourcePort: view.sourcePort, destinationPort: view.destinationPort)
  }

  /// Writes the header at the start of a span that holds the datagram's payload from byte 8 to its end, checksum included.
  @inlinable public func write(to span: inout MutableRawSpan, source: IPv4Address, destination: IPv4Address) {
    let length = span.byteCount
    span.put(sourcePort, at: 0)
    span.put(destinationPort, at: 2)
    span.put(UInt16(length), at: 4)
    span.put(0 as UInt16, at: 6)
    let checksum = InternetChecksum.checksum(
      span.bytes,
      initial: InternetChecksum.pseudoHeader(
        source: source, destination: destination, protocol: IPProtocol.udp.rawValue, length: length))
    // Zero would mean "no checksum": send its other representation (RFC 768).
    span.put(checksum == 0 ? 0xffff : checksum, at: 6)
  }
}
