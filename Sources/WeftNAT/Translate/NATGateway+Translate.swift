import WeftCore
import WeftIP
import WeftWire

// A rewrite in place, and out.

extension NATGateway {
  /// Sends a packet on with its new ends. False where it can't go: it was dropped, and its sender told.
  @inline(__always)
  mutating func translate(
    _ frame: consuming Frame, _ packet: Packet, _ way: Translation, from port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) -> Bool {
    guard let next = nextHop(way.destination, on: way.to) else {
      out.drop(frame, on: port.portIndex, .noRoute, packet.detail)
      return false
    }
    var pieces: Int?
    switch fit(packet, frame.bytes, to: way.to, next) {
    case .whole: break
    case .inPieces(let size): pieces = size
    case .not(let size):
      refuseTooBig(frame, packet, size, on: port, now: now, &out)
      return false
    }
    if packet.flags.contains(.syn), configuration.settings.mssClamp {
      clampMSS(&frame, packet, from: port, to: way.to, next)
    }
    // What Ethernet padded the packet with stays on its link.
    if frame.count > packet.end { frame.truncate(to: packet.end) }
    Rewrite.packet(
      &frame, packet, source: way.source, way.sourcePort, destination: way.destination, way.destinationPort,
      decrement: way.decrements)
    let changesSource = way.source != packet.source || way.sourcePort != packet.sourcePort
    let changesDestination = way.destination != packet.destination || way.destinationPort != packet.destinationPort
    if changesSource || changesDestination { counters.translated &+= 1 } else { counters.passed &+= 1 }
    if let pieces {
      let note = changesSource ? way.sourceNote(packet) : changesDestination ? way.destinationNote(packet) : nil
      sendInPieces(frame, packet, size: pieces, note: note, to: way.to, next, now: now, &out)
    } else if changesSource, changesDestination {
      links.neighbours[way.to.index].send(
        frame, to: next, now: now, &out, notes: way.sourceNote(packet), way.destinationNote(packet))
    } else if changesSource {
      links.neighbours[way.to.index].send(frame, to: next, now: now, &out, note: way.sourceNote(packet))
    } else if changesDestination {
      links.neighbours[way.to.index].send(frame, to: next, now: now, &out, note: way.destinationNote(packet))
    } else {
      links.neighbours[way.to.index].send(frame, to: next, now: now, &out)
    }
    return true
  }

  /// How a packet goes out of a port; one that may not be fragmented and is too big doesn't (RFC 4787, REQ-13).
  @inline(__always)
  func fit(_ packet: Packet, _ bytes: RawSpan, to port: GatewayPort, _ next: IPv4Address) -> Fit {
    if packet.length <= links.smallestMTU { return .whole }
    let limit = mtu(port, to: next)
    if packet.length <= limit { return .whole }
    return bytes.u16(20) & 0x4000 != 0 ? .not(limit) : .inPieces(limit)
  }

  /// The sender is told the size that would fit (RFC 1191, 4).
  mutating func refuseTooBig(
    _ frame: consuming Frame, _ packet: Packet, _ size: Int, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    answerError(
      .destinationUnreachable, code: ICMPv4UnreachableCode.fragmentationNeeded, rest: UInt32(size), about: frame,
      on: port, now: now, &out)
    out.drop(frame, on: port.portIndex, .fragmentationNeeded, packet.detail)
  }
}

extension Translation {
  @inline(__always)
  func sourceNote(_ packet: Packet) -> Note {
    Note(.snat, protocolNumber: packet.protocolNumber, from: packet.source, packet.sourcePort, to: source, sourcePort)
  }

  @inline(__always)
  func destinationNote(_ packet: Packet) -> Note {
    Note(
      .dnat, protocolNumber: packet.protocolNumber, from: packet.destination, packet.destinationPort, to: destination,
      destinationPort)
  }
}
