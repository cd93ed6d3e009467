import WeftCore
import WeftIP
import WeftWire

extension TCPConnection {
  /// Sends what there is to say and may be said now, and sets the timers.
  mutating func output(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    if synNow { sendSyn(now: now, &ip, &out) }
    if handshakeNow {
      handshakeNow = false
      if state.canSend { sendAck(now: now, &ip, &out) }
    }
    guard state.canSend else {
      guard state == .finWait2 || state == .timeWait else { return }
      if ackNow {
        sendAck(now: now, &ip, &out)
      } else if expected != acknowledgedUpTo, ackAt == .never {
        ackAt = now + Self.delayedACK
      }
      return
    }
    if retransmitNow { retransmit(now: now, &ip, &out) }
    if next == unacknowledged, highest == next, now - lastSent > roundTrip.timeout {
      // After a pause the old window says nothing about the path (RFC 5681, 4.1).
      congestionWindow = min(congestionWindow, initialWindow)
    }
    sendData(now: now, &ip, &out)
    if ackNow {
      sendAck(now: now, &ip, &out)
    } else if expected != acknowledgedUpTo, ackAt == .never {
      ackAt = now + Self.delayedACK
    }
    armTimer(now: now)
  }

  private mutating func sendData(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    // Each of the first two duplicates lets a new segment out (limited transmit, RFC 3042).
    let extra = !inRecovery && duplicates > 0 && duplicates < 3 ? duplicates * segmentSize : 0
    let congestion = congestionWindow + extra
    let window = min(congestion, sendWindow)
    let end = dataEnd
    windowLimited = false
    while true {
      let available = end.distance(from: next)
      if available < 0 { return }
      let usable = window - inFlight
      var length = min(available, segmentSize)
      if usable < length {
        windowLimited = congestion <= sendWindow
        // Less than a full segment only if it is half of all the other side ever took (RFC 9293, 3.8.6.2.1).
        if usable <= 0 || windowLimited || usable < largestWindow / 2 { return }
        length = usable
      }
      let fin = finQueued && length == available
      if length == 0, !fin { return }
      if length > 0, isAhead(now) { return }
      if next == highest, timedAt == .never {
        timedAt = now
        timedSequence = next
      }
      sendSegment(
        next, length, Self.flags(length, isLast: length == available, fin: fin), now: now, &ip, &out)
      next &+= UInt32(truncatingIfNeeded: length) &+ (fin ? 1 : 0)
      if highest.isBefore(next) { highest = next }
      lastSent = now
    }
  }

  /// The first segment that isn't acknowledged, once more.
  private mutating func retransmit(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    retransmitNow = false
    timedAt = .never
    let available = dataEnd.distance(from: unacknowledged)
    guard available >= 0 else { return }
    let length = min(available, segmentSize)
    let fin = finQueued && length == available
    guard length > 0 || fin else { return }
    sendSegment(
      unacknowledged, length, Self.flags(length, isLast: length == available, fin: fin), now: now, &ip, &out)
    let end = unacknowledged &+ UInt32(truncatingIfNeeded: length) &+ (fin ? 1 : 0)
    if next.isBefore(end) { next = end }
    if highest.isBefore(end) { highest = end }
    lastSent = now
  }

  /// The last of what was written is pushed (RFC 9293, 3.9.1.2); a FIN without data has nothing to push.
  @inline(__always)
  private static func flags(_ length: Int, isLast: Bool, fin: Bool) -> TCPFlags {
    guard isLast else { return .ack }
    if length == 0 { return [.ack, .fin] }
    return fin ? [.ack, .psh, .fin] : [.ack, .psh]
  }

  private mutating func sendAck(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    // With `next` pulled back, an ACK still stands behind all that was sent, or it would be taken for an old one;
    // but not behind the window, where it would be refused (a probe's byte may lie there).
    let edge = unacknowledged &+ UInt32(truncatingIfNeeded: sendWindow)
    let sequence = highest.isAtMost(edge) ? highest : edge.isAfter(next) ? edge : next
    sendSegment(sequence, 0, .ack, now: now, &ip, &out)
  }

  /// One byte more than the window takes: its answer tells the window (RFC 9293, 3.8.6.1).
  private mutating func probe(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    guard sendBuffer.count > 0 else { return }
    sendSegment(sendBase, 1, .ack, now: now, &ip, &out)
    if highest == sendBase { highest &+= 1 }
  }

  private mutating func armTimer(now: Instant) {
    if highest != unacknowledged, !isPersisting {
      if retransmitAt == .never { retransmitAt = now + roundTrip.timeout }
    } else if dataEnd.distance(from: next) > 0, retransmitAt == .never, sendAt == .never {
      isPersisting = true
      retransmitAt = now + roundTrip.timeout
    }
  }

