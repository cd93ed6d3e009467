import WeftCore
import WeftIP
import WeftSettings
import WeftWire

/// What a NAT gateway is told: a plain value, settled before anything runs. Its settings can be read and set as if
/// they were here (`configuration.mapping`).
@dynamicMemberLookup
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
    /// Of IP packets.
    public var mtu: UInt16
    /// Neighbours that take less.
    public var narrower = NarrowNeighbours()

    public init(
      mac: MACAddress, address: IPv4Address, prefix: IPv4Prefix, gateway: IPv4Address? = nil, mtu: UInt16 = 1500
    ) {
      self.mac = mac
      self.address = address
      self.prefix = prefix
      self.gateway = gateway
      self.mtu = mtu
    }
  }

  /// One private network.
  public struct Network: Codable, Sendable, Hashable {
    public var name: String
    public var mac: MACAddress
    /// The gateway's own address there.
    public var address: IPv4Address
    public var prefix: IPv4Prefix
    public var mtu: UInt16
    public var narrower = NarrowNeighbours()

    public init(name: String, mac: MACAddress, address: IPv4Address, prefix: IPv4Prefix, mtu: UInt16 = 1500) {
      self.name = name
      self.mac = mac
      self.address = address
      self.prefix = prefix
      self.mtu = mtu
    }
  }

  /// With one-to-one translation: the external address of an inside host (`NATSettings.oneToOne`, with the machine's address).
  public struct StaticBinding: Codable, Sendable, Hashable {
    public var inside: IPv4Address
    public var external: IPv4Address

    public init(inside: IPv4Address, external: IPv4Address) {
      self.inside = inside
      self.external = external
    }
  }

  public var name: String
  public var seed: UInt64
  public var outside: Outside
  public var networks: [Network]
  /// Whether the host's own stack is at port 1.
  public var hasHostPort: Bool
  /// Of the host's own stack. Known, there is no ARP between the two: they are one machine, with one address.
  public var hostMAC: MACAddress?
  /// Off: nothing is forwarded in either direction (`net.ipv4.ip_forward`). The host's own traffic goes on.
  public var ipForwarding = true
  public var settings = NATSettings()
  public var forwards: [PortForward] = []
  /// Ports that the host itself serves.
  public var services: [ServicePort] = []
  /// Where `settings.oneToOne` leads.
  public var staticBindings: [StaticBinding] = []

  public init(name: String, seed: UInt64, outside: Outside, networks: [Network], hasHostPort: Bool) {
    self.name = name
    self.seed = seed
    self.outside = outside
    self.networks = networks
    self.hasHostPort = hasHostPort
  }

  public subscript<Value>(dynamicMember path: WritableKeyPath<NATSettings, Value>) -> Value {
    get { settings[keyPath: path] }
    set { settings[keyPath: path] = newValue }
  }
}

extension NATConfiguration {
  subscript(_ network: NetworkID) -> Network { networks[network.index] }

  /// The host's own first. The gateway answers ARP for all of them.
  public var externalAddresses: [IPv4Address] { [outside.address] + settings.addresses }

  /// The first forward or service that can't stand beside those before it; a gateway is only made where there is none.
  public var problem: PortForwardError? {
    for (index, forward) in forwards.enumerated() {
      if forward.count == 0 || forward.externalPort == 0 || forward.port == 0
        || Int(forward.externalPort) + Int(forward.count) > 65536 || Int(forward.port) + Int(forward.count) > 65536
      {
        return .badRange(forward)
      }
      if let address = forward.externalAddress, !externalAddresses.contains(address) { return .notExternal(forward) }
      if !networks.contains(where: { $0.prefix.isHost(forward.address) && $0.address != forward.address }) {
        return .notInside(forward)
      }
      let service =
        settings.keepsFlows
        ? nil
        : services.first { service in
          service.transport.kinds.contains { forward.covers($0, outside.address, service.port) }
        }
      if let service { return .conflict(forward, with: .service(service)) }
      if let rival = forwards[..<index].first(where: { $0.overlaps(forward) }) {
        return .conflict(forward, with: .forward(rival))
      }
    }
    return nil
  }
}
