import WeftCore
import WeftDisk
import WeftStack
import WeftWire

/// The programs that run on a machine, as configured: also the order in which those due at the same moment run. A program's
/// place is the tag of its sockets.
public struct ProgramList {
  /// Shared with a copy until one of the two changes.
  private var store = ProgramStore([])
  @usableFromInline private(set) var count = 0
  /// The earliest of all; one too early does no harm.
  public private(set) var deadline = Instant.never
  /// Whether one of them uses disks.
  public private(set) var useDrives = false

  public init() {}

  public init(_ configurations: [ProgramConfiguration], machine: String, bootedAt: Instant) {
    store = ProgramStore(
      configurations.enumerated().map { index, configuration in
        configuration.program(Placement(machine: machine, index: index, start: bootedAt + configuration.start))
      })
    count = store.count
    useDrives = store.all.contains { $0.kind.usesDrives }
    for place in store.all { deadline = min(deadline, place.deadline) }
  }

  /// Whether sockets of this tag are one of theirs.
  @inlinable @inline(__always)
  public func has(_ tag: UInt64) -> Bool { tag < UInt64(truncatingIfNeeded: count) }

  /// Sees to it that the programs are this list's alone.
  @inline(__always)
  private mutating func own() {
    if !isKnownUniquelyReferenced(&store) { store = ProgramStore(programs) }
  }

  /// Where a program lies, to change it.
  @inline(__always)
  private mutating func place(_ tag: UInt64) -> UnsafeMutablePointer<ProgramStore.Place> {
    own()
    return store[Int(truncatingIfNeeded: tag)]
  }

  /// They are heard and woken no more; what they did can still be read.
  public mutating func stop() {
    count = 0
    deadline = .never
    useDrives = false
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    own()
    var earliest = Instant(.max)
    for index in 0..<store.count {
      let place = store[index]
      if place.pointee.deadline <= now {
        place.pointee.deadline = place.pointee.kind.wake(place.pointee.memory, now, &stack, &out)
      }
      earliest = min(earliest, place.pointee.deadline)
    }
    deadline = earliest
  }

  // Precondition of all of these: `has(tag)`.

  public mutating func socket(
    _ tag: UInt64, _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let place = place(tag)
    hasten(place, place.pointee.kind.socket(place.pointee.memory, id, events, now, &stack, &out))
  }

  public mutating func datagram(
    _ tag: UInt64, _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let place = place(tag)
    hasten(place, place.pointee.kind.datagram(place.pointee.memory, info, payload, now, &stack, &out))
  }

  public mutating func echoReply(
    _ tag: UInt64, _ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let place = place(tag)
    hasten(place, place.pointee.kind.echoReply(place.pointee.memory, reply, now, &stack, &out))
  }

  public mutating func failed(
    _ tag: UInt64, _ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let place = place(tag)
    hasten(place, place.pointee.kind.failed(place.pointee.memory, error, now, &stack, &out))
  }

  /// Lets those that use disks at them.
  public mutating func use(_ drives: inout Drives, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    own()
    for index in 0..<count where store[index].pointee.kind.usesDrives {
      let place = store[index]
      hasten(place, place.pointee.kind.use(place.pointee.memory, &drives, now, &stack, &out))
    }
  }

  /// What they have only in memory goes to disks. When all of it will be there.
  public mutating func flush(_ drives: inout Drives, now: Instant) -> Instant {
    guard useDrives else { return now }
    own()
    var done = now
    for index in 0..<count where store[index].pointee.kind.usesDrives {
      let place = store[index]
      let (its, own) = place.pointee.kind.flush(place.pointee.memory, &drives, now)
      done = max(done, its)
      hasten(place, own)
    }
    return done
  }

  /// Whether one of them takes nothing on since a flush.
  public var isFrozen: Bool { useDrives && store.all.prefix(count).contains { $0.program.isFrozen } }

  /// They take things on again.
  public mutating func thaw(now: Instant, _ stack: inout Stack) {
    own()
    for index in 0..<count where store[index].pointee.kind.usesDrives {
      let place = store[index]
      hasten(place, place.pointee.kind.thaw(place.pointee.memory, now, &stack))
    }
  }

  public mutating func burnt(_ tag: UInt64, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    let place = place(tag)
    hasten(place, place.pointee.kind.burnt(place.pointee.memory, now, &stack, &out))
  }

  /// A program may have set itself an earlier deadline.
  @inline(__always)
  private mutating func hasten(_ place: UnsafeMutablePointer<ProgramStore.Place>, _ own: Instant) {
    place.pointee.deadline = own
    deadline = min(deadline, own)
  }

  /// Copies, in their order.
  private var programs: [any GuestProgram] { store.all.map(\.program) }

  /// In the order of the configuration.
  public var reports: [ProgramReport] { programs.map(\.report) }

  /// The places of those that come to an end by themselves and haven't yet.
  public var unfinished: Set<Int> { Set(store.all.indices.filter { store.all[$0].program.isUnfinished }) }

  public var hasUnfinished: Bool { store.all.contains { $0.program.isUnfinished } }

  /// Of programs that fill memory, by their places.
  public func workingSets(at now: Instant) -> [(program: Int, set: WorkingSet)] {
    programs.enumerated().compactMap { index, program in program.workingSet(at: now).map { (index, $0) } }
  }

  /// Their machine gets so many thousandths of its CPU from now on.
  public mutating func throttle(to share: UInt64, now: Instant) {
    store = ProgramStore(
      programs.map { program in
        var program = program
        program.throttle(to: share, now: now)
        return program
      })
  }

  /// Of a decoded one: that every program can go on from where it is.
  public var isConsistent: Bool { programs.allSatisfy { $0.isConsistent } }
}

extension ProgramList: Codable {
  /// A program beside the name of its kind.
  private struct Entry: Codable {
    var program: any GuestProgram

    private enum CodingKeys: CodingKey { case kind, state }

    init(_ program: any GuestProgram) { self.program = program }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(type(of: program).name, forKey: .kind)
      try container.encode(program, forKey: .state)
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      let kind = try decoder.programKind(try container.decode(String.self, forKey: .kind))
      program = try container.decode(kind, forKey: .state)
    }
  }

  private enum CodingKeys: CodingKey { case programs, deadline, isStopped }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(programs.map { Entry($0) }, forKey: .programs)
    try container.encode(deadline, forKey: .deadline)
    try container.encode(count < store.count, forKey: .isStopped)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    store = ProgramStore(try container.decode([Entry].self, forKey: .programs).map(\.program))
    count = try container.decode(Bool.self, forKey: .isStopped) ? 0 : store.count
    useDrives = count > 0 && store.all.contains { $0.kind.usesDrives }
    deadline = try container.decode(Instant.self, forKey: .deadline)
  }
}
