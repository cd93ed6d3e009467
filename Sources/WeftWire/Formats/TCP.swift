/// The control bits of a TCP segment (RFC 9293, 3.1).
public struct TCPFlags: OptionSet, Hashable, Sendable, Codable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var fin: TCPFlags { TCPFlags(rawValue: 0x01) }
  @inlinable public static var syn: TCPFlags { TCPFlags(rawValue: 0x02) }
  @inlinable public static var rst: TCPFlags { TCPFlags(rawValue: 0x04) }
  @inlinable public static var psh: TCPFlags { TCPFlags(rawValue: 0x08) }
  @inlinable public static var ack: TCPFlags { TCPFlags(rawValue: 0x10) }
  @inlinable public static var urg: TCPFlags { TCPFlags(rawValue: 0x20) }
  @inlinable public static var ece: TCPFlags { TCPFlags(rawValue: 0x40) }
  @inlinable public static var cwr: TCPFlags { TCPFlags(rawValue: 0x80) }
}

/// A TCP segment (RFC 9293, 3.1).
///
///     |          Source Port          |       Destination Port        |
///     |                        Sequence Number                        |
///     |                    Acknowledgment Number                      |
///     | Data  |       |C|E|U|A|P|R|S|F|                               |
///     | Offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
///     |               |R|E|G|K|H|T|N|N|                               |
///     |           Checksum            |         Urgent Pointer        |
///     |                           [Options]                           |
public struct TCPView: ~Escapable {
  public let bytes: RawSpan

  /// Nil where the header is cut short or its data offset contradicts the bytes there are.
  @inlinable @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 20 else { return nil }
    let header = Int(bytes.u8(12) >> 4) &* 4
    guard header >= 20, header <= bytes.byteCount else { return nil }
    self.bytes = bytes
  }

  @inlinable public var sourcePort: UInt16 { bytes.u16(0) }
  @inlinable public var destinationPort: UInt16 { bytes.u16(2) }
  @inlinable public var sequence: UInt32 { bytes.u32(4) }
  @inlinable public var acknowledgment: UInt32 { bytes.u32(8) }
  @inlinable public var headerLength: Int { Int(bytes.u8(12) >> 4) &* 4 }
  @inlinable public var flags: TCPFlags { TCPFlags(rawValue: bytes.u8(13)) }
  @inlinable public var window: UInt16 { bytes.u16(14) }
  @inlinable public var checksum: UInt16 { bytes.u16(16) }
  @inlinable public var options: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: 20..<headerLength) }
  }
  @inlinable public var payload: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: headerLength..<bytes.byteCount) }
  }
  @inlinable public func hasValidChecksum(source: IPv4Address, destination: IPv4Address) -> Bool {
    InternetChecksum.checksum(
      bytes,
      initial: InternetChecksum.pseudoHeader(
        source: source, destination: destination, protocol: IPProtocol.tcp.rawValue, length: bytes.byteCount)) == 0
  }
}

/// The TCP options that a stack acts on. A plain value; options it doesn't know are skipped (RFC 9293, 3.2).
public struct TCPOptions: Hashable, Sendable, Codable {
  /// Kind 2.
  public var maximumSegmentSize: UInt16?
  /// Kind 3 (RFC 7323, 2.2): a shift of 0–14.
  public var windowScale: UInt8?
  /// Kind 4 (RFC 2018).
  public var sackPermitted = false
  /// Kind 8 (RFC 7323, 3.2).
  public var timestampValue: UInt32?
  public var timestampEcho: UInt32?

  @inlinable public init() {}

