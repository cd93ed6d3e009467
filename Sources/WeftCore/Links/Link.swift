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

  public struct Counters: Sendable, Codable, Hashable {
    public var frames: UInt64 = 0
    public var bytes: UInt64 = 0
    public var dropped: UInt64 = 0
  }

  @inlinable public var parameters: LinkParameters {
    get { settings }
    set {
      settings = newValue
      findLimits()
    }
  }
  @usableFromInline var settings: LinkParameters
  public private(set) var isUp = true
  /// The longest frame that it does nothing to but deliver it `delay` later; none at all where there is a queue, chance or
  /// no link.
  @usableFromInline var plainLimit = Int.min
  /// The same where the delay is none.
  @usableFromInline var instantLimit = Int.min
  /// Of frames accepted.
  @inlinable public var counters: Counters { counts }
  @usableFromInline var counts = Counters()
  private var random: RandomStream
  /// Made for the first frame: an idle cable owns no memory.
  @usableFromInline var owner: FlightRing?
  /// The owner's, here to reach it without a retain.
  @usableFromInline var ring: UnsafeMutablePointer<FlightRing.State>?
  /// When the oldest flight arrives; here so that reading the deadline is one load.
  @usableFromInline var nextArrival = UInt64.max
  /// Of the held ones, from the oldest, how many have left the queue.
  @usableFromInline var departed = 0
  @usableFromInline var waitingBytes = 0
  private var busyUntil: UInt64 = 0
  /// What of the wire's time the last departure, a whole nanosecond, left over, in units of 1/rate ns. Carried on while
  /// the wire is busy: 64-byte frames at 100 Gbit/s take 5.12 ns, not 5.
  private var remainder: UInt64 = 0

  /// Propagation alone can't bound what is in flight on a wire of endless rate; this does.
  @inlinable static var flightLimit: Int { 1 << 20 }

  /// Its losses are drawn from another stream from now on.
  public mutating func reseed(_ stream: RandomStream) { random = stream }

  public init(_ parameters: LinkParameters, random: RandomStream) {
    settings = parameters
    self.random = random
    findLimits()
  }

  @usableFromInline
  mutating func findLimits() {
    plainLimit = onlyDelays ? parameters.largestFrame : .min
    instantLimit = parameters.delay == .zero ? plainLimit : .min
  }

  /// Frames that waited or were being sent when the last frame came; use `queued(at:)` for another moment.
  public var queued: Int { inFlight - departed }
  /// Frames held in all.
  public var inFlight: Int { withExtendedLifetime(owner) { ring?.pointee.count ?? 0 } }

  /// Frames that wait for the wire or are on their way into it at `now`.
  public func queued(at now: Instant) -> Int {
    withExtendedLifetime(owner) {
      guard let ring = ring?.pointee else { return 0 }
      var left = departed
      while left < ring.count, ring[left].departure <= now.rawValue { left += 1 }
      return ring.count - left
    }
  }

  /// The traces of the frames held, those without left out.
  public func forEachTrace(_ body: (UInt32) -> Void) {
    guard nextArrival != .max else { return }
    withExtendedLifetime(owner) {
      guard let ring = ring?.pointee else { return }
      for index in 0..<ring.count where ring[index].frame.trace != 0 { body(ring[index].frame.trace) }
    }
  }

  /// When the first frame arrives.
  @inlinable @inline(__always)
  public var deadline: Instant { Instant(nextArrival) }

  /// Takes a share of a frame in at `now`. A frame that is not sent stays the caller's alone.
  public mutating func send(_ frame: borrowing Frame, now: Instant) -> Outcome {
    let share = frame.share().store()
    let outcome = take(share, now: now)
    if case .dropped = outcome { _ = Frame(stored: share) }
    return outcome
  }

  /// The same with the frame itself, which is the link's now if it is sent, else still the caller's.
  @inlinable @inline(__always)
  public mutating func take(_ frame: StoredFrame, now: Instant) -> Outcome {
    takePlainly(frame, now: now) ? .sent : takeThroughQueue(frame, now: now)
  }

  /// The same where the cable only delays; false where it doesn't, and nothing has happened.
  @inlinable @inline(__always)
  public mutating func takePlainly(_ frame: StoredFrame, now: Instant) -> Bool {
    guard frame.count <= plainLimit else { return false }
    let ring = ownRing()
    guard ring.pointee.count < Self.flightLimit else { return false }
    hold(frame, ring, departure: now.rawValue)
    return true
  }

  /// Whether a frame of `count` bytes that is put in now has arrived at once, with none before it.
  @inlinable @inline(__always)
  public func takesNoTime(_ count: Int) -> Bool { count <= instantLimit && nextArrival == .max }

  /// Counts a frame that went the cable's way without being in it. Precondition: `takesNoTime`.
  @inlinable @inline(__always)
  public mutating func countPassing(_ bytes: Int) {
    counts.frames &+= 1
    counts.bytes &+= UInt64(bytes)
  }

  /// Also of a cable without a queue.
  @usableFromInline
  mutating func takeThroughQueue(_ frame: StoredFrame, now: Instant) -> Outcome {
    let count = frame.count
    guard isUp else { return drop(.linkDown) }
    guard count <= parameters.largestFrame else { return drop(.frameTooBig) }
    let ring = ownRing()
    var departure = now.rawValue
    if let rate = parameters.rate {
      settle(ring, departure)
      if ring.pointee.count &- departed >= parameters.queueFrames { return drop(.queueFull) }
      if let limit = parameters.queueBytes, waitingBytes &+ count > limit { return drop(.queueFull) }
      if isLost() { return drop(.linkLoss) }
      // A rate of nothing would divide by zero; a bit a second is as good as dead.
      let rate = max(rate, 1)
      if departure >= busyUntil {
        // Rounds a single frame's time to the nearest nanosecond.
        remainder = rate / 2
      } else {
        departure = busyUntil
      }
      let time = (UInt64(LinkParameters.octetsOnWire(count)) &* 8_000_000_000).addingReportingOverflow(remainder)
      let (whole, rest) = (time.overflow ? .max : time.partialValue).quotientAndRemainder(dividingBy: rate)
      remainder = rest
      departure = departure.saturatingAdd(whole)
      busyUntil = departure
    } else {
      if ring.pointee.count >= Self.flightLimit { return drop(.queueFull) }
      if isLost() { return drop(.linkLoss) }
    }
    hold(frame, ring, departure: departure)
    return .sent
  }

  @inlinable @inline(__always)
  mutating func hold(_ frame: StoredFrame, _ ring: UnsafeMutablePointer<FlightRing.State>, departure: UInt64) {
    counts.frames &+= 1
    counts.bytes &+= UInt64(frame.count)
    var arrival = departure.saturatingAdd(settings.delay.rawValue)
    if ring.pointee.count == 0 {
      nextArrival = arrival
    } else {
      // A shorter delay set while frames are in flight must not let a later one overtake.
      arrival = max(arrival, ring.pointee[ring.pointee.count &- 1].arrival)
    }
    ring.pointee.push(FlightRing.Flight(frame: frame, departure: departure, arrival: arrival))
    waitingBytes &+= frame.count
  }

  /// Whether `send` would find room for a frame of `count` bytes; for a sender that can wait.
  @inline(__always)
  public mutating func hasRoom(for count: Int, now: Instant) -> Bool {
    guard parameters.rate != nil, isUp, owner != nil else { return true }
    let ring = ownRing()
    settle(ring, now.rawValue)
    if ring.pointee.count &- departed >= parameters.queueFrames { return false }
    guard let limit = parameters.queueBytes else { return true }
    return waitingBytes &+ count <= limit
  }

  /// When the frame on the wire now will have left the queue: there is room again then.
  public mutating func nextDeparture(now: Instant) -> Instant {
    guard owner != nil else { return .never }
    let ring = ownRing()
    settle(ring, now.rawValue)
    return departed < ring.pointee.count ? Instant(ring.pointee[departed].departure) : .never
  }

  /// When all that it has taken in will have left the queue.
  @inline(__always)
  public var wireFreeAt: Instant { Instant(busyUntil) }

  /// Whether all it does to a frame is to deliver it `delay` later: no queue, no chance.
  @inlinable public var onlyDelays: Bool { isUp && parameters.rate == nil && parameters.lossThreshold == 0 }

  /// When the last of its frames arrives.
  public var lastArrival: Instant {
    withExtendedLifetime(owner) {
      guard let ring = ring?.pointee, ring.count > 0 else { return .start }
      return Instant(ring[ring.count &- 1].arrival)
    }
  }

  /// Counts frames that went the cable's way without being in it.
  public mutating func countFlooded(_ frames: UInt64, _ bytes: UInt64) {
    counts.frames &+= frames
    counts.bytes &+= bytes
  }

  /// Puts a frame that was counted already among those on their way, before those that arrive with it or later.
  public mutating func insert(_ frame: consuming Frame, _ departure: UInt64, _ arrival: UInt64) {
    let ring = ownRing()
    let count = frame.count
    ring.pointee.push(FlightRing.Flight(frame: frame.store(), departure: departure, arrival: arrival))
    var place = ring.pointee.count - 1
    while place > 0, ring.pointee[place - 1].arrival >= arrival {
      ring.pointee.swapAt(place, place - 1)
      place -= 1
    }
    waitingBytes &+= count
    nextArrival = ring.pointee[0].arrival
  }

  /// Takes out the first frame if it has arrived by `now`.
  public mutating func arrive(now: Instant) -> Frame? { takeArrived(now: now).map { Frame(stored: $0) } }

  /// The same; the frame is the caller's.
  @inlinable @inline(__always)
  public mutating func takeArrived(now: Instant) -> StoredFrame? {
    guard nextArrival <= now.rawValue, owner != nil else { return nil }
    let ring = ownRing()
    guard ring.pointee.count > 0 else { return nil }
    return removeFirst(ring).frame
  }

  /// Pulls or plugs the cable. What was on its way is handed to `lost`, oldest first.
  public mutating func setUp(_ up: Bool, now: Instant, lost: (consuming Frame) -> Void) {
    guard isUp != up else { return }
    isUp = up
    findLimits()
    guard !up else { return }
    while inFlight > 0 {
      counts.dropped &+= 1
      lost(Frame(stored: removeFirst(ownRing()).frame))
    }
    busyUntil = now.rawValue
    remainder = 0
  }

  @inlinable @inline(__always)
  mutating func removeFirst(_ ring: UnsafeMutablePointer<FlightRing.State>) -> FlightRing.Flight {
    let flight = ring.pointee.pop()
    if departed > 0 { departed &-= 1 } else { waitingBytes &-= flight.frame.count }
    if ring.pointee.count == 0 {
      nextArrival = .max
      ring.pointee.shrink()
    } else {
      nextArrival = ring.pointee[0].arrival
    }
    return flight
  }

  /// Decided on the way into the wire, as by netem: a lost frame takes no time there. If it did, what is offered beyond
  /// the rate would move `busyUntil` on without ever filling the queue. Drawn for each frame that the queue takes,
  /// lost or not: one frame's fate doesn't shift another's.
  @inline(__always)
  private mutating func isLost() -> Bool { parameters.lossThreshold != 0 && random.next() < parameters.lossThreshold }

  /// The ring, this link's alone.
  @inlinable @inline(__always)
  mutating func ownRing() -> UnsafeMutablePointer<FlightRing.State> {
    if !isKnownUniquelyReferenced(&owner) { makeRing() }
    return ring.unsafelyUnwrapped
  }

  @usableFromInline @inline(never)
  mutating func makeRing() {
    let own = owner?.copy() ?? FlightRing()
    owner = own
    ring = own.state
  }

  @inline(__always)
  private mutating func drop(_ reason: DropReason) -> Outcome {
    counts.dropped &+= 1
    return .dropped(reason)
  }

  /// Counts out of the queue what has left it by `now`.
  @inline(__always)
  private mutating func settle(_ ring: UnsafeMutablePointer<FlightRing.State>, _ now: UInt64) {
    while departed < ring.pointee.count {
      let flight = ring.pointee[departed]
      guard flight.departure <= now else { break }
      departed &+= 1
      waitingBytes &-= flight.frame.count
    }
  }
}

