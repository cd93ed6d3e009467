import WeftCore
import WeftGuest
import WeftHypervisor
import WeftProbes
import WeftPrograms
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

/// Makes happen what the file plans, tries its expectations, and knows when the run is over.
struct Director: Codable {
  /// How often it looks whether everything is done, once there is nothing else to wait for.
  private static let idleCheck = Nanoseconds.milliseconds(100)
  /// What the last connection needs to close in the captures.
  private static let linger = Nanoseconds.seconds(1)
  /// A run without a duration doesn't wait longer than this for programs after the last thing planned.
  private static let patience = Nanoseconds.seconds(60)

  /// Tries that begin at one moment: thousands at once would fill the queues of those who try, and fail by their own load.
  private static let startsAtOnce = 100
  private static let startInterval = Nanoseconds.milliseconds(1)

  private var booted = 0
  private var nextEvent = 0
  /// The events in the order of time; of equal ones, the order of the file.
  private let eventOrder: [Int]
  private var runs: [ExpectationRun]
  private var nextTrace: UInt32 = 1
  private var nextIdleCheck: Instant
  /// Tries that are due wait until then for those that began just now.
  private var startsFrom = Instant.start
  /// Set once everything is done.
  private(set) var end: Instant
  private(set) var isOver = false
  /// Events that couldn't be carried out, in words.
  private(set) var complaints: [String] = []
  /// When which expectation has something to do; made anew from them where it isn't at hand.
  private var agenda: Agenda?
  /// The question of `weft explain`: an expectation beside the file's, tried at its very moment, before all others.
  private(set) var asked: Int?
  /// Whose try a trace is; like the agenda.
  private var owners: [UInt32: Int]?
  /// Which future it directs.
  private(set) var future = Future.main
  /// Of the run itself: those that its events began.
  private(set) var futures: [Future] = []
  /// A checkpoint that an event asks for: to be taken before anything else happens.
  var checkpoint: String?
  /// Those that were taken.
  private var checkpoints: [String] = []

  private enum CodingKeys: CodingKey {
    case booted, nextEvent, eventOrder, runs, nextTrace, nextIdleCheck, startsFrom, end, isOver, complaints, future, futures,
      checkpoint, checkpoints
  }

  init(_ topology: Topology, until: Instant?) {
    eventOrder = topology.events.indices.sorted { (topology.events[$0].at, $0) < (topology.events[$1].at, $1) }
    runs = topology.expectations.enumerated().map { ExpectationRun(index: $0, timing: $1.timing) }
    if let fixed = until ?? topology.duration.map({ .start + $0 }) {
      end = fixed
      nextIdleCheck = .never
    } else {
      end = .start + topology.lastPlanned.at + Self.patience
      nextIdleCheck = .start + Self.linger
    }
    tellFuturesApart(topology)
  }

  /// Whether it ended for want of patience: it neither came to rest nor had a time of its own.
  var wasCut: Bool { isOver && nextIdleCheck != .never }

  /// Ends the run at this moment instead, as `until` does from the beginning.
  mutating func end(at moment: Instant) {
    end = moment
    nextIdleCheck = .never
    isOver = false
  }

  /// Adds an expectation to the file's, which the topology has by now as its last.
  mutating func ask(_ index: Int, _ timing: Expectation.Timing) {
    runs.append(ExpectationRun(index: index, timing: timing))
    asked = index
    agenda = nil
  }

  private mutating func tellFuturesApart(_ topology: Topology) {
    for index in runs.indices {
      let wanted = topology.expectations[index].future
      runs[index].isElsewhere = wanted != nil && wanted != future
    }
    agenda = nil
  }

  /// From now on it directs another future than the one it has directed so far.
  mutating func turn(to future: Future, _ topology: Topology) {
    self.future = future.name
    (futures, complaints) = ([], [])
    tellFuturesApart(topology)
    // What is decided by now is of the past that both have.
    for index in runs.indices where runs[index].verdict != nil { runs[index].isElsewhere = true }
  }

  func verdict(of index: Int) -> Verdict? { runs[index].verdict }
  func cause(of index: Int) -> Cause? { runs[index].cause }

