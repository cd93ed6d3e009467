/// Protocol numbers of the IPv4 header (IANA).
public struct IPProtocol: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var icmp: IPProtocol { IPProtocol(rawValue: 1) }
  @inlinable public static var tcp: IPProtocol { IPProtocol(rawValue: 6) }
  @inlinable public static var udp: IPProtocol { IPProtocol(rawValue: 17) }
  @inlinable public static var sctp: IPProtocol { IPProtocol(rawValue: 132) }
  @inlinable public static var udpLite: IPProtocol { IPProtocol(rawValue: 136) }

  /// Whether its packets have a source and a destination port.
  package var hasPorts: Bool { [.tcp, .udp, .sctp, .udpLite].contains(self) }
}

/// An IPv4 packet (RFC 791, 3.1). After the length check no accessor traps.
///
///     0                   1                   2                   3
///     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |Version|  IHL  |Type of Service|          Total Length         |
///     |         Identification        |Flags|     Fragment Offset     |
///     |  Time to Live |    Protocol   |         Header Checksum       |
///     |                       Source Address                          |
///     |                    Destination Address                        |
///     |                    Options                    |    Padding    |
public struct IPv4View: ~Escapable {
  public let bytes: RawSpan

  /// Nil where the version isn't 4, the header is cut short, or its lengths contradict each other or the bytes there are.
  /// Bytes after the total length (Ethernet padding) are left out.
  @inlinable @inline(__always) @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 20 else { return nil }
    let first = bytes.u8(0)
    let header = Int(first & 15) &* 4
    let total = Int(bytes.u16(2))
    guard first >> 4 == 4, header >= 20, header <= total, total <= bytes.byteCount else { return nil }
    self.bytes = bytes.extracting(unchecked: 0..<total)
  }

  /// For the quoted packet of an ICMP error, which is usually cut short: only the header must be whole (RFC 1812, 4.3.2.3).
  @inlinable @_lifetime(copy bytes)
  public init?(quoted bytes: RawSpan) {
    guard bytes.byteCount >= 20 else { return nil }
    let first = bytes.u8(0)
    let header = Int(first & 15) &* 4
    let total = Int(bytes.u16(2))
    guard first >> 4 == 4, header >= 20, header <= total, header <= bytes.byteCount else { return nil }
    self.bytes = bytes.extracting(unchecked: 0..<Swift.min(total, bytes.byteCount))
  }

  @inlinable public var headerLength: Int { Int(bytes.u8(0) & 15) &* 4 }
  @inlinable public var typeOfService: UInt8 { bytes.u8(1) }
  @inlinable public var totalLength: Int { Int(bytes.u16(2)) }
  @inlinable public var identification: UInt16 { bytes.u16(4) }
  @inlinable public var dontFragment: Bool { bytes.u16(6) & 0x4000 != 0 }
  @inlinable public var moreFragments: Bool { bytes.u16(6) & 0x2000 != 0 }
  /// In bytes.
  @inlinable public var fragmentOffset: Int { Int(bytes.u16(6) & 0x1fff) &* 8 }
  @inlinable public var isFragment: Bool { bytes.u16(6) & 0x3fff != 0 }
  @inlinable public var timeToLive: UInt8 { bytes.u8(8) }
  @inlinable public var `protocol`: IPProtocol { IPProtocol(rawValue: bytes.u8(9)) }
  @inlinable public var checksum: UInt16 { bytes.u16(10) }
  @inlinable public var source: IPv4Address { bytes.ipv4(12) }
  @inlinable public var destination: IPv4Address { bytes.ipv4(16) }
  @inlinable public var hasValidChecksum: Bool {
    InternetChecksum.checksum(bytes.extracting(unchecked: 0..<headerLength)) == 0
  }
  @inlinable public var options: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: 20..<headerLength) }
  }
  @inlinable public var payload: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: headerLength..<bytes.byteCount) }
  }
  /// The pseudo-header's sum for this packet's payload.
  @inlinable public var pseudoHeader: UInt64 {
    InternetChecksum.pseudoHeader(
      source: source, destination: destination, protocol: `protocol`.rawValue, length: bytes.byteCount &- headerLength)
  }
}

