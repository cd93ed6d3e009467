import WeftCore
import WeftSettings

/// Gives a host's processors to virtual ones, as Xen's credit scheduler does (sched/credit.c): each period of 30 ms all get
/// credit by their weights, and who runs pays for it. Who has some left comes before who has none; who wakes with some left
/// comes first of all and takes a processor at once, until it has run for a tick. Among equals it is first come, first served.
///
/// Unlike there, who runs pays for the time that it ran and not for the tick that it was seen in, nothing is rounded away, and
/// nothing ticks where nobody waits: periods that have passed are caught up with.
///
/// A virtual processor is asked to run for a time (`run`); once it has had that, it is `finished`, and holds its processor
/// until its owner asks for more or lets it `block`. The same calls at the same moments give the same.
public struct CreditScheduler: Codable, Sendable {
  public typealias ID = Int

  /// Of accounting, whatever the slice.
  static let period: Int64 = 30_000_000
  /// What a wake-up is good for; with sampled accounting, when it is looked who runs.
  static let tick: UInt64 = 10_000_000

  public let settings: SchedulerSettings
  var processors: [Processor]
  @usableFromInline var vcpus: [VirtualCPU] = []
  var groups: [Group] = []
  /// Those that are ready, in no order.
  var ready: [ID] = []
  /// Had what they asked for, and whose owner wasn't told yet.
  @usableFromInline var finished: [ID] = []
  /// Until when what ran has been paid for.
  @usableFromInline var settled: Instant
  /// Ticks that are over.
  var ticks: UInt64
  /// What a distribution left, for the next.
  var remainder: Int64 = 0
  var turn: UInt64 = 0
  /// When something is decided next.
  @usableFromInline private(set) var decision = Instant.never

  /// When it is to be advanced, or asked who has finished.
  @inlinable public var deadline: Instant { finished.isEmpty ? decision : settled }

  /// Precondition: processors > 0.
  public init(processors count: Int, _ settings: SchedulerSettings = SchedulerSettings(), now: Instant = .start) {
    precondition(count > 0)
    self.settings = settings
    processors = [Processor](repeating: Processor(), count: count)
    settled = now
    ticks = now.rawValue / Self.tick
  }

  /// Virtual processors of one machine; `cap` in millionths of one processor for all of them together. They are `paused` until
  /// it runs. Gives back the first's id; the others follow.
  public mutating func add(_ count: Int, weight: UInt32, cap: UInt64?, now: Instant) -> ID {
    advance(to: now)
    let first = vcpus.count
    let allowance = Self.allowance(cap)
    groups.append(Group(allowance: allowance, left: allowance ?? 0))
    for _ in 0..<count {
      // It begins with what a wake-up is good for, as its first share comes only at the period's end.
      vcpus.append(VirtualCPU(weight: Int64(weight), sharedBy: Int64(count), group: groups.count - 1, since: now))
    }
    return first
  }

  /// What a machine may have of a processor from now on, in millionths for all of its virtual ones; nil: all that there is. `first`:
  /// the first of them.
  public mutating func setCap(of first: ID, to cap: UInt64?, now: Instant) {
    advance(to: now)
    let (group, allowance) = (vcpus[first].group, Self.allowance(cap))
    guard allowance != groups[group].allowance else { return }
    // What it has had of this period counts.
    if let new = allowance {
      groups[group].left = groups[group].allowance.map { groups[group].left - $0 + new } ?? new
    }
    groups[group].allowance = allowance
    dispatch()
    look()
  }

  private static func allowance(_ cap: UInt64?) -> Int64? { cap.map { max(1, Int64($0) * period / 1_000_000) } }

  // MARK: What an owner says

  /// It has this much to do, in nanoseconds of a processor; `.max` for without end. A blocked one wakes. Precondition: time > 0.
  public mutating func run(_ id: ID, for time: UInt64, now: Instant) {
    advance(to: now)
    vcpus[id].demand = time
    vcpus[id].isFinished = false
    switch vcpus[id].state {
    case .blocked:
      vcpus[id].ranSinceWake = 0
      vcpus[id].isBoosted = settings.boost
      // Where nobody waits and a processor is free it needn't queue first.
      if ready.isEmpty, !isParked(id), let index = processors.firstIndex(where: { $0.running == nil }) {
        turn &+= 1
        vcpus[id].turn = turn
        give(processor: index, to: id)
      } else {
        enter(id, .ready)
        dispatch()
      }
    case .running, .ready, .paused: break
    }
    look()
  }

  /// What it hasn't had yet of what it asked for.
  public mutating func left(_ id: ID, now: Instant) -> UInt64 {
    advance(to: now)
    return vcpus[id].demand
  }

