import WeftCore

// No machine loses its own segments at its own NIC: the queue pushes back on the socket (Linux: TCP small queues, since 3.6).
// A socket has no more on its way into the wire than a millisecond of what it sends, and two segments at least, and goes
// on as the last of it leaves.
extension TCPConnection {
  /// Of a queue to oneself, in packets; what else is sent there needs room too.
  private static let loopbackAhead = 256

  /// Whether it waits for its own wire; sets the timer then.
  @inline(__always)
  mutating func isAhead(_ now: Instant) -> Bool {
    guard ahead >= aheadLimit else { return false }
    guard aheadUntil <= now else {
      sendAt = aheadUntil
      return true
    }
    ahead = 0
    return false
  }

  /// A segment with data was sent.
  @inline(__always)
  mutating func goAhead(_ length: Int, _ route: Route, now: Instant, _ ip: inout IPLayer) {
    if route.isLoopback {
      if ip.loopback.count >= Self.loopbackAhead {
        (ahead, aheadLimit, aheadUntil) = (1, 1, now + .microseconds(1))
      }
      return
    }
    let rate = ip.interfaces[route.interface].wireRate
    guard rate != 0 else { return }
    let octets = LinkParameters.octetsOnWire(54 &+ length)
    ip.occupyWire(of: route.interface, octets, now: now)
    if aheadUntil <= now { ahead = 0 }
    ahead &+= octets
    aheadUntil = ip.interfaces[route.interface].wireFreeAt
    aheadLimit = limit(ahead: rate)
  }

  /// A millisecond of the pace at which a window goes out in a round trip, twice as fast as that in slow start's doubling;
  /// not more than the wire takes in the time.
  private func limit(ahead rate: UInt64) -> Int {
    let least = 2 &* LinkParameters.octetsOnWire(54 &+ segmentSize)
    let wire = Int(clamping: rate / 8000)
    let trip = roundTrip.smoothed.rawValue
    guard trip > 0 else { return max(least, wire) }
    let pace = UInt64(clamping: congestionWindow).multipliedReportingOverflow(by: 2_000_000)
    return max(least, min(wire, pace.overflow ? wire : Int(clamping: pace.partialValue / trip)))
  }
}