  /// Nil where an option's length is below 2, ends outside the header, or isn't what its kind has.
  public init?(_ bytes: RawSpan) {
    var offset = 0
    while offset < bytes.byteCount {
      let kind = bytes.u8(offset)
      if kind == 0 { return }
      if kind == 1 {
        offset += 1
        continue
      }
      guard offset + 1 < bytes.byteCount else { return nil }
      let length = Int(bytes.u8(offset + 1))
      guard length >= 2, offset + length <= bytes.byteCount else { return nil }
      switch (kind, length) {
      case (2, 4): maximumSegmentSize = bytes.u16(offset + 2)
      // A shift above 14 is taken as 14 (RFC 7323, 2.3).
      case (3, 3): windowScale = min(bytes.u8(offset + 2), 14)
      case (4, 2): sackPermitted = true
      case (8, 10):
        timestampValue = bytes.u32(offset + 2)
        timestampEcho = bytes.u32(offset + 6)
      case (2, _), (3, _), (4, _), (8, _): return nil
      default: break
      }
      offset += length
    }
  }

  /// Padded to a multiple of 4.
  public var length: Int {
    var length = 0
    if maximumSegmentSize != nil { length += 4 }
    if windowScale != nil { length += 3 }
    if sackPermitted { length += 2 }
    if timestampValue != nil { length += 10 }
    return (length + 3) & ~3
  }

  /// Writes `length` bytes at the offset, padded with end-of-list.
  public func write(to span: inout MutableRawSpan, at start: Int) {
    var offset = start
    if let maximumSegmentSize {
      span.put(0x0204 as UInt16, at: offset)
      span.put(maximumSegmentSize, at: offset + 2)
      offset += 4
    }
    if sackPermitted {
      span.put(0x0402 as UInt16, at: offset)
      offset += 2
    }
    if let timestampValue {
      span.put(0x080a as UInt16, at: offset)
      span.put(timestampValue, at: offset + 2)
      span.put(timestampEcho ?? 0, at: offset + 6)
      offset += 10
    }
    if let windowScale {
      span.put(0x0303 as UInt16, at: offset)
      span.put(windowScale, at: offset + 2)
      offset += 3
    }
    while offset < start + length {
      span.put(0 as UInt8, at: offset)
      offset += 1
    }
  }
}

/// A TCP header as a value.
public struct TCPHeader: Hashable, Sendable {
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  public var sequence: UInt32
  public var acknowledgment: UInt32
  public var flags: TCPFlags
  public var window: UInt16
  public var options: TCPOptions

  @inlinable public init(
    sourcePort: UInt16, destinationPort: UInt16, sequence: UInt32, acknowledgment: UInt32, flags: TCPFlags,
    window: UInt16,
    options: TCPOptions = TCPOptions()
  ) {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.sequence = sequence
    self.acknowledgment = acknowledgment
    self.flags = flags
    self.window = window
    self.options = options
  }

  /// Nil where the options are malformed or the flags can't stand together: SYN with FIN or RST, or none at all.
  public init?(_ view: borrowing TCPView) {
    let flags = view.flags
    guard !flags.isSuperset(of: [.syn, .fin]), !flags.isSuperset(of: [.syn, .rst]), !flags.isEmpty else { return nil }
    var options = TCPOptions()
    if view.headerLength > 20 {
      guard let parsed = TCPOptions(view.options) else { return nil }
      options = parsed
    }
    self.init(
      sourcePort: view.sourcePort, destinationPort: view.destinationPort, sequence: view.sequence,
      acknowledgment: view.acknowledgment, flags: flags, window: view.window, options: options)
  }

  @inlinable public var length: Int { 20 + options.length }

  /// Writes the header at the start of a span that holds the segment's payload from `length` to its end, checksum included.
  public func write(to span: inout MutableRawSpan, source: IPv4Address, destination: IPv4Address) {
    let header = length
    span.put(sourcePort, at: 0)
    span.put(destinationPort, at: 2)
    span.put(sequence, at: 4)
    span.put(acknowledgment, at: 8)
    span.put(UInt8(header / 4) << 4, at: 12)
    span.put(flags.rawValue, at: 13)
    span.put(window, at: 14)
    span.put(0 as UInt32, at: 16)
    if header > 20 { options.write(to: &span, at: 20) }
    let checksum = InternetChecksum.checksum(
      span.bytes,
      initial: InternetChecksum.pseudoHeader(
        source: source, destination: destination, protocol: IPProtocol.tcp.rawValue, length: span.byteCount))
    span.put(checksum, at: 16)
  }
}
