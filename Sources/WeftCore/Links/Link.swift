/// One direction of a cable: a bounded queue, a wire that takes time per bit, a propagation delay, random loss.
///
/// Delays are constant, so frames arrive in the order they left and one ring holds them all: those that wait, the one
/// on the wire and those in flight. Nothing happens when a frame's last bit leaves; how much waits is worked out when
/// the next frame comes.
public struct Link {
  public enum Outcome {
    case sent
    /// Lost or refused; the frame comes back for the record.
    case dropped(DropReason)
  }

  struct InFlight: BitwiseCopyable {
    var frame: StoredFrame
    /// When its last bit is on the wire.
    var departure: UInt64
    var arrival: UInt64
  }

  public struct Counters: Sendable, Codable, Hashable {
    public var frames: UInt64 = 0
    public var bytes: UInt64 = 0
    public var dropped: UInt64 = 0
  }

  public var parameters: LinkParameters
  public private(set) var isUp = true
  /// Of frames accepted.
  public private(set) var counters = Counters()
  private var random: RandomStream
  private var ring: [InFlight] = []
  private var head = 0
  private var held = 0
  /// Of the held ones, from the head, how many have left the queue.
  private var departed = 0
  private var waitingBytes = 0
  private var busyUntil: UInt64 = 0

  /// Propagation alone can't bound what is in flight on a wire of endless rate; this does.
  private static let flightLimit = 1 << 20

  public init(_ parameters: LinkParameters, random: RandomStream) {
    self.parameters = parameters
    self.random = random
  }

  /// Frames that wait or are being sent.
  public var queued: Int { held - departed }
  /// Frames held in all.
  public var inFlight: Int { held }

  /// When the first frame arrives.
  @inline(__always)
  public var deadline: Instant { held == 0 ? .never : Instant(ring[head].arrival) }

  /// Takes a frame in at `now`. A frame that is not sent stays the caller's.
  @inline(__always)
  public mutating func send(_ frame: borrowing Frame, now: Instant) -> Outcome {
    let count = frame.count
    guard isUp else { return drop(.linkDown) }
    var departure = now.rawValue
    if let rate = parameters.rate {
      settle(now.rawValue)
      if held &- departed >= parameters.queueFrames { return drop(.queueFull) }
      if let limit = parameters.queueBytes, waitingBytes &+ count > limit { return drop(.queueFull) }
      let bits = UInt64(count) &* 8_000_000_000
      departure = max(busyUntil, departure) &+ (bits &+ rate / 2) / rate
      busyUntil = departure
    } else if held >= Self.flightLimit {
      return drop(.queueFull)
    }
    // Drawn for each frame that reaches the wire, lost or not: one frame's fate doesn't shift another's.
    if parameters.lossThreshold != 0, random.next() < parameters.lossThreshold { return drop(.linkLoss) }
    counters.frames &+= 1
    counters.bytes &+= UInt64(count)
    let arrival = max(departure &+ parameters.delay.rawValue, lastArrival)
    push(InFlight(frame: frame.share().store(), departure: departure, arrival: arrival))
    waitingBytes &+= count
    return .sent
  }

  /// Takes out the first frame if it has arrived by `now`.
  @inline(__always)
  public mutating func arrive(now: Instant) -> Frame? {
    guard held > 0, ring[head].arrival <= now.rawValue else { return nil }
    let entry = ring[head]
    if departed > 0 { departed &-= 1 } else { waitingBytes &-= entry.frame.count }
    head = (head &+ 1) & (ring.count &- 1)
    held &-= 1
    return Frame(stored: entry.frame)
  }

  /// Pulls or plugs the cable. What was on its way is handed to `lost`, oldest first.
  public mutating func setUp(_ up: Bool, now: Instant, lost: (consuming Frame) -> Void) {
    guard isUp != up else { return }
    isUp = up
    guard !up else { return }
    while held > 0 {
      let frame = Frame(stored: ring[head].frame)
      head = (head + 1) & (ring.count - 1)
      held -= 1
      counters.dropped += 1
      lost(frame)
    }
    departed = 0
    waitingBytes = 0
    busyUntil = now.rawValue
  }

  @inline(__always)
  private mutating func drop(_ reason: DropReason) -> Outcome {
    counters.dropped &+= 1
    return .dropped(reason)
  }

  /// A shorter delay set while frames are in flight must not let a later one overtake.
  @inline(__always)
  private var lastArrival: UInt64 { held == 0 ? 0 : ring[(head &+ held &- 1) & (ring.count &- 1)].arrival }

  /// Counts out of the queue what has left it by `now`.
  @inline(__always)
  private mutating func settle(_ now: UInt64) {
    while departed < held {
      let entry = ring[(head &+ departed) & (ring.count &- 1)]
      guard entry.departure <= now else { break }
      departed &+= 1
      waitingBytes &-= entry.frame.count
    }
  }

  @inline(__always)
  private mutating func push(_ entry: InFlight) {
    if held == ring.count { grow(entry) }
    ring[(head &+ held) & (ring.count &- 1)] = entry
    held &+= 1
  }

  private mutating func grow(_ filler: InFlight) {
    var larger = [InFlight](repeating: filler, count: max(4, ring.count * 2))
    for index in 0..<held { larger[index] = ring[(head + index) & (ring.count - 1)] }
    ring = larger
    head = 0
  }
}

// MARK: - Checkpoint

extension Link: Codable {
  private struct FlightImage: Codable {
    var frame: FrameImage
    var departure: UInt64
    var arrival: UInt64
  }

  private enum CodingKeys: CodingKey {
    case parameters, isUp, counters, random, flights, departed, waitingBytes, busyUntil
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(isUp, forKey: .isUp)
    try container.encode(counters, forKey: .counters)
    try container.encode(random, forKey: .random)
    let flights = (0..<held).map { index in
      let entry = ring[(head + index) & (ring.count - 1)]
      return FlightImage(frame: FrameImage(entry.frame), departure: entry.departure, arrival: entry.arrival)
    }
    try container.encode(flights, forKey: .flights)
    try container.encode(departed, forKey: .departed)
    try container.encode(waitingBytes, forKey: .waitingBytes)
    try container.encode(busyUntil, forKey: .busyUntil)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    parameters = try container.decode(LinkParameters.self, forKey: .parameters)
    isUp = try container.decode(Bool.self, forKey: .isUp)
    counters = try container.decode(Counters.self, forKey: .counters)
    random = try container.decode(RandomStream.self, forKey: .random)
    let flights = try container.decode([FlightImage].self, forKey: .flights)
    let pool = try decoder.framePool
    for image in flights {
      push(InFlight(frame: try image.frame.frame(in: pool).store(), departure: image.departure, arrival: image.arrival))
    }
    departed = try container.decode(Int.self, forKey: .departed)
    waitingBytes = try container.decode(Int.self, forKey: .waitingBytes)
    busyUntil = try container.decode(UInt64.self, forKey: .busyUntil)
    guard departed >= 0, departed <= held else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a link's queue"))
    }
  }
}
