import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Datagrams at a constant rate.
public struct UDPRate: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var port: UInt16
    /// Bytes of payload, at most 65,507.
    public var size: Int
    public var interval: Nanoseconds
    /// Nil: without end.
    public var count: UInt64?

    public init(to: Target, port: UInt16, size: Int, interval: Nanoseconds, count: UInt64?) {
      self.to = to
      self.port = port
      self.size = min(max(size, 0), min(65_507, Pattern.longest))
      self.interval = max(interval, Nanoseconds(1))
      self.count = count
    }
  }

  public static let name = "udp-rate"

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var source: UInt16?
  /// Made once; not part of a checkpoint, as port and size say what it is.
  private var payload: [UInt8]?
  /// Here, as what is global sees to it each time that it was made.
  private let pattern = Pattern.table

  private enum CodingKeys: CodingKey { case settings, tag, report, deadline, source }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    settings = try container.decode(Settings.self, forKey: .settings)
    tag = try container.decode(UInt64.self, forKey: .tag)
    report = try container.decode(ProgramReport.self, forKey: .report)
    deadline = try container.decode(Instant.self, forKey: .deadline)
    source = try container.decodeIfPresent(UInt16.self, forKey: .source)
    guard (0...min(65_507, Pattern.longest)).contains(settings.size), settings.interval > .zero else {
      throw DecodingError.dataCorrupted(.init(codingPath: container.codingPath, debugDescription: "its datagrams"))
    }
    payload = DatagramPayload.filled(to: settings.port, count: settings.size)
  }

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    payload = DatagramPayload.filled(to: settings.port, count: settings.size)
    report = ProgramReport(index: place.index, title: "udp-rate \(settings.to.text):\(settings.port)", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let count = settings.count, report.requests >= count { return finish(now: now) }
    if source == nil { source = stack.bindDatagrams(tag: tag) }
    guard let address = settings.to.address, let source else {
      deadline = now + resolveInterval
      return
    }
    let result =
      if let payload {
        stack.sendDatagram(from: source, to: address, settings.port, payload.span.bytes, now: now, &out)
      } else {
        stack.sendDatagram(
          from: source, to: address, settings.port, pattern.span.bytes.extracting(0..<settings.size), now: now, &out)
      }
    guard case .sent = result else {
      deadline = now + resolveInterval
      return
    }
    if report.requests == 0 {
      report.state = .running
      report.startedAt = now
    }
    report.requests &+= 1
    report.bytesOut &+= UInt64(settings.size)
    if let count = settings.count, report.requests >= count {
      finish(now: now)
    } else {
      deadline = now + settings.interval
    }
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.replies &+= 1
    report.bytesIn &+= UInt64(payload.byteCount)
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    report.failures &+= 1
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    report.state = .done
    report.finishedAt = now
    if let started = report.startedAt, started < now {
      report.throughput = bitsPerSecond(report.bytesOut, in: now - started)
    }
  }
}

extension UDPRateSettings: RunnableSettings {
  public typealias Machine = UDPRate

  public func settings(_ target: (Destination) -> Target) -> UDPRate.Settings {
    .init(to: target(to.to), port: to.port, size: size, interval: interval, count: count)
  }
}
