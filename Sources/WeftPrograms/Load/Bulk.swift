import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// A stream of `size` bytes of `Pattern` over one connection; of the program and of the throughput probe.
public struct BulkTransfer: Codable {
  public enum Step {
    case going
    /// All of it is acknowledged.
    case done
    case failed(SocketError)
  }

  public let socket: SocketID
  let size: UInt64
  public private(set) var connectedAt: Instant?
  private(set) var written: UInt64 = 0
  public private(set) var acknowledged: UInt64 = 0
  /// The way back of the last acknowledgment: no time of the transfer.
  private var wayBack = Nanoseconds.zero

  public init(_ socket: SocketID, size: UInt64) {
    self.socket = socket
    self.size = size
  }

  public mutating func socket(_ events: SocketEvents, now: Instant, _ stack: inout Stack) -> Step {
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
  public func throughput(now: Instant) -> UInt64? {
    guard let connectedAt, connectedAt < now else { return nil }
    let time = now - connectedAt
    return bitsPerSecond(acknowledged, in: time > wayBack ? time - wayBack : time)
  }
}

/// Sends `size` bytes over TCP, then closes.
public struct Bulk: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var port: UInt16
    /// In bytes.
    public var size: UInt64

    public init(to: Target, port: UInt16, size: UInt64) {
      (self.to, self.port, self.size) = (to, port, size)
    }
  }

  public static let name = "bulk"

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private(set) var transfer: BulkTransfer?

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "bulk \(settings.to.text):\(settings.port)", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard let address = settings.to.address,
      let socket = stack.connect(to: address, settings.port, tag: tag, now: now)
    else {
      deadline = now + resolveInterval
      return
    }
    deadline = .never
    transfer = BulkTransfer(socket, size: settings.size)
    report.state = .running
    report.requests = 1
    report.startedAt = now
  }

  public mutating func socket(
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

extension Bulk {
  public var isConsistent: Bool { transfer?.isConsistent ?? true }
}

extension BulkTransfer {
  public var isConsistent: Bool { acknowledged <= written && written <= size }
}

extension BulkSettings: RunnableSettings {
  public typealias Machine = Bulk

  public func settings(_ target: (Destination) -> Target) -> Bulk.Settings {
    .init(to: target(to.to), port: to.port, size: size)
  }
}