/// An IPv4 header as a value; one without options unless `options` is set.
public struct IPv4Header: Hashable, Sendable {
  public var typeOfService: UInt8 = 0
  public var identification: UInt16 = 0
  public var dontFragment = true
  public var moreFragments = false
  /// In bytes, a multiple of 8.
  public var fragmentOffset = 0
  public var timeToLive: UInt8 = 64
  public var `protocol`: IPProtocol
  public var source: IPv4Address
  public var destination: IPv4Address
  /// Padded to a multiple of 4, at most 40 bytes.
  public var options: [UInt8] = []

  @inlinable public init(
    protocol: IPProtocol, source: IPv4Address, destination: IPv4Address, timeToLive: UInt8 = 64,
    identification: UInt16 = 0,
    dontFragment: Bool = true
  ) {
    self.protocol = `protocol`
    self.source = source
    self.destination = destination
    self.timeToLive = timeToLive
    self.identification = identification
    self.dontFragment = dontFragment
  }

  /// Nil for a bad checksum, a loose end in the options (RFC 791, 3.1), or a fragment that would pass 65,535 bytes.
  public init?(_ view: borrowing IPv4View) {
    guard view.hasValidChecksum, IPv4Option.areWellFormed(view.options),
      view.fragmentOffset + view.payload.byteCount <= 65535 - view.headerLength
    else { return nil }
    self.init(protocol: view.protocol, source: view.source, destination: view.destination)
    typeOfService = view.typeOfService
    identification = view.identification
    dontFragment = view.dontFragment
    moreFragments = view.moreFragments
    fragmentOffset = view.fragmentOffset
    timeToLive = view.timeToLive
    options = view.options.array
  }

  @inlinable public var length: Int { 20 + options.count }

  /// Writes `length` bytes at the span's start, checksum included.
  @inlinable public func write(to span: inout MutableRawSpan, payloadLength: Int) {
    precondition(options.count % 4 == 0 && options.count <= 40 && fragmentOffset % 8 == 0)
    span.put(UInt8(0x45 &+ options.count / 4), at: 0)
    span.put(typeOfService, at: 1)
    span.put(UInt16(length + payloadLength), at: 2)
    span.put(identification, at: 4)
    span.put((dontFragment ? 0x4000 : 0) | (moreFragments ? 0x2000 : 0) | UInt16(fragmentOffset / 8), at: 6)
    span.put(timeToLive, at: 8)
    span.put(`protocol`.rawValue, at: 9)
    span.put(0 as UInt16, at: 10)
    span.put(source, at: 12)
    span.put(destination, at: 16)
    if !options.isEmpty { span.put(options.span.bytes, at: 20) }
    span.put(InternetChecksum.checksum(span.bytes.extracting(0..<length)), at: 10)
  }
}

/// IPv4 options: one octet (end, no-op) or type-length-value (RFC 791, 3.1).
public enum IPv4Option {
  /// Whether every option's length is at least 2 and ends inside the header: a loop over them ends.
  @inlinable public static func areWellFormed(_ options: RawSpan) -> Bool {
    var offset = 0
    while offset < options.byteCount {
      switch options.u8(offset) {
      case 0: return true
      case 1: offset += 1
      default:
        guard offset + 1 < options.byteCount else { return false }
        let length = Int(options.u8(offset + 1))
        guard length >= 2, offset + length <= options.byteCount else { return false }
        offset += length
      }
    }
    return true
  }

  /// Loose (131) or strict (137) source routing, which nobody forwards any more (RFC 7126, 4.3–4.4).
  public static func hasSourceRoute(_ options: RawSpan) -> Bool {
    var offset = 0
    while offset < options.byteCount {
      let type = options.u8(offset)
      if type == 131 || type == 137 { return true }
      if type == 0 { return false }
      if type == 1 {
        offset += 1
        continue
      }
      guard offset + 1 < options.byteCount, options.u8(offset + 1) >= 2 else { return false }
      offset += Int(options.u8(offset + 1))
    }
    return false
  }
}
