import WeftCore
import WeftIP
import WeftWire

// Fragments through the gateway (RFC 4787, REQ-14), and packets that must be made into some (REQ-13).

/// A fragment as its header has it.
struct FragmentHead {
  var key: FragmentTable.Key
  var offset: Int
  var end: Int
  var isLast: Bool
}

/// What becomes of a fragment.
enum FragmentDecision {
  /// It is wrong by itself, and nothing of it is kept.
  case bad(DropReason, DropDetail)
  /// It alone is dropped.
  case refuse(FragmentHead, DropReason)
  /// All of its datagram is.
  case refuseAll(FragmentHead, DropReason)
  /// It goes the way of a whole packet, and the others after it.
  case first(FragmentHead, Packet, isFlow: Bool)
  /// It goes the way of the first.
  case follow(FragmentHead, FragmentTable.Way)
  /// It came before the first.
  case wait(FragmentHead)
  /// … and there is no room for it.
  case giveUp(FragmentHead)
}

extension NATGateway {
  mutating func receiveFragment(
    _ frame: consuming Frame, _ packet: Packet, on port: GatewayPort, now: Instant, _ out: inout Effects
  ) {
    let at = port.portIndex
    let detail = DropDetail.transport(packet.protocolNumber, port: 0)
    let decision = decideFragment(packet, frame.bytes, on: port)
    if case .bad(let reason, let detail) = decision { return out.drop(frame, on: at, reason, detail) }
    begin(decision, now: now, &out)
    switch decision {
    case .bad: break
    case .refuse(_, let reason): out.drop(frame, on: at, reason, detail)
    case .refuseAll(let head, let reason):
      out.drop(frame, on: at, reason, detail)
      refuseFragments(head.key, reason, &out)
    case .first(let head, let first, let isFlow):
      fragments.enter(head.key, offset: head.offset, end: head.end, isLast: head.isLast)
      receiveFirst(frame, first, head.key, isFlow: isFlow, on: port, now: now, &out)
      forgetIfComplete(head.key)
    case .follow(let head, let way):
      fragments.enter(head.key, offset: head.offset, end: head.end, isLast: head.isLast)
      sendFragment(frame, packet, way, on: port, now: now, &out)
      forgetIfComplete(head.key)
    case .wait(let head):
      fragments.enter(head.key, offset: head.offset, end: head.end, isLast: head.isLast)
      while fragments.mustMakeRoom(for: frame.count), giveUpOldestFragments(&out) {}
      fragments.wait(head.key, frame)
    case .giveUp:
      // It is the oldest itself.
      while fragments.mustMakeRoom(for: frame.count), giveUpOldestFragments(&out) {}
      out.drop(frame, on: at, .fragmentLimit, detail)
    }
  }

  /// What becomes of a fragment; looks at the datagram's other pieces and changes nothing.
  func decideFragment(_ packet: Packet, _ bytes: RawSpan, on port: GatewayPort) -> FragmentDecision {
    let detail = DropDetail.transport(packet.protocolNumber, port: 0)
    let word = bytes.u16(20)
    let offset = Int(word & 0x1fff) * 8
    let isLast = word & 0x2000 == 0
    let end = offset + packet.end - packet.transport
    guard end > offset, isLast || end % 8 == 0, end <= 65535 - (packet.transport - 14) else {
      return .bad(.malformedIPv4, detail)
    }
    // A TCP header that a second fragment could overwrite (RFC 3128).
    if packet.protocolNumber == Proto.tcp, offset == 8 { return .bad(.malformedTCP, detail) }
    if let reason = foreignEnds(packet, on: port) { return .bad(reason, .address(packet.source.rawValue)) }
    let key = FragmentTable.Key(
      source: packet.source, destination: packet.destination, identification: bytes.u16(18), port: port,
      protocolNumber: packet.protocolNumber)
    let head = FragmentHead(key: key, offset: offset, end: end, isLast: isLast)
    let fate = fragments.tracks[key]?.fate ?? .waiting
    if case .refused(let reason) = fate { return .refuse(head, reason) }
    switch fragments.judge(key, offset: offset, end: end, isLast: isLast) {
    case .new: break
    // The network may have doubled it; what else came of the datagram is still good.
    case .duplicate: return .refuse(head, .fragmentOverlap)
    case .overlap: return .refuseAll(head, .fragmentOverlap)
    case .tooMany: return .refuseAll(head, .fragmentLimit)
    }
    if offset == 0 { return decideFirst(packet, bytes, head) }
    switch fate {
    case .sent(let way): return .follow(head, way)
    case .waiting, .refused:
      return fragments.canMakeRoom(for: bytes.byteCount, key) ? .wait(head) : .giveUp(head)
    }
  }

