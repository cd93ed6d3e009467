import WeftCore
import WeftGuest
import WeftTopology

/// A run without a duration that didn't come to rest by itself and was ended.
public struct Cut: Codable, Hashable, Sendable {
  /// What was waited for after the last of these.
  public enum Last: String, Codable, Sendable { case start, event, check }

  public var last: Last
  public var lastAt: Nanoseconds
  public var at: Instant
  /// The programs that were still at it.
  public var unfinished: [String]
}

extension Cut: CustomStringConvertible {
  public var description: String {
    let patience = at - (.start + lastAt)
    let still = unfinished.isEmpty ? "connections were still open" : "unfinished: \(unfinished.joined(separator: "; "))"
    return "cut \(patience) after the last \(last.rawValue) (at \(lastAt)); \(still)"
  }
}

extension Topology {
  /// The last thing that the file plans: how long a run without a duration waits at most is counted from it.
  var lastPlanned: (last: Cut.Last, at: Nanoseconds) {
    let starts = (hosts.flatMap(\.programs) + vms.flatMap(\.programs)).map(\.start).max() ?? .zero
    let event = events.map(\.at).max() ?? .zero
    let check = expectations.map { $0.timing.end + $0.timeout }.max() ?? .zero
    if check > starts, check > event { return (.check, check) }
    return event > starts ? (.event, event) : (.start, starts)
  }
}

extension Simulation {
  /// Nil where the run came to rest, or had a time of its own.
  var cut: Cut? {
    guard director.wasCut else { return nil }
    let (last, at) = topology.lastPlanned
    var unfinished: [String] = []
    for program in world.programs {
      guard let id = world.names.machines[program.machine].flatMap({ world.machine($0) }) else { continue }
      let machine = world.elements.machines[id]
      guard machine.state.runs, machine.guest.unfinishedPrograms.contains(program.report.index) else { continue }
      unfinished.append(Report.line(program))
    }
    return Cut(last: last, lastAt: at, at: world.now, unfinished: unfinished)
  }
}
