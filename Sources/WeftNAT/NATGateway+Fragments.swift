import WeftCore
import WeftIP
import WeftWire

// Fragments through the gateway (RFC 4787, REQ-14), and packets that must be made into some (REQ-13).

extension NATGateway {
  mutating func receiveFragment(
    _ frame: consuming Frame, _ packet: Packet, on at: Int, now: Instant, _ out: inout Effects
  ) {
    let port = PortIndex(at)
    let detail = DropDetail.transport(packet.protocolNumber, port: 0)
    let word = frame.bytes.u16(20)
    let offset = Int(word & 0x1fff) * 8
    let isLast = word & 0x2000 == 0
    let end = offset + packet.end - packet.transport
    guard end > offset, isLast || end % 8 == 0, end <= 65535 - (packet.transport - 14) else {
      return out.drop(frame, on: port, .malformedIPv4, detail)
    }
    // A TCP header that a second fragment could overwrite (RFC 3128).
    if packet.protocolNumber == Proto.tcp, offset == 8 { return out.drop(frame, on: port, .malformedTCP, detail) }
    if let reason = foreignEnds(packet, on: at) {
      return out.drop(frame, on: port, reason, .address(packet.source.rawValue))
    }
    let key = FragmentTable.Key(
      source: packet.source, destination: packet.destination, identification: frame.bytes.u16(18),
      port: UInt16(at), protocolNumber: packet.protocolNumber)
    if fragments.tracks[key] == nil {
      if fragments.isFull { _ = giveUpOldestFragments(&out) }
      fragments.begin(key, now: now)
    }
    if case .refused(let reason)? = fragments.tracks[key]?.fate { return out.drop(frame, on: port, reason, detail) }
    switch fragments.enter(key, offset: offset, end: end, isLast: isLast) {
    case .new: break
    // The network may have doubled it; what else came of the datagram is still good.
    case .duplicate: return out.drop(frame, on: port, .fragmentOverlap, detail)
    case .overlap:
      out.drop(frame, on: port, .fragmentOverlap, detail)
      return refuseFragments(key, .fragmentOverlap, &out)
    case .tooMany:
      out.drop(frame, on: port, .fragmentLimit, detail)
      return refuseFragments(key, .fragmentLimit, &out)
    }
    if offset == 0 {
      firstFragment(frame, packet, key, on: at, now: now, &out)
    } else if case .sent(let way)? = fragments.tracks[key]?.fate {
      sendFragment(frame, packet, way, on: at, now: now, &out)
    } else {
      while fragments.mustMakeRoom(for: frame.count), giveUpOldestFragments(&out) {}
      // It may have been the oldest itself.
      guard fragments.tracks[key] != nil else { return out.drop(frame, on: port, .fragmentLimit, detail) }
      fragments.hold(key, frame)
    }
    if case .sent? = fragments.tracks[key]?.fate, fragments.tracks[key]?.isComplete == true { fragments.remove(key) }
  }

  /// Why nothing of a datagram with these ends is kept for later.
  private func foreignEnds(_ packet: Packet, on at: Int) -> DropReason? {
    if !packet.source.isUsableSource { return .martianSource }
    switch at {
    case 0: return isExternal(packet.destination) ? nil : .notForUs
    case 1: return packet.source == configuration.outside.address ? nil : .spoofedSource
    default:
      let inside = configuration.insides[at - 2]
      return inside.prefix.isHost(packet.source) && packet.source != inside.address ? nil : .spoofedSource
    }
  }

  /// It goes the way of a whole packet, and the others after it.
  private mutating func firstFragment(
    _ frame: consuming Frame, _ packet: Packet, _ key: FragmentTable.Key, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    var packet = packet
    lastWay = nil
    let before = out.count
    switch packet.readFirstFragment(frame.bytes) {
    case .flow: receiveFlow(frame, packet, on: at, now: now, &out)
    case .otherProtocol where configuration.settings.tracksOtherProtocols:
      receiveFlow(frame, packet, on: at, now: now, &out)
    case .bad: out.drop(frame, on: PortIndex(at), packet.reason, packet.detail)
    default: out.drop(frame, on: PortIndex(at), .fragmentUnsupported, packet.detail)
    }
    guard let way = lastWay else {
      var reason = DropReason.fragmentUnsupported
      for index in before..<out.count where out[index].verdict == .drop { reason = out[index].reason }
      return refuseFragments(key, reason, &out)
    }
    lastWay = nil
    fragments.decide(key, .sent(way))
    while let waiting = fragments.release(key) { sendWaiting(waiting, way, on: at, now: now, &out) }
  }