  /// Whether a decoded one goes with its topology.
  func fits(_ topology: Topology, machines: Int) -> Bool {
    (0...machines).contains(booted) && (0...topology.events.count).contains(nextEvent)
      && eventOrder.sorted() == Array(topology.events.indices)
      && runs.map(\.index) == Array(topology.expectations.indices) && runs.allSatisfy(\.isConsistent)
  }

  mutating func deadline(_ topology: Topology, _ world: borrowing World) -> Instant {
    guard !isOver else { return .never }
    var earliest = min(end, nextIdleCheck)
    if booted < world.bootOrder.count { earliest = min(earliest, world.bootOrder[booted].at) }
    if nextEvent < topology.events.count {
      earliest = min(earliest, .start + topology.events[eventOrder[nextEvent]].at)
    }
    if let asked { earliest = min(earliest, runs[asked].deadline) }
    earliest = min(earliest, world.storage.deadline)
    return min(earliest, max(withAgenda { $0.earliest }, startsFrom))
  }

  private mutating func withAgenda<T>(_ body: (inout Agenda) -> T) -> T {
    var agenda = agenda ?? Agenda(runs.map(\.deadline))
    self.agenda = nil
    defer { self.agenda = agenda }
    return body(&agenda)
  }

  private mutating func owner(of trace: UInt32) -> Int? {
    if owners == nil {
      let tries = runs.flatMap { run in run.open.map { ($0.trace, run.index) } }
      owners = Dictionary(tries) { first, _ in first }
    }
    return owners?.removeValue(forKey: trace)
  }

  private mutating func reschedule(_ index: Int) {
    let deadline = runs[index].deadline
    withAgenda { $0.schedule(index, at: deadline) }
  }

  mutating func wake(_ topology: Topology, _ world: inout World) {
    let now = world.now
    while booted < world.bootOrder.count, world.bootOrder[booted].at <= now {
      booted += 1
      world.boot(world.bootOrder[booted - 1].node)
    }
    world.wakeBackups()
    while nextEvent < topology.events.count {
      let event = topology.events[eventOrder[nextEvent]]
      guard .start + event.at <= now else { break }
      nextEvent += 1
      guard event.future == nil || event.future == future else { continue }
      switch event.action.sense {
      case .life, .snapshot, .drive, .clone, .media, .backup, .restore, .migrate, .placement, .failHost: bootAll(&world)
      case .cable, .ipForwarding, .forwards, .other: break
      }
      perform(event, topology, &world)
      // It is called again at once, when that is done.
      if checkpoint != nil { return }
    }
    if let asked, let due = runs[asked].takeDue(topology.expectations[asked], now: now) {
      start(asked, due.moment, due.timeout, topology, &world)
      reschedule(asked)
    }
    if startsFrom <= now { startDue(topology, &world) }
    if nextIdleCheck <= now {
      let decided = runs.allSatisfy { $0.verdict != nil || $0.isElsewhere }
      if decided, nextEvent == topology.events.count, booted == world.bootOrder.count, world.isIdle {
        end = min(end, now + Self.linger)
        nextIdleCheck = .never
      } else {
        nextIdleCheck = now + Self.idleCheck
      }
    }
    if end <= now { isOver = true }
  }

  /// What the file starts from the beginning runs before an event of that moment looks at it.
  private mutating func bootAll(_ world: inout World) {
    while booted < world.bootOrder.count {
      booted += 1
      world.boot(world.bootOrder[booted - 1].node)
    }
  }

  private mutating func startDue(_ topology: Topology, _ world: inout World) {
    let now = world.now
    var started = 0
    while let index = withAgenda({ $0.pop(notAfter: now) }) {
      while started < Self.startsAtOnce, let due = runs[index].takeDue(topology.expectations[index], now: now) {
        start(index, due.moment, due.timeout, topology, &world)
        started += 1
      }
      reschedule(index)
      if started == Self.startsAtOnce {
        startsFrom = now + Self.startInterval
        return
      }
    }
  }

