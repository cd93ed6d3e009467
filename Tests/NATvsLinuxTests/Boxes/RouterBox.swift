import WeftWire

/// A box as a sequence uses it: with a stack of its own, and a connection table that can be seen.
protocol RouterBox: AnyObject {
  /// As new, and set up so.
  func begin(_ setup: RouterSetup) throws
  func give(_ packet: Packet, from origin: SequenceStep.Origin, toAll: Bool) throws -> [Output]
  /// Whether it is accepted.
  func addForward(_ forward: SequenceForward) throws -> Bool
  func removeForward(_ forward: SequenceForward) throws -> Bool
  func setIPForwarding(_ on: Bool) throws
  func flush() throws
  func table() throws -> [TableRow]
}

extension SequenceStep.Origin {
  var side: Side? {
    switch self {
    case .inside: .inside
    case .outside: .outside
    case .box: nil
    }
  }
}

extension Packet {
  /// The port that it comes from; nil but for TCP and UDP.
  var sourcePort: UInt16? {
    guard header.protocol == .udp || header.protocol == .tcp, body.count >= 8 else { return nil }
    return body.span.bytes.u16(0)
  }
}
