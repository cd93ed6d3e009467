import WeftCore
import WeftWire

/// A port of this host that leads to a machine behind it, for the host's own programs too: what they send to one of the
/// host's addresses goes to the machine instead, as with a forwarding proxy on the host or a redirection where a socket
/// connects. Nothing of 127.0.0.0/8 leaves the host for it.
public struct LocalForward: Codable, Sendable, Hashable {
  public var `protocol`: IPProtocol
  /// Nil: on all of the host's.
  public var address: IPv4Address?
  /// The first of `count`.
  public var port: UInt16
  public var count: UInt16
  public var to: IPv4Address
  public var toPort: UInt16

  public init(
    protocol: IPProtocol, address: IPv4Address?, port: UInt16, count: UInt16, to: IPv4Address, toPort: UInt16
  ) {
    self.protocol = `protocol`
    self.address = address
    self.port = port
    self.count = count
    self.to = to
    self.toPort = toPort
  }

  /// Where a packet of the host's own for one of its addresses goes.
  func target(_ type: IPProtocol, _ address: IPv4Address, _ port: UInt16) -> TransportAddress? {
    guard type == `protocol`, port >= self.port, Int(port) < Int(self.port) + Int(count),
      self.address == nil || self.address == address
    else { return nil }
    return TransportAddress(to, toPort &+ (port &- self.port))
  }
}

/// A datagram socket that has sent to a local forward: what the machine answers comes, to it, from the forward.
struct RedirectedFlow: Codable, Equatable {
  var socket: UInt16
  var asked: TransportAddress
  var target: TransportAddress

  /// Remembered at most.
  static let most = 256
}

extension Stack {
  /// Where a packet to an address of one's own really goes; nil for where it says.
  @inline(__always)
  func redirection(_ type: IPProtocol, _ address: IPv4Address, _ port: UInt16) -> TransportAddress? {
    if localForwards.isEmpty { return nil }
    return lookUpForward(type, address, port)
  }

  private func lookUpForward(_ type: IPProtocol, _ address: IPv4Address, _ port: UInt16) -> TransportAddress? {
    guard ip.isHost(address) else { return nil }
    return localForwards.lazy.compactMap { $0.target(type, address, port) }.first
  }

  mutating func remember(_ flow: RedirectedFlow) {
    guard !redirected.contains(flow) else { return }
    if redirected.count == RedirectedFlow.most { redirected.removeFirst() }
    redirected.append(flow)
  }

  /// Whom a socket takes a datagram's sender for.
  func asked(_ source: TransportAddress, by socket: UInt16) -> TransportAddress {
    redirected.last { $0.socket == socket && $0.target == source }?.asked ?? source
  }
}
