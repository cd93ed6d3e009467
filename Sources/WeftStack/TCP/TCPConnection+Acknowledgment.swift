import WeftCore
import WeftWire

extension TCPConnection {
  /// False where it acknowledges what was never sent, or so long ago that it must be forged (RFC 5961, 5.2).
  mutating func receiveAcknowledgment(_ segment: Segment, now: Instant) -> Bool {
    let ack = segment.acknowledgment
    let isScaled = !segment.flags.contains(.syn)
    let window = Int(segment.window) << Int(isScaled ? sendShift : 0)
    if ack.isAfter(highest) { return false }
    let acknowledged = ack.distance(from: unacknowledged)
    if acknowledged < -max(largestWindow, 65535) { return false }
    if acknowledged > 0 {
      acceptAcknowledgment(ack, acknowledged, now: now)
    } else if acknowledged == 0, segment.span == 0, window == sendWindow, next != unacknowledged,
      state != .synReceived
    {
      acceptDuplicate()
    }
    // A newer segment's window (RFC 9293, 3.10.7.4); an old one would take it back.
    if acknowledged >= 0,
      windowSequence.isBefore(segment.sequence)
        || windowSequence == segment.sequence && windowAcknowledgment.isAtMost(ack)
    {
      if window > 0, isPersisting {
        isPersisting = false
        attempts = 0
        roundTrip.progress()
        retransmitAt = .never
      }
      sendWindow = window
      largestWindow = max(largestWindow, window)
      windowSequence = segment.sequence
      windowAcknowledgment = ack
    }
    return true
  }

  private mutating func acceptAcknowledgment(_ ack: UInt32, _ acknowledged: Int, now: Instant) {
    let flight = highest.distance(from: unacknowledged)
    // Karn: only of what was sent once (RFC 6298, 3); a retransmission stops the clock.
    if timedAt != .never, ack.isAfter(timedSequence) {
      let time = now - timedAt
      roundTrip.sample(time)
      leastRoundTrip = min(leastRoundTrip, time)
      timedAt = .never
      leaveSlowStart(time)
    }
    roundTrip.progress()
    attempts = 0
    let data = min(max(ack.distance(from: sendBase), 0), sendBuffer.count)
    if data > 0 {
      sendBuffer.consume(data)
      sendBase &+= UInt32(truncatingIfNeeded: data)
      if sendBuffer.count < sendLowWater { events.insert(.writable) }
    }
    unacknowledged = ack
    if next.isBefore(ack) { next = ack }
    var restart = true
    if inRecovery {
      if ack.isAtLeast(recover) {
        inRecovery = false
        duplicates = 0
        // RFC 6582, 3.2, step 3: not a burst of all that is allowed now.
        congestionWindow = min(threshold, max(highest.distance(from: ack), segmentSize) + segmentSize)
      } else {
        // The next hole. Only the first of these restarts the timer: many losses end in a timeout (the "impatient"
        // variant, RFC 6582, 4), which is quicker than a hole a round trip.
        retransmitNow = true
        restart = !hadPartial
        hadPartial = true
        congestionWindow = max(congestionWindow - acknowledged, segmentSize)
        if acknowledged >= segmentSize { congestionWindow += segmentSize }
      }
    } else {
      duplicates = 0
      grow(acknowledged, flight: flight)
    }
    if next == unacknowledged, highest == unacknowledged {
      retransmitAt = .never
    } else if restart {
      retransmitAt = now + roundTrip.timeout
    }
    isPersisting = false
    receiveFinAcknowledged(ack, now: now)
  }

  private var sendLowWater: Int { max(128 << 10, min(Self.sendLimit, 2 * congestionWindow) * 2 / 3) }

  private mutating func receiveFinAcknowledged(_ ack: UInt32, now: Instant) {
    guard finQueued, ack == dataEnd &+ 1 else { return }
    switch state {
    case .finWait1:
      state = .finWait2
      if isOrphan { lingerAt = now + Self.timeWait }
    case .closing: enterTimeWait(now: now)
    case .lastAck: finish(nil)
    default: break
    }
  }

  /// Slow start and congestion avoidance (RFC 5681, 3.1), counted in bytes (RFC 3465), and only while the window is
  /// what holds the sender back.
  private mutating func grow(_ acknowledged: Int, flight: Int) {
    if congestionWindow < threshold {
      guard windowLimited || congestionWindow < 2 * flight else { return }
      congestionWindow += min(acknowledged, 2 * segmentSize)
    } else if windowLimited {
      countedBytes += acknowledged
      if countedBytes >= congestionWindow {
        countedBytes -= congestionWindow
        congestionWindow += segmentSize
      }
    }
    congestionWindow = min(congestionWindow, mostInFlight)
  }

  /// Slow start ends before it floods the queue: when the round trip has grown by an eighth, 4 ms at least and 16 at
  /// most (HyStart++, RFC 9406, 4.2). Without it the first overshoot loses half a window, and there is no SACK.
  private mutating func leaveSlowStart(_ time: Nanoseconds) {
    guard congestionWindow < threshold, windowLimited, congestionWindow >= 16 * segmentSize else { return }
    let margin = min(max(leastRoundTrip / 8, .milliseconds(4)), .milliseconds(16))
    if time >= leastRoundTrip + margin { threshold = congestionWindow }
  }

  private mutating func acceptDuplicate() {
    duplicates += 1
    if inRecovery {
      // Another segment has left the network (RFC 5681, 3.2, step 4).
      congestionWindow += segmentSize
    } else if duplicates == 3, unacknowledged.isAfter(recover) {
      threshold = max(highest.distance(from: unacknowledged) / 2, 2 * segmentSize)
      congestionWindow = threshold + 3 * segmentSize
      recover = highest
      inRecovery = true
      hadPartial = false
      retransmitNow = true
    }
  }
}
