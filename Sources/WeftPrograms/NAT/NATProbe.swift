import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Classifies the NAT before its machine once and reports what it found.
public struct NATProbe: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// A STUN server.
    public var via: Target
    public var port: UInt16

    public init(via: Target, port: UInt16) { (self.via, self.port) = (via, port) }
  }

  public static let name = "nat-probe"

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  private var startsAt: Instant
  private var classifier: NATClassifier?

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    startsAt = place.start
    report = ProgramReport(index: place.index, title: "nat-probe \(settings.via.text):\(settings.port)", state: .waiting)
  }

  public var deadline: Instant { classifier?.deadline ?? startsAt }
  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let step = classifier?.wake(now: now, &stack, &out) { return proceed(step, now: now, &stack) }
    guard let address = settings.via.address else {
      startsAt = now + resolveInterval
      return
    }
    classifier = NATClassifier(
      server: TransportAddress(address, settings.port), tag: tag, trace: 0, now: now, &stack, &out)
    guard classifier != nil else {
      startsAt = now + resolveInterval
      return
    }
    startsAt = .never
    report.state = .running
    report.startedAt = now
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.bytesIn &+= UInt64(payload.byteCount)
    if let step = classifier?.datagram(info, payload, now: now, &stack, &out) { proceed(step, now: now, &stack) }
  }

  private mutating func proceed(_ step: NATClassifier.Step, now: Instant, _ stack: inout Stack) {
    report.requests = classifier?.sent ?? 0
    report.replies = classifier?.received ?? 0
    if step == .going { return }
    report.state = step == .done ? .done : .failed("no answer from \(settings.via.text):\(settings.port)")
    report.findings = classifier?.findings
    report.finishedAt = now
    classifier?.close(&stack)
    classifier = nil
  }
}

extension NATProbeSettings: RunnableSettings {
  public typealias Machine = NATProbe

  public func settings(_ target: (Destination) -> Target) -> NATProbe.Settings {
    .init(via: target(via), port: port)
  }
}
