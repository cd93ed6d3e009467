import WeftCore

/// The retransmission timeout (RFC 6298).
struct RoundTripTime: Codable {
  /// RFC 6298, 2.1.
  static let initial = Nanoseconds.seconds(1)
  /// Linux's TCP_RTO_MIN: the variation's term is never less, so that a delayed ACK (40 ms) can't look like a loss.
  static let leastVariation = Nanoseconds.milliseconds(200)
  /// Linux's TCP_RTO_MAX.
  static let most = Nanoseconds.seconds(120)

  private(set) var smoothed = Nanoseconds.zero
  private var variation = Nanoseconds.zero
  private var base = RoundTripTime.initial
  /// Doublings since the last acknowledgment of new data (5.5).
  private var backoff: UInt8 = 0

  var hasSample: Bool { smoothed > .zero }

  var timeout: Nanoseconds { min(base * (1 << UInt64(min(backoff, 16))), Self.most) }

  mutating func sample(_ measured: Nanoseconds) {
    let time = max(measured, Nanoseconds(1))
    if smoothed == .zero {
      smoothed = time
      variation = time / 2
    } else {
      let error = smoothed > time ? smoothed - time : time - smoothed
      // Alpha is 1/8, beta 1/4 (2.3).
      variation = variation - variation / 4 + error / 4
      smoothed = smoothed - smoothed / 8 + time / 8
    }
    base = min(smoothed + max(variation * 4, Self.leastVariation), Self.most)
    backoff = 0
  }

  mutating func backOff() { backoff &+= backoff < 32 ? 1 : 0 }
  mutating func progress() { backoff = 0 }

  /// The SYN was lost and nothing measured: the data begins with 3 s (5.7).
  mutating func handshakeWasRetransmitted() {
    backoff = 0
    if !hasSample { base = .seconds(3) }
  }
}
