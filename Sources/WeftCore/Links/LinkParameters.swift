/// What one direction of a cable does to frames.
public struct LinkParameters: Sendable, Codable, Hashable {
  /// Propagation delay.
  public var delay: Nanoseconds
  /// Bits per second of frame bytes (without preamble, FCS and gap, as a shaper counts them); nil: no serialisation time.
  public var rate: UInt64?
  /// How many frames, and bytes if set, may wait for the wire or be on their way into it.
  public var queueFrames: Int
  public var queueBytes: Int?
  /// A frame is lost when a draw from 0..<2^64 is below this.
  public private(set) var lossThreshold: UInt64

  /// `loss` is a probability, 0…1; what isn't a number is 0.
  public init(
    delay: Nanoseconds = .zero, rate: UInt64? = nil, queueFrames: Int = 1000, queueBytes: Int? = nil, loss: Double = 0
  ) {
    self.delay = delay
    self.rate = rate
    self.queueFrames = queueFrames
    self.queueBytes = queueBytes
    lossThreshold = 0
    setLoss(loss)
  }

  public mutating func setLoss(_ probability: Double) {
    let clamped = probability > 0 ? min(probability, 1) : 0
    lossThreshold = clamped >= 1 ? .max : UInt64(clamped * 0x1p64)
  }
}
