/// What a link holds, oldest first: a ring that doubles when it is full. It owns its frames: those still in flight when
/// the link goes away go back to their pool, and a copy of a link that changes has frames of its own: marks are written
/// where a frame lies.
@usableFromInline
final class FlightRing {
  @usableFromInline
  struct Flight: BitwiseCopyable {
    @usableFromInline var frame: StoredFrame
    /// When its last bit is on the wire.
    @usableFromInline var departure: UInt64
    @usableFromInline var arrival: UInt64

    @inlinable @inline(__always)
    init(frame: StoredFrame, departure: UInt64, arrival: UInt64) {
      self.frame = frame
      self.departure = departure
      self.arrival = arrival
    }
  }

  /// Behind a pointer that the link keeps too: on the frame path no retain, and no exclusivity or bounds check.
  @usableFromInline
  struct State: BitwiseCopyable {
    @usableFromInline private(set) var flights: UnsafeMutablePointer<Flight>
    /// The capacity, a power of two, less one.
    @usableFromInline private(set) var mask: Int
    @usableFromInline var head = 0
    @usableFromInline var count = 0

    init(capacity: Int) {
      flights = .allocate(capacity: capacity)
      mask = capacity - 1
    }

    func deallocate() { flights.deallocate() }

    /// Counted from the oldest. Precondition: index < count.
    @inlinable @inline(__always)
    subscript(index: Int) -> Flight { flights[(head &+ index) & mask] }

    func swapAt(_ a: Int, _ b: Int) {
      let flight = self[a]
      flights[(head &+ a) & mask] = self[b]
      flights[(head &+ b) & mask] = flight
    }

    @inlinable @inline(__always)
    mutating func push(_ flight: Flight) {
      if count > mask { grow() }
      flights[(head &+ count) & mask] = flight
      count &+= 1
    }

    /// Precondition: count > 0.
    @inlinable @inline(__always)
    mutating func pop() -> Flight {
      let flight = flights[head]
      head = (head &+ 1) & mask
      count &-= 1
      return flight
    }

    /// From this capacity on an empty ring gives its memory back: one storm of broadcasts must not cost every cable of a
    /// large network for ever. A burst that fills such a ring pays for it many times over.
    @inlinable static var large: Int { 255 }

    /// Precondition: it is empty.
    @inlinable @inline(__always)
    mutating func shrink() {
      if mask >= Self.large { makeSmall() }
    }

    @usableFromInline @inline(never)
    mutating func makeSmall() {
      deallocate()
      self = State(capacity: 4)
    }

    @usableFromInline
    mutating func grow() {
      var larger = State(capacity: (mask + 1) * 2)
      for index in 0..<count { larger.push(self[index]) }
      deallocate()
      self = larger
    }
  }

  let state: UnsafeMutablePointer<State>

  init() {
    state = .allocate(capacity: 1)
    state.initialize(to: State(capacity: 4))
  }

  deinit {
    while state.pointee.count > 0 { _ = Frame(stored: state.pointee.pop().frame) }
    state.pointee.deallocate()
    state.deallocate()
  }

  func copy() -> FlightRing {
    let copy = FlightRing()
    for index in 0..<state.pointee.count {
      var flight = state.pointee[index]
      flight.frame = flight.frame.copy().store()
      copy.state.pointee.push(flight)
    }
    return copy
  }
}