  /// It has nothing to do.
  public mutating func block(_ id: ID, now: Instant) {
    advance(to: now)
    vcpus[id].demand = 0
    vcpus[id].isFinished = false
    switch vcpus[id].state {
    case .running, .ready:
      leave(id, .blocked)
      dispatch()
    case .blocked, .paused: break
    }
    look()
  }

  /// Its machine stands still, or is off: time passes that is neither steal nor rest.
  public mutating func pause(_ id: ID, now: Instant) {
    advance(to: now)
    guard vcpus[id].state != .paused else { return }
    leave(id, .paused)
    dispatch()
    look()
  }

  /// Its machine goes on: it is `blocked` until it is asked to run.
  public mutating func resume(_ id: ID, now: Instant) {
    advance(to: now)
    guard vcpus[id].state == .paused else { return }
    enter(id, .blocked)
    look()
  }

  /// Whether it has nothing to do, or its machine stands still.
  @inline(__always)
  public func isAtRest(_ id: ID) -> Bool { vcpus[id].state == .blocked || vcpus[id].state == .paused }

  /// The next that had what it asked for.
  public mutating func nextFinished() -> ID? {
    // Nearly always the only one, which costs less to take from the end.
    finished.count > 1 ? finished.removeFirst() : finished.popLast()
  }

  // MARK: Time

  /// All that happens up to and including a moment.
  @inline(__always)
  public mutating func advance(to now: Instant) {
    while decision <= now { decide(at: max(decision, settled)) }
    if settled < now { catchUp(to: now) }
  }

  /// Ticks and periods that nobody waited for.
  private mutating func catchUp(to now: Instant) {
    while true {
      let next = nextAccounting
      guard next <= now else { break }
      charge(to: next)
      // Where all rest and have what they may save up, a period is as the last.
      if !account(at: next), processors.allSatisfy({ $0.running == nil }) { ticks = now.rawValue / Self.tick }
    }
    charge(to: now)
  }

  /// When it is accounted next: each tick where that is looked at, else each period.
  var nextAccounting: Instant {
    // Periods are of three ticks; by a constant it is divided without a division.
    let next = settings.accounting == .sampled ? ticks + 1 : (ticks / 3 + 1) * 3
    return .start + Nanoseconds(next * Self.tick)
  }

  private mutating func decide(at moment: Instant) {
    while true {
      let next = nextAccounting
      guard next < moment else { break }
      charge(to: next)
      account(at: next)
    }
    charge(to: moment)
    for index in processors.indices {
      guard let id = processors[index].running, vcpus[id].demand == 0, !vcpus[id].isFinished else { continue }
      vcpus[id].isFinished = true
      finished.append(id)
    }
    for index in processors.indices {
      guard let id = processors[index].running, !vcpus[id].isFinished else { continue }
      if isParked(id) {
        leave(id, .ready)
      } else if !ready.isEmpty, sliceEnd(index) <= moment, waits(for: id) {
        leave(id, .ready)
      }
    }
    if nextAccounting <= moment { account(at: moment) }
    dispatch()
    look()
  }

  /// Who ran pays.
  @inline(__always)
  private mutating func charge(to moment: Instant) {
    let time = (moment - settled).rawValue
    guard time > 0 else { return }
    settled = moment
    let pays = settings.accounting == .exact
    for index in processors.indices {
      guard let id = processors[index].spend(time) else { continue }
      let group = vcpus[id].spend(time, pays: pays)
      if groups[group].allowance != nil { groups[group].left -= Int64(time) }
    }
  }

  /// Whether it was the end of no period, or one that changed what anybody has.
  @discardableResult
  private mutating func account(at moment: Instant) -> Bool {
    ticks = moment.rawValue / Self.tick
    if settings.accounting == .sampled {
      for index in processors.indices {
        guard let id = processors[index].running, !vcpus[id].isFinished else { continue }
        vcpus[id].pay(Int64(Self.tick))
        vcpus[id].isBoosted = false
      }
    }
    return ticks * Self.tick % UInt64(Self.period) != 0 || distribute()
  }

  // MARK: Changes of state

  func isParked(_ id: ID) -> Bool {
    let group = groups[vcpus[id].group]
    return group.allowance != nil && group.left <= 0
  }

  /// Lower comes first.
  @inline(__always)
  func priority(_ id: ID) -> Int {
    vcpus[id].credit < 0 ? 2 : vcpus[id].isBoosted ? 0 : 1
  }

  private mutating func enter(_ id: ID, _ state: VirtualCPU.State) {
    vcpus[id].pass(to: state, now: settled)
    if state == .ready {
      turn &+= 1
      vcpus[id].turn = turn
      ready.append(id)
    }
  }

