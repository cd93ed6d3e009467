import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// A probe under way on a machine.
struct ProbeRun {
  enum State {
    /// Nothing sent yet: no address, no route. Looks again at `at`.
    case waiting(at: Instant)
    case running(any Probe)
    case finished
  }

  let settings: any RunnableProbe
  let name: String
  let target: Target?
  let isPartner: Bool
  /// The machine's number, as the lab has it.
  let machine: Int
  let expiry: Instant
  var state: State
  var result: ProbeResult
  /// Its machine stands still: looked at again then.
  var heldUntil = Instant.start
  /// How far its machine's clock was behind when it was last there: what the probe itself counts is the machine's time.
  var lag = Nanoseconds.zero
  /// `progressAt` of the result by the machine's clock.
  var ownProgress: Instant?

  init(_ probe: ProbeConfiguration, on machine: Int, now: Instant) {
    (settings, name, target, isPartner) = (probe.settings, probe.machine, probe.target, probe.isPartner)
    self.machine = machine
    expiry = now + probe.timeout
    state = .waiting(at: now)
    result = ProbeResult(trace: probe.trace, startedAt: now)
  }

  var tag: UInt64 { ProbeTable.tag(of: result.trace, isPartner: isPartner) }

  var isFinished: Bool { if case .finished = state { true } else { false } }

  var deadline: Instant {
    switch state {
    case .waiting(let at): min(at, expiry)
    case .running(let probe): min(max(probe.deadline + lag, heldUntil), expiry)
    case .finished: .never
    }
  }

  /// `isRunning`: whether the machine is. Otherwise only the probe's time goes on.
  mutating func wake(isRunning: Bool, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if expiry <= now, !isFirstTry(now) { return abandon(now: now, &stack) }
    guard isRunning else {
      if case .waiting(let at) = state, at <= now { state = .waiting(at: now + resolveInterval) }
      heldUntil = now + resolveInterval
      return
    }
    lag = stack.lag
    let own = stack.time(now)
    switch state {
    case .running(let probe) where probe.deadline <= own && heldUntil <= now:
      change(now: now, &stack) { $0.wake(now: own, &$1, &out) }
    case .waiting(let at) where at <= now:
      if !start(now: now, &stack, &out) { state = .waiting(at: now + resolveInterval) }
    case .running, .waiting, .finished: break
    }
  }

  /// Even one with no time at all is sent once.
  private func isFirstTry(_ now: Instant) -> Bool {
    if case .waiting(let at) = state { at == result.startedAt && now == result.startedAt } else { false }
  }

  /// False where it can't be sent yet.
  private mutating func start(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    let isSent = settings.exchange != .none
    guard let address = target?.address ?? (isSent ? nil : .any) else { return false }
    if isSent { result.remoteAddress = address }
    if isSent, stack.isUnroutable(address) {
      // What connect(2) answers at once: network unreachable, as far as this machine can tell. The packet that would
      // have left is dropped on record, as evidence.
      dropUnroutable(address, &stack, &out)
      finish(.unreachable(code: ICMPv4UnreachableCode.network), now: now)
      return true
    }
    let start = ProbeStart(
      machine: name, target: address, trace: result.trace, tag: tag, isPartner: isPartner, result: result)
    func begun<S: RunnableProbe>(_ settings: S, _ stack: inout Stack, _ out: inout Effects) -> (any Probe)? {
      S.Machine(settings, start, now: stack.time(now), &stack, &out)
    }
    lag = stack.lag
    guard let probe = begun(settings, &stack, &out) else { return false }
    state = .running(probe)
    take(now: now, &stack)
    return true
  }

  private func dropUnroutable(_ address: IPv4Address, _ stack: inout Stack, _ out: inout Effects) {
    let type: IPProtocol = settings.service.map { $0.transport == .tcp ? .tcp : .udp } ?? .icmp
    let port = settings.service?.port ?? 0
    stack.dropUnroutable(type, to: address, length: type == .tcp ? 20 : 8, trace: result.trace, &out) { bytes, source in
      if type == .tcp {
        TCPHeader(sourcePort: 0, destinationPort: port, sequence: 0, acknowledgment: 0, flags: .syn, window: 65535)
          .write(to: &bytes, source: source, destination: address)
      } else if type == .udp {
        UDPHeader(sourcePort: 0, destinationPort: port).write(to: &bytes, source: source, destination: address)
      } else {
        ICMPv4Header.echo(.echoRequest, identifier: 0, sequence: 1).write(to: &bytes)
      }
    }
  }

  /// Tells the probe something, and looks whether it is over.
  mutating func change(now: Instant, _ stack: inout Stack, _ body: (inout any Probe, inout Stack) -> Void) {
    guard case .running(var probe) = state else { return }
    body(&probe, &stack)
    lag = stack.lag
    state = .running(probe)
    take(now: now, &stack)
  }

  private mutating func take(now: Instant, _ stack: inout Stack) {
    guard case .running(let probe) = state else { return }
    take(probe.result)
    if let outcome = result.outcome { close(outcome, now: now, &stack) }
  }

  /// Whose moments are the machine's.
  private mutating func take(_ found: ProbeResult) {
    let (start, progress) = (result.startedAt, result.progressAt)
    result = found
    result.startedAt = start
    // Told once, by the clock as it was then.
    result.progressAt = found.progressAt == ownProgress ? progress : found.progressAt.map { $0 + lag }
    ownProgress = found.progressAt
  }

  private mutating func close(_ outcome: ProbeResult.Outcome, now: Instant, _ stack: inout Stack) {
    if case .running(var probe) = state {
      probe.result.outcome = outcome
      probe.close(now: stack.time(now), &stack)
      take(probe.result)
    }
    finish(outcome, now: now)
  }

  private mutating func finish(_ outcome: ProbeResult.Outcome, now: Instant) {
    result.outcome = outcome
    result.finishedAt = now
    state = .finished
  }

  /// Its time is over.
  mutating func abandon(now: Instant, _ stack: inout Stack) {
    switch state {
    case .waiting: finish(.notSent, now: now)
    case .running: close(.timedOut, now: now, &stack)
    case .finished: break
    }
  }

  /// The machine lost its power, and with it the sockets.
  mutating func stop(now: Instant) {
    if !isFinished { finish(.stopped, now: now) }
  }
}
