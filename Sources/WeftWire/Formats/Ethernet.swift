/// What an Ethernet II frame carries.
public struct EtherType: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  @inlinable public static var ipv4: EtherType { EtherType(rawValue: 0x0800) }
  @inlinable public static var arp: EtherType { EtherType(rawValue: 0x0806) }
  @inlinable public static var vlan: EtherType { EtherType(rawValue: 0x8100) }
  @inlinable public static var ipv6: EtherType { EtherType(rawValue: 0x86dd) }
}

/// The tag control information of IEEE 802.1Q: priority, drop eligibility, VLAN identifier.
public struct VLANTag: Hashable, Sendable, Codable {
  /// 0–7.
  public var priority: UInt8
  public var dropEligible: Bool
  /// 0–4095; 0 is a priority tag, 4095 is reserved.
  public var identifier: UInt16

  @inlinable public init(priority: UInt8 = 0, dropEligible: Bool = false, identifier: UInt16) {
    self.priority = priority & 7
    self.dropEligible = dropEligible
    self.identifier = identifier & 0xfff
  }

  @inlinable public init(tci: UInt16) {
    self.init(priority: UInt8(tci >> 13), dropEligible: tci & 0x1000 != 0, identifier: tci)
  }

  @inlinable public var tci: UInt16 { UInt16(priority & 7) << 13 | (dropEligible ? 0x1000 : 0) | identifier & 0xfff }
}

/// An Ethernet II frame without preamble and FCS, with at most one 802.1Q tag.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |                      destination (48)                        …
///     …                                |         source (48)         …
///     …                                                              |
///     | [ 0x8100 (16) | PCP DEI VID (16) ] |    EtherType (16)       |
public struct EthernetView: ~Escapable {
  public let bytes: RawSpan
  public let headerLength: Int

  /// Nil where the header is cut short.
  @inlinable @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 14 else { return nil }
    var length = 14
    if bytes.u16(12) == EtherType.vlan.rawValue {
      guard bytes.byteCount >= 18 else { return nil }
      length = 18
    }
    self.bytes = bytes
    headerLength = length
  }

  @inlinable public var destination: MACAddress { bytes.mac(0) }
  @inlinable public var source: MACAddress { bytes.mac(6) }
  @inlinable public var vlan: VLANTag? { headerLength == 18 ? VLANTag(tci: bytes.u16(14)) : nil }
  /// The type behind the tag, if there is one; below 1536 it is an IEEE 802.3 length.
  @inlinable public var type: EtherType { EtherType(rawValue: bytes.u16(headerLength &- 2)) }
  /// What follows the header, padding included.
  @inlinable public var payload: RawSpan {
    @_lifetime(copy self) get { bytes.extracting(unchecked: headerLength..<bytes.byteCount) }
  }
}

/// An Ethernet II header as a value.
public struct EthernetHeader: Hashable, Sendable {
  public var destination: MACAddress
  public var source: MACAddress
  public var type: EtherType
  public var vlan: VLANTag?

  @inlinable public init(destination: MACAddress, source: MACAddress, type: EtherType, vlan: VLANTag? = nil) {
    self.destination = destination
    self.source = source
    self.type = type
    self.vlan = vlan
  }

  /// Nil for a header cut short and for IEEE 802.3 length framing.
  public init?(_ view: borrowing EthernetView) {
    guard view.type.rawValue >= 0x600 else { return nil }
    self.init(destination: view.destination, source: view.source, type: view.type, vlan: view.vlan)
  }

  @inlinable public var length: Int { vlan == nil ? 14 : 18 }

  /// Writes `length` bytes at the span's start.
  @inlinable public func write(to span: inout MutableRawSpan) {
    span.put(destination, at: 0)
    span.put(source, at: 6)
    if let vlan {
      span.put(EtherType.vlan.rawValue, at: 12)
      span.put(vlan.tci, at: 14)
    }
    span.put(type.rawValue, at: length - 2)
  }
}
