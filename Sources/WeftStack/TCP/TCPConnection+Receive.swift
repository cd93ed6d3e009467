import WeftCore
import WeftWire

extension TCPConnection {
  /// Takes a segment in (RFC 9293, 3.10.7). Its checksum and flags have been checked, options are those of a SYN.
  mutating func receive(_ segment: Segment, _ options: TCPOptions, payload: RawSpan, now: Instant) -> SegmentVerdict {
    if state == .synSent { return receiveInSynSent(segment, options, payload: payload, now: now) }
    var segment = segment
    var payload = payload

    // A simultaneous open's SYN-ACK: its SYN is old, its acknowledgment is what we wait for (RFC 9293, figure 7).
    if state == .synReceived, segment.flags.contains(.syn), segment.sequence == initialReceive {
      guard segment.flags.contains(.ack), segment.acknowledgment.isAfter(unacknowledged),
        segment.acknowledgment.isAtMost(highest)
      else {
        // The SYN again: our answer was lost.
        synNow = true
        return .accepted
      }
      segment.flags.remove(.syn)
      segment.sequence &+= 1
    }

    // First, the sequence number.
    let window = offered.distance(from: expected)
    let start = segment.sequence.distance(from: expected)
    let end = start + Int(segment.span)
    let acceptable =
      if segment.span == 0 {
        // At the very edge too, where an ACK stands after a full window was sent (as Linux).
        start >= 0 && start <= window
      } else {
        // A zero window still takes the acknowledgment and reset of a segment in place.
        window > 0 ? start < window && end > 0 : start == 0 && segment.length == 0
      }
    guard acceptable else { return receiveUnacceptable(segment, start: start, window: window, now: now) }

    // Second, reset: only at exactly the next number (RFC 5961, 3.2).
    if segment.flags.contains(.rst) {
      guard segment.sequence == expected else {
        challenge(now: now)
        return .accepted
      }
      switch state {
      case .synReceived: finish(isPassive ? nil : .refused)
      case .timeWait, .closing, .lastAck: finish(nil)
      default: finish(.reset)
      }
      return .accepted
    }

    // Fourth, SYN (RFC 5961, 4.2). Fifth, the acknowledgment.
    if segment.flags.contains(.syn) {
      challenge(now: now)
      return .accepted
    }
    guard segment.flags.contains(.ack) else { return .dropped(.badTCPFlags) }
    if state == .synReceived {
      guard segment.acknowledgment.isAfter(unacknowledged), segment.acknowledgment.isAtMost(highest) else {
        return .reset(.badTCPNumbers)
      }
      establish(segment, now: now)
    }
    guard receiveAcknowledgment(segment, now: now) else {
      challenge(now: now)
      return .accepted
    }
    if state == .closed || state == .timeWait && segment.span == 0 { return .accepted }

    // Seventh and eighth, the data and the FIN, without what came before.
    if start < 0 {
      // A FIN that came again is acknowledged again, and its TIME-WAIT starts over.
      let cut = min(-start, segment.length)
      payload = payload.extracting(cut..<payload.byteCount)
      segment.sequence &+= UInt32(truncatingIfNeeded: cut)
      segment.length -= cut
      ackNow = true
    }
    guard segment.span > 0 else { return .accepted }
    guard state.canReceive else {
      ackNow = true
      if state == .timeWait { lingerAt = now + Self.timeWait }
      return .accepted
    }
    if segment.length > 0, isOrphan,
      segment.sequence &+ UInt32(truncatingIfNeeded: segment.length) != expected
    {
      // Data for nobody: the other side had better know (RFC 1122, 4.2.2.13).
      finish(nil)
      return .reset(.noSocket)
    }
    receiveData(segment, payload, window: window)
    if let fin = peerFin, expected == fin { receiveFin(now: now) }
    return .accepted
  }

  private mutating func receiveUnacceptable(_ segment: Segment, start: Int, window: Int, now: Instant) -> SegmentVerdict {
    if segment.flags.contains(.rst) { return .dropped(.badTCPNumbers) }
    if segment.span > 0, !segment.flags.contains(.syn) {
      // An old segment again (our ACK was lost), or a window probe. Its acknowledgment may be news all the same.
      ackNow = true
      if state == .timeWait, segment.flags.contains(.fin) { lingerAt = now + Self.timeWait }
    } else {
      challenge(now: now)
    }
    return .accepted
  }

  private mutating func receiveInSynSent(
    _ segment: Segment, _ options: TCPOptions, payload: RawSpan, now: Instant
  ) -> SegmentVerdict {
    let acknowledges = segment.flags.contains(.ack)
    if acknowledges {
      guard segment.acknowledgment.isAfter(initialSend), segment.acknowledgment.isAtMost(highest) else {
        return segment.flags.contains(.rst) ? .dropped(.badTCPNumbers) : .reset(.badTCPNumbers)
      }
    }
    if segment.flags.contains(.rst) {
      guard acknowledges else { return .dropped(.badTCPNumbers) }
      finish(.refused)
      return .accepted
    }
    guard segment.flags.contains(.syn) else { return .dropped(.badTCPFlags) }
    synchronize(segment, options)
    if acknowledges {
      establish(segment, now: now)
      _ = receiveAcknowledgment(segment, now: now)
      handshakeNow = true
    } else {
      // Both sent a SYN at once: answer with SYN and ACK.
      state = .synReceived
      attempts = 0
      synNow = true
    }
    return .accepted
  }

