import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Introduces two machines to each other that both can reach this one: tells each by which address and port it sees the
/// other.
public struct Rendezvous: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// Where it listens.
    public var port: UInt16

    public init(port: UInt16) { self.port = port }
  }

  public static let name = "rendezvous"

  private struct Guest: Codable {
    var seen: TransportAddress
    /// Nil over UDP.
    var socket: SocketID?
    var trace: UInt32
    /// By which of our addresses it reached us.
    var local: IPv4Address?
  }

  private struct Meeting: Codable {
    var id: UInt64
    var isTCP: Bool
    var first: Guest?
    var second: Guest?
  }

  /// Meetings remembered; the oldest makes room.
  private static let most = 256

  let port: UInt16
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var meetings: [Meeting] = []

  public init(_ settings: Settings, _ place: Placement) {
    port = settings.port
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "rendezvous :\(port)", state: .waiting)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    report.startedAt = now
    let isBound = stack.bindDatagrams(port, tag: tag) && stack.listen(port, tag: tag)
    report.state = isBound ? .running : .failed("port \(port) in use")
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.bytesIn &+= UInt64(payload.byteCount)
    guard !info.isBroadcast, let message = PunchMessage(payload), message.kind == .register else {
      report.failures &+= 1
      return
    }
    let guest = Guest(
      seen: TransportAddress(info.source, info.sourcePort), socket: nil, trace: info.trace, local: info.destination)
    register(message, guest, now: now, &stack, &out)
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    while let message = stack.readPunchMessage(id) {
      report.bytesIn &+= UInt64(PunchMessage.length)
      guard message.kind == .register, let seen = stack.remote(id) else {
        report.failures &+= 1
        continue
      }
      register(message, Guest(seen: seen, socket: id, trace: 0, local: nil), now: now, &stack, &out)
    }
    if stack.isAtEnd(id) { stack.shutdown(id) }
  }

  private mutating func register(
    _ message: PunchMessage, _ guest: Guest, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.requests &+= 1
    let isTCP = guest.socket != nil
    var index = meetings.firstIndex { $0.id == message.meeting && $0.isTCP == isTCP }
    if index == nil {
      if meetings.count == Self.most { meetings.removeFirst() }
      meetings.append(Meeting(id: message.meeting, isTCP: isTCP))
      index = meetings.count - 1
    }
    guard let index else { return }
    if message.flag { meetings[index].second = guest } else { meetings[index].first = guest }
    // At once to both: their packets are to cross.
    guard let first = meetings[index].first, let second = meetings[index].second else { return }
    introduce(first, to: second, message.meeting, now: now, &stack, &out)
    introduce(second, to: first, message.meeting, now: now, &stack, &out)
  }

  private mutating func introduce(
    _ one: Guest, to other: Guest, _ meeting: UInt64, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    var message = PunchMessage(.peer, meeting: meeting)
    message.peer = one.seen
    let bytes = message.bytes
    if let socket = other.socket {
      stack.write(socket, bytes.span.bytes)
    } else {
      stack.sendDatagram(
        from: port, to: other.seen.address, other.seen.port, bytes.span.bytes, source: other.local, trace: other.trace,
        now: now, &out)
    }
    report.replies &+= 1
    report.bytesOut &+= UInt64(bytes.count)
  }
}

extension RendezvousSettings: RunnableSettings {
  public typealias Machine = Rendezvous

  public func settings(_ target: (Destination) -> Target) -> Rendezvous.Settings {
    .init(port: port)
  }
}
