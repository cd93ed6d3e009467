import WeftCore

// What it sends waits for a standby. Precondition of all: it has a transmit ring.
extension NetworkInterface {
  public var isGated: Bool { gate != nil }

  /// Whether a frame that is sent now waits behind the gate.
  public var holdsBack: Bool { gate != nil && canHoldTransmission }

  /// An epoch ends: what waits is of it, what comes now of the next. The first one closes the gate.
  public mutating func markEpoch(next: UInt64, now: Instant) {
    if gate == nil { gate = Apart(OutputGate(waiting: waitingToTransmit, epoch: next, now: now)) }
    gate?.value.mark(epoch: next)
  }

  /// That epoch's frames may leave: how many, and how long they have waited in all.
  public mutating func releaseEpoch(now: Instant) -> (frames: UInt64, time: Nanoseconds) {
    gate?.value.release(now: now) ?? (0, .zero)
  }

  /// All may leave, and the gate is no more once they have.
  public mutating func openGate() {
    if waitingToTransmit == 0 { gate = nil } else { gate?.value.openAll() }
  }

  /// When the first one came that waits there, and in which epoch.
  public var firstHeld: (since: Instant, epoch: UInt64)? { gate?.value.first.map { ($0.since, $0.epoch) } }

  /// What waits there was let go elsewhere, or never will be.
  public mutating func forgetTransmissions() {
    transmitRing = FrameQueue(capacity: transmitRing.capacity)
    octetsToTransmit = 0
    gate = nil
  }
}