  private mutating func sendWaiting(
    _ frame: consuming Frame, _ way: FragmentTable.Way, on at: Int, now: Instant, _ out: inout Effects
  ) {
    var packet = Packet()
    _ = Packet.read(frame.bytes, mac: neighbours[at].mac, &packet)
    sendFragment(frame, packet, way, on: at, now: now, &out)
  }

  private mutating func sendFragment(
    _ frame: consuming Frame, _ packet: Packet, _ way: FragmentTable.Way, on at: Int, now: Instant,
    _ out: inout Effects
  ) {
    let port = PortIndex(at)
    if way.decrement {
      guard configuration.ipForwarding else { return out.drop(frame, on: port, .ipForwardingDisabled, packet.detail) }
      guard packet.timeToLive > 1 else { return out.drop(frame, on: port, .ttlExpired, packet.detail) }
    }
    guard let next = nextHop(way.destination, on: way.to) else {
      return out.drop(frame, on: port, .noRoute, packet.detail)
    }
    var isTooBig = false
    if packet.end - 14 > smallestMTU {
      switch fit(frame, packet, from: at, to: way.to, next, now: now, &out) {
      case .whole: break
      case .inPieces: isTooBig = true
      case .not: return out.drop(frame, on: port, .fragmentationNeeded, packet.detail)
      }
    }
    // What Ethernet padded it with stays on its link.
    frame.truncate(to: packet.end)
    var span = frame.mutableBytes
    Rewrite.header(&span, source: way.source, destination: way.destination, decrement: way.decrement)
    let note =
      way.source != packet.source
      ? Note(.snat, protocolNumber: packet.protocolNumber, from: packet.source, 0, to: way.source, 0)
      : Note(.dnat, protocolNumber: packet.protocolNumber, from: packet.destination, 0, to: way.destination, 0)
    if isTooBig {
      sendInPieces(frame, packet, note: note, to: way.to, next, now: now, &out)
    } else if way.source != packet.source || way.destination != packet.destination {
      neighbours[way.to].send(frame, to: next, now: now, &out, note: note)
    } else {
      neighbours[way.to].send(frame, to: next, now: now, &out)
    }
  }

  // MARK: Those that will never be whole

  /// Drops what waits of a datagram, and what is still to come.
  private mutating func refuseFragments(_ key: FragmentTable.Key, _ reason: DropReason, _ out: inout Effects) {
    dropWaiting(key, reason, &out)
    fragments.decide(key, .refused(reason))
  }

