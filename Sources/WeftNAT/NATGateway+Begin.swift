import WeftCore
import WeftIP
import WeftWire

// Where a first packet may go, by where it comes from.

extension NATGateway {
  // MARK: From a private network

  mutating func beginInside(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    let inside = configuration.insides[at - 2]
    let port = PortIndex(at)
    let destination = packet.destination
    guard packet.source.isUsableSource else {
      return out.drop(frame, on: port, .martianSource, .address(packet.source.rawValue))
    }
    guard inside.prefix.isHost(packet.source), packet.source != inside.address else {
      return out.drop(frame, on: port, .spoofedSource, .address(packet.source.rawValue))
    }
    if destination == inside.address { return toGateway(frame, packet, on: at, now: now, &out) }
    if destination == configuration.outside.address { return toExternal(frame, packet, on: at, now: now, &out) }
    guard destination.isUsableSource, destination != configuration.outside.prefix.broadcast else {
      return out.drop(frame, on: port, .notForUs, .address(destination.rawValue))
    }
    // Two networks of one host are two networks; and one's own needs no router.
    guard insidePort(of: destination) == nil else {
      return out.drop(frame, on: port, .privateDestination, .address(destination.rawValue))
    }
    guard mayForward(frame, packet) else { return refuseForwarding(frame, packet, on: at, now: now, &out) }
    guard nextHop(destination, on: 0) != nil else {
      answerError(.destinationUnreachable, code: ICMPv4UnreachableCode.network, about: frame, on: at, now: now, &out)
      return out.drop(frame, on: port, .noRoute, .address(destination.rawValue))
    }
    openOutbound(frame, packet, on: at, now: now, &out)
  }

  /// To the gateway's own address: itself for echo, the host for its services.
  private mutating func toGateway(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    if packet.protocolNumber == Proto.icmp { return takeEcho(frame, packet, on: at, now: now, &out) }
    if isService(packet) {
      return openLocal(frame, packet, on: at, to: configuration.outside.address, port: 1, now: now, &out)
    }
    unsolicited(frame, packet, .portClosed, on: at, now: now, &out)
  }

  /// To the host's address: the host, or back in through a forward or mapping (RFC 4787, REQ-9).
  private mutating func toExternal(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    if packet.protocolNumber == Proto.icmp {
      guard configuration.hasHostPort else { return takeEcho(frame, packet, on: at, now: now, &out) }
      return openLocal(frame, packet, on: at, to: configuration.outside.address, port: 1, now: now, &out)
    }
    if isService(packet) {
      return openLocal(frame, packet, on: at, to: configuration.outside.address, port: 1, now: now, &out)
    }
    let mapping = mappings.find(packet.protocolNumber, external: packet.destination, packet.destinationPort)
    guard mapping >= 0 else { return unsolicited(frame, packet, .noPortForward, on: at, now: now, &out) }
    hairpin(frame, packet, through: mapping, on: at, now: now, &out)
  }

  private mutating func hairpin(
    _ frame: consuming Frame, _ packet: Packet, through target: Int, on at: Int, now: Instant, _ out: inout Effects
  ) {
    guard configuration.hairpin else { return out.drop(frame, on: PortIndex(at), .hairpinDisabled, packet.detail) }
    guard mayForward(frame, packet) else { return refuseForwarding(frame, packet, on: at, now: now, &out) }
    let entry = mappings.entries[target]
    // A flow of the host's own stack is not for the machines behind it: it would see its own address as the sender.
    guard entry.port != 1 else { return unsolicited(frame, packet, .filtered, on: at, now: now, &out) }
    if let reason = objection(packet, frame) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
    guard let mapping = outboundMapping(packet, on: at) else {
      return refuseNew(frame, packet, .portsExhausted, on: at, now: now, &out)
    }
    let original = packet.tuple(on: at)
    let external = mappings.entries[mapping].externalAddress
    let externalPort = mappings.entries[mapping].externalPort
    // What the other side of the wire would see: us, from our external endpoint (REQ-9a).
    let seen = Tuple(
      source: entry.externalAddress, destination: external, sourcePort: entry.externalPort,
      destinationPort: externalPort,
      port: 0, kind: original.kind)
    guard entry.owner != .flow || admits(target, original.kind, from: external, externalPort) else {
      _ = enter(
        original: original, reply: seen, flags: [.pending, .holdsMapping], mapping: mapping, target: nil, now: now)
      dropIfUnused(mapping)
      return unsolicited(frame, packet, .filtered, on: at, now: now, &out)
    }
    let reply = Tuple(
      source: entry.insideAddress, destination: external, sourcePort: entry.insidePort, destinationPort: externalPort,
      port: entry.port, kind: original.kind)
    // The other side punched a hole for us: its half becomes this session's reply direction.
    let half = sessions.find(reply)
    var flags: Session.Flags = .holdsMapping
    if entry.owner == .flow {
      flags.insert(.holdsTarget)
      mappings.hold(target)
    }
    if half >= 0, sessions.entries[half >> 1].flags.contains(.pending) { remove(half >> 1) }
    open(
      frame, packet, original: original, reply: reply, flags: flags, mapping: mapping,
      target: flags.contains(.holdsTarget) ? target : nil, now: now, &out)
    if flags.contains(.holdsTarget) { mappings.release(target) }
    dropIfUnused(mapping)
  }