  /// From where it is, its processor or the queue.
  private mutating func leave(_ id: ID, _ state: VirtualCPU.State) {
    if vcpus[id].state == .running, let index = processors.firstIndex(where: { $0.running == id }) {
      processors[index].running = nil
    }
    if vcpus[id].state == .ready { ready.removeAll { $0 == id } }
    if vcpus[id].isFinished { finished.removeAll { $0 == id } }
    enter(id, state)
  }

  // MARK: Who is next

  /// Whether somebody who may run waits and is no worse than who runs.
  private func waits(for id: ID) -> Bool {
    guard let other = best() else { return false }
    return priority(other) <= priority(id)
  }

  /// The first of those that may run.
  func best() -> ID? {
    var best: ID?
    for id in ready where !isParked(id) {
      guard let other = best else {
        best = id
        continue
      }
      if (priority(id), vcpus[id].turn) < (priority(other), vcpus[other].turn) { best = id }
    }
    return best
  }

  private mutating func dispatch() {
    guard !ready.isEmpty else { return }
    for index in processors.indices where processors[index].running == nil {
      guard let id = best() else { return }
      start(id, on: index)
    }
    while let (id, index, at) = preemption(), at <= settled {
      if let other = processors[index].running { leave(other, .ready) }
      start(id, on: index)
    }
  }

  private mutating func start(_ id: ID, on index: Int) {
    if let place = ready.firstIndex(of: id) {
      ready.swapAt(place, ready.count - 1)
      ready.removeLast()
    }
    give(processor: index, to: id)
  }

  @inline(__always)
  private mutating func give(processor index: Int, to id: ID) {
    vcpus[id].pass(to: .running, now: settled)
    processors[index].running = id
    processors[index].since = settled
  }

  /// Who has woken and takes whose processor, and when: of those that run worst the one on the first processor, which runs for
  /// a while at least, and has its own boost behind it then.
  private func preemption() -> (id: ID, processor: Int, at: Instant)? {
    guard let id = best(), priority(id) == 0 else { return nil }
    var victim: (id: ID, processor: Int)?
    for index in processors.indices {
      guard let other = processors[index].running, !vcpus[other].isFinished else { continue }
      if victim.map({ priority($0.id) < priority(other) }) ?? true { victim = (other, index) }
    }
    return victim.map { victim in
      let rested = processors[victim.processor].since + settings.rateLimit
      return (id, victim.processor, priority(victim.id) > 0 ? rested : max(rested, boostEnd(victim.id)))
    }
  }

  /// Of one that runs.
  private func boostEnd(_ id: ID) -> Instant {
    if settings.accounting == .sampled { return nextAccounting }
    let credit = UInt64(max(0, vcpus[id].credit)) + 1
    return settled + Nanoseconds(min(credit, Self.tick - min(Self.tick, vcpus[id].ranSinceWake)))
  }

  /// Slices follow each other where nobody waits.
  private func sliceEnd(_ index: Int) -> Instant {
    let (since, slice) = (processors[index].since, settings.slice.rawValue)
    let before = max(settled.rawValue, 1) - 1
    return since + Nanoseconds((before > since.rawValue ? (before - since.rawValue) / slice : 0) * slice + slice)
  }

  /// Works out when something is decided next.
  private mutating func look() {
    var next = Instant.never
    let mayRun = ready.isEmpty ? nil : best()
    for index in processors.indices {
      guard let id = processors[index].running, !vcpus[id].isFinished else { continue }
      let (demand, group) = (vcpus[id].demand, vcpus[id].group)
      if demand != .max { next = min(next, settled + Nanoseconds(demand)) }
      if groups[group].allowance != nil { next = min(next, settled + parking(group)) }
      if mayRun != nil { next = min(next, nextSliceEnd(index)) }
    }
    if !ready.isEmpty {
      next = min(next, nextAccounting)
      if let (_, _, at) = preemption() { next = min(next, max(at, settled)) }
    }
    decision = next
  }

  private func nextSliceEnd(_ index: Int) -> Instant {
    let (since, slice) = (processors[index].since, settings.slice.rawValue)
    return since + Nanoseconds(((settled - since).rawValue / slice + 1) * slice)
  }

  /// In how long a group has used up what it may have in this period, as many of it as run now.
  private func parking(_ group: Int) -> Nanoseconds {
    let count = Int64(processors.count { $0.running.map { vcpus[$0].group == group } ?? false })
    let left = max(groups[group].left, 0)
    return Nanoseconds(UInt64((left + count - 1) / max(count, 1)))
  }
}
