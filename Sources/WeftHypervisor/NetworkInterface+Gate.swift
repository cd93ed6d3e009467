import WeftCore

// What it sends waits for a standby. Precondition of all: it has a transmit ring.
extension NetworkInterface {
  public var isGated: Bool { gate != nil }

  /// An epoch ends: what waits is of it. The first one closes the gate.
  public mutating func markEpoch() {
    if gate == nil { gate = Apart(OutputGate(open: waitingToTransmit)) }
    guard var own = gate?.value else { return }
    own.marked = waitingToTransmit - own.open
    (own.markedSince, own.since) = (own.since, 0)
    gate?.value = own
  }

  /// That epoch's frames may leave: how many, and how long they waited in all.
  public mutating func releaseEpoch(now: Instant) -> (frames: UInt64, time: Nanoseconds) {
    guard var own = gate?.value else { return (0, .zero) }
    let frames = UInt64(own.marked)
    let time = Nanoseconds(frames &* now.rawValue &- own.markedSince)
    own.open += own.marked
    (own.marked, own.markedSince) = (0, 0)
    gate?.value = own
    return (frames, time)
  }

  public mutating func openGate() { gate = nil }

  /// What waits there was let go elsewhere, or never will be.
  public mutating func forgetTransmissions() {
    transmitRing = FrameQueue(capacity: transmitRing.capacity)
    octetsToTransmit = 0
    gate = nil
  }
}
