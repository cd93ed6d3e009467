import WeftCore
import WeftWire

/// A probe under way.
struct ProbeRun: Codable {
  enum State: Codable {
    /// Nothing sent yet: no power, no address, no name, no route. Looks again at `at`.
    case waiting(at: Instant)
    case connecting(SocketID)
    case datagram(port: UInt16, sentAt: Instant)
    case echo(identifier: UInt16, sentAt: Instant)
    case http(HTTPExchange)
    case bulk(BulkTransfer)
    case classifying(NATClassifier)
    case punching(HolePunch)
    /// An open connection over which the answer comes late.
    case idle(SocketID)
    /// What it waited on is gone with the power; only its time is left.
    case lost
    case finished
  }

  let probe: GuestProbe
  let startedAt: Instant
  private(set) var state: State
  private(set) var result: GuestProbeResult
  private let owner: SocketOwner

  init(_ probe: GuestProbe, now: Instant) {
    self.probe = probe
    startedAt = now
    state = .waiting(at: now)
    owner = SocketOwner(.probe, probe.trace)
    result = GuestProbeResult(trace: probe.trace, outcome: .notSent, startedAt: now, finishedAt: now)
  }

  var isFinished: Bool { if case .finished = state { true } else { false } }

  /// Whether it only helps the probe of another machine.
  var isPartner: Bool { if case .punch(_, _, _, true) = probe.kind { true } else { false } }

  private var expiry: Instant { startedAt + probe.timeout }

  var deadline: Instant {
    switch state {
    case .waiting(let at): min(at, expiry)
    case .finished: .never
    case .classifying(let classifier): min(classifier.deadline, expiry)
    case .punching(let punch): min(punch.deadline, expiry)
    default: expiry
    }
  }

  mutating func powerOff() {
    if case .finished = state { return }
    if case .waiting = state { return }
    state = .lost
  }

  mutating func wake(now: Instant, isBooted: Bool, _ stack: inout Stack, _ out: inout Effects) {
    if expiry <= now, !isFirstTry(now) {
      if case .waiting = state { return finish(.notSent, now: now, &stack) }
      return finish(.timedOut, now: now, &stack)
    }
    switch state {
    case .classifying(var classifier) where classifier.deadline <= now:
      let step = classifier.wake(now: now, &stack, &out)
      proceed(classifier, step, now: now, &stack)
    case .punching(var punch) where punch.deadline <= now:
      let step = punch.wake(now: now, &stack, &out)
      proceed(punch, step, now: now, &stack)
    default: break
    }
    guard case .waiting(let at) = state, at <= now else { return }
    if !isBooted || !start(now: now, &stack, &out) { state = .waiting(at: now + resolveInterval) }
  }

  /// Even one with no time at all is sent once.
  private func isFirstTry(_ now: Instant) -> Bool {
    if case .waiting(let at) = state { at == startedAt && now == startedAt } else { false }
  }

  private var target: GuestTarget {
    switch probe.kind {
    case .tcpConnect(let to, _), .udp(let to, _), .ping(let to, _, _), .http(let to, _, _, _, _),
      .throughput(let to, _, _), .nat(let to, _), .punch(let to, _, _, _), .idle(let to, _, _, _):
      to
    }
  }

