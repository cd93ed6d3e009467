import WeftCapture
import WeftCore
import WeftTopology
import WeftWire

/// What to write of a run.
public struct CaptureOptions: Sendable {
  /// nil keeps the captures in memory.
  public var directory: String?
  public var format: CaptureFormat
  /// Nanoseconds since 1970 at which virtual time begins: fixed, or a run wouldn't give the same bytes twice.
  public var epoch: UInt64
  /// The most bytes in all files together, standing over the file's own; nil leaves it to the file, which may say nothing.
  public var limit: UInt64?

  /// Of a file that doesn't say: half a minute of disk, and more than anybody reads.
  public static let standardLimit: UInt64 = 4_000_000_000

  public init(
    directory: String?, format: CaptureFormat = .pcapng, epoch: UInt64 = CaptureSet.defaultEpoch, limit: UInt64? = nil
  ) {
    self.directory = directory
    self.format = format
    self.epoch = epoch
    self.limit = limit
  }
}

/// Why a run can't begin.
public enum SimulationError: Error, CustomStringConvertible {
  case capture(CaptureError)
  case filter(CaptureFilterError)

  public var description: String {
    switch self {
    case .capture(let error): error.description
    case .filter(let error): error.description
    }
  }
}

/// A topology run in virtual time: same file and seed, same bytes.
///
///     var simulation = try Simulation(topology, captures: CaptureOptions(directory: "captures/lab"))
///     simulation.run()
///     let report = try simulation.finish()
public struct Simulation: ~Copyable {
  /// With one more check, where something was asked (`ask`).
  public internal(set) var topology: Topology
  public let seed: UInt64
  public internal(set) var world: World
  var director: Director
  var watchdog = Watchdog()
  /// The lab at moments that an event asked for.
  var kept: [KeptImage] = []
  /// Why the run can't go on: set once, and then nothing more happens.
  public internal(set) var stall: Stall?

  /// Builds the world. `seed` and `until` stand over the file's own.
  public init(
    _ topology: Topology, seed: UInt64? = nil, until: Instant? = nil, captures: CaptureOptions? = nil
  ) throws(SimulationError) {
    self.topology = topology
    self.seed = seed ?? topology.seed
    world = WorldBuilder(topology: topology, seed: self.seed).build()
    director = Director(topology, until: until)
    watchdog = Watchdog(limit: Watchdog.limit(sources: world.links.count + world.graph.nodes.count))
    if let captures {
      let set = try Self.makeCaptures(topology, seed: self.seed, captures, world)
      world.attach(set, topology)
    }
    scheduleDirector()
  }

  init(topology: Topology, seed: UInt64, world: consuming World, director: Director) {
    self.topology = topology
    self.seed = seed
    self.world = world
    self.director = director
    watchdog = Watchdog(limit: Watchdog.limit(sources: self.world.links.count + self.world.graph.nodes.count))
    scheduleDirector()
  }

  public var now: Instant { world.now }
  public var isOver: Bool { director.isOver }
  /// Expectations that are decided, of how many.
  public var progress: (decided: Int, of: Int) { (director.decidedCount, topology.expectations.count) }
  /// When the run will be over at the latest, as far as is known now.
  public var end: Instant { director.end }

  /// Runs until it is over, everything up to and including `limit` has happened, or `events` events have been handled.
  /// Returns whether there is more to do before `limit`. `stop` is asked between events, save where a frame goes on at once.
  @discardableResult
  public mutating func run(until limit: Instant = .never, events: Int = .max, stop: () -> Bool) -> Bool {
    go(until: limit, events, stop)
  }

  @discardableResult
  public mutating func run(until limit: Instant = .never, events: Int = .max) -> Bool {
    go(until: limit, events) { false }
  }

  /// Compiled for each of the two: where nobody can stop it, nobody is asked.
  @inline(__always)
  private mutating func go(until limit: Instant, _ events: Int, _ stop: () -> Bool) -> Bool {
    defer { world.bookFloods() }
    world.eventsLeft = events
    guard !director.isOver, stall == nil else { return false }
    while true {
      guard world.eventsLeft > 0, !stop() else { return true }
      world.eventsLeft &-= 1
      guard let next = world.scheduler.pop(notAfter: limit) else { return false }
      if isStuck(before: next) { return false }
      if handle(next), director.isOver { return false }
    }
  }

  /// Whether the director had a say in it.
  @inline(__always)
  mutating func handle(_ next: (source: Scheduler.Source, at: Instant)) -> Bool {
    world.now = next.at
    switch next.source {
    case .director:
      world.eventCount &+= 1
      director.wake(topology, &world)
      if director.checkpoint != nil { keep() }
      // Nothing comes after the end, at its moment neither: tries that end then do so here.
      if director.isOver { world.wakeProbes() }
      director.collect(topology, &world)
      scheduleDirector()
    case .probes:
      world.eventCount &+= 1
      world.wakeProbes()
      world.wakeMigrations()
      world.wakeStandbys()
      world.wakeRestarts()
      director.collect(topology, &world)
      scheduleDirector()
    case .link, .processors, .node:
      world.step(next.source)
      guard world.hasProbeNews || !world.recorder.losses.isEmpty else { return false }
      director.collect(topology, &world)
      scheduleDirector()
    }
    return true
  }

  /// Whether the captures can't be written any more: there is no point in going on.
  public var hasLostCaptures: Bool { world.recorder.captures?.failure != nil }

  /// Ends the run without its captures.
  public mutating func abandon() { world.recorder.captures?.abandon() }

  /// The director's deadline, and that of the probes that it started.
  mutating func scheduleDirector() {
    world.scheduler.scheduleDirector(at: max(director.deadline(topology, world), world.now))
    let hosts = min(world.migrations.deadline, min(world.restartDeadline, world.standbys.deadline))
    world.scheduler.scheduleProbes(at: director.isOver ? .never : max(min(world.probes.deadline, hosts), world.now))
  }

  private static func makeCaptures(
    _ topology: Topology, seed: UInt64, _ options: CaptureOptions, _ world: borrowing World
  ) throws(SimulationError) -> CaptureSet {
    var filter: CaptureFilter?
    if let expression = topology.capture.filter {
      do { filter = try CaptureFilter(expression: expression) } catch { throw .filter(error) }
    }
    let metadata = world.captureMetadata(topology, seed: seed)
    do throws(CaptureError) {
      return try CaptureSet(
        directory: options.directory, format: options.format, metadata: metadata, epoch: options.epoch,
        snaplen: topology.capture.snaplen, filter: filter,
        limit: options.limit ?? topology.capture.limit ?? CaptureOptions.standardLimit)
    } catch {
      throw .capture(error)
    }
  }
}