// MARK: - Checkpoint

extension Link: Codable {
  /// What it holds: a column for each thing.
  private struct Flights: Codable {
    var frames = FrameBlock()
    var departures: [UInt64] = []
    var arrivals: [UInt64] = []
  }

  private enum CodingKeys: CodingKey {
    case parameters, isUp, counters, random, flights, departed, busyUntil, remainder
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(isUp, forKey: .isUp)
    try container.encode(counters, forKey: .counters)
    try container.encode(random, forKey: .random)
    if let owner, owner.state.pointee.count > 0 {
      var flights = Flights()
      for index in 0..<owner.state.pointee.count {
        let flight = owner.state.pointee[index]
        flights.frames.append(flight.frame)
        flights.departures.append(flight.departure)
        flights.arrivals.append(flight.arrival)
      }
      try container.encode(flights, forKey: .flights)
    }
    try container.encode(departed, forKey: .departed)
    try container.encode(busyUntil, forKey: .busyUntil)
    try container.encode(remainder, forKey: .remainder)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    settings = try container.decode(LinkParameters.self, forKey: .parameters)
    isUp = try container.decode(Bool.self, forKey: .isUp)
    counts = try container.decode(Counters.self, forKey: .counters)
    random = try container.decode(RandomStream.self, forKey: .random)
    let flights = try container.decodeIfPresent(Flights.self, forKey: .flights) ?? Flights()
    departed = try container.decode(Int.self, forKey: .departed)
    busyUntil = try container.decode(UInt64.self, forKey: .busyUntil)
    remainder = try container.decode(UInt64.self, forKey: .remainder)
    let (departures, arrivals) = (flights.departures, flights.arrivals)
    guard departures.count == flights.frames.count, arrivals.count == flights.frames.count, departed >= 0,
      departed <= flights.frames.count, zip(arrivals, arrivals.dropFirst()).allSatisfy({ $0 <= $1 })
    else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a link's queue"))
    }
    findLimits()
    guard let first = arrivals.first else { return }
    let own = FlightRing()
    try flights.frames.unpack(into: decoder.framePool) { frame, index in
      own.state.pointee.push(
        FlightRing.Flight(frame: frame.store(), departure: departures[index], arrival: arrivals[index]))
    }
    owner = own
    ring = own.state
    nextArrival = first
    for index in departed..<own.state.pointee.count { waitingBytes &+= own.state.pointee[index].frame.count }
  }
}
