import WeftCore
import WeftWire

/// Changes a packet in place and its checksums by the difference (RFC 1624, equation 3); the payload is never read but for SCTP.
enum Rewrite {
  /// The ones' complement sum of what changes, unfolded: ~old + new in 16-bit words.
  @inline(__always)
  private static func difference(_ old: IPv4Address, _ new: IPv4Address) -> UInt64 {
    let gone = ~old.rawValue
    return UInt64(gone >> 16) &+ UInt64(gone & 0xffff) &+ UInt64(new.rawValue >> 16) &+ UInt64(new.rawValue & 0xffff)
  }

  @inline(__always)
  private static func difference(_ old: UInt16, _ new: UInt16) -> UInt64 { UInt64(~old) &+ UInt64(new) }

  @inline(__always)
  private static func apply(_ checksum: UInt16, _ difference: UInt64) -> UInt16 {
    var sum = UInt64(~checksum) &+ difference
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return ~UInt16(truncatingIfNeeded: sum)
  }

  /// Source, destination and TTL of a TCP, UDP or echo packet in an Ethernet frame. What was sound is so afterwards: the
  /// differences are exact.
  @inline(__always)
  static func packet(
    _ frame: inout Frame, _ packet: Packet, source: IPv4Address, _ sourcePort: UInt16, destination: IPv4Address,
    _ destinationPort: UInt16, decrement: Bool
  ) {
    let addresses = difference(packet.source, source) &+ difference(packet.destination, destination)
    let ports = difference(packet.sourcePort, sourcePort) &+ difference(packet.destinationPort, destinationPort)
    let isSound = frame.isSound
    var span = frame.mutableBytes
    var header = addresses
    if decrement {
      let word = UInt16(packet.timeToLive) << 8
      header &+= difference(word, word &- 0x100)
      span.put(packet.timeToLive &- 1, at: 22)
    }
    let headerChecksum = span.bytes.u16(24)
    span.put(apply(headerChecksum, header), at: 24)
    span.put(source, at: 26)
    span.put(destination, at: 30)
    let at = packet.transport
    switch packet.protocolNumber {
    case Proto.udp:
      span.put(UInt32(sourcePort) << 16 | UInt32(destinationPort), at: at)
      let checksum = span.bytes.u16(at &+ 6)
      // Zero is "none was made" and stays (RFC 3022, 4.1); a sum of zero is sent as its other form.
      if checksum != 0 {
        let updated = apply(checksum, addresses &+ ports)
        span.put(updated == 0 ? 0xffff : updated, at: at &+ 6)
      }
    case Proto.tcp:
      span.put(UInt32(sourcePort) << 16 | UInt32(destinationPort), at: at)
      let checksum = span.bytes.u16(at &+ 16)
      span.put(apply(checksum, addresses &+ ports), at: at &+ 16)
    // One that leaves with its own ports keeps its sum, be it wrong.
    case Proto.sctp where ports != 0x1_fffe: sctp(&span, at: at, end: packet.end, sourcePort, destinationPort)
    case Proto.udpLite:
      span.put(UInt32(sourcePort) << 16 | UInt32(destinationPort), at: at)
      let updated = apply(span.bytes.u16(at &+ 6), addresses &+ ports)
      span.put(updated == 0 ? 0xffff : updated, at: at &+ 6)
    // Of echoes alone these bytes are an identifier.
    case Proto.icmp where packet.icmpType == 0 || packet.icmpType == 8:
      // No pseudo-header; the one that isn't the identifier is zero before and after.
      let isReply = packet.icmpType == 0
      let checksum = span.bytes.u16(at &+ 2)
      span.put(apply(checksum, ports), at: at &+ 2)
      span.put(isReply ? destinationPort : sourcePort, at: at &+ 4)
    default: break
    }
    frame.isSound = isSound
  }

  /// Its sum is no sum, and is made anew; that it was right was seen before (`Packet.brokenChecksum`).
  @inline(never)
  private static func sctp(
    _ span: inout MutableRawSpan, at: Int, end: Int, _ sourcePort: UInt16, _ destinationPort: UInt16
  ) {
    span.put(UInt32(sourcePort) << 16 | UInt32(destinationPort), at: at)
    let sum = CRC32C.checksum(span.bytes.extracting(at..<end), zeroing: 8..<12)
    span.put(sum.byteSwapped, at: at + 8)
  }

  /// A 16-bit word of an ICMP error's quotation, with the error's own checksum.
  @inline(__always)
  static func quoted(_ span: inout MutableRawSpan, icmp: Int, at offset: Int, _ new: UInt16) {
    let old = span.bytes.u16(offset)
    guard old != new else { return }
    let checksum = span.bytes.u16(icmp + 2)
    span.put(apply(checksum, difference(old, new)), at: icmp + 2)
    span.put(new, at: offset)
  }

  static func quoted(_ span: inout MutableRawSpan, icmp: Int, at offset: Int, _ new: IPv4Address) {
    quoted(&span, icmp: icmp, at: offset, UInt16(new.rawValue >> 16))
    quoted(&span, icmp: icmp, at: offset + 2, UInt16(new.rawValue & 0xffff))
  }

  /// What a checksum inside a quotation becomes when the quoted packet's ends change, as far as it covers them.
  static func updated(_ checksum: UInt16, from old: Tuple, to new: Tuple, addresses: Bool, ports: Bool) -> UInt16 {
    var sum: UInt64 = 0
    if addresses { sum += difference(old.source, new.source) + difference(old.destination, new.destination) }
    if ports {
      sum += difference(old.sourcePort, new.sourcePort) + difference(old.destinationPort, new.destinationPort)
    }
    return apply(checksum, sum)
  }

  /// Addresses and TTL of an IPv4 header alone.
  static func header(_ span: inout MutableRawSpan, source: IPv4Address, destination: IPv4Address, decrement: Bool) {
    var sum = difference(span.bytes.ipv4(26), source) + difference(span.bytes.ipv4(30), destination)
    if decrement {
      let ttl = span.bytes.u8(22)
      sum += difference(UInt16(ttl) << 8, UInt16(ttl &- 1) << 8)
      span.put(ttl &- 1, at: 22)
    }
    let checksum = span.bytes.u16(24)
    span.put(apply(checksum, sum), at: 24)
    span.put(source, at: 26)
    span.put(destination, at: 30)
  }
}
