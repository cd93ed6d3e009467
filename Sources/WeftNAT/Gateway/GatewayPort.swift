import WeftCore

/// A port of the gateway: two bytes in its tables, a case to those who ask.
struct GatewayPort: BitwiseCopyable, Hashable, Codable {
  enum Side {
    case outside
    /// The host's own stack.
    case host
    case inside(NetworkID)
  }

  let number: UInt16

  @inline(__always)
  init(number: UInt16) { self.number = number }

  static var outside: GatewayPort { GatewayPort(number: 0) }
  static var host: GatewayPort { GatewayPort(number: 1) }
  static func inside(_ network: NetworkID) -> GatewayPort {
    GatewayPort(number: 2 + UInt16(truncatingIfNeeded: network.index))
  }

  @inline(__always)
  var side: Side {
    switch number {
    case 0: .outside
    case 1: .host
    default: .inside(NetworkID(index: Int(number) &- 2))
    }
  }

  /// Whether it leads to one of the private networks.
  @inline(__always)
  var isInside: Bool { number >= 2 }

  /// Its place among the gateway's ports.
  @inline(__always)
  var index: Int { Int(number) }

  @inline(__always)
  var portIndex: PortIndex { PortIndex(index) }
}

/// One of the private networks, by its place in the configuration.
struct NetworkID: BitwiseCopyable, Hashable {
  let index: Int
}
