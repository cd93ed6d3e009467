/// An ICMP message (RFC 792).
///
///     |  type (8)  |  code (8)  |  checksum (16)  |
///     |           rest of header (32)             |
///     |  data: of an error, the packet it is about |
public struct ICMPv4View: ~Escapable {
  public let bytes: RawSpan

  /// Nil where the eight bytes of the header are cut short.
  @inlinable @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 8 else { return nil }
    self.bytes = bytes
  }

  @inlinable public var type: ICMPv4Type { ICMPv4Type(rawValue: bytes.u8(0)) }
  @inlinable public var code: UInt8 { bytes.u8(1) }
  @inlinable public var checksum: UInt16 { bytes.u16(2) }
  /// Of an echo.
  @inlinable public var identifier: UInt16 { bytes.u16(4) }
  @inlinable public var sequence: UInt16 { bytes.u16(6) }
  /// Of "fragmentation needed" (RFC 1191, 4).
  @inlinable public var nextHopMTU: UInt16 { bytes.u16(6) }
  @inlinable public var hasValidChecksum: Bool { InternetChecksum.checksum(bytes) == 0 }
  @inlinable public var payload: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: 8..<bytes.byteCount) }
  }
}

public struct ICMPv4Type: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var echoReply: ICMPv4Type { ICMPv4Type(rawValue: 0) }
  @inlinable public static var destinationUnreachable: ICMPv4Type { ICMPv4Type(rawValue: 3) }
  @inlinable public static var redirect: ICMPv4Type { ICMPv4Type(rawValue: 5) }
  @inlinable public static var echoRequest: ICMPv4Type { ICMPv4Type(rawValue: 8) }
  @inlinable public static var timeExceeded: ICMPv4Type { ICMPv4Type(rawValue: 11) }
  @inlinable public static var parameterProblem: ICMPv4Type { ICMPv4Type(rawValue: 12) }

  /// Errors are never answered with errors and carry the packet they are about (RFC 1122, 3.2.2).
  @inlinable public var isError: Bool {
    switch rawValue {
    case 3, 4, 5, 11, 12: true
    default: false
    }
  }
}

/// Codes of "destination unreachable" (RFC 792, RFC 1812 5.2.7.1).
public enum ICMPv4UnreachableCode {
  @inlinable public static var network: UInt8 { 0 }
  @inlinable public static var host: UInt8 { 1 }
  @inlinable public static var `protocol`: UInt8 { 2 }
  @inlinable public static var port: UInt8 { 3 }
  @inlinable public static var fragmentationNeeded: UInt8 { 4 }
  @inlinable public static var administrativelyProhibited: UInt8 { 13 }
}

/// An ICMP message's header as a value.
public struct ICMPv4Header: Hashable, Sendable {
  @inlinable public static var length: Int { 8 }

  public var type: ICMPv4Type
  public var code: UInt8
  /// Identifier and sequence of an echo, or zero and the next-hop MTU, or unused.
  public var rest: UInt32

  @inlinable public init(type: ICMPv4Type, code: UInt8 = 0, rest: UInt32 = 0) {
    self.type = type
    self.code = code
    self.rest = rest
  }

  @inlinable public static func echo(_ type: ICMPv4Type, identifier: UInt16, sequence: UInt16) -> ICMPv4Header {
    ICMPv4Header(type: type, rest: UInt32(identifier) << 16 | UInt32(sequence))
  }

  /// Nil for a bad checksum.
  public init?(_ view: borrowing ICMPv4View) {
    guard view.hasValidChecksum else { return nil }
    self.init(type: view.type, code: view.code, rest: view.bytes.u32(4))
  }

  /// Writes the header at the start of a span that holds the message's data from byte 8 to its end, checksum included.
  @inlinable public func write(to span: inout MutableRawSpan) {
    span.put(type.rawValue, at: 0)
    span.put(code, at: 1)
    span.put(0 as UInt16, at: 2)
    span.put(rest, at: 4)
    span.put(InternetChecksum.checksum(span.bytes), at: 2)
  }
}
