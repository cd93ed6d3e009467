import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// Classifies the NAT on the way to a STUN server; open when that answers.
public struct NATTypeProbe: Probe {
  public struct Settings: ProbeSettings {
    public typealias Machine = NATTypeProbe
    public static let name = "nat"
    /// The server.
    public var target: Target
    public var port: UInt16
    public var transport: IPProtocol { .udp }

    public init(via target: Target, port: UInt16) { (self.target, self.port) = (target, port) }
  }

  private var classifier: NATClassifier
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    let server = TransportAddress(start.target, settings.port)
    guard
      let classifier = NATClassifier(server: server, tag: start.tag, trace: start.trace, now: now, &stack, &out)
    else { return nil }
    self.classifier = classifier
    result = start.result
    result.localPort = classifier.port
    result.localAddress = stack.source(to: start.target)?.address
  }

  public var deadline: Instant { classifier.deadline }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    proceed(classifier.wake(now: now, &stack, &out), now: now)
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    proceed(classifier.datagram(info, payload, now: now, &stack, &out), now: now)
  }

  private mutating func proceed(_ step: NATClassifier.Step, now: Instant) {
    result.nat = classifier.findings
    result.rtt = classifier.rtt
    result.silentTests = classifier.silentTests
    result.progress(classifier.received, classifier.received > 0, now: now)
    switch step {
    case .going: break
    case .done: result.outcome = .open
    case .silent: result.outcome = .timedOut
    }
  }

  /// There is no server; later on, an error is what a NAT may answer to a test.
  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if classifier.findings == nil { result.outcome = result.record(error) }
  }

  public mutating func close(now: Instant, _ stack: inout Stack) { classifier.close(&stack) }
}
