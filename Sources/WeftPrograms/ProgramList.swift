import WeftCore
import WeftStack
import WeftWire

/// The programs that run on a machine, as configured: also the order in which those due at the same moment run. A program's
/// place is the tag of its sockets.
public struct ProgramList {
  private var programs: [any GuestProgram] = []
  /// The earliest of all.
  public private(set) var deadline = Instant.never

  public init() {}

  public init(_ configurations: [ProgramConfiguration], machine: String, bootedAt: Instant) {
    for (index, configuration) in configurations.enumerated() {
      programs.append(
        configuration.program(Placement(machine: machine, index: index, start: bootedAt + configuration.start)))
    }
    for program in programs { deadline = min(deadline, program.deadline) }
  }

  /// Whether sockets of this tag are one of theirs.
  @inline(__always)
  public func has(_ tag: UInt64) -> Bool { tag < UInt64(programs.count) }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    var earliest = Instant(.max)
    for index in programs.indices {
      if programs[index].deadline <= now { programs[index].wake(now: now, &stack, &out) }
      earliest = min(earliest, programs[index].deadline)
    }
    deadline = earliest
  }

  // Precondition of all of these: `has(tag)`.

  public mutating func socket(
    _ tag: UInt64, _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    programs[Int(tag)].socket(id, events, now: now, &stack, &out)
    hasten(tag)
  }

  public mutating func datagram(
    _ tag: UInt64, _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    programs[Int(tag)].datagram(info, payload, now: now, &stack, &out)
    hasten(tag)
  }

  public mutating func echoReply(
    _ tag: UInt64, _ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    programs[Int(tag)].echoReply(reply, now: now, &stack, &out)
    hasten(tag)
  }

  public mutating func failed(
    _ tag: UInt64, _ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    programs[Int(tag)].failed(error, now: now, &stack, &out)
    hasten(tag)
  }

  /// It may have set itself an earlier deadline; one too early does no harm.
  @inline(__always)
  private mutating func hasten(_ tag: UInt64) { deadline = min(deadline, programs[Int(tag)].deadline) }

  /// In the order of the configuration.
  public var reports: [ProgramReport] { programs.map(\.report) }

  /// The places of those that come to an end by themselves and haven't yet.
  public var unfinished: Set<Int> { Set(programs.indices.filter { programs[$0].isUnfinished }) }

  public var hasUnfinished: Bool { programs.contains { $0.isUnfinished } }

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

  private enum CodingKeys: CodingKey { case programs, deadline }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(programs.map(Entry.init), forKey: .programs)
    try container.encode(deadline, forKey: .deadline)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    programs = try container.decode([Entry].self, forKey: .programs).map(\.program)
    deadline = try container.decode(Instant.self, forKey: .deadline)
  }
}