  /// The moments of `deadline` that have come.
  mutating func wake(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    if lingerAt <= now { return finish(nil) }
    if sendAt <= now { sendAt = .never }
    if ackAt <= now {
      ackAt = .never
      ackNow = true
    }
    guard retransmitAt <= now else { return }
    retransmitAt = .never
    let limit =
      switch state {
      case .synSent: Self.synRetries
      case .synReceived: Self.synAckRetries
      default: Self.retries
      }
    // A window that stays shut is no failure while the other side answers (RFC 9293, 3.8.6.1).
    if isPersisting {
      attempts = min(attempts &+ 1, Self.retries)
    } else {
      guard attempts < limit else { return finish(.timedOut) }
      attempts &+= 1
    }
    roundTrip.backOff()
    timedAt = .never
    switch state {
    case .synSent, .synReceived: synNow = true
    case _ where isPersisting:
      probe(now: now, &ip, &out)
      retransmitAt = now + roundTrip.timeout
    default:
      // The loss of a retransmission is no new sign of congestion (RFC 5681, 3.1).
      if attempts == 1 { threshold = max(highest.distance(from: unacknowledged) / 2, 2 * segmentSize) }
      congestionWindow = segmentSize
      countedBytes = 0
      duplicates = 0
      inRecovery = false
      recover = highest
      next = unacknowledged
      // At least one segment goes out, whatever the window says.
      retransmitNow = true
      retransmitAt = now + roundTrip.timeout
    }
  }

  /// The path takes less than was thought (RFC 1191): what is in flight goes again in smaller pieces.
  mutating func lowerSegmentSize(_ size: Int) {
    let size = max(size, Self.leastSegmentSize)
    // Each time smaller than before: two that can't agree don't talk for ever.
    guard size < segmentSize else { return }
    segmentSize = size
    congestionWindow = min(congestionWindow, mostInFlight)
    next = unacknowledged
    timedAt = .never
    retransmitNow = true
  }

  mutating func sendSyn(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    synNow = false
    guard state == .synSent || state == .synReceived else { return }
    var options = TCPOptions()
    options.maximumSegmentSize = UInt16(ownSegmentSize)
    let answers = state == .synReceived
    if receiveShift > 0 { options.windowScale = Self.windowShift }
    let header = TCPHeader(
      sourcePort: key.localPort, destinationPort: key.remotePort, sequence: initialSend,
      acknowledgment: answers ? expected : 0, flags: answers ? [.syn, .ack] : .syn, window: 65535, options: options)
    next = initialSend &+ 1
    if highest.isBefore(next) {
      highest = next
      timedAt = now
      timedSequence = initialSend
    } else {
      timedAt = .never
    }
    if retransmitAt == .never { retransmitAt = now + roundTrip.timeout }
    guard let route = ip.route(to: key.remoteAddress) else { return }
    var frame = ip.packet(
      .tcp, from: key.localAddress, to: key.remoteAddress, length: header.length, trace: trace, &out)
    var span = frame.mutableBytes
    var part = span.slice(34..<34 + header.length)
    header.write(to: &part, source: key.localAddress, destination: key.remoteAddress)
    ip.send(frame, route, now: now, &out)
  }

  mutating func sendReset(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) {
    sendSegment(next, 0, [.rst, .ack], now: now, &ip, &out)
  }

  /// The hot path: a header without options, straight into the frame, one pass over all for the checksum.
  private mutating func sendSegment(
    _ sequence: UInt32, _ length: Int, _ flags: TCPFlags, now: Instant, _ ip: inout IPLayer, _ out: inout Effects
  ) {
    ackNow = false
    ackAt = .never
    acknowledgedUpTo = expected
    let local = key.localAddress
    let remote = key.remoteAddress
    let isKnown = ip.path.leads(to: remote, now: now, changes: ip.changes)
    guard let route = isKnown ? ip.path.route : ip.route(to: remote) else { return }
    var frame = ip.packet(.tcp, from: local, to: remote, length: 20 &+ length, trace: trace, &out)
    var span = frame.mutableBytes
    span.put(UInt32(truncatingIfNeeded: key.ports), at: 34)
    span.put(sequence, at: 38)
    span.put(expected, at: 42)
    span.put(0x5000_0000 | UInt32(flags.rawValue) << 16 | UInt32(windowField()), at: 46)
    span.put(0 as UInt32, at: 50)
    if length > 0 { sendBuffer.copy(from: sequence.distance(from: sendBase), count: length, to: &span, at: 54) }
    let checksum = InternetChecksum.checksum(
      span.bytes.extracting(34..<54 &+ length),
      initial: InternetChecksum.pseudoHeader(source: local, destination: remote, protocol: 6, length: 20 &+ length))
    span.put(checksum, at: 50)
    frame.isSound = true
    if isKnown {
      ip.path.send(frame, &out)
    } else {
      ip.send(frame, route, now: now, &out)
      ip.rememberPath(to: remote, route, now: now)
    }
    if length > 0 { goAhead(length, route, now: now, &ip) }
  }

  /// The window to offer: its right edge never moves back, and moves on only by what is worth it (RFC 9293, 3.8.6.2.2).
  private mutating func windowField() -> UInt16 {
    let edge = expected &+ UInt32(truncatingIfNeeded: Self.receiveLimit &- receiveBuffer.count)
    if edge.distance(from: offered) >= min(Self.receiveLimit / 2, ownSegmentSize) { offered = edge }
    let window = min(offered.distance(from: expected) >> Int(receiveShift), 65535)
    if receiveShift == 0 { offered = expected &+ UInt32(truncatingIfNeeded: window) }
    return UInt16(truncatingIfNeeded: max(window, 0))
  }
}
