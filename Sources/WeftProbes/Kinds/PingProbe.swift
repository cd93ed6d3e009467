import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// One echo request; open when a reply came.
public struct PingProbe: Probe {
  public struct Settings: ProbeSettings {
    public typealias Machine = PingProbe
    public static let name = "ping"
    public var target: Target
    /// Bytes of data.
    public var size: Int
    public var timeToLive: UInt8
    public var transport: IPProtocol { .icmp }
    public var port: UInt16 { 0 }

    public init(to target: Target, size: Int, timeToLive: UInt8) {
      (self.target, self.size, self.timeToLive) = (target, size, timeToLive)
    }
  }

  private let identifier: UInt16
  private let sentAt: Instant
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard let source = stack.source(to: start.target) else { return nil }
    result = start.result
    identifier = stack.bindEcho(tag: start.tag)
    sentAt = now
    result.localAddress = source.address
    _ = stack.sendEcho(
      to: start.target, identifier: identifier, sequence: 1, size: settings.size, timeToLive: settings.timeToLive,
      trace: start.trace, now: now, &out)
  }

  public mutating func echoReply(_ reply: EchoReply, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if result.remoteAddress != reply.source, result.remoteAddress?.isMulticast == false {
      result.foreignAnswer = TransportAddress(reply.source, 0)
    } else {
      result.answered(by: reply.source, reply.size, sentAt: sentAt, now: now)
      result.outcome = .open
    }
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result.outcome = result.record(error)
  }

  public mutating func close(now: Instant, _ stack: inout Stack) { stack.unbindEcho(identifier) }
}
