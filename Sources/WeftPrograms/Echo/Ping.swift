import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Echo requests, one each interval.
public struct Ping: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var count: Int
    public var interval: Nanoseconds
    /// Bytes of data, at most 65,507.
    public var size: Int
    public var timeToLive: UInt8

    public init(to: Target, count: Int, interval: Nanoseconds, size: Int, timeToLive: UInt8) {
      self.to = to
      self.count = max(count, 0)
      self.interval = max(interval, Nanoseconds(1))
      self.size = min(max(size, 0), 65_507)
      self.timeToLive = timeToLive
    }
  }

  public static let name = "ping"

  private struct Sent: Codable {
    var sequence: UInt16
    var at: Instant
  }

  /// After the last request, how long a reply may take (iputils' default linger is 10 s; here runs are short).
  private static let linger = Nanoseconds.seconds(2)

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var identifier: UInt16?
  private var sequence: UInt16 = 0
  private var outstanding: [Sent] = []

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "ping \(settings.to.text)", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard report.requests < UInt64(settings.count) else { return finish(now: now, &stack) }
    guard let address = settings.to.address else {
      deadline = now + resolveInterval
      return
    }
    let identifier = identifier ?? stack.bindEcho(tag: tag)
    self.identifier = identifier
    let result = stack.sendEcho(
      to: address, identifier: identifier, sequence: sequence &+ 1, size: settings.size,
      timeToLive: settings.timeToLive, now: now, &out)
    guard case .sent = result else {
      deadline = now + resolveInterval
      return
    }
    if report.state == .waiting {
      report.state = .running
      report.startedAt = now
    }
    sequence &+= 1
    report.requests &+= 1
    report.bytesOut &+= UInt64(settings.size)
    if outstanding.count == 64 { outstanding.removeFirst() }
    outstanding.append(Sent(sequence: sequence, at: now))
    deadline = now + (report.requests < UInt64(settings.count) ? settings.interval : Self.linger)
  }

  public mutating func echoReply(_ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard let index = outstanding.firstIndex(where: { $0.sequence == reply.sequence }) else { return }
    let sent = outstanding.remove(at: index)
    report.replies &+= 1
    report.bytesIn &+= UInt64(reply.size)
    var rtt = report.rtt ?? RoundTrips()
    rtt.add(now - sent.at)
    report.rtt = rtt
    if report.requests == UInt64(settings.count), outstanding.isEmpty { finish(now: now, &stack) }
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    report.failures &+= 1
    lastError = error.text
  }

  private var lastError: String?

  private mutating func finish(now: Instant, _ stack: inout Stack) {
    deadline = .never
    guard isUnfinished else { return }
    if let identifier { stack.unbindEcho(identifier) }
    report.state = report.replies > 0 ? .done : .failed(lastError ?? "no reply")
    report.finishedAt = now
  }
}

extension Ping {
  public var isConsistent: Bool {
    (0...65_507).contains(settings.size) && settings.count >= 0 && settings.interval > .zero
  }
}

extension PingSettings: RunnableSettings {
  public typealias Machine = Ping

  public func settings(_ target: (Destination) -> Target) -> Ping.Settings {
    .init(to: target(to), count: count, interval: interval, size: size, timeToLive: ttl)
  }
}
