import Testing
import WeftCore
import WeftHypervisor
import WeftSettings

/// What runs on a scheduler's virtual processors, by itself.
struct Load {
  enum Kind {
    /// Never has enough.
    case hog
    /// So much of each period of its clock, then sleeps to the next.
    case spin(UInt64, period: UInt64)
    /// Something comes each so often, and takes so long; what waits is done together.
    case echo(every: UInt64, cost: UInt64, count: Int)
  }

  var kind: Kind
  var weight: UInt32 = 256
  var cap: UInt64?
}

/// A host with such loads, one virtual processor each.
struct SchedulerLab {
  var scheduler: CreditScheduler
  let loads: [Load]
  private var nextAt: [Instant]
  private var came: [[Instant]]
  private var left: [Int]
  /// From a thing's coming to its being done.
  private(set) var delays: [[Nanoseconds]]

  init(_ settings: SchedulerSettings = SchedulerSettings(), processors: Int = 1, _ loads: [Load]) {
    scheduler = CreditScheduler(processors: processors, settings)
    self.loads = loads
    nextAt = []
    left = []
    came = loads.map { _ in [] }
    delays = loads.map { _ in [] }
    for load in loads {
      let id = scheduler.add(1, weight: load.weight, cap: load.cap, now: .start)
      scheduler.resume(id, now: .start)
      var (at, count) = (Instant.start, 0)
      if case .echo(let every, _, let many) = load.kind { (at, count) = (.start + .milliseconds(50) + Nanoseconds(every), many) }
      nextAt.append(at)
      left.append(count)
    }
  }

  mutating func run(to end: Instant) {
    while true {
      let now = min(scheduler.deadline, nextAt.min() ?? .never)
      guard now <= end else { break }
      scheduler.advance(to: now)
      while let id = scheduler.nextFinished() { finished(id, now) }
      for id in loads.indices where nextAt[id] <= now { wake(id, now) }
    }
    scheduler.advance(to: end)
  }

  private mutating func wake(_ id: Int, _ now: Instant) {
    nextAt[id] = .never
    switch loads[id].kind {
    case .hog: scheduler.run(id, for: .max, now: now)
    case .spin(let busy, _): scheduler.run(id, for: busy, now: now)
    case .echo(let every, let cost, _):
      came[id].append(now)
      left[id] -= 1
      if left[id] > 0 { nextAt[id] = now + Nanoseconds(every) }
      if came[id].count == 1 { scheduler.run(id, for: cost, now: now) }
    }
  }

  private mutating func finished(_ id: Int, _ now: Instant) {
    switch loads[id].kind {
    case .hog: break
    case .spin(_, let period):
      nextAt[id] = Instant((now.rawValue / period + 1) * period)
      scheduler.block(id, now: now)
    case .echo(_, let cost, _):
      delays[id].append(now - came[id].removeFirst())
      if came[id].isEmpty { scheduler.block(id, now: now) } else { scheduler.run(id, for: cost, now: now) }
    }
  }

  func ran(_ id: Int, _ now: Instant) -> Double { scheduler.times(of: id, now: now).ran.seconds }
}

/// Who gets a host's processors, and when: the figures that the issue asks for.
@Suite struct CreditSchedulerTests {
  private static let end = Instant.seconds(30)
  private static let echo = Load(kind: .echo(every: 7_300_000, cost: 20_000, count: 200))
  private static let hog = Load(kind: .hog)

  private static func worst(_ settings: SchedulerSettings, _ loads: [Load]) -> Nanoseconds {
    var lab = SchedulerLab(settings, loads)
    lab.run(to: .seconds(3))
    #expect(lab.delays[0].count == 200)
    return lab.delays[0].max() ?? .zero
  }

  @Test func whoWakesWithCreditDoesNotWaitForAHog() {
    #expect(Self.worst(SchedulerSettings(), [Self.echo, Self.hog]) <= .microseconds(20 + 1100))
  }

  @Test func withoutBoostItWaitsForTheEndOfASlice() {
    var settings = SchedulerSettings()
    settings.boost = false
    let one = Self.worst(settings, [Self.echo, Self.hog])
    #expect(one >= .milliseconds(25) && one <= .microseconds(30_100))
    #expect(Self.worst(settings, [Self.echo, Self.hog, Self.hog]) <= .microseconds(60_100))
  }

