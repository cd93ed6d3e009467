import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Tells clients how they look from here (RFC 8489), and lets them see which of its answers reach them (RFC 5780): from
/// its other port, and from its partner's address, which runs the same program.
public struct STUNServer: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// It answers on this one and the next.
    public var port: UInt16
    /// Does the same, and answers where an answer from elsewhere is asked for.
    public var partner: Target?

    public init(port: UInt16, partner: Target? = nil) { (self.port, self.partner) = (port, partner) }
  }

  public static let name = "stun-server"

  let port: UInt16
  let partner: Target?
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant

  public init(_ settings: Settings, _ place: Placement) {
    port = settings.port
    partner = settings.partner
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "stun-server :\(port)", state: .waiting)
  }

  /// The second port it answers from.
  private var alternate: UInt16 { Self.alternate(of: port) }
  static func alternate(of port: UInt16) -> UInt16 { port == .max ? port - 1 : port + 1 }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    report.startedAt = now
    for port in [port, alternate] where !stack.bindDatagrams(port, tag: tag) {
      report.state = .failed("port \(port)/udp in use")
      return
    }
    report.state = .running
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.bytesIn &+= UInt64(payload.byteCount)
    guard !info.isBroadcast, let message = STUNMessage(payload) else {
      report.failures &+= 1
      return
    }
    let partner = partner?.address
    switch message.kind {
    case .request:
      report.requests &+= 1
      let client = TransportAddress(info.source, info.sourcePort)
      guard message.unknown == nil, !message.changesAddress || partner != nil else {
        // Without a partner CHANGE-REQUEST can't be done (RFC 5780, 6.1: unknown attribute).
        var failure = STUNMessage(.failure, message.transaction)
        failure.error = 420
        return send(failure, from: info.destinationPort, to: client, info, now: now, &stack, &out)
      }
      if message.changesAddress, let partner {
        var request = STUNMessage(.indication, message.transaction)
        request.changesPort = message.changesPort
        request.mapped = client
        // From the port that was asked, so that the partner knows which is the other one.
        stack.sendDatagram(
          from: info.destinationPort, to: partner, info.destinationPort, request.bytes.span.bytes,
          source: info.destination, trace: info.trace, now: now, &out)
        return
      }
      answer(
        client, message.transaction, from: message.changesPort ? otherPort(info.destinationPort) : info.destinationPort,
        info, other: partner, now: now, &stack, &out)
    case .indication:
      // Only the partner may have others written to.
      guard let client = message.mapped, let partner, info.source == partner else {
        report.failures &+= 1
        return
      }
      answer(
        client, message.transaction, from: message.changesPort ? otherPort(info.destinationPort) : info.destinationPort,
        info, other: partner, now: now, &stack, &out)
    case .success, .failure: report.failures &+= 1
    }
  }

  private func otherPort(_ number: UInt16) -> UInt16 { number == port ? alternate : port }

  private mutating func answer(
    _ client: TransportAddress, _ transaction: STUNMessage.Transaction, from port: UInt16, _ info: DatagramInfo,
    other: IPv4Address?, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    var answer = STUNMessage(.success, transaction)
    answer.mapped = client
    answer.origin = TransportAddress(info.destination, port)
    answer.other = other.map { TransportAddress($0, alternate) }
    send(answer, from: port, to: client, info, now: now, &stack, &out)
  }

  private mutating func send(
    _ message: STUNMessage, from port: UInt16, to client: TransportAddress, _ info: DatagramInfo, now: Instant,
    _ stack: inout Stack, _ out: inout Effects
  ) {
    let bytes = message.bytes
    guard
      case .sent = stack.sendDatagram(
        from: port, to: client.address, client.port, bytes.span.bytes, source: info.destination, trace: info.trace,
        now: now, &out)
    else { return }
    report.replies &+= 1
    report.bytesOut &+= UInt64(bytes.count)
  }
}

extension STUNServerSettings: RunnableSettings {
  public typealias Machine = STUNServer

  public func settings(_ target: (Destination) -> Target) -> STUNServer.Settings {
    .init(port: port, partner: other.map(target))
  }
}
