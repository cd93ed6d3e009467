import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// PUTs records, one each interval or when the one before is done, and counts those that were acknowledged.
public struct HTTPPut: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var port: UInt16
    /// The number follows it.
    public var path: String
    public var host: String
    public var size: Int
    public var count: Int
    /// After so many it begins with the first again.
    public var keys: Int
    public var interval: Nanoseconds

    public init(
      to: Target, port: UInt16, path: String, host: String, size: Int, count: Int, keys: Int, interval: Nanoseconds
    ) {
      (self.to, self.port, self.path, self.host) = (to, port, path, host)
      (self.size, self.count, self.keys, self.interval) = (size, count, max(1, keys), interval)
    }
  }

  public static let name = "http-put"
  /// For one exchange, the handshake included.
  static let patience = Nanoseconds.seconds(120)

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var exchange: HTTPExchange?
  private var nextAt: Instant
  private var acknowledged: UInt64 = 0
  private var lastAcknowledged: UInt64 = 0

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    nextAt = place.start
    report = ProgramReport(index: place.index, title: "http-put http://\(settings.host)\(settings.path)…", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let exchange {
      stack.abort(exchange.socket)
      self.exchange = nil
      report.failures &+= 1
    }
    guard report.requests < UInt64(settings.count) else { return finish(now: now) }
    guard let address = settings.to.address, let socket = stack.connect(to: address, settings.port, tag: tag, now: now) else {
      deadline = now + resolveInterval
      return
    }
    let number = report.requests
    let exchange = HTTPExchange(
      socket, host: settings.host, path: "\(settings.path)\(number % UInt64(settings.keys) + 1)", putting: body(number + 1))
    self.exchange = exchange
    report.began(exchange, now: now)
    nextAt = now + settings.interval
    deadline = now + Self.patience
  }

  /// Its number, again and again: a torn one shows.
  private func body(_ number: UInt64) -> [UInt8] {
    let text = Array("\(number)\n".utf8)
    return (0..<settings.size).map { text[$0 % text.count] }
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard exchange?.socket == id, let step = exchange?.socket(events, now: now, &stack), let exchange else { return }
    switch step {
    case .going: return
    case .done:
      report.answered(exchange)
      if let status = exchange.status, (200...299).contains(status) {
        acknowledged &+= 1
        lastAcknowledged = report.requests
      } else {
        report.failures &+= 1
      }
    case .failed: report.failures &+= 1
    }
    report.note = "\(acknowledged) acknowledged" + (acknowledged > 0 ? ", the last was \(lastAcknowledged)" : "")
    self.exchange = nil
    stack.release(id, now: now)
    if report.requests >= UInt64(settings.count) { return finish(now: now) }
    deadline = max(nextAt, now + Nanoseconds(1))
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    guard isUnfinished else { return }
    report.state = acknowledged > 0 ? .done : .failed("nothing was acknowledged")
    report.finishedAt = now
  }

  public var isConsistent: Bool { settings.count >= 0 && settings.size >= 0 && settings.keys > 0 }
}

extension HTTPPutSettings: RunnableSettings {
  public typealias Machine = HTTPPut

  public func settings(_ target: (Destination) -> Target) -> HTTPPut.Settings {
    .init(
      to: target(to.to), port: to.port, path: path, host: to.to.hostHeader, size: size, count: count, keys: different ?? count,
      interval: interval)
  }
}
