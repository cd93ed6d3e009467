import WeftCore
import WeftWire

/// A stream of `size` bytes of `Pattern` over one connection; of the program and of the throughput probe.
struct BulkTransfer: Codable {
  enum Step {
    case going
    /// All of it is acknowledged.
    case done
    case failed(SocketError)
  }

  let socket: SocketID
  let size: UInt64
  private(set) var connectedAt: Instant?
  private(set) var written: UInt64 = 0
  private(set) var acknowledged: UInt64 = 0
  /// The way back of the last acknowledgment: no time of the transfer.
  private var wayBack = Nanoseconds.zero

  init(_ socket: SocketID, size: UInt64) {
    self.socket = socket
    self.size = size
  }

  mutating func socket(_ events: SocketEvents, now: Instant, _ stack: inout Stack) -> Step {
    if events.contains(.connected) { connectedAt = now }
    stack.discard(socket)
    if connectedAt != nil {
      while written < size {
        let room = min(UInt64(stack.writable(socket)), size - written, UInt64(Pattern.longest))
        guard room > 0 else { break }
        written &+= UInt64(Pattern.with(offset: written, count: Int(room)) { stack.write(socket, $0) })
      }
      if written == size { stack.shutdown(socket) }
      // A connection that failed has let go of its buffer: that says nothing.
      if stack.error(socket) == nil { acknowledged = written - min(written, UInt64(stack.unsent(socket))) }
    }
    if connectedAt != nil, written == size, acknowledged == size,
      !events.contains(.closed) || stack.error(socket) == nil
    {
      wayBack = stack.leastRoundTrip(socket) / 2
      return .done
    }
    if events.contains(.closed) { return .failed(stack.error(socket) ?? .reset) }
    return .going
  }

  /// Payload bits per second, from the handshake to when the last byte arrived: what the receiver sees, as iperf3 has it.
  func throughput(now: Instant) -> UInt64? {
    guard let connectedAt, connectedAt < now else { return nil }
    let time = now - connectedAt
    return bitsPerSecond(acknowledged, in: time > wayBack ? time - wayBack : time)
  }
}

/// Sends `size` bytes over TCP, then closes.
struct Bulk: GuestBehaviour {
  let target: GuestTarget
  let port: UInt16
  let size: UInt64
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant
  private(set) var transfer: BulkTransfer?

  init(to target: GuestTarget, port: UInt16, size: UInt64, owner: SocketOwner, index: Int, start: Instant) {
    self.target = target
    self.port = port
    self.size = size
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "bulk \(target.text):\(port)", state: .waiting)
  }

  var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard let address = stack.resolve(target), let socket = stack.connect(to: address, port, owner, now: now) else {
      deadline = now + resolveInterval
      return
    }
    deadline = .never
    transfer = BulkTransfer(socket, size: size)
    report.state = .running
    report.requests = 1
    report.startedAt = now
  }

  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard transfer?.socket == id, let step = transfer?.socket(events, now: now, &stack) else { return }
    report.bytesOut = transfer?.acknowledged ?? 0
    switch step {
    case .going: return
    case .done:
      report.state = .done
      report.throughput = transfer?.throughput(now: now)
      stack.release(id, now: now)
    case .failed(let error):
      report.state = .failed(error.text)
      report.failures = 1
    }
    report.finishedAt = now
    transfer = nil
  }
}

extension BulkTransfer {
  var isConsistent: Bool { acknowledged <= written && written <= size }
}
