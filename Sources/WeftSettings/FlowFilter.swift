import WeftWire

/// Which connections of a NAT, as conntrack's options choose them: all that is set must match.
public struct FlowFilter: Sendable, Codable, Hashable {
  /// Of TCP, in netfilter's words.
  public enum State: String, Sendable, Codable, CaseIterable {
    case synSent = "SYN_SENT"
    case synSent2 = "SYN_SENT2"
    case synReceived = "SYN_RECV"
    case established = "ESTABLISHED"
    case finWait = "FIN_WAIT"
    case closeWait = "CLOSE_WAIT"
    case lastAck = "LAST_ACK"
    case timeWait = "TIME_WAIT"
    case closed = "CLOSE"
  }

  public var `protocol`: UInt8?
  /// What the first packet said.
  public var source: IPv4Prefix?
  public var destination: IPv4Prefix?
  public var sourcePort: UInt16?
  public var port: UInt16?
  /// Of the answers as they come in: what a translated flow looks like outside.
  public var replySource: IPv4Prefix?
  public var replyDestination: IPv4Prefix?
  public var replyDestinationPort: UInt16?
  public var state: State?
  public var isAssured: Bool?
  public var hasReply: Bool?

  /// Matches all.
  public init() {}
}