  // MARK: From outside

  mutating func beginOutside(_ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects) {
    let port = PortIndex(0)
    guard packet.destination == configuration.outside.address else {
      return out.drop(frame, on: port, .notForUs, .address(packet.destination.rawValue))
    }
    guard packet.source.isUsableSource, packet.source != configuration.outside.address else {
      return out.drop(frame, on: port, .martianSource, .address(packet.source.rawValue))
    }
    guard insidePort(of: packet.source) == nil else {
      return out.drop(frame, on: port, .spoofedSource, .address(packet.source.rawValue))
    }
    if packet.protocolNumber == Proto.icmp { return beginOutsideEcho(frame, packet, now: now, &out) }
    let mapping = mappings.find(packet.protocolNumber, external: packet.destination, packet.destinationPort)
    guard mapping >= 0 else { return unsolicited(frame, packet, .noPortForward, on: 0, now: now, &out) }
    let entry = mappings.entries[mapping]
    guard entry.owner != .flow || admits(mapping, entry.kind, from: packet.source, packet.sourcePort) else {
      return unsolicited(frame, packet, .filtered, on: 0, now: now, &out)
    }
    if entry.port != 1 {
      guard mayForward(frame, packet) else { return refuseForwarding(frame, packet, on: 0, now: now, &out) }
    }
    if let reason = objection(packet, frame) { return refuseNew(frame, packet, reason, on: 0, now: now, &out) }
    let original = packet.tuple(on: 0)
    let reply = Tuple(
      source: entry.insideAddress, destination: packet.source, sourcePort: entry.insidePort,
      destinationPort: packet.sourcePort, port: entry.port, kind: original.kind)
    var flags: Session.Flags = entry.port == 1 ? .local : []
    if entry.owner == .flow { flags.insert(.unconfirmed) }
    open(frame, packet, original: original, reply: reply, flags: flags, now: now, &out)
  }

  private mutating func beginOutsideEcho(
    _ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      let mapping = mappings.find(packet.protocolNumber, external: packet.destination, packet.destinationPort)
      return out.drop(frame, on: PortIndex(0), mapping < 0 ? .noMapping : .filtered, packet.detail)
    }
    guard configuration.hasHostPort else { return takeEcho(frame, packet, on: 0, now: now, &out) }
    openLocal(frame, packet, on: 0, to: configuration.outside.address, port: 1, now: now, &out)
  }

  // MARK: From the host's own stack

  mutating func beginHost(_ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects) {
    let port = PortIndex(1)
    let destination = packet.destination
    guard packet.source == configuration.outside.address else {
      return out.drop(frame, on: port, .spoofedSource, .address(packet.source.rawValue))
    }
    guard destination != configuration.outside.address, destination.isUsableSource,
      destination != configuration.outside.prefix.broadcast
    else { return out.drop(frame, on: port, .notForUs, .address(destination.rawValue)) }
    if let inside = insidePort(of: destination) {
      if isInsideAddress(destination) {
        guard packet.protocolNumber == Proto.icmp else {
          return unsolicited(frame, packet, .portClosed, on: 1, now: now, &out)
        }
        return takeEcho(frame, packet, on: 1, now: now, &out)
      }
      return openLocal(frame, packet, on: 1, to: destination, port: inside, now: now, &out)
    }
    guard nextHop(destination, on: 0) != nil else {
      answerError(.destinationUnreachable, code: ICMPv4UnreachableCode.network, about: frame, on: 1, now: now, &out)
      return out.drop(frame, on: port, .noRoute, .address(destination.rawValue))
    }
    openOutbound(frame, packet, on: 1, now: now, &out)
  }

  // MARK: Forwarding

  private func mayForward(_ frame: borrowing Frame, _ packet: Packet) -> Bool {
    configuration.ipForwarding && packet.timeToLive > 1
  }

  private mutating func refuseForwarding(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    // A host that doesn't forward says nothing either.
    guard configuration.ipForwarding else {
      return out.drop(frame, on: PortIndex(at), .ipForwardingDisabled, packet.detail)
    }
    expireInTransit(frame, packet, on: at, now: now, &out)
  }

  private func isService(_ packet: Packet) -> Bool {
    let mapping = mappings.find(packet.protocolNumber, external: configuration.outside.address, packet.destinationPort)
    return mapping >= 0 && mappings.entries[mapping].owner == .service
  }
}
