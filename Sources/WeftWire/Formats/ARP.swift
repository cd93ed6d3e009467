/// An ARP packet for Ethernet and IPv4 (RFC 826), the only kind there is in practice.
///
///     | hardware type 1 (16)  | protocol type 0x0800 (16) |
///     | hlen 6 (8) | plen 4 (8) |   operation (16)        |
///     | sender MAC (48) | sender IP (32) | target MAC (48) | target IP (32) |
public struct ARPPacket: Hashable, Sendable {
  public enum Operation: UInt16, Sendable {
    case request = 1
    case reply = 2
    /// RARP's request (RFC 903), which QEMU announces a migrated machine with.
    case reverseRequest = 3
    case reverseReply = 4
  }

  @inlinable public static var length: Int { 28 }

  public var operation: Operation
  public var senderMAC: MACAddress
  public var senderIP: IPv4Address
  public var targetMAC: MACAddress
  public var targetIP: IPv4Address

  @inlinable public init(
    operation: Operation, senderMAC: MACAddress, senderIP: IPv4Address, targetMAC: MACAddress, targetIP: IPv4Address
  ) {
    self.operation = operation
    self.senderMAC = senderMAC
    self.senderIP = senderIP
    self.targetMAC = targetMAC
    self.targetIP = targetIP
  }

  /// Nil where the packet is cut short, not Ethernet/IPv4, or of an unknown operation. Bytes after it are padding.
  @inlinable public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= Self.length, bytes.u16(0) == 1, bytes.u16(2) == EtherType.ipv4.rawValue,
      bytes.u16(4) == 0x0604, let operation = Operation(rawValue: bytes.u16(6))
    else { return nil }
    self.init(
      operation: operation, senderMAC: bytes.mac(8), senderIP: bytes.ipv4(14), targetMAC: bytes.mac(18),
      targetIP: bytes.ipv4(24))
  }

  /// Writes 28 bytes at the span's start.
  public func write(to span: inout MutableRawSpan) {
    span.put(1 as UInt16, at: 0)
    span.put(EtherType.ipv4.rawValue, at: 2)
    span.put(0x0604 as UInt16, at: 4)
    span.put(operation.rawValue, at: 6)
    span.put(senderMAC, at: 8)
    span.put(senderIP, at: 14)
    span.put(targetMAC, at: 18)
    span.put(targetIP, at: 24)
  }

  /// Asks who has `target`.
  public static func request(from mac: MACAddress, _ ip: IPv4Address, for target: IPv4Address) -> ARPPacket {
    ARPPacket(operation: .request, senderMAC: mac, senderIP: ip, targetMAC: .zero, targetIP: target)
  }

  /// The answer to this request from the owner of the address.
  public func reply(from mac: MACAddress) -> ARPPacket {
    ARPPacket(operation: .reply, senderMAC: mac, senderIP: targetIP, targetMAC: senderMAC, targetIP: senderIP)
  }
}