  /// False where it can't be sent yet.
  private mutating func start(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let address = stack.resolve(target) else { return false }
    result.remoteAddress = address
    if stack.ip.isUnroutable(address) {
      // What connect(2) answers at once: network unreachable, as far as this machine can tell. The packet that would
      // have left is dropped on record, as evidence.
      Unroutable.drop(probe, to: address, stack.ip, &out)
      finish(.unreachable(code: ICMPv4UnreachableCode.network), now: now, &stack)
      return true
    }
    switch probe.kind {
    case .tcpConnect(_, let port), .http(_, let port, _, _, _), .throughput(_, let port, _),
      .idle(_, let port, .tcp, _):
      guard let socket = stack.connect(to: address, port, owner, trace: probe.trace, now: now) else { return false }
      result.localPort = stack.localPort(socket)
      result.localAddress = stack.localAddress(socket)
      switch probe.kind {
      case .http(let to, _, let path, let host, let wanted):
        let host = host ?? (port == 80 ? to.text : "\(to.text):\(port)")
        state = .http(HTTPExchange(socket, host: host, path: path, bodyContains: wanted ?? ""))
      case .throughput(_, _, let size): state = .bulk(BulkTransfer(socket, size: size))
      case .idle: state = .idle(socket)
      default: state = .connecting(socket)
      }
    case .nat(_, let port):
      let server = TransportAddress(address, port)
      guard let classifier = NATClassifier(server: server, owner: owner, trace: probe.trace, now: now, &stack, &out)
      else { return false }
      result.localPort = classifier.port
      result.localAddress = stack.ip.route(to: address)?.source
      state = .classifying(classifier)
    case .punch(_, let port, let type, let isPartner):
      let punch = HolePunch(
        server: TransportAddress(address, port), isTCP: type == .tcp, isPartner: isPartner, trace: probe.trace,
        owner: owner, now: now, &stack, &out)
      guard let punch else { return false }
      result.localPort = punch.localPort
      result.localAddress = stack.ip.route(to: address)?.source
      state = .punching(punch)
    case .udp(_, let port), .idle(_, let port, _, _):
      guard let route = stack.ip.route(to: address), let local = stack.bindDatagrams(owner) else { return false }
      result.localPort = local
      result.localAddress = route.source
      state = .datagram(port: local, sentAt: now)
      stack.sendDatagram(from: local, to: address, port, payload.span.bytes, trace: probe.trace, now: now, &out)
    case .ping(_, let size, let ttl):
      guard let route = stack.ip.route(to: address) else { return false }
      let identifier = stack.bindEcho(owner)
      result.localAddress = route.source
      state = .echo(identifier: identifier, sentAt: now)
      _ = stack.sendEcho(
        to: address, identifier: identifier, sequence: 1, size: size, timeToLive: ttl, trace: probe.trace, now: now,
        &out)
    }
    return true
  }

