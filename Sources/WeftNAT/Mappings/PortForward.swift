import WeftSettings
import WeftWire

/// The transports that have ports.
public enum NATTransport: String, Codable, Sendable, Hashable, CaseIterable {
  case tcp, udp
  /// For forwards.
  case both

  /// IP protocol numbers.
  public var numbers: [UInt8] {
    switch self {
    case .tcp: [IPProtocol.tcp.rawValue]
    case .udp: [IPProtocol.udp.rawValue]
    case .both: [IPProtocol.tcp.rawValue, IPProtocol.udp.rawValue]
    }
  }

  var kinds: [FlowKind] { numbers.map { FlowKind(rawValue: $0) } }
}

/// A static rule: external ports → endpoints inside, the first to the first and so on.
public struct PortForward: Codable, Sendable, Hashable {
  public var transport: NATTransport
  /// Nil: on all external addresses.
  public var externalAddress: IPv4Address?
  public var externalPort: UInt16
  /// How many ports, from `externalPort` and from `port` upwards.
  public var count: UInt16
  public var address: IPv4Address
  public var port: UInt16

  public init(
    _ transport: NATTransport, on externalAddress: IPv4Address? = nil, externalPort: UInt16, count: UInt16 = 1,
    to address: IPv4Address, port: UInt16
  ) {
    self.transport = transport
    self.externalAddress = externalAddress
    self.externalPort = externalPort
    self.count = count
    self.address = address
    self.port = port
  }

  func overlaps(_ other: PortForward) -> Bool {
    guard externalAddress == nil || other.externalAddress == nil || externalAddress == other.externalAddress,
      transport == .both || other.transport == .both || transport == other.transport
    else { return false }
    return Int(externalPort) < Int(other.externalPort) + Int(other.count)
      && Int(other.externalPort) < Int(externalPort) + Int(count)
  }

  func covers(_ kind: FlowKind, _ external: IPv4Address, _ port: UInt16) -> Bool {
    (externalAddress ?? external) == external && transport.kinds.contains(kind) && port >= externalPort
      && Int(port) < Int(externalPort) + Int(count)
  }
}

/// A port that the host's own stack listens on, at its own address.
public struct ServicePort: Codable, Sendable, Hashable {
  public var transport: NATTransport
  public var port: UInt16

  public init(_ transport: NATTransport, _ port: UInt16) {
    self.transport = transport
    self.port = port
  }
}

/// Why a forward can't be.
public enum PortForwardError: Error, Hashable, Sendable {
  /// The external port belongs to something else, named with the forward that wanted it.
  case conflict(PortForward, with: ExternalPortOwner)
  /// No network of this gateway has the address.
  case notInside(PortForward)
  /// The gateway doesn't have the external address.
  case notExternal(PortForward)
  /// No ports at all, port 0, or beyond 65535.
  case badRange(PortForward)
  case unknown(PortForward)
}

public enum ExternalPortOwner: Hashable, Sendable {
  case forward(PortForward)
  case service(ServicePort)
  /// A flow from inside goes out with it at the moment.
  case flow(IPv4Address, port: UInt16)
}
