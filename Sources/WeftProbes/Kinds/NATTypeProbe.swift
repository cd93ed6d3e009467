import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// Classifies the NAT on the way to a STUN server; open when that answers.
public struct NATTypeProbe: Probe {
  public typealias Settings = NATTypeProbeSettings

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

extension NATTypeProbeSettings: RunnableProbe {
  public typealias Machine = NATTypeProbe

  /// What a NAT filters while it is asked how it filters stops nothing.
  public var countsDrops: Bool { true }

  public func progress(_ result: ProbeResult) -> String { result.nat?.text ?? "the server answered" }

  public func found(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> String? {
    result.nat?.text(doubting: doubtful)
  }

  /// An answer that came says something for sure; one that did not, where it met a decision or no packet was lost.
  public func mismatch(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> Mismatch? {
    let found = result.nat
    if let mapping, found?.mapping?.rawValue != mapping.rawValue {
      let text = "mapping \(mapping.rawValue)"
      return found?.mapping == nil && doubtful.contains(.mapping) ? .undecided(text) : .differs(text)
    }
    if let filtering {
      let text = "filtering \(filtering.rawValue)"
      if doubtful.contains(.filtering), found?.filtering != .endpointIndependent { return .undecided(text) }
      if found?.filtering?.rawValue != filtering.rawValue { return .differs(text) }
    }
    if let hairpin {
      let text = "hairpin \(hairpin ? "yes" : "no")"
      if doubtful.contains(.hairpin), found?.hairpin != true { return .undecided(text) }
      if found?.hairpin != hairpin { return .differs(text) }
    }
    return nil
  }
}