  @Test func whoHasUsedItsShareIsNotBoosted() {
    var scheduler = CreditScheduler(processors: 1)
    for _ in 0..<2 {
      let id = scheduler.add(1, weight: 256, cap: nil, now: .start)
      scheduler.resume(id, now: .start)
    }
    // 28 ms on a share of a half: over by the time that it sleeps.
    scheduler.run(0, for: 28_000_000, now: .start)
    scheduler.advance(to: .milliseconds(28))
    #expect(scheduler.nextFinished() == 0)
    scheduler.block(0, now: .milliseconds(28))
    #expect(scheduler.credits(of: 0).held == -18_000_000)
    scheduler.run(1, for: .max, now: .milliseconds(28))
    scheduler.run(0, for: 20_000, now: .milliseconds(29))
    var now = Instant.milliseconds(29)
    while scheduler.nextFinished() == nil {
      now = scheduler.deadline
      scheduler.advance(to: now)
    }
    #expect(now - .milliseconds(29) >= .milliseconds(25) && now - .milliseconds(29) <= .milliseconds(30))
  }

  @Test func sharesAreThoseOfTheWeights() {
    var lab = SchedulerLab(SchedulerSettings(), [256, 512, 1024].map { Load(kind: .hog, weight: $0) })
    lab.run(to: Self.end)
    for (id, share) in [1.0 / 7, 2.0 / 7, 4.0 / 7].enumerated() {
      #expect(abs(lab.ran(id, Self.end) / 30 - share) < 0.002, "\(id): \(lab.ran(id, Self.end))")
    }
  }

  @Test func aCapHoldsOnAnIdleHost() {
    var lab = SchedulerLab(SchedulerSettings(), [Load(kind: .hog, cap: 250_000)])
    lab.run(to: Self.end)
    #expect(abs(lab.ran(0, Self.end) - 7.5) < 0.03, "\(lab.ran(0, Self.end))")
  }

  @Test(arguments: [0, 1])
  func whoSleepsAtEachTickGainsNothing(rateLimit: UInt64) {
    var settings = SchedulerSettings()
    settings.rateLimit = .milliseconds(rateLimit)
    let dodger = Load(kind: .spin(9_500_000, period: 10_000_000))
    var lab = SchedulerLab(settings, [dodger, Self.hog])
    lab.run(to: Self.end)
    #expect(lab.ran(0, Self.end) <= 15.03 && lab.ran(0, Self.end) > 10, "\(lab.ran(0, Self.end))")
  }

  /// The control: with the accounting of 2009 it has nearly all.
  @Test func whoSleepsAtEachTickHasAllWhereTicksAreAccounted() {
    var settings = SchedulerSettings()
    settings.accounting = .sampled
    settings.rateLimit = .zero
    let dodger = Load(kind: .spin(9_500_000, period: 10_000_000))
    var lab = SchedulerLab(settings, [dodger, Self.hog])
    lab.run(to: Self.end)
    #expect(lab.ran(0, Self.end) >= 27, "\(lab.ran(0, Self.end))")
  }

