/// A DHCP message (RFC 2131, figure 1; options RFC 2132), with the options that clients and servers here act on.
///
///     | op (8) | htype (8) | hlen (8) | hops (8) |
///     | xid (32) | secs (16) | flags (16) |
///     | ciaddr (32) | yiaddr (32) | siaddr (32) | giaddr (32) |
///     | chaddr (128) | sname (512) | file (1024) | magic cookie | options …
public struct DHCPMessage: Hashable, Sendable {
  public enum Kind: UInt8, Sendable, Codable {
    case discover = 1
    case offer, request, decline, ack, nak, release, inform
  }

  @inlinable public static var serverPort: UInt16 { 67 }
  @inlinable public static var clientPort: UInt16 { 68 }
  static let cookie: UInt32 = 0x6382_5363
  static let fixedLength = 240

  /// BOOTREQUEST or BOOTREPLY.
  public var isReply: Bool
  public var kind: Kind
  public var transaction: UInt32
  /// The client can't take unicast yet (RFC 2131, 2).
  public var broadcast = false
  public var clientAddress = IPv4Address.any
  public var yourAddress = IPv4Address.any
  public var clientMAC: MACAddress

  public var requestedAddress: IPv4Address?
  public var serverIdentifier: IPv4Address?
  public var subnetMask: IPv4Address?
  public var router: IPv4Address?
  public var dnsServer: IPv4Address?
  /// Seconds.
  public var leaseTime: UInt32?
  public var hostname: String?

  public init(isReply: Bool, kind: Kind, transaction: UInt32, clientMAC: MACAddress) {
    self.isReply = isReply
    self.kind = kind
    self.transaction = transaction
    self.clientMAC = clientMAC
  }

  /// Nil for anything cut short, not Ethernet, without cookie or message type, or with an option that ends outside.
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount > Self.fixedLength, bytes.u8(0) == 1 || bytes.u8(0) == 2, bytes.u16(1) == 0x0106,
      bytes.u32(236) == Self.cookie
    else { return nil }
    var kind: Kind?
    isReply = bytes.u8(0) == 2
    transaction = bytes.u32(4)
    broadcast = bytes.u16(10) & 0x8000 != 0
    clientAddress = bytes.ipv4(12)
    yourAddress = bytes.ipv4(16)
    clientMAC = bytes.mac(28)
    self.kind = .discover
    var offset = Self.fixedLength
    scan: while offset < bytes.byteCount {
      let code = bytes.u8(offset)
      if code == 0 {
        offset += 1
        continue
      }
      if code == 255 { break scan }
      guard offset + 1 < bytes.byteCount else { return nil }
      let length = Int(bytes.u8(offset + 1))
      let start = offset + 2
      guard start + length <= bytes.byteCount else { return nil }
      switch (code, length) {
      case (1, 4): subnetMask = bytes.ipv4(start)
      case (3, 4...): router = bytes.ipv4(start)
      case (6, 4...): dnsServer = bytes.ipv4(start)
      case (12, 1...): hostname = String(decoding: bytes.extracting(start..<start + length).array, as: UTF8.self)
      case (50, 4): requestedAddress = bytes.ipv4(start)
      case (51, 4): leaseTime = bytes.u32(start)
      case (53, 1):
        guard let known = Kind(rawValue: bytes.u8(start)) else { return nil }
        kind = known
      case (54, 4): serverIdentifier = bytes.ipv4(start)
      case (1, _), (50, _), (51, _), (53, _), (54, _): return nil
      default: break
      }
      offset = start + length
    }
    guard let kind else { return nil }
    self.kind = kind
  }

  /// As much of a name as an option holds, cut between characters.
  private static func cut(_ name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in name.unicodeScalars {
      let encoded = UTF8.encode(scalar).map(Array.init) ?? []
      guard bytes.count + encoded.count <= 255 else { break }
      bytes += encoded
    }
    return bytes
  }

  /// The message as it goes into a UDP datagram, padded to the 300 bytes that old relays want (RFC 1542, 2.1).
  public var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.fixedLength)
    var fixed = bytes.mutableSpan
    var span = fixed.mutableBytes
    span.put(UInt8(isReply ? 2 : 1), at: 0)
    span.put(0x0106 as UInt16, at: 1)
    span.put(transaction, at: 4)
    span.put(UInt16(broadcast ? 0x8000 : 0), at: 10)
    span.put(clientAddress, at: 12)
    span.put(yourAddress, at: 16)
    span.put(clientMAC, at: 28)
    span.put(Self.cookie, at: 236)
    func option(_ code: UInt8, _ content: [UInt8]) {
      bytes.append(code)
      bytes.append(UInt8(content.count))
      bytes += content
    }
    func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) } }
    option(53, [kind.rawValue])
    if let serverIdentifier { option(54, word(serverIdentifier.rawValue)) }
    if let requestedAddress { option(50, word(requestedAddress.rawValue)) }
    if let leaseTime { option(51, word(leaseTime)) }
    if let subnetMask { option(1, word(subnetMask.rawValue)) }
    if let router { option(3, word(router.rawValue)) }
    if let dnsServer { option(6, word(dnsServer.rawValue)) }
    if let hostname, !hostname.isEmpty { option(12, Self.cut(hostname)) }
    // Asked for: mask, router, DNS, hostname.
    if !isReply, kind == .discover || kind == .request { option(55, [1, 3, 6, 12]) }
    bytes.append(255)
    if bytes.count < 300 { bytes += [UInt8](repeating: 0, count: 300 - bytes.count) }
    return bytes
  }
}
