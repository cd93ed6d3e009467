import WeftCore
import WeftWire

// Broadcasts and multicasts end at a NAT (RFC 1812, 5.3.5: nothing here routes them). Only the host's own stack, which
// is on all of its links, sends them to the outside and hears them where one of its programs does.

extension NATGateway {
  mutating func receiveGroup(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    var trace = NoTrace()
    switch decideGroup(packet, frame.bytes, on: port, &trace) {
    case .refuse(let refusal):
      filter.count(refusal.rule, bytes: packet.length)
      drop(frame, packet, refusal, on: port, now: now, &out)
    case .send(let to, let rule):
      filter.count(rule, bytes: packet.length)
      counters.passed &+= 1
      // The host's MAC address outside is the gateway's.
      if to == .outside { Self.setSource(&frame, configuration.outside.mac) }
      out.transmit(frame, on: to.portIndex)
    }
  }

  enum GroupDecision {
    case refuse(Refusal)
    case send(GatewayPort, rule: Packed<RuleNumber>)
  }

  func decideGroup(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, _ trace: inout some DecisionTrace
  ) -> GroupDecision {
    let detail = DropDetail.address(packet.destination.rawValue)
    guard let packet = Self.readDatagram(bytes, packet) else { return .refuse(Refusal(reason: .notForUs, detail: detail)) }
    switch groupWay(packet, on: port) {
    case .drop(let reason): return .refuse(Refusal(reason: reason, detail: detail))
    case .send(let to):
      let verdict = judge(packet.tuple(on: port), to: to, .new, &trace)
      if let refusal = filterRefusal(verdict, packet, bytes) { return .refuse(refusal) }
      return .send(to, rule: verdict.rule)
    }
  }

  private static func setSource(_ frame: inout Frame, _ mac: MACAddress) {
    var span = frame.mutableBytes
    span.put(mac, at: 6)
  }

  /// With its ports; nil for what isn't UDP, or a fragment: those would have to be put together first.
  private static func readDatagram(_ bytes: RawSpan, _ packet: Packet) -> Packet? {
    guard packet.protocolNumber == Proto.udp, let ip = IPv4View(bytes.extracting(14..<packet.end)),
      !ip.isFragment, let udp = UDPView(ip.payload)
    else { return nil }
    var packet = packet
    packet.sourcePort = udp.sourcePort
    packet.destinationPort = udp.destinationPort
    return packet
  }

  private enum GroupWay {
    case drop(DropReason)
    case send(GatewayPort)
  }

  /// Of a datagram to all or to a group.
  private func groupWay(_ packet: Packet, on port: GatewayPort) -> GroupWay {
    let destination = packet.destination
    guard destination.isMulticast || destination.isBroadcast || destination == linkPrefix(port).broadcast else {
      return .drop(.notForUs)
    }
    if port == .host { return packet.source == configuration.outside.address ? .send(.outside) : .drop(.spoofedSource) }
    let isHeard =
      configuration.hasHostPort && packet.source.isUsableSource
      && configuration.services.contains {
        $0.port == packet.destinationPort && $0.transport.numbers.contains(Proto.udp)
      }
    if isHeard { return .send(.host) }
    return .drop(port.isInside && destination.isMulticast ? .multicastNotForwarded : .notForUs)
  }

  private func linkPrefix(_ port: GatewayPort) -> IPv4Prefix {
    switch port.side {
    case .outside, .host: configuration.outside.prefix
    case .inside(let network): configuration[network].prefix
    }
  }
}
