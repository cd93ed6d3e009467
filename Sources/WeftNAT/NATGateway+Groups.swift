import WeftCore
import WeftWire

// Broadcasts and multicasts end at a NAT (RFC 1812, 5.3.5: nothing here routes them). Only the host's own stack, which
// is on all of its links, sends them to the outside and hears them where one of its programs does.

extension NATGateway {
  mutating func receiveGroup(_ frame: consuming Frame, _ packet: Packet, on at: Int, _ out: inout Effects) {
    let port = PortIndex(at)
    guard let packet = Self.readDatagram(frame, packet) else {
      return out.drop(frame, on: port, .notForUs, .address(packet.destination.rawValue))
    }
    switch groupWay(packet, on: at) {
    case .drop(let reason): out.drop(frame, on: port, reason, .address(packet.destination.rawValue))
    case .send(let to):
      if let rule = passes(packet.tuple(on: at), to: UInt16(to), .new, bytes: packet.end - 14) {
        return refuseFiltered(frame, packet, rule: rule, on: at, now: moment, &out)
      }
      counters.passed &+= 1
      // The host's MAC address outside is the gateway's.
      if to == 0 { Self.setSource(&frame, configuration.outside.mac) }
      out.transmit(frame, on: PortIndex(to))
    }
  }

  private static func setSource(_ frame: inout Frame, _ mac: MACAddress) {
    var span = frame.mutableBytes
    span.put(mac, at: 6)
  }

  /// With its ports; nil for what isn't UDP, or a fragment: those would have to be put together first.
  private static func readDatagram(_ frame: borrowing Frame, _ packet: Packet) -> Packet? {
    guard packet.protocolNumber == Proto.udp, let ip = IPv4View(frame.bytes.extracting(14..<packet.end)),
      !ip.isFragment, let udp = UDPView(ip.payload)
    else { return nil }
    var packet = packet
    packet.sourcePort = udp.sourcePort
    packet.destinationPort = udp.destinationPort
    return packet
  }

  enum GroupWay {
    case drop(DropReason)
    case send(Int)
  }

  /// Of a datagram to all or to a group.
  func groupWay(_ packet: Packet, on at: Int) -> GroupWay {
    let destination = packet.destination
    guard destination.isMulticast || destination.isBroadcast || destination == linkPrefix(at).broadcast else {
      return .drop(.notForUs)
    }
    if at == 1 { return packet.source == configuration.outside.address ? .send(0) : .drop(.spoofedSource) }
    let isHeard =
      configuration.hasHostPort && packet.source.isUsableSource
      && configuration.services.contains {
        $0.port == packet.destinationPort && $0.transport.numbers.contains(Proto.udp)
      }
    if isHeard { return .send(1) }
    return .drop(at >= 2 && destination.isMulticast ? .multicastNotForwarded : .notForUs)
  }

  private func linkPrefix(_ at: Int) -> IPv4Prefix {
    at < 2 ? configuration.outside.prefix : configuration.insides[at - 2].prefix
  }
}