  /// What the UDP probes send.
  private var payload: [UInt8] {
    switch probe.kind {
    case .udp(_, let port): DatagramPayload.probe(to: port)
    case .idle(_, let port, .udp, let delay): DatagramPayload.probe(to: port, end: LateEcho.request(delay))
    case .idle(_, _, _, let delay): LateEcho.request(delay)
    default: []
    }
  }

  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    switch state {
    case .connecting(let socket) where socket == id:
      if events.contains(.connected) {
        result.rtt = stack.openedAt(id).map { now - $0 }
        finish(.open, now: now, &stack)
      } else if events.contains(.closed) {
        finish(Self.outcome(stack.error(id)), now: now, &stack)
      }
    case .http(var exchange) where exchange.socket == id:
      let step = exchange.socket(events, now: now, &stack)
      state = .http(exchange)
      result.httpStatus = exchange.status
      progress(exchange.received, isConnected: exchange.connectedAt != nil, exchange.firstByteAt != nil, now: now)
      switch step {
      case .going: return
      case .done:
        result.httpBody = exchange.body
        result.bodyFound = exchange.isFound
        if let connected = exchange.connectedAt, let first = exchange.firstByteAt { result.rtt = first - connected }
        finish(.open, now: now, &stack)
      case .failed(let error): finish(error.map { Self.outcome($0) } ?? .badResponse, now: now, &stack)
      }
    case .bulk(var transfer) where transfer.socket == id:
      let step = transfer.socket(events, now: now, &stack)
      state = .bulk(transfer)
      progress(
        transfer.acknowledged, isConnected: transfer.connectedAt != nil, transfer.acknowledged > 0, now: now)
      if let connected = transfer.connectedAt, let opened = stack.openedAt(id), result.rtt == nil {
        result.rtt = connected - opened
      }
      switch step {
      case .going: return
      case .done:
        result.throughput = transfer.throughput(now: now)
        finish(.open, now: now, &stack)
      case .failed(let error): finish(Self.outcome(error), now: now, &stack)
      }
    case .punching(var punch):
      let step = punch.socket(id, events, now: now, &stack)
      if events.contains(.connected), isPartner { observe(stack.remote(id), punch, &out) }
      proceed(punch, step, now: now, &stack)
    case .idle(let socket) where socket == id: idle(socket, events, now: now, &stack)
    default: break
    }
  }

  private mutating func idle(_ socket: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack) {
    if events.contains(.connected) {
      stack.write(socket, payload.span.bytes)
      progress(0, isConnected: true, false, now: now)
    }
    let count = stack.readable(socket)
    if count > 0 {
      result.bytes = UInt64(count)
      result.rtt = stack.openedAt(socket).map { now - $0 }
      stack.discard(socket)
      finish(isEarly ? .badResponse : .open, now: now, &stack)
    } else if events.contains(.closed) {
      finish(Self.outcome(stack.error(socket)), now: now, &stack)
    } else if stack.isAtEnd(socket) {
      finish(.reset, now: now, &stack)
    }
  }

  /// Whether the answer came before its time: then the server is none that can wait, and nothing was shown.
  private var isEarly: Bool {
    guard case .idle(_, _, _, let delay) = probe.kind, let rtt = result.rtt else { return false }
    return rtt < delay
  }

  mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    switch state {
    case .classifying(var classifier):
      let step = classifier.datagram(info, payload, now: now, &stack, &out)
      proceed(classifier, step, now: now, &stack)
    case .punching(var punch):
      let hadHeard = punch.hasHeard
      let step = punch.datagram(info, payload, now: now, &stack, &out)
      if punch.hasHeard, !hadHeard, isPartner {
        observe(TransportAddress(info.source, info.sourcePort), punch, &out)
      }
      proceed(punch, step, now: now, &stack)
    default: reply(from: info.source, size: payload.byteCount, now: now, &stack)
    }
  }

  /// Whether its socket takes a datagram from there: a connected one has one peer (connect(2)). To a group it can't be
  /// connected: anybody may answer.
  mutating func takes(from source: IPv4Address, _ port: UInt16, group: Bool) -> Bool {
    guard case .datagram = state, !group, let peer = result.remoteAddress, !peer.isMulticast else { return true }
    let wanted: UInt16? =
      switch probe.kind {
      case .udp(_, let port), .idle(_, let port, .udp, _): port
      default: nil
      }
    if source == peer, wanted == nil || wanted == port { return true }
    result.foreignAnswer = TransportAddress(source, port)
    return false
  }

  /// A segment for its port that its connection has no use for: from another than its peer, it is an answer that took
  /// another way.
  mutating func strayed(from source: IPv4Address, _ port: UInt16, to own: UInt16) {
    let wanted: UInt16? =
      switch probe.kind {
      case .tcpConnect(_, let port), .http(_, let port, _, _, _), .throughput(_, let port, _), .idle(_, let port, .tcp, _):
        port
      default: nil
      }
    guard own == result.localPort, let wanted, source != result.remoteAddress || port != wanted else { return }
    result.foreignAnswer = TransportAddress(source, port)
  }

  /// The prober's packet arrived at the other machine.
  private func observe(_ source: TransportAddress?, _ punch: HolePunch, _ out: inout Effects) {
    guard let source, source != punch.server else { return }
    out.observe(Observation(.delivered, trace: probe.trace, source: source.address, sourcePort: source.port))
  }

  private mutating func proceed(
    _ classifier: NATClassifier, _ step: NATClassifier.Step, now: Instant, _ stack: inout Stack
  ) {
    state = .classifying(classifier)
    result.nat = classifier.findings
    result.rtt = classifier.rtt
    result.silentTests = classifier.silentTests
    progress(classifier.received, isConnected: false, classifier.received > 0, now: now)
    switch step {
    case .going: break
    case .done: finish(.open, now: now, &stack)
    case .silent: finish(.timedOut, now: now, &stack)
    }
  }

  private mutating func proceed(_ punch: HolePunch, _ step: HolePunch.Step, now: Instant, _ stack: inout Stack) {
    state = .punching(punch)
    result.rtt = punch.rtt
    progress(punch.bytes, isConnected: false, punch.hasHeard, now: now)
    if let peer = punch.peer { result.remoteAddress = peer.address }
    switch step {
    case .going: break
    case .done: finish(.open, now: now, &stack)
    // Who should introduce them isn't there.
    case .failed(let error): if !isPartner { finish(record(error), now: now, &stack) }
    }
  }

  /// Notes that something came, if it did.
  private mutating func progress(_ bytes: UInt64, isConnected: Bool, _ hasAnswer: Bool, now: Instant) {
    if bytes > result.bytes || isConnected && !result.isConnected || hasAnswer && !result.hasAnswer {
      result.progressAt = now
    }
    result.bytes = bytes
    if isConnected { result.isConnected = true }
    if hasAnswer { result.hasAnswer = true }
  }

  mutating func reply(from address: IPv4Address, size: Int, now: Instant, _ stack: inout Stack) {
    switch state {
    case .echo where result.remoteAddress != address && result.remoteAddress?.isMulticast == false:
      result.foreignAnswer = TransportAddress(address, 0)
    case .datagram(_, let sentAt), .echo(_, let sentAt):
      result.rtt = now - sentAt
      result.bytes = UInt64(size)
      result.remoteAddress = address
      finish(isEarly ? .badResponse : .open, now: now, &stack)
    default: break
    }
  }

  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack) {
    switch state {
    case .datagram, .echo: finish(record(error), now: now, &stack)
    case .punching(let punch) where punch.peer == nil && !isPartner: finish(record(error), now: now, &stack)
    // There is no server; later on, an error is what a NAT may answer to a test.
    case .classifying(let classifier) where classifier.findings == nil: finish(record(error), now: now, &stack)
    default: break
    }
  }

  private mutating func record(_ error: SocketError) -> GuestProbeResult.Outcome {
    switch error {
    case .unreachable(_, let from), .ttlExceeded(let from): result.icmpFrom = from
    default: break
    }
    return Self.outcome(error)
  }

  private static func outcome(_ error: SocketError?) -> GuestProbeResult.Outcome {
    switch error {
    case .refused: .refused
    case .unreachable(let code, _): .unreachable(code: code)
    case .ttlExceeded: .ttlExceeded
    case .timedOut: .timedOut
    case .reset, nil: .reset
    }
  }

  /// Its time is over, whether or not the machine that it runs on has noticed.
  mutating func abandon(now: Instant, _ stack: inout Stack) {
    if case .finished = state { return }
    if case .waiting = state { return finish(.notSent, now: now, &stack) }
    finish(.timedOut, now: now, &stack)
  }

  private mutating func finish(_ outcome: GuestProbeResult.Outcome, now: Instant, _ stack: inout Stack) {
    switch state {
    case .connecting(let socket), .idle(let socket): end(socket, outcome, now: now, &stack)
    case .http(let exchange): end(exchange.socket, outcome, now: now, &stack)
    case .bulk(let transfer):
      result.throughput = result.throughput ?? transfer.throughput(now: now)
      end(transfer.socket, outcome, now: now, &stack)
    case .classifying(let classifier): classifier.close(&stack)
    case .punching(var punch): punch.close(outcome == .open, now: now, &stack)
    case .datagram(let port, _): stack.unbindDatagrams(port)
    case .echo(let identifier, _): stack.unbindEcho(identifier)
    case .waiting, .lost, .finished: break
    }
    result.outcome = outcome
    result.finishedAt = now
    state = .finished
  }

  /// One that was answered closes in order; one that wasn't leaves nothing behind.
  private mutating func end(
    _ socket: SocketID, _ outcome: GuestProbeResult.Outcome, now: Instant, _ stack: inout Stack
  ) {
    if case .some(let error) = stack.error(socket) { _ = record(error) }
    if outcome == .open { stack.release(socket, now: now) } else { stack.abort(socket) }
  }
}
