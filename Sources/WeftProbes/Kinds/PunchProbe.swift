import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// Meets the machine that runs the same with `isPartner`, introduced by a rendezvous server; open when data went both ways.
/// The partner's own probe has the same trace and no result.
public struct PunchProbe: Probe {
  public typealias Settings = PunchProbeSettings

  private var punch: HolePunch
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard
      let punch = HolePunch(
        server: TransportAddress(start.target, settings.port), isTCP: settings.transport == .tcp,
        isPartner: start.isPartner, trace: start.trace, tag: start.tag, now: now, &stack, &out)
    else { return nil }
    self.punch = punch
    result = start.result
    result.localPort = punch.localPort
    result.localAddress = stack.source(to: start.target)?.address
  }

  public var deadline: Instant { punch.deadline }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    proceed(punch.wake(now: now, &stack, &out), now: now)
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let step = punch.socket(id, events, now: now, &stack)
    if events.contains(.connected), punch.isPartner { observe(stack.remote(id), &out) }
    proceed(step, now: now)
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let hadHeard = punch.hasHeard
    let step = punch.datagram(info, payload, now: now, &stack, &out)
    if punch.hasHeard, !hadHeard, punch.isPartner { observe(TransportAddress(info.source, info.sourcePort), &out) }
    proceed(step, now: now)
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if punch.peer == nil, !punch.isPartner { result.outcome = result.record(error) }
  }

  /// The prober's packet arrived at the other machine.
  private func observe(_ source: TransportAddress?, _ out: inout Effects) {
    guard let source, source != punch.server else { return }
    out.observe(Observation(.delivered, trace: punch.trace, source: source.address, sourcePort: source.port))
  }

  private mutating func proceed(_ step: HolePunch.Step, now: Instant) {
    result.rtt = punch.rtt
    result.progress(punch.bytes, punch.hasHeard, now: now)
    if let peer = punch.peer { result.remoteAddress = peer.address }
    switch step {
    case .going: break
    case .done: result.outcome = .open
    // Who should introduce them isn't there.
    case .failed(let error): if !punch.isPartner { result.outcome = result.record(error) }
    }
  }

  public mutating func close(now: Instant, _ stack: inout Stack) {
    punch.close(result.outcome == .open, now: now, &stack)
  }
}

extension PunchProbeSettings: RunnableProbe {
  public typealias Machine = PunchProbe

  public func progress(_ result: ProbeResult) -> String { "the other was heard" }
}