  /// To the nanosecond, whatever the load.
  @Test(arguments: 0..<40)
  func nothingIsLost(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "load", purpose: "test")
    var settings = SchedulerSettings()
    settings.slice = .microseconds(500 + random.next(below: 40_000))
    settings.boost = random.next(below: 3) > 0
    settings.rateLimit = .microseconds(random.next(below: 2_000))
    settings.accounting = random.next(below: 4) == 0 ? .sampled : .exact
    let loads = (0..<(2 + random.next(below: 7))).map { _ in
      var load: Load
      switch random.next(below: 3) {
      case 0: load = Load(kind: .hog)
      case 1:
        let period = 1_000_003 + random.next(below: 30_000_000)
        load = Load(kind: .spin(1 + random.next(below: period - 1), period: period))
      default:
        load = Load(
          kind: .echo(every: 100_001 + random.next(below: 9_000_000), cost: 1 + random.next(below: 300_000), count: 300))
      }
      load.weight = UInt32(1 + random.next(below: 2_000))
      if random.next(below: 3) == 0 { load.cap = 10_000 + random.next(below: 900_000) }
      return load
    }
    let processors = Int(1 + random.next(below: 3))
    var lab = SchedulerLab(settings, processors: processors, loads)
    for second in 1...3 {
      let now = Instant.start + .milliseconds(UInt64(second) * 333)
      lab.run(to: now)
      #expect(lab.scheduler.isConsistent)
      for id in loads.indices {
        #expect(lab.scheduler.times(of: id, now: now).lifetime == now - .start)
        let credits = lab.scheduler.credits(of: id)
        #expect(credits.given == credits.burnt + credits.held)
        // A cap's last nanoseconds may be run by several at once.
        if let cap = loads[id].cap {
          let most = (now - .start).rawValue / 1_000_000 * cap + 30 * cap + 100
          #expect(lab.scheduler.times(of: id, now: now).ran.rawValue <= most)
        }
      }
      var ran = UInt64(0)
      for index in 0..<processors {
        let times = lab.scheduler.processorTimes(index, now: now)
        #expect(times.ran + times.idle == now - .start)
        ran += times.ran.rawValue
      }
      #expect(ran == loads.indices.reduce(0) { $0 + lab.scheduler.times(of: $1, now: now).ran.rawValue })
      // Who never has enough always has one of them.
      if loads.contains(where: { if case .hog = $0.kind { $0.cap == nil } else { false } }) {
        #expect(ran >= (now - .start).rawValue)
      }
    }
  }

  /// Nobody looks at a scheduler whose machines rest, and it is the same as if somebody had.
  @Test func whatRestsIsCaughtUpWith() {
    func scheduler(looking: Bool) -> CreditScheduler {
      var scheduler = CreditScheduler(processors: 2)
      for weight: UInt32 in [100, 300] { scheduler.resume(scheduler.add(1, weight: weight, cap: nil, now: .start), now: .start) }
      scheduler.run(0, for: 50_000_000, now: .milliseconds(3))
      scheduler.advance(to: .milliseconds(53))
      #expect(scheduler.nextFinished() == 0)
      scheduler.block(0, now: .milliseconds(53))
      #expect(scheduler.deadline == .never)
      if looking {
        for millisecond in stride(from: 54, to: 7_000_000, by: 7_001) {
          scheduler.advance(to: .milliseconds(UInt64(millisecond)))
        }
      }
      scheduler.advance(to: .milliseconds(7_000_000))
      return scheduler
    }
    let (one, other) = (scheduler(looking: false), scheduler(looking: true))
    #expect([0, 1].map { one.credits(of: $0).held } == [0, 1].map { other.credits(of: $0).held })
    #expect(one.credits(of: 0).held == 30_000_000)
  }

  /// Somebody else's call at the very moment mustn't take its end from it.
  @Test func whoHasFinishedIsToldWhoeverLookedFirst() {
    var scheduler = CreditScheduler(processors: 2)
    for _ in 0..<2 { scheduler.resume(scheduler.add(1, weight: 256, cap: nil, now: .start), now: .start) }
    scheduler.run(0, for: 1_000_000, now: .start)
    scheduler.run(1, for: 5_000, now: .milliseconds(1))
    #expect(scheduler.deadline == .milliseconds(1))
    #expect(scheduler.nextFinished() == 0 && scheduler.nextFinished() == nil)
  }

  @Test func aCapThatChangesHoldsFromThenOn() {
    var scheduler = CreditScheduler(processors: 1)
    let id = scheduler.add(1, weight: 256, cap: nil, now: .start)
    let other = scheduler.add(1, weight: 256, cap: nil, now: .start)
    scheduler.resume(id, now: .start)
    scheduler.run(id, for: .max, now: .start)
    var last = Nanoseconds.zero
    func ran(_ until: UInt64) -> UInt64 {
      scheduler.advance(to: .milliseconds(until))
      defer { last = scheduler.times(of: id, now: .milliseconds(until)).ran }
      return (scheduler.times(of: id, now: .milliseconds(until)).ran - last).rawValue / 1_000_000
    }
    #expect(ran(300) == 300)
    scheduler.setCap(of: id, to: 250_000, now: .milliseconds(300))
    #expect(abs(Int(ran(3_300)) - 750) <= 8)
    scheduler.setCap(of: id, to: 10_000, now: .milliseconds(3_300))
    #expect(ran(6_300) <= 31)
    scheduler.setCap(of: id, to: nil, now: .milliseconds(6_300))
    #expect(ran(7_300) == 1_000)
    #expect(scheduler.times(of: other, now: .milliseconds(7_300)).ran == .zero && scheduler.isConsistent)
  }
}
