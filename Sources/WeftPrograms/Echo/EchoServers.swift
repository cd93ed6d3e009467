import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Sends back over each connection what came over it; a `LateEcho` when its time has come.
public struct TCPEcho: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// Where it listens.
    public var port: UInt16

    public init(port: UInt16) { self.port = port }
  }

  public static let name = "tcp-echo"

  private struct Late: Codable {
    var at: Instant
    var socket: SocketID
    var request: [UInt8]
  }

  let port: UInt16
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant

  public init(_ settings: Settings, _ place: Placement) {
    port = settings.port
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "tcp-echo :\(port)", state: .waiting)
  }

  /// The next one first.
  private var late: [Late] = []

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if report.state == .running {
      while let next = late.first, next.at <= now {
        late.removeFirst()
        report.bytesOut &+= UInt64(stack.write(next.socket, next.request.span.bytes))
      }
      deadline = late.first?.at ?? .never
      return
    }
    deadline = .never
    report.state = stack.listen(port, tag: tag) ? .running : .failed("port \(port)/tcp in use")
    report.startedAt = now
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) { report.requests &+= 1 }
    if stack.readable(id) == LateEcho.length, late.count < LateEcho.most {
      let request = stack.peek(id, LateEcho.length)
      if let delay = LateEcho.delay(request.span.bytes) {
        stack.discard(id)
        report.bytesIn &+= UInt64(LateEcho.length)
        let place = late.firstIndex { $0.at > now + delay } ?? late.count
        late.insert(Late(at: now + delay, socket: id, request: request), at: place)
        deadline = late[0].at
      }
    }
    // Only what can be sent back is read: the window tells the other side to wait.
    while stack.readable(id) > 0 {
      let bytes = stack.peek(id, min(stack.writable(id), 1 << 16))
      guard !bytes.isEmpty else { break }
      let count = stack.write(id, bytes.span.bytes)
      stack.discard(id, count)
      report.bytesIn &+= UInt64(count)
      report.bytesOut &+= UInt64(count)
    }
    if stack.readable(id) == 0, stack.isAtEnd(id) { stack.shutdown(id) }
  }
}

/// Sends each datagram back to its sender; a `LateEcho` when its time has come.
public struct UDPEcho: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// Where it listens.
    public var port: UInt16

    public init(port: UInt16) { self.port = port }
  }

  public static let name = "udp-echo"

  private struct Late: Codable {
    var at: Instant
    var to: TransportAddress
    var source: IPv4Address
    var trace: UInt32
    var request: [UInt8]
  }

  let port: UInt16
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant

  public init(_ settings: Settings, _ place: Placement) {
    port = settings.port
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "udp-echo :\(port)", state: .waiting)
  }

  /// The next one first.
  private var late: [Late] = []

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if report.state == .running {
      while let next = late.first, next.at <= now {
        late.removeFirst()
        answer(next.to, next.request.span.bytes, source: next.source, trace: next.trace, now: now, &stack, &out)
      }
      deadline = late.first?.at ?? .never
      return
    }
    deadline = .never
    report.state = stack.bindDatagrams(port, tag: tag, hearsGroups: true) ? .running : .failed("port \(port)/udp in use")
    report.startedAt = now
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.requests &+= 1
    report.bytesIn &+= UInt64(payload.byteCount)
    if let delay = LateEcho.delay(payload), !info.isBroadcast, late.count < LateEcho.most {
      let place = late.firstIndex { $0.at > now + delay } ?? late.count
      let one = Late(
        at: now + delay, to: TransportAddress(info.source, info.sourcePort), source: info.destination,
        trace: info.trace, request: payload.array)
      late.insert(one, at: place)
      deadline = late[0].at
      return
    }
    answer(
      TransportAddress(info.source, info.sourcePort), payload, source: info.isBroadcast ? nil : info.destination,
      trace: info.trace, now: now, &stack, &out)
  }

  private mutating func answer(
    _ client: TransportAddress, _ payload: RawSpan, source: IPv4Address?, trace: UInt32, now: Instant,
    _ stack: inout Stack, _ out: inout Effects
  ) {
    let result = stack.sendDatagram(
      from: port, to: client.address, client.port, payload, source: source, trace: trace, now: now, &out)
    guard case .sent = result else { return }
    report.replies &+= 1
    report.bytesOut &+= UInt64(payload.byteCount)
  }
}

extension TCPEchoSettings: RunnableSettings {
  public typealias Machine = TCPEcho

  public func settings(_ target: (Destination) -> Target) -> TCPEcho.Settings {
    .init(port: port)
  }
}

extension UDPEchoSettings: RunnableSettings {
  public typealias Machine = UDPEcho

  public func settings(_ target: (Destination) -> Target) -> UDPEcho.Settings {
    .init(port: port)
  }
}
