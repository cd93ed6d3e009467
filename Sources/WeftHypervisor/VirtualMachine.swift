import WeftCore
import WeftSettings

/// A virtual machine's life cycle. What runs in it is a guest's business, what it is attached to its NICs'.
public struct VirtualMachine: Codable, Sendable {
  public typealias State = MachineState
  public typealias Verb = MachineVerb

  /// A verb that the state doesn't allow.
  public struct IllegalTransition: Error, Hashable, CustomStringConvertible {
    public let name: String
    public let verb: Verb
    public let state: State

    public var description: String { "can't \(verb.rawValue) \(name): it is \(state.rawValue)" }
  }

  public private(set) var name: String
  /// RFC 4122 form, derived from the run's seed and the name: the same file and seed give the same machine.
  public private(set) var uuid: String
  /// The host it runs on.
  public var host: String
  public private(set) var state = State.stopped
  /// How far its guest's clock is behind the world's: by all the time that it stood still, and by what a revert took back.
  public private(set) var lag = Nanoseconds.zero
  /// Which of its pasts it goes on from: one more with each revert.
  public private(set) var generation: UInt32 = 1
  /// Bytes.
  public let memory: UInt64
  private var ran = Nanoseconds.zero
  private var since = Instant.start

  /// QEMU's.
  public static let defaultMemory: UInt64 = 128 << 20

  public init(name: String, host: String, seed: UInt64, memory: UInt64? = nil) {
    self.name = name
    self.host = host
    self.memory = memory ?? Self.defaultMemory
    uuid = Self.makeUUID(seed: seed, name: name)
  }

  /// When it came into the state it is in.
  public var changedAt: Instant { since }
  /// How long it has been running in all.
  public func ran(by now: Instant) -> Nanoseconds { state.runs ? ran + (now - since) : ran }
  /// What its guest takes a moment for; it stands still with the guest.
  public func guestTime(_ now: Instant) -> Instant { .start + ((state.runs ? now : since) - (.start + lag)) }

  /// Says why a verb can't be done now, if it can't.
  public func check(_ verb: Verb) throws(IllegalTransition) {
    if state.after(verb) == nil { throw IllegalTransition(name: name, verb: verb, state: state) }
  }

  /// Does the verb or says why not, changing nothing then.
  public mutating func perform(_ verb: Verb, now: Instant) throws(IllegalTransition) {
    try check(verb)
    guard let next = state.after(verb) else { return }
    switch verb {
    case .resume, .restore: lag = lag + (now - since)
    // A machine that boots asks its clock chip.
    case .start, .reset: lag = .zero
    case .pause, .shutdown, .stop, .crash, .save: break
    case .snapshot, .revert: return
    }
    enter(next, now: now)
  }

  private mutating func enter(_ next: State, now: Instant) {
    if state.runs { ran = ran + (now - since) }
    since = now
    state = next
  }

  /// Stands still between two hosts; its clock with it.
  public mutating func standStill(now: Instant) {
    if !state.runs { lag = lag + (now - since) }
    enter(.migrating, now: now)
  }

  /// Is again what it was before `standStill`, here or there.
  public mutating func goOn(as before: State, now: Instant) {
    guard state == .migrating else { return }
    lag = lag + (now - since)
    enter(before, now: now)
  }

  /// Goes on from what it was at a moment: its guest's clock with it, which is behind by that much more.
  public mutating func revert(to past: VirtualMachine, at moment: Instant, now: Instant) {
    takeOver(from: past, at: moment, now: now)
    generation += 1
  }

  /// The same, where nobody has seen what came after that moment: it has no other past than before.
  public mutating func takeOver(from past: VirtualMachine, at moment: Instant, now: Instant) {
    enter(past.state, now: now)
    lag = now - past.guestTime(moment)
  }

  /// A copy as it is, at a place of its own; with `seed` it is another machine, otherwise nothing tells the two apart.
  public func clone(named name: String, seed: UInt64?, now: Instant) -> VirtualMachine {
    var copy = self
    copy.name = name
    // A clock that stands still does so from now on.
    if !state.runs { copy.lag = lag + (now - since) }
    (copy.since, copy.ran) = (now, .zero)
    if let seed {
      copy.uuid = Self.makeUUID(seed: seed, name: name)
      copy.generation += 1
    }
    return copy
  }

  private static func makeUUID(seed: UInt64, name: String) -> String {
    var random = RandomStream(seed: seed, owner: name, purpose: "uuid")
    // Version 4, variant 1 (RFC 4122, 4.4).
    let high = random.next() & ~0xf000 | 0x4000
    let low = random.next() & ~(0xc0 << 56) | (0x80 << 56)
    func hex(_ value: UInt64, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: digits - text.count) + text
    }
    return [
      hex(high >> 32, 8), hex(high >> 16 & 0xffff, 4), hex(high & 0xffff, 4), hex(low >> 48, 4),
      hex(low & 0xffff_ffff_ffff, 12),
    ].joined(separator: "-")
  }
}