  /// Takes over the other side's SYN: its numbers and options.
  mutating func synchronize(_ segment: Segment, _ options: TCPOptions) {
    initialReceive = segment.sequence
    expected = segment.sequence &+ 1
    acknowledgedUpTo = expected
    offered = expected &+ 65535
    segmentSize = min(pathSegmentSize, max(Int(options.maximumSegmentSize ?? 536), Self.leastSegmentSize))
    // Both ends or neither (RFC 7323, 1.3).
    if receiveShift > 0, let shift = options.windowScale {
      sendShift = shift
    } else {
      sendShift = 0
      receiveShift = 0
    }
    // A SYN's window is never scaled (RFC 7323, 2.2).
    sendWindow = Int(segment.window)
    largestWindow = sendWindow
    windowSequence = segment.sequence
    windowAcknowledgment = segment.acknowledgment
  }

  private mutating func establish(_ segment: Segment, now: Instant) {
    if attempts > 0 { roundTrip.handshakeWasRetransmitted() }
    attempts = 0
    retransmitAt = .never
    congestionWindow = initialWindow
    state = finQueued ? .finWait1 : .established
    events.insert([.connected, .writable])
  }

  private mutating func receiveData(_ segment: Segment, _ payload: RawSpan, window: Int) {
    let offset = segment.sequence.distance(from: expected)
    // What lies behind the window is cut off, and with it the FIN.
    let length = min(segment.length, window - offset)
    if segment.flags.contains(.fin), length == segment.length {
      peerFin = segment.sequence &+ UInt32(truncatingIfNeeded: length)
    }
    guard length > 0 else {
      if offset > 0 { ackNow = true }
      return
    }
    fullSegment = max(fullSegment, length)
    if offset == 0 {
      receiveBuffer.write(payload.extracting(unchecked: 0..<length), at: receiveBuffer.count)
      receiveBuffer.commit(length)
      expected &+= UInt32(truncatingIfNeeded: length)
      if !outOfOrder.isEmpty {
        takeInRanges()
        // Tell at once that a hole is filled (RFC 5681, 4.2).
        ackNow = true
      }
      events.insert(.readable)
      if expected.distance(from: acknowledgedUpTo) >= 2 * fullSegment { ackNow = true }
    } else {
      ackNow = true
      let start = segment.sequence
      guard insertRange(SequenceRange(start: start, end: start &+ UInt32(truncatingIfNeeded: length))) else { return }
      receiveBuffer.write(payload.extracting(unchecked: 0..<length), at: receiveBuffer.count &+ offset)
    }
  }

  /// Counts in what lay behind the hole that was filled.
  private mutating func takeInRanges() {
    var taken = 0
    while taken < outOfOrder.count, outOfOrder[taken].start.isAtMost(expected) {
      let more = outOfOrder[taken].end.distance(from: expected)
      if more > 0 {
        receiveBuffer.commit(more)
        expected = outOfOrder[taken].end
      }
      taken += 1
    }
    outOfOrder.removeFirst(taken)
  }

  /// Keeps the ranges sorted and apart; false where there are too many.
  private mutating func insertRange(_ range: SequenceRange) -> Bool {
    var index = outOfOrder.count
    while index > 0, outOfOrder[index - 1].start.isAfter(range.start) { index -= 1 }
    if index > 0, outOfOrder[index - 1].end.isAtLeast(range.start) {
      index -= 1
      if range.end.isAfter(outOfOrder[index].end) { outOfOrder[index].end = range.end }
    } else {
      guard outOfOrder.count < Self.mostRanges else { return false }
      outOfOrder.insert(range, at: index)
    }
    while index + 1 < outOfOrder.count, outOfOrder[index + 1].start.isAtMost(outOfOrder[index].end) {
      if outOfOrder[index + 1].end.isAfter(outOfOrder[index].end) { outOfOrder[index].end = outOfOrder[index + 1].end }
      outOfOrder.remove(at: index + 1)
    }
    return true
  }

  private mutating func receiveFin(now: Instant) {
    expected &+= 1
    // Nothing more can come, so that the window needs no more room than this.
    if offered.isBefore(expected) { offered = expected }
    ackNow = true
    events.insert(.peerClosed)
    switch state {
    case .established: state = .closeWait
    case .finWait1: state = .closing
    case .finWait2: enterTimeWait(now: now)
    default: break
    }
  }

  /// "This is where I am", at most twice a second.
  private mutating func challenge(now: Instant) {
    if challengedAt != .never, now < challengedAt + Self.challengeInterval { return }
    challengedAt = now
    ackNow = true
  }
}
