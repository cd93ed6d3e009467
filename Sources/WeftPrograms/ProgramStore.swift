import WeftCore
import WeftDisk
import WeftStack
import WeftWire

/// The programs of a machine where they lie, each in memory of its own and called there through its kind. In an array of
/// `any GuestProgram` each call would first see to it that nobody else has the array, and then the program's box. Here whoever
/// is about to change something makes sure of the one owner once.
final class ProgramStore {
  struct Place {
    let kind: any GuestProgram.Type
    let memory: UnsafeMutableRawPointer
    /// Kept beside the program: asking costs more than most that it does.
    var deadline: Instant

    fileprivate init<P: GuestProgram>(_ program: P) {
      kind = P.self
      memory = program.placed()
      deadline = program.deadline
    }

    /// A copy.
    var program: any GuestProgram { kind.copy(memory) }
  }

  private let places: UnsafeMutablePointer<Place>
  let count: Int

  init(_ programs: [any GuestProgram]) {
    count = programs.count
    places = .allocate(capacity: count)
    for (index, program) in programs.enumerated() { (places + index).initialize(to: Place(program)) }
  }

  deinit {
    for place in all { place.kind.destroy(place.memory) }
    places.deinitialize(count: count)
    places.deallocate()
  }

  var all: UnsafeMutableBufferPointer<Place> { UnsafeMutableBufferPointer(start: places, count: count) }

  @inline(__always)
  subscript(index: Int) -> UnsafeMutablePointer<Place> {
    precondition(index < count)
    return places + index
  }
}

// A program in memory that is known to hold one of its kind. Each call gives back the deadline after it.
extension GuestProgram {
  @inline(__always)
  private static func at(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Self> {
    memory.assumingMemoryBound(to: Self.self)
  }

  fileprivate func placed() -> UnsafeMutableRawPointer {
    let place = UnsafeMutablePointer<Self>.allocate(capacity: 1)
    place.initialize(to: self)
    return UnsafeMutableRawPointer(place)
  }

  fileprivate static func copy(_ memory: UnsafeMutableRawPointer) -> any GuestProgram { at(memory).pointee }

  fileprivate static func destroy(_ memory: UnsafeMutableRawPointer) {
    at(memory).deinitialize(count: 1)
    at(memory).deallocate()
  }

  /// What it is then due. As a call on itself, since reading through the pointer would copy the program.
  @inline(__always)
  private mutating func deadline(after call: (inout Self) -> Void) -> Instant {
    call(&self)
    return deadline
  }

  static func wake(
    _ memory: UnsafeMutableRawPointer, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.wake(now: now, &stack, &out) }
  }

  static func socket(
    _ memory: UnsafeMutableRawPointer, _ id: SocketID, _ events: SocketEvents, _ now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.socket(id, events, now: now, &stack, &out) }
  }

  static func datagram(
    _ memory: UnsafeMutableRawPointer, _ info: DatagramInfo, _ payload: RawSpan, _ now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.datagram(info, payload, now: now, &stack, &out) }
  }

  static func burnt(
    _ memory: UnsafeMutableRawPointer, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.burnt(now: now, &stack, &out) }
  }

  static func echoReply(
    _ memory: UnsafeMutableRawPointer, _ reply: EchoReply, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.echoReply(reply, now: now, &stack, &out) }
  }

  static func failed(
    _ memory: UnsafeMutableRawPointer, _ error: SocketError, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.failed(error, now: now, &stack, &out) }
  }

  static func use(
    _ memory: UnsafeMutableRawPointer, _ drives: inout Drives, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    at(memory).pointee.deadline { $0.use(&drives, now: now, &stack, &out) }
  }

  static func flush(
    _ memory: UnsafeMutableRawPointer, _ drives: inout Drives, _ now: Instant
  ) -> (done: Instant, deadline: Instant) {
    let done = at(memory).pointee.flush(&drives, now: now)
    return (done, at(memory).pointee.deadline)
  }

  static func thaw(_ memory: UnsafeMutableRawPointer, _ now: Instant, _ stack: inout Stack) -> Instant {
    at(memory).pointee.deadline { $0.thaw(now: now, &stack) }
  }
}
