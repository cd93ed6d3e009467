import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// Asks an echo server to answer only after a while, over a flow without traffic until then; open when that answer comes.
public struct IdleProbe: Probe {
  public typealias Settings = IdleProbeSettings

  private enum Socket: Codable {
    case tcp(SocketID)
    case udp(port: UInt16, sentAt: Instant)
  }

  private let settings: Settings
  private let socket: Socket
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    self.settings = settings
    result = start.result
    if settings.to.transport == .tcp {
      guard let id = result.connect(start, settings.to.port, now: now, &stack) else { return nil }
      socket = .tcp(id)
    } else {
      guard let local = result.bind(start, peer: settings.to.port, &stack) else { return nil }
      socket = .udp(port: local, sentAt: now)
      let payload = DatagramPayload.probe(to: settings.to.port, end: LateEcho.request(settings.time))
      stack.sendDatagram(
        from: local, to: start.target, settings.to.port, payload.span.bytes, trace: start.trace, now: now, &out)
    }
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) {
      stack.write(id, LateEcho.request(settings.time).span.bytes)
      result.progress(0, isConnected: true, false, now: now)
    }
    let count = stack.readable(id)
    if count > 0 {
      result.bytes = UInt64(count)
      result.rtt = stack.openedAt(id).map { now - $0 }
      stack.discard(id)
      answered()
    } else if events.contains(.closed) {
      result.outcome = .init(stack.error(id))
    } else if stack.isAtEnd(id) {
      result.outcome = .reset
    }
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard case .udp(_, let sentAt) = socket else { return }
    result.answered(by: info.source, payload.byteCount, sentAt: sentAt, now: now)
    answered()
  }

  /// Before its time: then the server is none that can wait, and nothing was shown.
  private mutating func answered() {
    result.outcome = result.rtt.map { $0 < settings.time } ?? false ? .badResponse : .open
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if case .udp = socket { result.outcome = result.record(error) }
  }

  public mutating func strayed(from source: TransportAddress, toPort: UInt16) {
    switch socket {
    case .udp: result.foreignAnswer = source
    case .tcp: result.strayed(from: source, toPort: toPort, peer: settings.to.port)
    }
  }

  public mutating func close(now: Instant, _ stack: inout Stack) {
    switch socket {
    case .tcp(let id): end(id, now: now, &stack)
    case .udp(let port, _): stack.unbindDatagrams(port)
    }
  }
}

extension IdleProbeSettings: RunnableProbe {
  public typealias Machine = IdleProbe

  public static let badAnswer = "answered too early"
}
