import WeftCore

// What the layer asks of a connection in one call: each look into its array would make sure of the array anew.
extension TCPConnection {
  /// What is left for the layer to do.
  enum Settled {
    /// It was let go of before.
    case gone
    case open(timerAt: Instant?)
    /// It goes now; `inHandshake`: its listener counts it among those under way.
    case over(inHandshake: Bool)
    /// It has entered it now.
    case timeWait(timerAt: Instant?)
  }

  /// Its owner has been told: it says what it has to say.
  mutating func settle(now: Instant, _ ip: inout IPLayer, _ out: inout Effects) -> Settled {
    isListed = false
    guard generation != 0 else { return .gone }
    if resetNow {
      let inHandshake = state == .synReceived && isPassive
      switch state {
      case .closed, .synSent, .timeWait: break
      default: sendReset(now: now, &ip, &out)
      }
      state = .closed
      return .over(inHandshake: inHandshake)
    }
    if state == .closed { return .over(inHandshake: false) }
    output(now: now, &ip, &out)
    guard state == .timeWait, !isTimeWait else { return .open(timerAt: armed()) }
    isTimeWait = true
    isOrphan = true
    sendBuffer.release()
    // What came with the FIN may still be read.
    if receiveBuffer.count == 0 { receiveBuffer.release() }
    return .timeWait(timerAt: armed())
  }

  /// When the timer is to go off, where that is sooner than it would by what it was set to.
  mutating func armed() -> Instant? {
    let deadline = deadline
    guard deadline < timerAt else { return nil }
    timerAt = deadline
    return deadline
  }
}
