import WeftCore
import WeftWire

/// Echo requests, one each interval.
struct Ping: GuestBehaviour {
  private struct Sent: Codable {
    var sequence: UInt16
    var at: Instant
  }

  /// After the last request, how long a reply may take (iputils' default linger is 10 s; here runs are short).
  private static let linger = Nanoseconds.seconds(2)

  let target: GuestTarget
  let count: Int
  let interval: Nanoseconds
  let size: Int
  let timeToLive: UInt8
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant
  private var identifier: UInt16?
  private var sequence: UInt16 = 0
  private var outstanding: [Sent] = []

  init(
    to target: GuestTarget, count: Int, interval: Nanoseconds, size: Int, timeToLive: UInt8, owner: SocketOwner,
    index: Int,
    start: Instant
  ) {
    self.target = target
    self.count = count
    self.interval = max(interval, Nanoseconds(1))
    self.size = min(max(size, 0), 65_507)
    self.timeToLive = timeToLive
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "ping \(target.text)", state: .waiting)
  }

  var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard report.requests < UInt64(max(count, 0)) else { return finish(now: now, &stack) }
    guard let address = stack.resolve(target) else {
      deadline = now + resolveInterval
      return
    }
    let identifier = identifier ?? stack.bindEcho(owner)
    self.identifier = identifier
    let result = stack.sendEcho(
      to: address, identifier: identifier, sequence: sequence &+ 1, size: size, timeToLive: timeToLive, now: now, &out)
    guard case .sent = result else {
      deadline = now + resolveInterval
      return
    }
    if report.state == .waiting {
      report.state = .running
      report.startedAt = now
    }
    sequence &+= 1
    report.requests &+= 1
    report.bytesOut &+= UInt64(size)
    if outstanding.count == 64 { outstanding.removeFirst() }
    outstanding.append(Sent(sequence: sequence, at: now))
    deadline = now + (report.requests < UInt64(count) ? interval : Self.linger)
  }

  mutating func reply(_ sequence: UInt16, size: Int, now: Instant, _ stack: inout Stack) {
    guard let index = outstanding.firstIndex(where: { $0.sequence == sequence }) else { return }
    let sent = outstanding.remove(at: index)
    report.replies &+= 1
    report.bytesIn &+= UInt64(size)
    var rtt = report.rtt ?? RoundTrips()
    rtt.add(now - sent.at)
    report.rtt = rtt
    if report.requests == UInt64(count), outstanding.isEmpty { finish(now: now, &stack) }
  }

  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    report.failures &+= 1
    lastError = error.text
  }

  private var lastError: String?

  private mutating func finish(now: Instant, _ stack: inout Stack) {
    deadline = .never
    guard isUnfinished else { return }
    if let identifier { stack.unbindEcho(identifier) }
    report.state = report.replies > 0 ? .done : .failed(lastError ?? "no reply")
    report.finishedAt = now
  }
}

extension GuestTarget {
  var text: String {
    switch self {
    case .address(let address): address.description
    case .named(let name): name
    }
  }
}