  private func decideFirst(_ packet: Packet, _ bytes: RawSpan, _ head: FragmentHead) -> FragmentDecision {
    var first = packet
    switch first.readFirstFragment(bytes) {
    case .flow: return .first(head, first, isFlow: true)
    case .otherProtocol where configuration.settings.tracksOtherProtocols: return .first(head, first, isFlow: true)
    case .bad: return .first(head, first, isFlow: false)
    case .otherProtocol, .icmpError, .otherICMP, .fragment, .arp, .group:
      first.reason = .fragmentUnsupported
      return .first(head, first, isFlow: false)
    }
  }

  /// Why nothing of a datagram with these ends is kept for later.
  private func foreignEnds(_ packet: Packet, on port: GatewayPort) -> DropReason? {
    if !packet.source.isUsableSource { return .martianSource }
    switch port.side {
    case .outside: return isExternal(packet.destination) ? nil : .notForUs
    case .host: return packet.source == configuration.outside.address ? nil : .spoofedSource
    case .inside(let network): return isMachine(packet.source, of: network) ? nil : .spoofedSource
    }
  }

  /// Makes a track for a datagram's first piece to come.
  private mutating func begin(_ decision: FragmentDecision, now: Instant, _ out: inout Effects) {
    let key: FragmentTable.Key
    switch decision {
    case .bad: return
    case .refuse(let head, _), .refuseAll(let head, _), .first(let head, _, _), .follow(let head, _), .wait(let head),
      .giveUp(let head):
      key = head.key
    }
    guard fragments.tracks[key] == nil else { return }
    if fragments.isFull { _ = giveUpOldestFragments(&out) }
    fragments.begin(key, now: now)
  }

  /// The first fragment by offset: translated like a packet.
  private mutating func receiveFirst(
    _ frame: consuming Frame, _ packet: Packet, _ key: FragmentTable.Key, isFlow: Bool, on port: GatewayPort,
    now: Instant, _ out: inout Effects
  ) {
    let before = out.count
    var way: Translation?
    if isFlow {
      way = receiveFlow(frame, packet, on: port, now: now, &out)
    } else {
      out.drop(frame, on: port.portIndex, packet.reason, packet.detail)
    }
    guard let way else {
      var reason = DropReason.fragmentUnsupported
      for index in before..<out.count where out[index].verdict == .drop { reason = out[index].reason }
      return refuseFragments(key, reason, &out)
    }
    let rest = FragmentTable.Way(
      source: way.source, destination: way.destination, to: way.to, decrement: way.decrements)
    fragments.setFate(key, .sent(rest))
    while let waiting = fragments.release(key) {
      let again = self.packet(waiting, on: port)
      sendFragment(waiting, again, rest, on: port, now: now, &out)
    }
  }

  /// One that was read before, again.
  private func packet(_ frame: borrowing Frame, on port: GatewayPort) -> Packet {
    var packet = Packet()
    _ = Packet.read(frame.bytes, mac: links.neighbours[port.index].mac, &packet)
    return packet
  }

  private mutating func forgetIfComplete(_ key: FragmentTable.Key) {
    if case .sent? = fragments.tracks[key]?.fate, fragments.tracks[key]?.isComplete == true { fragments.remove(key) }
  }