  private mutating func perform(_ event: Event, _ topology: Topology, _ world: inout World) {
    world.endCopies()
    do {
      switch event.action {
      case .linkDown(let name): try world.setCable(name, up: false)
      case .linkUp(let name): try world.setCable(name, up: true)
      case .life(let verb, let vm): try world.carryOut(verb, on: vm)
      case .shutDown(let vm, let limit, let then): try world.shutDown(vm, within: limit, then: then)
      case .bootInto(let vm, let boot, let limit): try world.bootInto(vm, boot: boot, within: limit)
      case .takeSnapshot(let name, let vm, let memory): try world.takeSnapshot(name, of: vm, withMemory: memory)
      case .revert(let vm, let name, let reseed): try world.revert(vm, to: name, reseed: reseed)
      case .deleteSnapshot(let name, let vm): try world.deleteSnapshot(name, of: vm)
      case .setLink(let name, let delay, let rate, let loss): try world.setLink(name, delay: delay, rate: rate, loss: loss)
      case .ipForwarding(let host, let enabled): try world.setIPForwarding(host, enabled)
      case .addForward(let network, let forwards): try world.addForwards(forwards, to: network, topology)
      case .removeForward(let network, let forwards, let keep):
        try world.removeForwards(forwards, of: network, keep: keep, topology)
      case .flushConntrack(let network, let filter): try world.flushConnections(of: network, filter)
      case .backup(let order): try world.backUp(order)
      case .failMedia(let pool, let host): try world.failMedia(pool, host)
      case .restoreBackup(let order): try world.restoreBackup(order)
      case .change(let action): try world.perform(action)
      case .migrate(let vm, let host, let settings): try world.migrate(vm, to: host, settings)
      case .cancelMigration(let vm): try world.cancelMigration(of: vm)
      case .drain(let host, let policy): try world.drain(host, policy)
      case .consolidate(let policy, let off): try world.consolidate(policy, off: off)
      case .failHost(let host): try world.failHost(host)
      // Each of the two is of the run itself: a future that had its own forks would never end.
      case .checkpoint(let name): if future == Future.main { keep(name) }
      case .fork(let future): if self.future == Future.main { try fork(future) }
      case .insert(let cd, let vm): try world.insert(cd, into: vm)
      case .eject(let vm): try world.ejectDisc(of: vm)
      case .clone(let vm, let name, let identity, let address):
        try world.clone(vm, as: name, identity, address: address)
      }
    } catch {
      complaints.append("line \(event.mark.line), at \(event.at): \(error)")
    }
  }

  private mutating func keep(_ name: String) {
    checkpoint = name
    checkpoints.append(name)
  }

  private mutating func fork(_ future: Future) throws(EventFailure) {
    guard checkpoints.contains(future.from) else { throw EventFailure(description: "there is no checkpoint \(future.from)") }
    futures.append(future)
  }

  private mutating func start(
    _ index: Int, _ moment: Instant, _ timeout: Nanoseconds, _ topology: Topology, _ world: inout World
  ) {
    let expectation = topology.expectations[index]
    let trace = nextTrace
    nextTrace &+= 1
    runs[index].began(trace: trace, moment: moment, now: world.now)
    owners?[trace] = index
    if let outcome = world.state(expectation.probe, of: expectation.from) {
      return runs[index].finished(trace, outcome, of: expectation, now: world.now, in: world)
    }
    guard let node = world.names.machines[expectation.from] else {
      let outcome = TryOutcome.undecided("nothing was sent: there is no \(expectation.from) any more")
      return runs[index].finished(trace, outcome, of: expectation, now: world.now, in: world)
    }
    if index == asked { world.recorder.explain = ExplainRecorder(trace: trace, origin: node, topology: topology) }
    let probe = expectation.probe.runnable
    let target = probe.target.map { world.target($0) }
    guard probe.exchange == .none || target?.address != nil,
      world.machine(node).map({ world.elements.machines[$0].state.runs }) == true
    else {
      return runs[index].finished(
        trace, world.unbegun(probe, from: node), of: expectation, now: world.now, in: world)
    }
    world.startProbe(
      ProbeConfiguration(trace: trace, probe, from: expectation.from, to: target, timeout: timeout), on: node)
    if let peer = probe.partner, let other = world.names.machines[peer] {
      world.startProbe(
        ProbeConfiguration(trace: trace, probe, from: peer, to: target, isPartner: true, timeout: timeout), on: other)
    }
    collect(topology, &world)
  }

