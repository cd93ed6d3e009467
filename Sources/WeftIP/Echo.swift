import WeftCore
import WeftWire

/// Answers echo requests (RFC 1122, 3.2.2.6).
public enum Echo {
  /// The reply to an echo message as a frame with 14 bytes of room for its Ethernet header, for `NeighbourTable.send`.
  /// A reply is sent as its request was (RFC 1349, 5.1).
  public static func reply(
    to message: borrowing ICMPv4View, from source: IPv4Address, to destination: IPv4Address, typeOfService: UInt8,
    identification: UInt16, trace: UInt32, _ out: inout Effects
  ) -> Frame {
    let length = message.bytes.byteCount
    var frame = out.frame(count: 34 + length)
    frame.trace = trace
    var span = frame.mutableBytes
    span.put(message.bytes, at: 34)
    var ip = span.slice(14..<34 + length)
    var header = IPv4Header(
      protocol: .icmp, source: source, destination: destination, identification: identification, dontFragment: false)
    header.typeOfService = typeOfService
    header.write(to: &ip, payloadLength: length)
    var body = ip.slice(20..<20 + length)
    ICMPv4Header(type: .echoReply, code: message.code, rest: message.bytes.u32(4)).write(to: &body)
    return frame
  }
}
