import WeftCore

/// Why a run was ended: it made no progress.
public struct Stall: Error, Sendable, Codable, Hashable {
  public enum Kind: String, Sendable, Codable {
    /// More happened at one moment than may.
    case moment
    /// More frames were under way at once than may.
    case frames
  }

  public var kind: Kind
  public var at: Instant
  /// What had most to do at the end: a port whose cable brought frames, or a machine, gateway or server that woke.
  public var element: String
  /// How many frames and timers at the moment, or frames at once.
  public var count: Int
}

extension Stall: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .moment:
      "no progress at \(at) of virtual time: \(count) events happened at this one moment, most of them at \(element). "
        + "Over cables without delay and rate all takes no time; give them one of the two"
    case .frames:
      "too much under way at \(at) of virtual time: \(count) frames wait or fly, and most happened at \(element). "
        + "A smaller queue, rate or delay holds less"
    }
  }
}

/// Sees to it that time goes on and that memory is bounded. Virtual time stands still while events happen, so that a circle
/// without a delay would never end.
struct Watchdog {
  /// Frames that arrive and elements that wake at one moment: some gigabytes over cables that take no time.
  static let most = 10_000_000
  /// And for each element and cable as many more: where thousands call out to thousands, that is so many.
  static let mostEach = 10_000
  /// Frames that exist at once, of 2 KiB each: 1 GiB.
  static let frames = 1 << 19
  /// Of the last ones of a moment it is noted whose they are.
  private static let noted = 1 << 16

  private var moment = Instant.start
  private var events = 0
  /// Deliveries before the moment, and all that had happened in it when it was noted last.
  private var before = 0
  private var notedUpTo = 0
  private var limit: Int
  private var tally: [Scheduler.Source: Int] = [:]
  /// So often a frame may be handed on without its seeing it; counted they are all the same.
  static let unseen = 1 << 12

  init(limit: Int = Watchdog.most) { self.limit = limit }

  static func limit(sources: Int) -> Int { most + mostEach * sources }

  private func count(_ delivered: Int) -> Int { events &+ (delivered &- before) }

  /// Whether too much has happened at this moment, before the source does something.
  mutating func sees(_ source: Scheduler.Source, at now: Instant, delivered: Int) -> Bool {
    counts(at: now, delivered) && note(source, delivered)
  }

  /// Whether that may be: well before it is, so that all is seen from the first that is noted on.
  @inline(__always)
  mutating func counts(at now: Instant, _ delivered: Int) -> Bool {
    if now != moment {
      moment = now
      events = 1
      before = delivered
      return false
    }
    events &+= 1
    return count(delivered) > limit &- 2 * Self.noted
  }

  fileprivate mutating func note(_ source: Scheduler.Source, _ delivered: Int) -> Bool {
    let count = count(delivered)
    guard count > limit - Self.noted else { return false }
    if notedUpTo > count || notedUpTo <= limit - Self.noted { (tally, notedUpTo) = ([:], count) }
    // What happened since is the one's before, near enough: they take turns.
    tally[source, default: 0] += 1 + count - notedUpTo
    notedUpTo = count
    return count >= limit
  }

  func stall(in world: borrowing World, at now: Instant) -> Stall {
    let count = count(world.delivered)
    let isMoment = now == moment && count >= limit
    let busiest = isMoment ? tally.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key : world.fullest
    return Stall(
      kind: isMoment ? .moment : .frames, at: now, element: busiest.map { world.name(of: $0) } ?? "the run",
      count: isMoment ? count : world.pool.outstanding)
  }
}

extension Simulation {
  /// Ends the run where it makes no progress. The event is left where it was.
  @inline(__always)
  mutating func isStuck(before next: (source: Scheduler.Source, at: Instant)) -> Bool {
    guard watchdog.counts(at: next.at, world.delivered) || world.pool.outstanding > Watchdog.frames else { return false }
    return isEndless(before: next)
  }

  @inline(never)
  private mutating func isEndless(before next: (source: Scheduler.Source, at: Instant)) -> Bool {
    world.watched = next.at
    guard watchdog.note(next.source, world.delivered) || world.pool.outstanding > Watchdog.frames else { return false }
    stall = watchdog.stall(in: world, at: next.at)
    world.scheduler.schedule(next.source, at: next.at)
    return true
  }
}

extension World {
  /// The link that holds most frames.
  var fullest: Scheduler.Source? {
    links.ids.max { links[$0].inFlight < links[$1].inFlight }.map { .link($0) }
  }

  func name(of source: Scheduler.Source) -> String {
    switch source {
    case .director: "the file's events and checks"
    case .probes: "the checks' probes"
    case .processors: "the hosts' cpus"
    case .link(let link): graph.ports[graph.ends[link].to].name
    case .node(let node): name(node)
    }
  }
}
