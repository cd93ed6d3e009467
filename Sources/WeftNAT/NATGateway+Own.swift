import WeftCore
import WeftIP
import WeftSettings
import WeftWire

// What the gateway says itself passes its rules as what a Linux box makes passes its OUTPUT chain: echo replies, resets, and
// ICMP errors too. Whoever "turns off ICMP" so makes a path MTU black hole (RFC 2923, 2.1).

extension NATGateway {
  /// Sends what was made here, if the rules let it out.
  mutating func sendOwn(
    _ frame: consuming Frame, _ tuple: Tuple, _ state: FilterRule.State, to next: IPv4Address, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    if let rule = forbids(tuple, state, on: at, bytes: frame.count - 14) {
      return withhold(frame, rule: rule, to: next, on: at, &out)
    }
    counters.answered &+= 1
    neighbours[at].send(frame, to: next, now: now, &out)
  }

  /// The rule that keeps a packet of the gateway's own from leaving on a port. To the host's own stack nothing leaves:
  /// the two are one machine.
  mutating func forbids(_ tuple: Tuple, _ state: FilterRule.State, on at: Int, bytes: Int) -> Int? {
    if filter.rules.isEmpty || at == 1 { return nil }
    var own = tuple
    own.port = 1
    return passes(own, to: UInt16(at), state, bytes: bytes)
  }

  /// Of an ICMP error.
  static func errorTuple(from source: IPv4Address, to destination: IPv4Address) -> Tuple {
    Tuple(source: source, destination: destination, sourcePort: 0, destinationPort: 0, port: 1, kind: Proto.icmp)
  }

  /// Drops it where it would have left, as a frame that can be looked at.
  mutating func withhold(
    _ frame: consuming Frame, rule number: Int, to next: IPv4Address, on at: Int, _ out: inout Effects
  ) {
    var span = frame.mutableBytes
    EthernetHeader(destination: neighbours[at].mac(of: next) ?? .zero, source: neighbours[at].mac, type: .ipv4).write(
      to: &span)
    out.drop(frame, on: PortIndex(at), .filtered, .number(UInt32(number + 1)))
  }

  /// Where a packet that belongs to no flow would go, as far as its addresses tell.
  func wayOut(_ packet: Packet, on at: Int) -> UInt16 {
    if isExternal(packet.destination) || isInsideAddress(packet.destination) {
      return target(packet.protocolNumber, packet.destination, packet.destinationPort)?.at ?? 1
    }
    return insidePort(of: packet.destination).map { UInt16($0) } ?? (at == 0 ? 1 : 0)
  }
}