  /// Ends a try before its time.
  private mutating func abandon(_ trace: UInt32, _ index: Int, _ topology: Topology, _ world: inout World) {
    let expectation = topology.expectations[index]
    let outcome: TryOutcome
    guard let node = world.names.machines[expectation.from] else {
      outcome = .undecided("there is no \(expectation.from) any more")
      return runs[index].finished(trace, outcome, of: expectation, now: world.now, in: world)
    }
    if let (result, records) = world.abandonProbe(trace, on: node) {
      outcome = world.judge(
        result, records, of: expectation.probe.runnable, from: node, asked: expectation.reason.flatMap { DropReason(name: $0) },
        firstDecides: index == asked, isOfMoment: expectation.timing.isWindow, topology,
        whereabouts: { world.whereabouts() })
    } else {
      outcome = .undecided("nothing was heard of the try")
    }
    runs[index].finished(trace, outcome, of: expectation, now: world.now, in: world)
  }

  /// Ends tries of one packet each that was lost: nothing of them is left that could be answered, and the next may fare
  /// better.
  private mutating func giveUpLost(_ topology: Topology, _ world: inout World) {
    var whereabouts: [UInt32: Whereabouts]?
    for trace in Set(world.recorder.losses).sorted() {
      guard let index = owner(of: trace) else { continue }
      owners?[trace] = index
      let probe = topology.expectations[index].probe
      guard probe.exchange == .single, probe.isDatagram else { continue }
      let found = whereabouts ?? world.whereabouts()
      whereabouts = found
      guard found[trace] == nil else { continue }
      owners?[trace] = nil
      abandon(trace, index, topology, &world)
      reschedule(index)
    }
    world.recorder.losses = []
  }

  /// Takes in the probes that ended.
  mutating func collect(_ topology: Topology, _ world: inout World) {
    if !world.recorder.losses.isEmpty { giveUpLost(topology, &world) }
    guard world.hasProbeNews else { return }
    var whereabouts: [UInt32: Whereabouts]?
    for (node, result, records) in world.takeProbeResults() {
      guard let index = owner(of: result.trace) else { continue }
      let expectation = topology.expectations[index]
      let outcome = world.judge(
        result, records, of: expectation.probe.runnable, from: node, asked: expectation.reason.flatMap { DropReason(name: $0) },
        firstDecides: index == asked, isOfMoment: expectation.timing.isWindow, topology
      ) {
        let found = whereabouts ?? world.whereabouts()
        whereabouts = found
        return found
      }
      runs[index].finished(result.trace, outcome, of: expectation, now: world.now, in: world)
      reschedule(index)
    }
  }

  /// The verdicts in the order of the file; what is undecided at the end has failed.
  mutating func verdicts(_ topology: Topology, now: Instant) -> [Verdict] {
    let present = present(topology)
    for index in present { runs[index].cutShort(topology.expectations[index], now: now) }
    return present.compactMap { runs[$0].verdict }
  }

  /// The expectations that are this future's; the run itself answers for futures that it hasn't come to fork.
  func present(_ topology: Topology) -> [Int] {
    let begun = Set(futures.map(\.name) + [Future.main])
    return runs.indices.filter { index in
      guard runs[index].isElsewhere else { return true }
      return future == Future.main && !begun.contains(topology.expectations[index].future ?? Future.main)
    }
  }

  var decidedCount: Int { runs.count { $0.verdict != nil || $0.isElsewhere } }
}

extension World {
  /// What a try comes to that can't begin: its machine stands still, or its target has no address.
  fileprivate func unbegun(_ probe: any RunnableProbe, from node: NodeID) -> TryOutcome {
    let standstill = standstill(of: node)
    if let standstill, let text = type(of: probe).atStandstill {
      return TryOutcome(kind: .failed, text: "\(text): \(standstill)")
    }
    var outcome = TryOutcome.undecided("nothing was sent: \(standstill ?? "the target has no address")")
    outcome.cause = standstillCause(of: node)
    return outcome
  }
}