  private mutating func dropWaiting(_ key: FragmentTable.Key, _ reason: DropReason, _ out: inout Effects) {
    while let frame = fragments.release(key) {
      out.drop(frame, on: PortIndex(Int(key.port)), reason, .transport(key.protocolNumber, port: 0))
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

  enum Fit { case whole, inPieces, not }

  /// What a packet may measure that goes out of a port to a neighbour there.
  func mtu(_ port: Int, to next: IPv4Address) -> Int {
    let mtu = max(Int(port < 2 ? configuration.outside.mtu : configuration.insides[port - 2].mtu), 68)
    if port == 1 { return mtu }
    return port == 0
      ? configuration.outside.narrower.mtu(to: next, mtu) : configuration.insides[port - 2].narrower.mtu(to: next, mtu)
  }

  /// How a packet goes out of a port; one that may not be fragmented doesn't, and its sender is told the size that
  /// would (RFC 1191, 4; RFC 4787, REQ-13).
  mutating func fit(
    _ frame: borrowing Frame, _ packet: Packet, from at: Int, to: Int, _ next: IPv4Address, now: Instant,
    _ out: inout Effects
  ) -> Fit {
    let limit = mtu(to, to: next)
    guard packet.end - 14 > limit else { return .whole }
    guard frame.bytes.u16(20) & 0x4000 != 0 else { return .inPieces }
    answerError(
      .destinationUnreachable, code: ICMPv4UnreachableCode.fragmentationNeeded, rest: UInt32(limit), about: frame,
      on: at, now: now, &out)
    return .not
  }

  /// Sends a translated packet, or fragment, as fragments in their order (RFC 791, 3.2).
  mutating func sendInPieces(
    _ frame: consuming Frame, _ packet: Packet, note: Note, to: Int, _ next: IPv4Address, now: Instant,
    _ out: inout Effects
  ) {
    let limit = mtu(to, to: next)
    let word = frame.bytes.u16(20)
    var options = packet.transport - 34
    var position = packet.transport
    while position < packet.end {
      let room = (limit - 20 - options) & ~7
      let length = min(room, packet.end - position)
      var piece = out.frame(count: 34 + options + length)
      piece.trace = frame.trace
      var span = piece.mutableBytes
      span.put(frame.bytes.extracting(0..<34), at: 0)
      if position == packet.transport {
        span.put(frame.bytes.extracting(34..<34 + options), at: 34)
      } else {
        Self.copyOptions(frame.bytes.extracting(34..<packet.transport), &span, room: options)
      }
      span.put(frame.bytes.extracting(position..<position + length), at: 34 + options)
      let isLast = position + length == packet.end
      let offset = UInt16((position - packet.transport) / 8) + word & 0x1fff
      span.put(UInt8(0x45 + options / 4), at: 14)
      span.put(UInt16(20 + options + length), at: 16)
      span.put((isLast ? word & 0x2000 : 0x2000) | offset, at: 20)
      span.put(0 as UInt16, at: 24)
      span.put(InternetChecksum.checksum(span.bytes.extracting(14..<34 + options)), at: 24)
      if note.oldAddress != note.newAddress || note.oldPort != note.newPort {
        neighbours[to].send(piece, to: next, now: now, &out, note: note)
      } else {
        neighbours[to].send(piece, to: next, now: now, &out)
      }
      // Behind the first only options with the copied flag go on.
      if position == packet.transport {
        options = Self.copiedOptions(frame.bytes.extracting(34..<packet.transport))
      }
      position += length
    }
  }

  /// The length of the options with the copied flag, padded. They are well-formed: a packet with others was dropped.
  private static func copiedOptions(_ options: RawSpan) -> Int {
    var offset = 0
    var length = 0
    while offset < options.byteCount, options.u8(offset) != 0 {
      let size = options.u8(offset) == 1 ? 1 : Int(options.u8(offset + 1))
      if options.u8(offset) & 0x80 != 0 { length += size }
      offset += size
    }
    return (length + 3) & ~3
  }

  private static func copyOptions(_ options: RawSpan, _ span: inout MutableRawSpan, room: Int) {
    var offset = 0
    var place = 34
    while offset < options.byteCount, options.u8(offset) != 0 {
      let size = options.u8(offset) == 1 ? 1 : Int(options.u8(offset + 1))
      if options.u8(offset) & 0x80 != 0 {
        span.put(options.extracting(offset..<offset + size), at: place)
        place += size
      }
      offset += size
    }
    while place < 34 + room {
      span.put(0 as UInt8, at: place)
      place += 1
    }
  }

  // MARK: MSS

  /// Lowers a SYN's MSS to what fits both of its links (RFC 4459, 3.2; `--clamp-mss-to-pmtu`).
  func clampMSS(_ frame: inout Frame, _ packet: Packet, from: Int, to: Int, _ next: IPv4Address) {
    let last = nextHop(packet.source, on: from) ?? packet.source
    let limit = UInt16(min(mtu(from, to: last), mtu(to, to: next)) - 40)
    let end = min(packet.transport + Int(frame.bytes.u8(packet.transport + 12) >> 4) * 4, packet.end)
    var offset = packet.transport + 20
    var found = -1
    while offset + 1 < end, found < 0 {
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
    guard found >= 0, frame.bytes.u16(found) > limit else { return }
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
