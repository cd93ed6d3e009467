import WeftWire

/// A rule of a gateway's packet filter. All that is set must match; nil matches everything. Each packet is judged by
/// itself, as it came in, before translation: an answer comes from the other side, and is `established`. What the gateway
/// makes itself goes `out` from the host.
public struct FilterRule: Sendable, Codable, Hashable {
  public enum Action: String, Sendable, Codable, CaseIterable {
    case allow
    /// Silently.
    case deny
    /// The sender gets ICMP 3/13 (RFC 1812, 5.2.7.1).
    case reject
    /// The sender gets a RST for TCP, ICMP 3/13 for all else.
    case reset
  }

  /// As netfilter's chains: to the host's own stack or the gateway itself, from the host's own stack, between others.
  public enum Direction: String, Sendable, Codable, CaseIterable { case `in`, out, forwarded }

  public enum State: String, Sendable, Codable, CaseIterable {
    /// Of a flow that nobody has answered yet (netfilter's IP_CT_NEW).
    case new
    case established
    /// An ICMP error about a flow, or what the gateway says about a packet.
    case related
    /// What fits no flow's state: never let through, but counted, and rejected where the rule says so.
    case invalid
  }

  /// One of the gateway's sides.
  public enum Side: String, Sendable, Codable, CaseIterable { case inside, outside, host }

  public var action: Action
  public var direction: Direction?
  public var from: Side?
  public var to: Side?
  public var state: State?
  public var source: IPv4Prefix?
  public var destination: IPv4Prefix?
  public var `protocol`: UInt8?
  /// What it was sent to: TCP and UDP alone have ports.
  public var port: ClosedRange<UInt16>?
  public var sourcePort: ClosedRange<UInt16>?
  public var mark: Mark

  public init(
    _ action: Action, direction: Direction? = nil, from: Side? = nil, to: Side? = nil, state: State? = nil,
    source: IPv4Prefix? = nil, destination: IPv4Prefix? = nil, protocol: UInt8? = nil,
    sourcePort: ClosedRange<UInt16>? = nil, port: ClosedRange<UInt16>? = nil, mark: Mark = .inCode
  ) {
    self.action = action
    self.direction = direction
    self.from = from
    self.to = to
    self.state = state
    self.source = source
    self.destination = destination
    self.protocol = `protocol`
    self.sourcePort = sourcePort
    self.port = port
    self.mark = mark
  }
}
