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
    if isExternal(destination) { return toExternal(frame, packet, on: at, now: now, &out) }
    guard destination.isUsableSource, destination != configuration.outside.prefix.broadcast else {
      return out.drop(frame, on: port, Self.misdirected(destination), .address(destination.rawValue))
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

  /// To an external address: the host, or back in through a forward or mapping (RFC 4787, REQ-9).
  private mutating func toExternal(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    let found =
      packet.tupleKind == Tuple.echoReply
      ? nil : target(packet.protocolNumber, packet.destination, packet.destinationPort)
    guard let target = found, packet.protocolNumber != Proto.icmp || target.owner == .pair else {
      guard packet.protocolNumber == Proto.icmp else {
        return unsolicited(frame, packet, .noPortForward, on: at, now: now, &out)
      }
      guard configuration.hasHostPort, packet.destination == configuration.outside.address else {
        return takeEcho(frame, packet, on: at, now: now, &out)
      }
      return openLocal(frame, packet, on: at, to: configuration.outside.address, port: 1, now: now, &out)
    }
    if target.owner == .service {
      return openLocal(frame, packet, on: at, to: configuration.outside.address, port: 1, now: now, &out)
    }
    hairpin(frame, packet, through: target, on: at, now: now, &out)
  }

  private mutating func hairpin(
    _ frame: consuming Frame, _ packet: Packet, through target: Target, on at: Int, now: Instant, _ out: inout Effects
  ) {
    guard configuration.settings.hairpin != .off else {
      return out.drop(frame, on: PortIndex(at), .hairpinDisabled, packet.detail)
    }
    guard mayForward(frame, packet) else { return refuseForwarding(frame, packet, on: at, now: now, &out) }
    // A flow of the host's own stack is not for the machines behind it: it would see its own address as the sender.
    guard target.at != 1 else { return unsolicited(frame, packet, .filtered, on: at, now: now, &out) }
    if let reason = objection(packet, frame, on: at) { return refuseNew(frame, packet, reason, on: at, now: now, &out) }
    var external = ExternalEndpoint(address: packet.source, port: packet.sourcePort, mapping: -1)
    if configuration.settings.hairpin == .externalSource || target.owner == .flow {
      switch externalEndpoint(packet, on: at, to: packet.destination, packet.destinationPort) {
      case .success(let found): external = found
      case .failure(let refusal): return refuseNew(frame, packet, refusal.reason, on: at, now: now, &out)
      }
    }
    // Filters know external endpoints, whatever source the other side is to see.
    let isAdmitted = admits(
      target, packet.protocolNumber, at: packet.destination, packet.destinationPort, from: external.address,
      external.port)
    let original = packet.tuple(on: at)
    var flags: Session.Flags = external.mapping >= 0 ? .holdsMapping : []
    let mapping = external.mapping >= 0 ? external.mapping : nil
    guard isAdmitted else {
      // What the other side of the wire would see: us, from our external endpoint (REQ-9a).
      let seen = Tuple(
        source: packet.destination, destination: external.address, sourcePort: packet.destinationPort,
        destinationPort: external.port, port: 0, kind: original.kind)
      if packet.protocolNumber != Proto.icmp {
        flags.insert(.pending)
        if enter(original: original, reply: seen, flags: flags, mapping: mapping, target: nil, now: now) {
          record(.new, sessions.find(original) >> 1, now: now)
        }
      }
      dropIfUnused(external.mapping)
      return unsolicited(frame, packet, .filtered, on: at, now: now, &out)
    }
    let showsInside = configuration.settings.hairpin == .internalSource
    let isEcho = packet.protocolNumber == Proto.icmp
    let reply = Tuple(
      source: target.address, destination: showsInside ? packet.source : external.address,
      sourcePort: isEcho ? 0 : target.port,
      destinationPort: showsInside ? packet.sourcePort : external.port, port: target.at,
      kind: Tuple.answer(original.kind))
    // The other side punched a hole for us: its half becomes this session's reply direction.
    let half = sessions.find(reply)
    if target.owner == .flow {
      flags.insert(.holdsTarget)
      mappings.hold(target.mapping)
    }
    if half >= 0, sessions.entries[half >> 1].flags.contains(.pending) { remove(half >> 1) }
    open(
      frame, packet, original: original, reply: reply, flags: flags, mapping: mapping,
      target: flags.contains(.holdsTarget) ? target.mapping : nil, now: now, &out)
    if flags.contains(.holdsTarget) { letGo(target.mapping) }
    dropIfUnused(external.mapping)
  }

  // MARK: From outside

  mutating func beginOutside(_ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects) {
    let port = PortIndex(0)
    guard isExternal(packet.destination) else {
      return out.drop(frame, on: port, Self.misdirected(packet.destination), .address(packet.destination.rawValue))
    }
    guard packet.source.isUsableSource, !isExternal(packet.source) else {
      return out.drop(frame, on: port, .martianSource, .address(packet.source.rawValue))
    }
    guard insidePort(of: packet.source) == nil else {
      return out.drop(frame, on: port, .spoofedSource, .address(packet.source.rawValue))
    }
    let found =
      packet.tupleKind == Tuple.echoReply
      ? nil : target(packet.protocolNumber, packet.destination, packet.destinationPort)
    if packet.protocolNumber == Proto.icmp, found?.owner != .pair {
      return beginOutsideEcho(frame, packet, now: now, &out)
    }
    guard let target = found else { return unserved(frame, packet, now: now, &out) }
    guard
      admits(
        target, packet.protocolNumber, at: packet.destination, packet.destinationPort, from: packet.source,
        packet.sourcePort)
    else { return unsolicited(frame, packet, .filtered, on: 0, now: now, &out) }
    if target.at != 1 {
      guard mayForward(frame, packet) else { return refuseForwarding(frame, packet, on: 0, now: now, &out) }
    }
    if let reason = objection(packet, frame, on: 0) { return refuseNew(frame, packet, reason, on: 0, now: now, &out) }
    let original = packet.tuple(on: 0)
    let isEcho = packet.protocolNumber == Proto.icmp
    let reply = Tuple(
      source: target.address, destination: packet.source, sourcePort: isEcho ? 0 : target.port,
      destinationPort: packet.sourcePort, port: target.at, kind: Tuple.answer(original.kind))
    var flags: Session.Flags = target.at == 1 ? .local : []
    if target.owner == .flow { flags.insert(.unconfirmed) }
    open(frame, packet, original: original, reply: reply, flags: flags, now: now, &out)
  }

  private mutating func beginOutsideEcho(
    _ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects
  ) {
    guard packet.tupleKind != Tuple.echoReply else {
      let mapping = mappings.find(packet.protocolNumber, external: packet.destination, packet.destinationPort)
      return out.drop(frame, on: PortIndex(0), mapping < 0 ? .noMapping : .filtered, packet.detail)
    }
    guard configuration.hasHostPort, packet.destination == configuration.outside.address else {
      return takeEcho(frame, packet, on: 0, now: now, &out)
    }
    openLocal(frame, packet, on: 0, to: configuration.outside.address, port: 1, now: now, &out)
  }

  // MARK: From the host's own stack

  mutating func beginHost(_ frame: consuming Frame, _ packet: Packet, now: Instant, _ out: inout Effects) {
    let port = PortIndex(1)
    let destination = packet.destination
    guard packet.source == configuration.outside.address else {
      return out.drop(frame, on: port, .spoofedSource, .address(packet.source.rawValue))
    }
    guard !isExternal(destination), destination.isUsableSource,
      destination != configuration.outside.prefix.broadcast
    else { return out.drop(frame, on: port, Self.misdirected(destination), .address(destination.rawValue)) }
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

  /// What is wrong with a destination that nothing here is sent on to.
  static func misdirected(_ destination: IPv4Address) -> DropReason {
    destination.isLoopback ? .martianDestination : .notForUs
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
