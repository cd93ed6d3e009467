import WeftCore
import WeftWire

/// SYNs from one source port after the other, without keeping any state: what comes back is the stack's own business,
/// which answers with a RST, as Linux's does to raw sockets.
struct SYNFlood: GuestBehaviour {
  /// 1024–65535, all over again after 64,512.
  private static let ports: UInt64 = 64_512

  let target: GuestTarget
  let port: UInt16
  let interval: Nanoseconds
  let count: UInt64?
  var report: ProgramReport
  private(set) var deadline: Instant
  private var address: IPv4Address?

  init(to target: GuestTarget, port: UInt16, interval: Nanoseconds, count: UInt64?, index: Int, start: Instant) {
    self.target = target
    self.port = port
    self.interval = max(interval, Nanoseconds(1))
    self.count = count
    deadline = start
    report = ProgramReport(index: index, title: "syn-flood \(target.text):\(port)", state: .waiting)
  }

  var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let count, report.requests >= count { return finish(now: now) }
    if address == nil { address = stack.resolve(target) }
    guard let address, let route = stack.ip.route(to: address), !route.isBroadcast else {
      deadline = now + resolveInterval
      return
    }
    if report.requests == 0 {
      report.state = .running
      report.startedAt = now
    }
    let header = TCPHeader(
      sourcePort: 1024 + UInt16(truncatingIfNeeded: report.requests % Self.ports), destinationPort: port,
      sequence: UInt32(truncatingIfNeeded: stack.random.next()), acknowledgment: 0, flags: .syn, window: 65_535)
    var frame = stack.ip.packet(.tcp, from: route.source, to: address, length: 20, trace: 0, &out)
    do {
      var span = frame.mutableBytes
      var part = span.slice(34..<54)
      header.write(to: &part, source: route.source, destination: address)
    }
    stack.ip.send(frame, route, now: now, &out)
    report.requests &+= 1
    if let count, report.requests >= count { finish(now: now) } else { deadline = now + interval }
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    report.state = .done
    report.finishedAt = now
  }
}