  /// Why a fragment behind the first doesn't go its way, and what would fit, if that is it.
  func objection(
    _ packet: Packet, _ bytes: RawSpan, _ way: FragmentTable.Way
  ) -> (reason: DropReason, size: Int)? {
    if way.decrement {
      guard configuration.ipForwarding else { return (.ipForwardingDisabled, 0) }
      guard packet.timeToLive > 1 else { return (.ttlExpired, 0) }
    }
    guard let next = nextHop(way.destination, on: way.to) else { return (.noRoute, 0) }
    if case .not(let size) = fit(packet, bytes, to: way.to, next) { return (.fragmentationNeeded, size) }
    return nil
  }

  private mutating func sendFragment(
    _ frame: consuming Frame, _ packet: Packet, _ way: FragmentTable.Way, on port: GatewayPort, now: Instant,
    _ out: inout Effects
  ) {
    if let (reason, size) = objection(packet, frame.bytes, way) {
      if reason == .fragmentationNeeded { return refuseTooBig(frame, packet, size, on: port, now: now, &out) }
      return out.drop(frame, on: port.portIndex, reason, packet.detail)
    }
    guard let next = nextHop(way.destination, on: way.to) else { return }
    let fit = fit(packet, frame.bytes, to: way.to, next)
    // What Ethernet padded it with stays on its link.
    frame.truncate(to: packet.end)
    var span = frame.mutableBytes
    Rewrite.header(&span, source: way.source, destination: way.destination, decrement: way.decrement)
    let number = packet.protocolNumber
    var note: Note?
    if way.source != packet.source {
      note = Note(.snat, protocolNumber: number, from: packet.source, 0, to: way.source, 0)
    } else if way.destination != packet.destination {
      note = Note(.dnat, protocolNumber: number, from: packet.destination, 0, to: way.destination, 0)
    }
    if case .inPieces(let size) = fit {
      sendInPieces(frame, packet, size: size, note: note, to: way.to, next, now: now, &out)
    } else {
      links.neighbours[way.to.index].send(frame, to: next, now: now, &out, note: note)
    }
  }

  // MARK: Those that will never be whole

  /// Drops what waits of a datagram, and what is still to come.
  private mutating func refuseFragments(_ key: FragmentTable.Key, _ reason: DropReason, _ out: inout Effects) {
    dropWaiting(key, reason, &out)
    fragments.setFate(key, .refused(reason))
  }

  private mutating func dropWaiting(_ key: FragmentTable.Key, _ reason: DropReason, _ out: inout Effects) {
    while let frame = fragments.release(key) {
      out.drop(frame, on: key.port.portIndex, reason, .transport(key.protocolNumber, port: 0))
    }
  }

  private mutating func giveUpOldestFragments(_ out: inout Effects) -> Bool {
    guard let key = fragments.oldest() else { return false }
    dropWaiting(key, .fragmentLimit, &out)
    fragments.remove(key)
    return true
  }

  mutating func expireFragments(now: Instant, _ out: inout Effects) {
    while let key = fragments.oldest(until: now) {
      dropWaiting(key, .fragmentTimeout, &out)
      fragments.remove(key)
    }
  }

  // MARK: Too big

  /// Sends a translated packet, or fragment, as fragments in their order.
  mutating func sendInPieces(
    _ frame: consuming Frame, _ packet: Packet, size: Int, note: Note?, to port: GatewayPort, _ next: IPv4Address,
    now: Instant, _ out: inout Effects
  ) {
    let bytes = frame.bytes
    Fragmenter.cut(
      bytes.extracting(packet.transport..<packet.end), header: bytes.extracting(14..<packet.transport), mtu: size,
      trace: frame.trace, &out
    ) { piece, out in
      links.neighbours[port.index].send(piece, to: next, now: now, &out, note: note)
    }
  }
}
