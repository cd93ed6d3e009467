import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// Opens a connection, and closes it again: open when the handshake is done. Over UDP it sends one small datagram from a
/// connected socket: open when its peer answers.
public struct ConnectProbe: Probe {
  public typealias Settings = ConnectProbeSettings

  private enum Socket: Codable {
    case tcp(SocketID)
    case udp(port: UInt16, sentAt: Instant)
  }

  private let socket: Socket
  private let port: UInt16
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    port = settings.to.port
    if settings.to.transport == .tcp {
      guard let id = result.connect(start, port, now: now, &stack) else { return nil }
      socket = .tcp(id)
    } else {
      guard let local = result.bind(start, peer: port, &stack) else { return nil }
      socket = .udp(port: local, sentAt: now)
      stack.sendDatagram(
        from: local, to: start.target, port, DatagramPayload.probe(to: port).span.bytes, trace: start.trace, now: now,
        &out)
    }
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) {
      result.rtt = stack.openedAt(id).map { now - $0 }
      result.outcome = .open
    } else if events.contains(.closed) {
      result.outcome = .init(stack.error(id))
    }
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard case .udp(_, let sentAt) = socket else { return }
    result.answered(by: info.source, payload.byteCount, sentAt: sentAt, now: now)
    result.outcome = .open
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if case .udp = socket { result.outcome = result.record(error) }
  }

  public mutating func strayed(from source: TransportAddress, toPort: UInt16) {
    switch socket {
    case .udp: result.foreignAnswer = source
    case .tcp: result.strayed(from: source, toPort: toPort, peer: port)
    }
  }

  public mutating func close(now: Instant, _ stack: inout Stack) {
    switch socket {
    case .tcp(let id): end(id, now: now, &stack)
    case .udp(let port, _): stack.unbindDatagrams(port)
    }
  }
}

extension ConnectProbeSettings: RunnableProbe {
  public typealias Machine = ConnectProbe
}

extension ProbeResult {
  /// Opens a connection to the target.
  mutating func connect(_ start: ProbeStart, _ port: UInt16, now: Instant, _ stack: inout Stack) -> SocketID? {
    guard let socket = stack.connect(to: start.target, port, tag: start.tag, trace: start.trace, now: now) else {
      return nil
    }
    localPort = stack.localPort(socket)
    localAddress = stack.localAddress(socket)
    return socket
  }

  /// A datagram socket whose only peer is the target. To a group it can't be connected: anybody may answer.
  mutating func bind(_ start: ProbeStart, peer port: UInt16, _ stack: inout Stack) -> UInt16? {
    guard let source = stack.source(to: start.target),
      let local = stack.bindDatagrams(
        tag: start.tag, trace: start.trace, peer: source.toMany ? nil : TransportAddress(start.target, port))
    else { return nil }
    localPort = local
    localAddress = source.address
    return local
  }

  mutating func answered(by address: IPv4Address, _ count: Int, sentAt: Instant, now: Instant) {
    rtt = now - sentAt
    bytes = UInt64(count)
    remoteAddress = address
  }

  /// A segment for its port that its connection has no use for: from another than its peer, it is an answer that took
  /// another way.
  mutating func strayed(from source: TransportAddress, toPort: UInt16, peer port: UInt16) {
    guard toPort == localPort, source.address != remoteAddress || source.port != port else { return }
    foreignAnswer = source
  }
}
