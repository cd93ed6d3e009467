import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Sends frames that no honest stack would, at a steady pace, through a packet socket. What it must know of its victim it asks
/// for as anybody would: by ARP.
public struct Attack: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var kind: AttackKind
    public var victim: Target?
    public var listener: Target?
    public var interval: Nanoseconds
    /// Nil: without end.
    public var count: UInt64?

    public init(kind: AttackKind, victim: Target? = nil, listener: Target? = nil, interval: Nanoseconds, count: UInt64?) {
      (self.kind, self.victim, self.listener) = (kind, victim, listener)
      (self.interval, self.count) = (max(interval, Nanoseconds(1)), count)
    }
  }

  public static let name = "attack"

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  /// Of rogue-dhcp: its server's port is open.
  var listens = false

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    let whom = settings.victim.map { " \($0.text)" } ?? ""
    report = ProgramReport(index: place.index, title: "attack \(settings.kind.rawValue)\(whom)", state: .waiting)
  }

  public var isUnfinished: Bool { settings.kind != .rogueDHCP && (report.state == .waiting || report.state == .running) }
  public var isConsistent: Bool { settings.interval > .zero }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let count = settings.count, report.requests >= count { return finish(now: now) }
    if settings.kind == .rogueDHCP { return open(now: now, &stack) }
    guard attack(now: now, &stack, &out) else {
      deadline = now + resolveInterval
      return
    }
    begin(now: now)
    report.requests &+= 1
    if let count = settings.count, report.requests >= count { finish(now: now) } else { deadline = now + settings.interval }
  }

  mutating func begin(now: Instant) {
    guard report.state == .waiting else { return }
    (report.state, report.startedAt) = (.running, now)
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    (report.state, report.finishedAt) = (.done, now)
  }

  // MARK: A DHCP server of its own

  private mutating func open(now: Instant, _ stack: inout Stack) {
    listens = listens || stack.bindDatagrams(DHCPMessage.serverPort, tag: tag)
    deadline = .never
    if !listens {
      report.state = .failed("port \(DHCPMessage.serverPort) is taken")
    } else {
      begin(now: now)
    }
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard listens, let message = DHCPMessage(payload), !message.isReply, offer(message, &stack, &out) else { return }
    report.requests &+= 1
  }
}

extension AttackSettings: RunnableSettings {
  public typealias Machine = Attack

  public func settings(_ target: (Destination) -> Target) -> Attack.Settings {
    .init(kind: kind, victim: victim.map(target), listener: listener.map(target), interval: interval, count: count)
  }
}
