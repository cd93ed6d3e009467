import WeftCore

extension CreditScheduler {
  struct Processor: Codable, Sendable {
    var running: ID?
    /// Since when it runs that.
    var since = Instant.start
    var ran: UInt64 = 0

    /// So much time has passed. Gives back who had it.
    @inline(__always)
    mutating func spend(_ time: UInt64) -> ID? {
      if running != nil { ran &+= time }
      return running
    }
  }

  /// A machine's virtual processors, as far as they share a cap.
  struct Group: Codable, Sendable {
    /// Nanoseconds in a period.
    var allowance: Int64?
    /// Below nothing where several ran at its end: that is paid back in the next.
    var left: Int64
  }

  @usableFromInline
  struct VirtualCPU: Codable, Sendable {
    @usableFromInline
    enum State: UInt8, Codable, Sendable { case blocked, ready, running, paused }

    var weight: Int64
    /// How many share the machine's weight.
    var sharedBy: Int64
    var group: Int
    @usableFromInline var state = State.paused
    @usableFromInline var since: Instant
    let born: Instant
    /// What it has to do.
    var demand: UInt64 = 0
    var isFinished = false

    /// In nanoseconds of a processor.
    var credit = Int64(CreditScheduler.tick)
    var given = Int64(CreditScheduler.tick)
    var burnt: Int64 = 0
    var isBoosted = false
    var ranSinceWake: UInt64 = 0
    /// Its place in the queue.
    var turn: UInt64 = 0

    var ran: UInt64 = 0
    @usableFromInline var waited: UInt64 = 0
    var rested: UInt64 = 0
    var stood: UInt64 = 0

    init(weight: Int64, sharedBy: Int64, group: Int, since: Instant) {
      (self.weight, self.sharedBy, self.group) = (weight, sharedBy, group)
      (self.since, born) = (since, since)
    }

    /// It has run for so long. Gives back its group.
    @inline(__always)
    mutating func spend(_ time: UInt64, pays: Bool) -> Int {
      ran &+= time
      ranSinceWake &+= time
      if demand != .max { demand &-= min(time, demand) }
      if pays { pay(Int64(time)) }
      return group
    }

    @inline(__always)
    mutating func pay(_ time: Int64) {
      credit -= time
      burnt += time
      if ranSinceWake >= CreditScheduler.tick { isBoosted = false }
    }

    mutating func pass(to next: State, now: Instant) {
      let time = (now - since).rawValue
      switch state {
      case .blocked: rested &+= time
      case .ready: waited &+= time
      case .paused: stood &+= time
      // Counted as it ran.
      case .running: break
      }
      (state, since) = (next, now)
    }
  }

  /// What a virtual processor has done with its life, which is the sum of the four.
  public struct Times: Codable, Hashable, Sendable {
    public var ran = Nanoseconds.zero
    /// It could have run, and none was free: steal.
    public var waited = Nanoseconds.zero
    /// It had nothing to do.
    public var blocked = Nanoseconds.zero
    /// Its machine was paused or off.
    public var paused = Nanoseconds.zero

    public init() {}

    public var lifetime: Nanoseconds { ran + waited + blocked + paused }

    public static func + (a: Times, b: Times) -> Times {
      var sum = a
      sum.ran = a.ran + b.ran
      sum.waited = a.waited + b.waited
      sum.blocked = a.blocked + b.blocked
      sum.paused = a.paused + b.paused
      return sum
    }
  }

  public enum Activity: Sendable { case running, waiting, resting, standing }

  public func activity(of id: ID) -> Activity {
    switch vcpus[id].state {
    case .running: .running
    case .ready: .waiting
    case .blocked: .resting
    case .paused: .standing
    }
  }

  /// At a moment that isn't before the last call.
  public func times(of id: ID, now: Instant) -> Times {
    var vcpu = vcpus[id]
    if vcpu.state == .running { vcpu.ran &+= (now - settled).rawValue }
    vcpu.pass(to: vcpu.state, now: now)
    var times = Times()
    (times.ran, times.waited) = (Nanoseconds(vcpu.ran), Nanoseconds(vcpu.waited))
    (times.blocked, times.paused) = (Nanoseconds(vcpu.rested), Nanoseconds(vcpu.stood))
    return times
  }

  /// For how long it has waited in all, of one that has just been heard of. Changes nothing: it is copied for what doesn't say
  /// that it may.
  @inlinable @inline(__always)
  public mutating func waited(_ id: ID, now: Instant) -> Nanoseconds {
    Nanoseconds(vcpus[id].waited &+ (vcpus[id].state == .ready ? (now - vcpus[id].since).rawValue : 0))
  }

  /// Of a processor: how long it ran anything, and how long nothing.
  public func processorTimes(_ index: Int, now: Instant) -> (ran: Nanoseconds, idle: Nanoseconds) {
    let ran = processors[index].ran &+ (processors[index].running == nil ? 0 : (now - settled).rawValue)
    return (Nanoseconds(ran), (now - .start) - Nanoseconds(ran))
  }

  /// Nanoseconds of a processor: what it was given, what it has paid, and what it has, which may be less than nothing.
  public func credits(of id: ID) -> (given: Int64, burnt: Int64, held: Int64) {
    (vcpus[id].given, vcpus[id].burnt, vcpus[id].credit)
  }

  public var count: Int { vcpus.count }
  public var processorCount: Int { processors.count }

  /// Of a decoded one.
  public var isConsistent: Bool {
    let running = processors.compactMap(\.running)
    let bound = Int64(1) << 56
    return !processors.isEmpty && settings.slice > .zero && ticks <= settled.rawValue / Self.tick
      && (0..<Self.period).contains(remainder)
      && (running + ready + finished).allSatisfy(vcpus.indices.contains)
      && Set(running + ready).count == running.count + ready.count
      && running.allSatisfy { vcpus[$0].state == .running } && ready.allSatisfy { vcpus[$0].state == .ready }
      && finished.allSatisfy { vcpus[$0].isFinished }
      && vcpus.count { $0.state == .running } == running.count && vcpus.count { $0.state == .ready } == ready.count
      && vcpus.allSatisfy { vcpu in
        (1...65535).contains(vcpu.weight) && (1...64).contains(vcpu.sharedBy) && groups.indices.contains(vcpu.group)
          && abs(vcpu.credit) < bound && vcpu.given - vcpu.burnt == vcpu.credit && vcpu.since <= settled
      } && processors.allSatisfy { $0.since <= settled }
      && groups.allSatisfy { abs($0.left) < bound && ($0.allowance.map { (1..<bound).contains($0) } ?? true) }
  }
}
