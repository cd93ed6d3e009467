import WeftCore
import WeftWire

/// What a NAT gateway is told: a plain value, settled before anything runs.
public struct NATConfiguration: Codable, Sendable {
  /// The side with the address that everyone behind the gateway shares.
  public struct Outside: Codable, Sendable, Hashable {
    public var mac: MACAddress
    /// The external address, which is the host's.
    public var address: IPv4Address
    /// What is on the link.
    public var prefix: IPv4Prefix
    /// The router for everything else; nil where there is none.
    public var gateway: IPv4Address?

    public init(mac: MACAddress, address: IPv4Address, prefix: IPv4Prefix, gateway: IPv4Address? = nil) {
      self.mac = mac
      self.address = address
      self.prefix = prefix
      self.gateway = gateway
    }
  }

  /// One private network.
  public struct Inside: Codable, Sendable, Hashable {
    public var name: String
    public var mac: MACAddress
    /// The gateway's own address there.
    public var address: IPv4Address
    public var prefix: IPv4Prefix

    public init(name: String, mac: MACAddress, address: IPv4Address, prefix: IPv4Prefix) {
      self.name = name
      self.mac = mac
      self.address = address
      self.prefix = prefix
    }
  }

  public var name: String
  public var seed: UInt64
  public var outside: Outside
  public var insides: [Inside]
  /// Whether the host's own stack is at port 1.
  public var hasHostPort: Bool
  /// Off: nothing is forwarded in either direction (`net.ipv4.ip_forward`). The host's own traffic goes on.
  public var ipForwarding = true
  public var mapping = NATMapping.endpointIndependent
  public var filtering = NATFiltering.addressAndPortDependent
  /// Inside to inside through an external endpoint (RFC 4787, REQ-9).
  public var hairpin = true
  public var unsolicited = NATUnsolicited.drop
  public var forwards: [PortForward] = []
  /// Ports that the host itself serves.
  public var services: [ServicePort] = []
  /// Entries of the connection table at most: netfilter's default for a machine with memory to spare.
  public var tableLimit = 262_144
  public var timeouts = NATTimeouts()

  public init(name: String, seed: UInt64, outside: Outside, insides: [Inside], hasHostPort: Bool) {
    self.name = name
    self.seed = seed
    self.outside = outside
    self.insides = insides
    self.hasHostPort = hasHostPort
  }
}

/// When two flows of one inside endpoint share an external endpoint (RFC 4787, 4.1).
public enum NATMapping: String, Codable, Sendable, CaseIterable {
  /// Always (REQ-1).
  case endpointIndependent = "endpoint-independent"
  /// When they go to one address.
  case addressDependent = "address-dependent"
  /// When they go to one address and port.
  case addressAndPortDependent = "address-and-port-dependent"
}

/// Who may send to a mapped external endpoint (RFC 4787, 5): TCP and UDP. An echo reply always needs its own request.
public enum NATFiltering: String, Codable, Sendable, CaseIterable {
  case endpointIndependent = "endpoint-independent"
  case addressDependent = "address-dependent"
  case addressAndPortDependent = "address-and-port-dependent"
}

/// What a packet that nobody asked for gets: nothing, or a RST (TCP) or "port unreachable" (UDP).
public enum NATUnsolicited: String, Codable, Sendable, CaseIterable { case drop, refuse }

public struct NATTimeouts: Codable, Sendable, Hashable {
  /// RFC 4787, REQ-5: at least two minutes, five recommended.
  public var udp = Nanoseconds.minutes(5)
  /// RFC 5508, REQ-2.
  public var icmp = Nanoseconds.seconds(60)
  /// RFC 5382, REQ-5: at least two hours and four minutes.
  public var tcpEstablished = Nanoseconds.seconds(7440)
  /// Opening and closing (RFC 5382, REQ-5: at least four minutes).
  public var tcpTransitory = Nanoseconds.minutes(4)
  /// RFC 4787, REQ-6: outbound packets refresh; inbound ones only where this says so, because anyone can send them.
  public var inboundRefresh = false

  public init() {}
}

/// The transports that have ports.
public enum NATTransport: String, Codable, Sendable, Hashable, CaseIterable {
  case tcp, udp

  public var number: UInt8 { self == .tcp ? IPProtocol.tcp.rawValue : IPProtocol.udp.rawValue }
}

/// A static rule: external port → endpoint inside.
public struct PortForward: Codable, Sendable, Hashable {
  public var transport: NATTransport
  /// On the external address.
  public var externalPort: UInt16
  public var address: IPv4Address
  public var port: UInt16

  public init(_ transport: NATTransport, externalPort: UInt16, to address: IPv4Address, port: UInt16) {
    self.transport = transport
    self.externalPort = externalPort
    self.address = address
    self.port = port
  }
}

/// A port that the host's own stack listens on.
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
  case unknown(PortForward)
}

public enum ExternalPortOwner: Hashable, Sendable {
  case forward(PortForward)
  case service(ServicePort)
  /// A flow from inside goes out with it at the moment.
  case flow(IPv4Address, port: UInt16)
}

extension NATConfiguration {
  /// The first forward or service that can't stand beside those before it; a gateway is only made where there is none.
  public var problem: PortForwardError? {
    for (index, forward) in forwards.enumerated() {
      if !insides.contains(where: { $0.prefix.isHost(forward.address) && $0.address != forward.address }) {
        return .notInside(forward)
      }
      let service = ServicePort(forward.transport, forward.externalPort)
      if services.contains(service) { return .conflict(forward, with: .service(service)) }
      let rival = forwards[..<index].first {
        $0.transport == forward.transport && $0.externalPort == forward.externalPort
      }
      if let rival { return .conflict(forward, with: .forward(rival)) }
    }
    return nil
  }
}
