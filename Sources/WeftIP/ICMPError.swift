import WeftCore
import WeftWire

/// Makes ICMP errors (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2).
public enum ICMPError {
  /// An error never grows past 576 bytes of IP (RFC 1812, 4.3.2.3).
  static let longest = 576

  /// Whether an error may be sent about this packet: never about an ICMP error, a fragment but the first, a link-layer
  /// broadcast, or a source or destination that isn't one host (RFC 1122, 3.2.2).
  /// `toOneself`: a machine may tell its own programs on 127.0.0.0/8.
  public static func isAllowed(
    about packet: borrowing IPv4View, linkDestination: MACAddress, toOneself: Bool = false
  ) -> Bool {
    guard !linkDestination.isGroup, packet.source.isUsableSource || toOneself && packet.source.isLoopback,
      packet.fragmentOffset == 0,
      !packet.destination.isMulticast, !packet.destination.isBroadcast
    else { return false }
    if packet.protocol == .icmp {
      guard let icmp = ICMPv4View(packet.payload) else { return false }
      return !icmp.type.isError
    }
    return true
  }

  /// The error as a frame with 14 bytes of room for its Ethernet header, for `NeighbourTable.send`.
  /// `rest` is the next-hop MTU of "fragmentation needed", else 0.
  public static func make(
    _ type: ICMPv4Type, code: UInt8, rest: UInt32 = 0, about packet: borrowing IPv4View, from source: IPv4Address,
    identification: UInt16, trace: UInt32, _ out: inout Effects
  ) -> Frame {
    let quoted = min(packet.bytes.byteCount, longest - 28)
    var frame = out.frame(count: 14 + 28 + quoted)
    frame.trace = trace
    var span = frame.mutableBytes
    var ip = span.slice(14..<14 + 28 + quoted)
    var header = IPv4Header(
      protocol: .icmp, source: source, destination: packet.source, identification: identification, dontFragment: false)
    // Internetwork control, with the type of service of what it is about (RFC 1812, 4.3.2.5).
    header.typeOfService = 0xc0 | packet.typeOfService & 0x1e
    header.write(to: &ip, payloadLength: 8 + quoted)
    var message = ip.slice(20..<28 + quoted)
    message.put(packet.bytes.extracting(0..<quoted), at: 8)
    ICMPv4Header(type: type, code: code, rest: rest).write(to: &message)
    return frame
  }
}
