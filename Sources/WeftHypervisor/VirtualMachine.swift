import WeftCore

/// A virtual machine's life cycle. What runs in it is a guest's business, what it is attached to its NICs'.
///
///     stopped ──start──▶ running ──pause──▶ paused
///        ▲                  │  ◀──resume──     │
///        └──────stop────────┴───────stop───────┘
public struct VirtualMachine: Codable, Sendable {
  public enum State: String, Codable, Sendable, BitwiseCopyable {
    case stopped, running, paused
  }

  public enum Verb: String, Codable, Sendable, CaseIterable {
    case start, pause, resume, stop
  }

  /// A verb that the state doesn't allow.
  public struct IllegalTransition: Error, Hashable, CustomStringConvertible {
    public let name: String
    public let verb: Verb
    public let state: State

    public var description: String { "can't \(verb.rawValue) \(name): it is \(state.rawValue)" }
  }

  public let name: String
  /// RFC 4122 form, derived from the run's seed and the name: the same file and seed give the same machine.
  public let uuid: String
  /// The host it runs on.
  public var host: String
  public private(set) var state = State.stopped
  private var ran = Nanoseconds.zero
  private var since = Instant.start

  public init(name: String, host: String, seed: UInt64) {
    self.name = name
    self.host = host
    uuid = Self.makeUUID(seed: seed, name: name)
  }

  /// When it came into the state it is in.
  public var changedAt: Instant { since }
  /// How long it has been running in all.
  public func ran(by now: Instant) -> Nanoseconds { state == .running ? ran + (now - since) : ran }

  /// Does the verb or says why not, changing nothing then.
  public mutating func perform(_ verb: Verb, now: Instant) throws(IllegalTransition) {
    let next: State
    switch (state, verb) {
    case (.stopped, .start), (.paused, .resume): next = .running
    case (.running, .pause): next = .paused
    case (.running, .stop), (.paused, .stop): next = .stopped
    default: throw IllegalTransition(name: name, verb: verb, state: state)
    }
    if state == .running { ran = ran + (now - since) }
    since = now
    state = next
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
