import WeftCore
import WeftWire

/// Datagrams at a constant rate.
struct UDPRate: GuestBehaviour {
  let target: GuestTarget
  let port: UInt16
  let size: Int
  let interval: Nanoseconds
  let count: UInt64?
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant
  private var address: IPv4Address?
  private var source: UInt16?
  /// Made once; not part of a checkpoint, as port and size say what it is.
  private var payload: [UInt8]?

  private enum CodingKeys: CodingKey {
    case target, port, size, interval, count, owner, report, deadline, address, source
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    target = try container.decode(GuestTarget.self, forKey: .target)
    port = try container.decode(UInt16.self, forKey: .port)
    size = try container.decode(Int.self, forKey: .size)
    interval = try container.decode(Nanoseconds.self, forKey: .interval)
    count = try container.decodeIfPresent(UInt64.self, forKey: .count)
    owner = try container.decode(SocketOwner.self, forKey: .owner)
    report = try container.decode(ProgramReport.self, forKey: .report)
    deadline = try container.decode(Instant.self, forKey: .deadline)
    address = try container.decodeIfPresent(IPv4Address.self, forKey: .address)
    source = try container.decodeIfPresent(UInt16.self, forKey: .source)
    guard (0...65_507).contains(size), interval > .zero else {
      throw DecodingError.dataCorrupted(.init(codingPath: container.codingPath, debugDescription: "its datagrams"))
    }
    payload = DatagramPayload.filled(to: port, count: size)
  }

  init(
    to target: GuestTarget, port: UInt16, size: Int, interval: Nanoseconds, count: UInt64?, owner: SocketOwner,
    index: Int,
    start: Instant
  ) {
    self.target = target
    self.port = port
    self.size = min(max(size, 0), min(65_507, Pattern.longest))
    self.interval = max(interval, Nanoseconds(1))
    self.count = count
    self.owner = owner
    deadline = start
    payload = DatagramPayload.filled(to: port, count: self.size)
    report = ProgramReport(index: index, title: "udp-rate \(target.text):\(port)", state: .waiting)
  }

  var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let count, report.requests >= count { return finish(now: now, &stack) }
    if address == nil { address = stack.resolve(target) }
    if source == nil { source = stack.bindDatagrams(owner) }
    guard let address, let source else {
      deadline = now + resolveInterval
      return
    }
    let result =
      if let payload {
        stack.sendDatagram(from: source, to: address, port, payload.span.bytes, now: now, &out)
      } else {
        Pattern.with(offset: 0, count: size) {
          stack.sendDatagram(from: source, to: address, port, $0, now: now, &out)
        }
      }
    guard case .sent = result else {
      deadline = now + resolveInterval
      return
    }
    if report.requests == 0 {
      report.state = .running
      report.startedAt = now
    }
    report.requests &+= 1
    report.bytesOut &+= UInt64(size)
    if let count, report.requests >= count {
      finish(now: now, &stack)
    } else {
      deadline = now + interval
    }
  }

  mutating func datagram(_ length: Int) {
    report.replies &+= 1
    report.bytesIn &+= UInt64(length)
  }

  mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    report.failures &+= 1
  }

  private mutating func finish(now: Instant, _ stack: inout Stack) {
    deadline = .never
    report.state = .done
    report.finishedAt = now
    if let started = report.startedAt, started < now {
      report.throughput = bitsPerSecond(report.bytesOut, in: now - started)
    }
  }
}
