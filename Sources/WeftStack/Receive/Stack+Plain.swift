import WeftCore
import WeftWire

// The short way of nearly all packets. It decides nothing otherwise than the long one, which sees whatever isn't plain.
extension Stack {
  /// Nil: it isn't plain, or something may be wrong with it, and nothing was done.
  @inline(__always)
  mutating func receivePlain(
    _ frame: borrowing Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) -> Reception? {
    let bytes = frame.bytes
    guard frame.isSound, isPlain(bytes, on: port) else { return nil }
    if bytes.u8(23) == IPProtocol.udp.rawValue { return frame.trace == 0 ? plainDatagram(bytes) : nil }
    return bytes.u8(23) == IPProtocol.tcp.rawValue ? receivePlainSegment(bytes, frame.trace, now: now, &out) : nil
  }

  /// From a host to our own address, without IP options, not a fragment, with room for a UDP header.
  @inline(__always)
  private func isPlain(_ bytes: RawSpan, on port: PortIndex) -> Bool {
    // EtherType IPv4, version 4, five words of header.
    guard bytes.byteCount >= 42, bytes.u32(12) & 0xffff_ff00 == 0x0800_4500, bytes.u16(20) & 0x3fff == 0,
      Int(bytes.u16(16)) &+ 14 <= bytes.byteCount
    else { return false }
    let source = bytes.ipv4(26)
    let destination = bytes.ipv4(30)
    return bytes.mac(0) == ip.interfaces[port.index].mac && !bytes.mac(6).isGroup
      && destination == ip.interfaces[port.index].address && !destination.isUnspecified && !destination.isMulticast
      && !ip.interfaces[port.index].isBroadcast(destination) && source.isUsableSource && source != destination
  }

  /// For a socket that takes in anybody's.
  @inline(__always)
  private func plainDatagram(_ bytes: RawSpan) -> Reception? {
    let length = Int(bytes.u16(38))
    let destinationPort = bytes.u16(36)
    guard length >= 8, length &+ 20 <= Int(bytes.u16(16)), destinationPort != DHCPMessage.clientPort, redirected.isEmpty,
      let index = datagramBinding(destinationPort), datagramBindings[index].peer == nil
    else { return nil }
    let info = DatagramInfo(
      source: bytes.ipv4(26), sourcePort: bytes.u16(34), destination: bytes.ipv4(30), destinationPort: destinationPort,
      isBroadcast: false, trace: 0)
    return .datagram(tag: datagramBindings[index].tag, info, payload: 42..<34 &+ length)
  }

  /// With an acknowledgment, without options, of no handshake and no reset.
  private mutating func receivePlainSegment(
    _ bytes: RawSpan, _ trace: UInt32, now: Instant, _ out: inout Effects
  ) -> Reception? {
    let end = Int(bytes.u16(16)) &+ 14
    guard end >= 54, bytes.u8(46) >> 4 == 5 else { return nil }
    let flags = TCPFlags(rawValue: bytes.u8(47))
    guard flags.contains(.ack), flags.isDisjoint(with: [.syn, .rst]) else { return nil }
    let segment = Segment(
      source: bytes.ipv4(26), destination: bytes.ipv4(30), sourcePort: bytes.u16(34), destinationPort: bytes.u16(36),
      sequence: bytes.u32(38), acknowledgment: bytes.u32(42), flags: flags, window: bytes.u16(48), length: end &- 54,
      trace: trace)
    let payload = bytes.extracting(unchecked: 54..<end)
    let verdict = tcp.receive(segment, TCPOptions(), payload: payload, &random, now: now, &ip, &out)
    guard let reason = answer(verdict, segment, now: now, &out) else { return .accepted }
    return .dropped(reason, .transport(6, port: segment.destinationPort))
  }
}
