import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// One echo request; open when a reply came.
public struct PingProbe: Probe {
  public typealias Settings = PingProbeSettings

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
      to: start.target, identifier: identifier, sequence: 1, size: settings.size, timeToLive: settings.ttl,
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

extension PingProbeSettings: RunnableProbe {
  public typealias Machine = PingProbe
}
