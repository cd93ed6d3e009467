/// Why a frame went no further. The names are a public API: they stand in captures, reports and expectations, so they
/// are only ever added to. Raw values are stable within a checkpoint version.
public enum DropReason: UInt8, BitwiseCopyable, CaseIterable, Sendable, Codable {
  // Links and NICs
  case queueFull = 1
  case linkLoss
  case linkDown
  case noLink
  case rxRingFull
  case txRingFull
  case machineStopped
  case frameTooBig
  case linkRemoved
  case machineReverted
  case machineMoved

  // Wire formats, wherever they are read
  case malformedEthernet = 20
  case malformedARP
  case malformedIPv4
  case badIPv4Checksum
  case badIPv4Options
  case malformedICMP
  case badICMPChecksum
  case malformedUDP
  case badUDPChecksum
  case malformedTCP
  case badTCPChecksum
  case badTCPFlags
  case unknownEtherType
  case martianSource
  /// 127.0.0.0/8 on a wire.
  case martianDestination
  /// A segment whose numbers its connection never sent or offered.
  case badTCPNumbers
  case malformedSCTP
  case badSCTPChecksum
  case malformedUDPLite
  case badUDPLiteChecksum

  // Switch
  case reservedMulticast = 50
  case sourceIsGroup
  case hairpinPort
  case noOtherPort

  // A switch's guards
  case macSpoof
  /// More MAC addresses behind a port than it may have.
  case macLimit
  case ipSpoof
  case arpSpoof
  /// A DHCP server's message from a port that none is behind.
  case rogueDHCP
  /// A DHCP client's message in another's name.
  case dhcpSpoof
  case stormControl
  case isolatedPort
  case rateLimit
  case portShutDown

  // Its spanning tree and VLANs
  /// A copy of what goes another way.
  case stpBlocking
  case malformedBPDU
  case bpduGuard
  /// The port isn't of the frame's VLAN.
  case vlanFiltered
  case mirrorPort
  case stpListening

  // IPv4 nodes
  case notForUs = 70
  case ttlExpired
  case noRoute
  case neighbourUnresolved
  case neighbourQueueFull
  case unknownProtocol
  case portClosed
  case noSocket
  case receiveBufferFull
  case fragmentTimeout
  case fragmentOverlap
  case fragmentLimit
  case fragmentationNeeded
  case noAddress
  case unexpectedICMP
  case icmpRateLimit
  case listenQueueFull

  // NAT
  case ipForwardingDisabled = 110
  case noPortForward
  case noMapping
  case filtered
  case tableFull
  case portsExhausted
  case tcpInvalid
  case fragmentUnsupported
  case spoofedSource
  case protocolUnsupported
  case privateDestination
  case hairpinDisabled
  /// A flow that would have the same tuple as another one.
  case tupleClash
  /// An inside host has as many flows or ports as it may.
  case hostLimit
  /// A group's datagrams stay on their link: a NAT is no multicast router.
  case multicastNotForwarded
  case sctpInvalid

  // Services
  case dhcpNotForUs = 150
  case dhcpMalformed
  case dhcpNoFreeAddress
  /// The hypervisor's queue between a card and its cable.
  case backEndFull
  case driverDomainOff

  /// `no-port-forward`: the case's name in kebab-case.
  public var name: String { Self.names[Int(rawValue)] }

  public init?(name: String) {
    guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }

  private static let names: [String] = {
    var names = [String](repeating: "", count: 256)
    for reason in allCases { names[Int(reason.rawValue)] = kebab("\(reason)") }
    return names
  }()

  /// `badIPv4Checksum` → `bad-ipv4-checksum`: a hyphen where a capital begins a word; a run of capitals is one word.
  static func kebab(_ camel: String) -> String {
    let scalars = Array(camel.unicodeScalars)
    var text = ""
    for (index, scalar) in scalars.enumerated() {
      let upper = scalar.properties.isUppercase
      let before = index > 0 && scalars[index - 1].properties.isUppercase
      let after = index + 1 < scalars.count && scalars[index + 1].properties.isLowercase
      // "v4" belongs to the run before it: IPv4.
      let version =
        index + 2 < scalars.count && scalars[index + 1] == "v" && scalars[index + 2].properties.numericType != nil
      if upper, index > 0, !before || (after && !version) { text += "-" }
      text += scalar.properties.lowercaseMapping
    }
    return text
  }
}

/// What exactly was dropped, in twelve bytes: turned into text only where somebody reads it.
public struct DropDetail: BitwiseCopyable, Hashable, Sendable, Codable {
  public enum Kind: UInt8, BitwiseCopyable, Sendable, Codable { case none, transport, icmp, address, number, mac, station, vlan }

  public var kind: Kind
  /// IP protocol number, or ICMP type.
  public var code: UInt8
  public var port: UInt16
  public var value: UInt32
  /// With `port` before it, a MAC address.
  public var low: UInt32

  @inlinable public init(kind: Kind, code: UInt8 = 0, port: UInt16 = 0, value: UInt32 = 0, low: UInt32 = 0) {
    self.kind = kind
    self.code = code
    self.port = port
    self.value = value
    self.low = low
  }

  @inlinable public static var none: DropDetail { DropDetail(kind: .none) }
  /// `tcp/80`
  @inlinable public static func transport(_ protocolNumber: UInt8, port: UInt16) -> DropDetail {
    DropDetail(kind: .transport, code: protocolNumber, port: port)
  }
  /// `icmp type 8 code 0`
  @inlinable public static func icmp(type: UInt8, code: UInt8) -> DropDetail {
    DropDetail(kind: .icmp, code: type, port: UInt16(code))
  }
  /// `192.0.2.1`; give the raw value of an IPv4 address.
  @inlinable public static func address(_ value: UInt32) -> DropDetail { DropDetail(kind: .address, value: value) }
  @inlinable public static func number(_ value: UInt32) -> DropDetail { DropDetail(kind: .number, value: value) }
  /// `VLAN 10`; of what has no tag and no VLAN, `untagged`.
  @inlinable public static func vlan(_ identifier: UInt16) -> DropDetail { DropDetail(kind: .vlan, port: identifier) }
  /// `52:54:00:00:00:05`; give the raw value of a MAC address.
  @inlinable public static func mac(_ value: UInt64) -> DropDetail {
    DropDetail(kind: .mac, port: UInt16(truncatingIfNeeded: value >> 32), low: UInt32(truncatingIfNeeded: value))
  }
  /// `10.0.0.5 is at 52:54:00:00:00:05`; of both the raw values.
  @inlinable public static func station(_ address: UInt32, at mac: UInt64) -> DropDetail {
    var detail = Self.mac(mac)
    (detail.kind, detail.value) = (.station, address)
    return detail
  }
  @inlinable public var macValue: UInt64 { UInt64(port) << 32 | UInt64(low) }
}
