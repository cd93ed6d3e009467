import WeftCore
import WeftWire

/// Classifies the NAT before its machine once and reports what it found.
struct NATProbe: GuestBehaviour {
  let target: GuestTarget
  let port: UInt16
  let owner: SocketOwner
  var report: ProgramReport
  private var startsAt: Instant
  private var classifier: NATClassifier?

  init(to target: GuestTarget, port: UInt16, owner: SocketOwner, index: Int, start: Instant) {
    self.target = target
    self.port = port
    self.owner = owner
    startsAt = start
    report = ProgramReport(index: index, title: "nat-probe \(target.text):\(port)", state: .waiting)
  }

  var deadline: Instant { classifier?.deadline ?? startsAt }
  var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let step = classifier?.wake(now: now, &stack, &out) { return proceed(step, now: now, &stack) }
    guard let address = stack.resolve(target) else {
      startsAt = now + resolveInterval
      return
    }
    classifier = NATClassifier(
      server: TransportAddress(address, port), owner: owner, trace: 0, now: now, &stack, &out)
    guard classifier != nil else {
      startsAt = now + resolveInterval
      return
    }
    startsAt = .never
    report.state = .running
    report.startedAt = now
  }

  mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    report.bytesIn &+= UInt64(payload.byteCount)
    if let step = classifier?.datagram(info, payload, now: now, &stack, &out) { proceed(step, now: now, &stack) }
  }

  private mutating func proceed(_ step: NATClassifier.Step, now: Instant, _ stack: inout Stack) {
    report.requests = classifier?.sent ?? 0
    report.replies = classifier?.received ?? 0
    if step == .going { return }
    report.state = step == .done ? .done : .failed("no answer from \(target.text):\(port)")
    report.findings = classifier?.findings
    report.finishedAt = now
    classifier?.close(&stack)
    classifier = nil
  }
}
