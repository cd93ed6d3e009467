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
    /// What it waited on is gone with the power; only its time is left.
    case lost
    case finished
  }

  let probe: GuestProbe
  let startedAt: Instant
  private(set) var state: State
  private(set) var result: GuestProbeResult
  private let owner: SocketOwner
  private static let datagram = Array("weft probe".utf8)

  init(_ probe: GuestProbe, now: Instant) {
    self.probe = probe
    startedAt = now
    state = .waiting(at: now)
    owner = SocketOwner(.probe, probe.trace)
    result = GuestProbeResult(trace: probe.trace, outcome: .notSent, startedAt: now, finishedAt: now)
  }

  var isFinished: Bool { if case .finished = state { true } else { false } }

  private var expiry: Instant { startedAt + probe.timeout }

  var deadline: Instant {
    switch state {
    case .waiting(let at): min(at, expiry)
    case .finished: .never
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
    guard case .waiting(let at) = state, at <= now else { return }
    if !isBooted || !start(now: now, &stack, &out) { state = .waiting(at: now + resolveInterval) }
  }

  /// Even one with no time at all is sent once.
  private func isFirstTry(_ now: Instant) -> Bool {
    if case .waiting(let at) = state { at == startedAt && now == startedAt } else { false }
  }

  private var target: GuestTarget {
    switch probe.kind {
    case .tcpConnect(let to, _), .udp(let to, _), .ping(let to, _, _), .http(let to, _, _, _),
      .throughput(let to, _, _):
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
    case .tcpConnect(_, let port), .http(_, let port, _, _), .throughput(_, let port, _):
      guard let socket = stack.connect(to: address, port, owner, trace: probe.trace, now: now) else { return false }
      result.localPort = stack.localPort(socket)
      result.localAddress = stack.localAddress(socket)
      switch probe.kind {
      case .http(let to, _, let path, let host):
        state = .http(HTTPExchange(socket, host: host ?? (port == 80 ? to.text : "\(to.text):\(port)"), path: path))
      case .throughput(_, _, let size): state = .bulk(BulkTransfer(socket, size: size))
      default: state = .connecting(socket)
      }
    case .udp(_, let port):
      guard let route = stack.ip.route(to: address), let local = stack.bindDatagrams(owner) else { return false }
      result.localPort = local
      result.localAddress = route.source
      state = .datagram(port: local, sentAt: now)
      stack.sendDatagram(from: local, to: address, port, Self.datagram.span.bytes, trace: probe.trace, now: now, &out)
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
      result.bytes = exchange.received
      switch step {
      case .going: return
      case .done:
        result.httpBody = exchange.body
        if let connected = exchange.connectedAt, let first = exchange.firstByteAt { result.rtt = first - connected }
        finish(.open, now: now, &stack)
      case .failed(let error): finish(error.map { Self.outcome($0) } ?? .badResponse, now: now, &stack)
      }
    case .bulk(var transfer) where transfer.socket == id:
      let step = transfer.socket(events, now: now, &stack)
      state = .bulk(transfer)
      result.bytes = transfer.acknowledged
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
    default: break
    }
  }

  mutating func reply(from address: IPv4Address, size: Int, now: Instant, _ stack: inout Stack) {
    switch state {
    case .datagram(_, let sentAt), .echo(_, let sentAt):
      result.rtt = now - sentAt
      result.bytes = UInt64(size)
      result.remoteAddress = address
      finish(.open, now: now, &stack)
    default: break
    }
  }

  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack) {
    switch state {
    case .datagram, .echo: finish(record(error), now: now, &stack)
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

  private mutating func finish(_ outcome: GuestProbeResult.Outcome, now: Instant, _ stack: inout Stack) {
    switch state {
    case .connecting(let socket): end(socket, outcome, now: now, &stack)
    case .http(let exchange): end(exchange.socket, outcome, now: now, &stack)
    case .bulk(let transfer):
      result.throughput = result.throughput ?? transfer.throughput(now: now)
      end(transfer.socket, outcome, now: now, &stack)
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
