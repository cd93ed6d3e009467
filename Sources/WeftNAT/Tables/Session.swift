import WeftCore
import WeftWire

/// Protocol numbers as constants of this module: the frame path compares them; a static of another module is a call.
enum Proto {
  static let icmp: UInt8 = 1
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
}

/// What a packet looks like where it comes in, as netfilter's tuple: the lookup key of one direction of a session.
/// The port it came in on is part of it, so that two private networks may use the same addresses (RFC 4787, REQ-7).
struct Tuple: Equatable {
  var source: IPv4Address
  var destination: IPv4Address
  /// Of an echo request the identifier, of an echo reply 0.
  var sourcePort: UInt16
  /// Of an echo reply the identifier, of an echo request 0.
  var destinationPort: UInt16
  var port: UInt16
  /// IP protocol number; `echoReply` for an echo reply, so that a request and a reply never share a tuple.
  var kind: UInt8

  /// IANA reserves 255: no packet of a flow has it. (253 and 254 are for experiments, RFC 3692, and are used.)
  static let echoReply: UInt8 = 255

  @inline(__always)
  var hash: UInt64 {
    let addresses = UInt64(source.rawValue) << 32 | UInt64(destination.rawValue)
    let ports = UInt64(sourcePort) << 48 | UInt64(destinationPort) << 32 | UInt64(port) << 8 | UInt64(kind)
    return mix64(mix64(addresses) ^ ports)
  }

  var protocolNumber: UInt8 { kind == Self.echoReply ? Proto.icmp : kind }

  /// The other way round, on the same port.
  var turned: Tuple {
    Tuple(
      source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort, port: port,
      kind: Self.answer(kind))
  }

  /// What the answer's kind is.
  static func answer(_ kind: UInt8) -> UInt8 {
    switch kind {
    case Proto.icmp: echoReply
    case echoReply: Proto.icmp
    default: kind
    }
  }
}

/// A tracked flow: its original and its reply direction as they come in, each the other's translation. A packet of one
/// direction leaves with the other's tuple turned round. 64 bytes of plain data.
struct Session {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// One end is the host's own stack: not forwarding.
    static let local = Flags(rawValue: 1)
    /// Packets have gone both ways; of TCP, the connection has been established.
    static let assured = Flags(rawValue: 2)
    /// Keeps its mapping alive: something from inside was sent in it.
    static let holdsMapping = Flags(rawValue: 4)
    /// Hairpin: keeps the mapping of the endpoint it leads to alive too.
    static let holdsTarget = Flags(rawValue: 8)
    /// Sent to another inside endpoint whose filter said no: it only opens the sender's own filter (hole punching).
    static let pending = Flags(rawValue: 16)
    /// Begun from outside through a dynamic mapping, nothing sent from inside yet: good only while that mapping is.
    static let unconfirmed = Flags(rawValue: 32)
    /// Counted in the contacts of its mapping (address-dependent filtering).
    static let contact = Flags(rawValue: 64)
    /// To a port of the host that nothing serves: each packet is answered as the first one was, whatever is forwarded by
    /// now (netfilter confirms such a flow at LOCAL_IN and asks its NAT rules about the first packet alone).
    static let unserved = Flags(rawValue: 128)
  }

  var originalSource: IPv4Address
  var originalDestination: IPv4Address
  var replySource: IPv4Address
  var replyDestination: IPv4Address
  var originalSourcePort: UInt16
  var originalDestinationPort: UInt16
  var replySourcePort: UInt16
  var replyDestinationPort: UInt16
  /// The entry is over at this moment.
  var deadline: UInt64
  var originalPackets: UInt32 = 0
  var replyPackets: UInt32 = 0
  var originalBytes: UInt64 = 0
  var replyBytes: UInt64 = 0
  /// Ports of the gateway.
  var originalPort: UInt16
  var replyPort: UInt16
  var kind: UInt8
  var state: TCPState
  var flags: Flags
  /// 0 in a free entry.
  var inUse: UInt8 = 1

  init(original: Tuple, reply: Tuple, deadline: Instant, state: TCPState, flags: Flags) {
    originalSource = original.source
    originalDestination = original.destination
    originalSourcePort = original.sourcePort
    originalDestinationPort = original.destinationPort
    originalPort = original.port
    replySource = reply.source
    replyDestination = reply.destination
    replySourcePort = reply.sourcePort
    replyDestinationPort = reply.destinationPort
    replyPort = reply.port
    kind = original.kind
    self.deadline = deadline.rawValue
    self.state = state
    self.flags = flags
  }

  var original: Tuple {
    Tuple(
      source: originalSource, destination: originalDestination, sourcePort: originalSourcePort,
      destinationPort: originalDestinationPort, port: originalPort, kind: kind)
  }
  var reply: Tuple {
    Tuple(
      source: replySource, destination: replyDestination, sourcePort: replySourcePort,
      destinationPort: replyDestinationPort, port: replyPort, kind: Tuple.answer(kind))
  }

  @inline(__always)
  func matches(_ tuple: Tuple, isReply: Bool) -> Bool {
    if isReply {
      return replySource == tuple.source && replyDestination == tuple.destination && replySourcePort == tuple.sourcePort
        && replyDestinationPort == tuple.destinationPort && replyPort == tuple.port && Tuple.answer(kind) == tuple.kind
    }
    return originalSource == tuple.source && originalDestination == tuple.destination
      && originalSourcePort == tuple.sourcePort && originalDestinationPort == tuple.destinationPort
      && originalPort == tuple.port && kind == tuple.kind
  }
}
