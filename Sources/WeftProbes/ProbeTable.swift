import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// The probes of a lab that are under way. It knows machines by number; whoever drives it hands in the stack of the machine
/// that a probe is on.
public struct ProbeTable {
  private(set) var runs: [ProbeRun] = []
  /// Of those that ended, in order; partners have none.
  private(set) var results: [(machine: Int, result: ProbeResult)] = []
  /// The earliest of all.
  public private(set) var deadline = Instant.never

  public init() {}

  init(runs: [ProbeRun], results: [(machine: Int, result: ProbeResult)]) {
    (self.runs, self.results) = (runs, results)
    collect()
  }

  /// What a socket of a probe is tagged with, other than any program's. Two that meet share a trace, and may share a machine.
  public static func tag(of trace: UInt32, isPartner: Bool) -> UInt64 {
    1 << 63 | (isPartner ? 1 << 32 : 0) | UInt64(trace)
  }

  /// Whether a tag is a probe's.
  @inlinable
  public static func owns(_ tag: UInt64) -> Bool { tag >> 63 != 0 }

  public var isEmpty: Bool { runs.isEmpty }
  public var hasResults: Bool { !results.isEmpty }
  public func isOn(_ machine: Int) -> Bool { runs.contains { $0.machine == machine } }

  /// Those finished since last asked: by machine, and of each in order of finishing.
  public mutating func takeResults() -> [(machine: Int, result: ProbeResult)] {
    let taken = results
    results = []
    return taken.enumerated().sorted { ($0.element.machine, $0.offset) < ($1.element.machine, $1.offset) }.map(\.element)
  }

  // MARK: Driving

  /// Starts a probe; it waits until the machine has an address, within its timeout.
  public mutating func start(
    _ probe: ProbeConfiguration, on machine: Int, isRunning: Bool = true, now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) {
    runs.append(ProbeRun(probe, on: machine, now: now))
    runs[runs.count - 1].wake(isRunning: isRunning, now: now, &stack, &out)
    collect()
  }

  /// The machine of the first that is due.
  public func due(now: Instant) -> Int? { runs.first { $0.deadline <= now }?.machine }

  /// Wakes those on this machine that are due.
  public mutating func wake(_ machine: Int, isRunning: Bool, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    for index in runs.indices where runs[index].machine == machine && runs[index].deadline <= now {
      runs[index].wake(isRunning: isRunning, now: now, &stack, &out)
    }
    collect()
  }

  /// The machine lost its power: all that was tried there is over.
  public mutating func stop(_ machine: Int, now: Instant) {
    for index in runs.indices where runs[index].machine == machine { runs[index].stop(now: now) }
    collect()
  }

  /// Ends a probe before its time; nil where there is none with this trace.
  public mutating func abandon(_ trace: UInt32, now: Instant, _ stack: inout Stack) -> ProbeResult? {
    guard let index = runs.firstIndex(where: { $0.result.trace == trace && !$0.isPartner }) else { return nil }
    runs[index].abandon(now: now, &stack)
    let result = runs.remove(at: index).result
    collect()
    return result
  }

  private mutating func collect() {
    if runs.contains(where: \.isFinished) {
      for run in runs where run.isFinished && !run.isPartner { results.append((run.machine, run.result)) }
      runs.removeAll { $0.isFinished }
    }
    deadline = .never
    for run in runs { deadline = min(deadline, run.deadline) }
  }

  // MARK: What happens on a machine

  /// Tells a probe of something that happened to one of its sockets.
  public mutating func tell(
    _ event: SocketEvent, on machine: Int, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let own = stack.time(now)
    switch event {
    case .socket(let tag, let id, let events):
      change(machine, tag, now: now, &stack) { $0.socket(id, events, now: own, &$1, &out) }
    case .datagram(let tag, let info, let payload):
      change(machine, tag, now: now, &stack) { $0.datagram(info, payload.span.bytes, now: own, &$1, &out) }
    case .echoReply(let tag, let reply):
      change(machine, tag, now: now, &stack) { $0.echoReply(reply, now: own, &$1, &out) }
    case .notice(.failed(let tag, let error)):
      change(machine, tag, now: now, &stack) { $0.failed(error, now: own, &$1, &out) }
    case .notice(.foreign(let tag, let from)):
      change(machine, tag, now: now, &stack) { probe, _ in probe.strayed(from: from, toPort: 0) }
    case .notice(.stray(let trace, let from, let port)):
      for isPartner in [false, true] {
        change(machine, Self.tag(of: trace, isPartner: isPartner), now: now, &stack) { probe, _ in
          probe.strayed(from: from, toPort: port)
        }
      }
    }
    collect()
  }

  private mutating func change(
    _ machine: Int, _ tag: UInt64, now: Instant, _ stack: inout Stack, _ body: (inout any Probe, inout Stack) -> Void
  ) {
    guard let index = runs.firstIndex(where: { $0.machine == machine && $0.tag == tag }) else { return }
    runs[index].change(now: now, &stack, body)
  }

  /// Of a decoded one: `machines` are those there are.
  public func isConsistent(machines: (Int) -> Bool) -> Bool {
    runs.allSatisfy { run in
      guard machines(run.machine) else { return false }
      guard case .running(let probe) = run.state else { return true }
      return probe.isConsistent
    } && results.allSatisfy { machines($0.machine) }
  }
}
