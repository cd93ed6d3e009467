/// What one direction of a cable does to frames.
public struct LinkParameters: Sendable, Codable, Hashable {
  /// Propagation delay.
  public var delay: Nanoseconds
  /// Bits per second on the wire, preamble and gap included; nil: no serialisation time.
  public var rate: UInt64?
  /// How many frames, and bytes if set, may wait for the wire or be on their way into it.
  public var queueFrames: Int
  public var queueBytes: Int?
  /// The longest frame that either end takes: an IP packet of the link's MTU.
  public var largestFrame: Int
  /// A frame is lost when a draw from 0..<2^64 is below this.
  public private(set) var lossThreshold: UInt64

  /// `loss` is a probability, 0…1; what isn't a number is 0. `mtu` is that of IP packets; nil: whatever comes.
  public init(
    delay: Nanoseconds = .zero, rate: UInt64? = nil, queueFrames: Int = 1000, queueBytes: Int? = nil,
    mtu: Int? = nil, loss: Double = 0
  ) {
    self.delay = delay
    self.rate = rate
    self.queueFrames = queueFrames
    self.queueBytes = queueBytes
    largestFrame = mtu.map { 14 + $0 } ?? .max
    lossThreshold = 0
    setLoss(loss)
  }

  /// What a frame takes of the wire, in octets: Ethernet pads it to 60, puts a check sequence of 4 behind and preamble and
  /// start delimiter of 8 before it, and a gap of 12 behind all (IEEE 802.3, 3.1.1, 4.2.3.3, 4.4.2). 84 for the smallest, which
  /// makes 1.488 million a second at 1 Gbit/s.
  @inlinable @inline(__always)
  public static func octetsOnWire(_ count: Int) -> Int { max(count, 60) &+ 24 }

  public mutating func setLoss(_ probability: Double) {
    let clamped = probability > 0 ? min(probability, 1) : 0
    lossThreshold = clamped >= 1 ? .max : UInt64(clamped * 0x1p64)
  }
}
