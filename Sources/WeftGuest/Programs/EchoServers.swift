import WeftCore
import WeftWire

/// Sends back over each connection what came over it.
struct TCPEcho: GuestBehaviour {
  let port: UInt16
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant

  init(port: UInt16, owner: SocketOwner, index: Int, start: Instant) {
    self.port = port
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "tcp-echo :\(port)", state: .waiting)
  }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    report.state = stack.tcp.listen(port, owner) ? .running : .failed("port \(port)/tcp in use")
    report.startedAt = now
  }

  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) { report.requests += 1 }
    // Only what can be sent back is read: the window tells the other side to wait.
    while stack.readable(id) > 0 {
      let bytes = stack.peek(id, min(stack.writable(id), 1 << 16))
      guard !bytes.isEmpty else { break }
      let count = stack.write(id, bytes.span.bytes)
      stack.discard(id, count)
      report.bytesIn += UInt64(count)
      report.bytesOut += UInt64(count)
    }
    if stack.readable(id) == 0, stack.isAtEnd(id) { stack.shutdown(id) }
  }
}

/// Sends each datagram back to its sender.
struct UDPEcho: GuestBehaviour {
  let port: UInt16
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant

  init(port: UInt16, owner: SocketOwner, index: Int, start: Instant) {
    self.port = port
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "udp-echo :\(port)", state: .waiting)
  }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    report.state = stack.bindDatagrams(port, owner) ? .running : .failed("port \(port)/udp in use")
    report.startedAt = now
  }

  mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.requests += 1
    report.bytesIn += UInt64(payload.byteCount)
    let result = stack.sendDatagram(
      from: port, to: info.source, info.sourcePort, payload, source: info.isBroadcast ? nil : info.destination,
      trace: info.trace, now: now, &out)
    guard case .sent = result else { return }
    report.replies += 1
    report.bytesOut += UInt64(payload.byteCount)
  }
}
