import WeftCore
import WeftWire

/// A tracked flow: its original and its reply direction as they come in, each the other's translation. A packet of one
/// direction leaves with the other's tuple turned round. 64 bytes of plain data.
struct Session: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// One end is the host's own stack: not forwarding.
    static let local = Flags(rawValue: 1)
    /// Packets have gone both ways; of TCP, the connection has been established.
    static let assured = Flags(rawValue: 2)
    /// Keeps its mapping alive: something from inside was sent in it.
    static let retainsMapping = Flags(rawValue: 4)
    /// Hairpin: keeps the mapping of the endpoint it leads to alive too.
    static let retainsTarget = Flags(rawValue: 8)
    /// Sent to another inside endpoint whose filter said no: it only opens the sender's own filter (hole punching).
    static let pending = Flags(rawValue: 16)
    /// Begun from outside through a dynamic mapping, nothing sent from inside yet: good only while that mapping is.
    static let unconfirmed = Flags(rawValue: 32)
    /// Counted in the pinholes of its mapping (address-dependent filtering).
    static let pinhole = Flags(rawValue: 64)
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
  var originalPort: GatewayPort
  var replyPort: GatewayPort
  var kind: FlowKind
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

  /// How packets of a direction come in.
  @inline(__always)
  func tuple(_ direction: Direction) -> Tuple { direction == .original ? original : reply }

  /// How packets of a direction leave, turned round: as those of the other come in.
  @inline(__always)
  func tuple(opposite direction: Direction) -> Tuple { direction == .original ? reply : original }

  @inline(__always)
  var original: Tuple {
    Tuple(
      source: originalSource, destination: originalDestination, sourcePort: originalSourcePort,
      destinationPort: originalDestinationPort, port: originalPort, kind: kind)
  }
  @inline(__always)
  var reply: Tuple {
    Tuple(
      source: replySource, destination: replyDestination, sourcePort: replySourcePort,
      destinationPort: replyDestinationPort, port: replyPort, kind: kind.answer)
  }

  @inline(__always)
  func matches(_ tuple: Tuple, _ direction: Direction) -> Bool {
    if direction == .reply {
      return replySource == tuple.source && replyDestination == tuple.destination && replySourcePort == tuple.sourcePort
        && replyDestinationPort == tuple.destinationPort && replyPort == tuple.port && kind.answer == tuple.kind
    }
    return originalSource == tuple.source && originalDestination == tuple.destination
      && originalSourcePort == tuple.sourcePort && originalDestinationPort == tuple.destinationPort
      && originalPort == tuple.port && kind == tuple.kind
  }
}

extension Session {
  @inline(__always)
  mutating func account(_ direction: Direction, bytes: Int) {
    switch direction {
    case .original:
      originalPackets &+= 1
      originalBytes &+= UInt64(truncatingIfNeeded: bytes)
    case .reply:
      replyPackets &+= 1
      replyBytes &+= UInt64(truncatingIfNeeded: bytes)
    }
  }
}
