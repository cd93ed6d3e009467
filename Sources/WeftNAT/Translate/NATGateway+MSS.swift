import WeftCore
import WeftWire

extension NATGateway {
  /// Lowers a SYN's MSS to what fits both of its links (RFC 4459, 3.2; `--clamp-mss-to-pmtu`).
  func clampMSS(_ frame: inout Frame, _ packet: Packet, from: GatewayPort, to: GatewayPort, _ next: IPv4Address) {
    let last = nextHop(packet.source, on: from) ?? packet.source
    let limit = UInt16(min(mtu(from, to: last), mtu(to, to: next)) - 40)
    let end = min(packet.transport + Int(frame.bytes.u8(packet.transport + 12) >> 4) * 4, packet.end)
    var offset = packet.transport + 20
    var found: Int?
    while offset + 1 < end, found == nil {
      let kind = frame.bytes.u8(offset)
      if kind == 0 { return }
      if kind == 1 {
        offset += 1
        continue
      }
      let size = Int(frame.bytes.u8(offset + 1))
      if kind == 2, size == 4, offset + 4 <= end { found = offset + 2 }
      if size < 2 { return }
      offset += size
    }
    guard let found, frame.bytes.u16(found) > limit else { return }
    let old = frame.bytes.u16(found)
    let checksum = frame.bytes.u16(packet.transport + 16)
    // On an odd boundary its bytes are halves of two words of the sum: both sides are turned round.
    let isOdd = (found - packet.transport) & 1 != 0
    var span = frame.mutableBytes
    span.put(
      InternetChecksum.update(
        checksum, replacing: isOdd ? old.byteSwapped : old, with: isOdd ? limit.byteSwapped : limit),
      at: packet.transport + 16)
    span.put(limit, at: found)
  }
}
