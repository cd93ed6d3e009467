import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// A kind of probe: what one try of an expectation does on a machine's sockets. It belongs to the lab, not to the machine,
/// which may be stopped or taken back under it. A kind is one file, with its state machine and what is said of its result.
public protocol Probe: Activity {
  associatedtype Settings: RunnableProbe
  /// Sends the first packet. Nil where it can't be sent yet: it is tried again until its time is over.
  init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// What it saw so far; its `outcome`, once it is over.
  var result: ProbeResult { get set }
  /// It is over: gives its sockets back.
  mutating func close(now: Instant, _ stack: inout Stack)
  /// A datagram from another than its one peer, or a segment that no connection had use for, was refused.
  mutating func strayed(from: TransportAddress, toPort: UInt16)
}

extension Probe {
  public mutating func strayed(from: TransportAddress, toPort: UInt16) {}

  public var deadline: Instant { .never }
  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {}

  /// One that was answered closes in order; one that wasn't leaves nothing behind.
  mutating func end(_ socket: SocketID, now: Instant, _ stack: inout Stack) {
    if let error = stack.error(socket) { _ = result.record(error) }
    if result.outcome == .open { stack.release(socket, now: now) } else { stack.abort(socket) }
  }
}

/// What a probe is told as it begins.
public struct ProbeStart {
  /// The name of its machine.
  public var machine: String
  /// 0.0.0.0 where nothing is sent.
  public var target: IPv4Address
  /// Every frame it sends carries it.
  public var trace: UInt32
  /// What its sockets are to be tagged with.
  public var tag: UInt64
  /// Whether it helps another machine's.
  public var isPartner: Bool
  public var result: ProbeResult
}

/// One try of an expectation. Every frame it sends, and every frame sent in answer to one of those, carries its trace.
public struct ProbeConfiguration: Sendable {
  /// At least 1, and different from that of every other probe under way, but for a partner's.
  public var trace: UInt32
  public var settings: any RunnableProbe
  /// The name of the machine that tries.
  public var machine: String
  /// Nil where nothing is sent.
  public var target: Target?
  /// Whether it only helps the probe of another machine: it has no result of its own.
  public var isPartner: Bool
  /// From its start to giving up.
  public var timeout: Nanoseconds

  public init(
    trace: UInt32, _ settings: any RunnableProbe, from machine: String = "", to target: Target?, isPartner: Bool = false,
    timeout: Nanoseconds
  ) {
    (self.trace, self.settings, self.machine, self.target) = (trace, settings, machine, target)
    (self.isPartner, self.timeout) = (isPartner, timeout)
  }
}
