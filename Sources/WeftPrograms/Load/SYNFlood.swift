import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// SYNs from one source port after the other, without keeping any state: what comes back is the stack's own business,
/// which answers with a RST, as Linux's does to raw sockets.
public struct SYNFlood: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var port: UInt16
    public var interval: Nanoseconds
    /// Nil: without end.
    public var count: UInt64?

    public init(to: Target, port: UInt16, interval: Nanoseconds, count: UInt64?) {
      (self.to, self.port, self.interval, self.count) = (to, port, max(interval, Nanoseconds(1)), count)
    }
  }

  public static let name = "syn-flood"
  /// 1024–65535, all over again after 64,512.
  private static let ports: UInt64 = 64_512

  let settings: Settings
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    deadline = place.start
    report = ProgramReport(index: place.index, title: "syn-flood \(settings.to.text):\(settings.port)", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let count = settings.count, report.requests >= count { return finish(now: now) }
    guard let address = settings.to.address, stack.source(to: address)?.toMany == false else {
      deadline = now + resolveInterval
      return
    }
    if report.requests == 0 {
      report.state = .running
      report.startedAt = now
    }
    let (sent, port) = (report.requests, settings.port)
    stack.sendRaw(.tcp, to: address, length: 20, now: now, &out) { bytes, source, random in
      TCPHeader(
        sourcePort: 1024 + UInt16(truncatingIfNeeded: sent % Self.ports), destinationPort: port,
        sequence: UInt32(truncatingIfNeeded: random.next()), acknowledgment: 0, flags: .syn, window: 65_535
      ).write(to: &bytes, source: source, destination: address)
    }
    report.requests &+= 1
    if let count = settings.count, report.requests >= count { finish(now: now) } else { deadline = now + settings.interval }
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    report.state = .done
    report.finishedAt = now
  }
}

extension SYNFlood {
  public var isConsistent: Bool { settings.interval > .zero }
}

extension SYNFloodSettings: RunnableSettings {
  public typealias Machine = SYNFlood

  public func settings(_ target: (Destination) -> Target) -> SYNFlood.Settings {
    .init(to: target(to.to), port: to.port, interval: interval, count: count)
  }
}
