import WeftCore
import WeftStack
import WeftWire

/// The programs that run on a machine, as configured: also the order in which those due at the same moment run. A program's
/// place is the tag of its sockets.
public struct ProgramList {
  /// A program and its deadline, which is kept beside it: asking a boxed value costs more than most that it does.
  private struct Running {
    var program: any GuestProgram
    var deadline: Instant

    init(_ program: any GuestProgram) {
      self.program = program
      deadline = program.deadline
    }
  }

  private var running: [Running] = []
  /// The earliest of all.
  public private(set) var deadline = Instant.never

  public init() {}

  public init(_ configurations: [ProgramConfiguration], machine: String, bootedAt: Instant) {
    for (index, configuration) in configurations.enumerated() {
      let place = Placement(machine: machine, index: index, start: bootedAt + configuration.start)
      running.append(Running(configuration.program(place)))
    }
    for program in running { deadline = min(deadline, program.deadline) }
  }

  /// Whether sockets of this tag are one of theirs.
  @inline(__always)
  public func has(_ tag: UInt64) -> Bool { tag < UInt64(running.count) }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    var earliest = Instant(.max)
    for index in running.indices {
      if running[index].deadline <= now {
        running[index].deadline = running[index].program.deadlineAfterWake(now, &stack, &out)
      }
      earliest = min(earliest, running[index].deadline)
    }
    deadline = earliest
  }

  // Precondition of all of these: `has(tag)`.

  public mutating func socket(
    _ tag: UInt64, _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    hasten(tag, running[Int(tag)].program.deadlineAfter(id, events, now, &stack, &out))
  }

  public mutating func datagram(
    _ tag: UInt64, _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    hasten(tag, running[Int(tag)].program.deadlineAfter(info, payload, now, &stack, &out))
  }

  public mutating func echoReply(
    _ tag: UInt64, _ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    running[Int(tag)].program.echoReply(reply, now: now, &stack, &out)
    hasten(tag, running[Int(tag)].program.deadline)
  }

  public mutating func failed(
    _ tag: UInt64, _ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    running[Int(tag)].program.failed(error, now: now, &stack, &out)
    hasten(tag, running[Int(tag)].program.deadline)
  }

  /// It may have set itself an earlier deadline; one too early does no harm.
  @inline(__always)
  private mutating func hasten(_ tag: UInt64, _ own: Instant) {
    running[Int(tag)].deadline = own
    deadline = min(deadline, own)
  }

  /// In the order of the configuration.
  public var reports: [ProgramReport] { running.map(\.program.report) }

  /// The places of those that come to an end by themselves and haven't yet.
  public var unfinished: Set<Int> { Set(running.indices.filter { running[$0].program.isUnfinished }) }

  public var hasUnfinished: Bool { running.contains { $0.program.isUnfinished } }

  /// Of a decoded one: that every program can go on from where it is.
  public var isConsistent: Bool { running.allSatisfy { $0.program.isConsistent } }
}

// In place, and each gives back the deadline after it: so a boxed program is neither copied nor counted.
extension GuestProgram {
  fileprivate mutating func deadlineAfterWake(_ now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Instant {
    wake(now: now, &stack, &out)
    return deadline
  }

  fileprivate mutating func deadlineAfter(
    _ id: SocketID, _ events: SocketEvents, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    socket(id, events, now: now, &stack, &out)
    return deadline
  }

  fileprivate mutating func deadlineAfter(
    _ info: DatagramInfo, _ payload: RawSpan, _ now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Instant {
    datagram(info, payload, now: now, &stack, &out)
    return deadline
  }
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

  private enum CodingKeys: CodingKey { case programs, deadline }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(running.map { Entry($0.program) }, forKey: .programs)
    try container.encode(deadline, forKey: .deadline)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    running = try container.decode([Entry].self, forKey: .programs).map { Running($0.program) }
    deadline = try container.decode(Instant.self, forKey: .deadline)
  }
}
