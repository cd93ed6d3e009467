import WeftCore
import WeftIP
import WeftWire

// A packet socket (Linux's AF_PACKET): whole frames, past all that the stack would see to. What comes back is its own business.
extension Stack {
  public func mac(of port: Int) -> MACAddress? { ip.interfaces.indices.contains(port) ? ip.interfaces[port].mac : nil }

  /// The MAC address of a neighbour, as far as the stack knows it.
  public func mac(of neighbour: IPv4Address) -> MACAddress? {
    for interface in ip.interfaces { if let mac = interface.neighbours.mac(of: neighbour) { return mac } }
    return nil
  }

  /// On which interface a neighbour would be reached; nil for one behind a router, and for who has no address oneself.
  public func interface(to neighbour: IPv4Address) -> Int? {
    guard let route = ip.route(to: neighbour), route.nextHop == neighbour, !route.isLoopback else { return nil }
    return route.interface
  }

  /// Sends a frame of `length` bytes, all of which the caller writes, header included.
  public mutating func sendFrame(
    on port: Int = 0, length: Int, _ out: inout Effects, _ write: (inout MutableRawSpan, inout RandomStream) -> Void
  ) {
    guard isUp, ip.interfaces.indices.contains(port) else { return }
    var frame = out.frame(count: max(length, 14))
    do {
      var span = frame.mutableBytes
      write(&span, &random)
    }
    out.transmit(frame, on: ip.interfaces[port].port)
  }
}
