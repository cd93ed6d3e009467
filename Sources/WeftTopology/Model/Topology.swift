import WeftCore
import WeftSettings
import WeftWire

/// A validated topology: passive data in the order of the file. Every name in it resolves and every address fits, so
/// that building a world from it cannot fail. Configuration types never become runtime types.
public struct Topology: Sendable, Codable {
  public var name: String
  /// Every random stream of a run derives from this.
  public var seed: UInt64 = 1
  /// How much virtual time a run may take at most; nil: until everything is decided, at most 60 s after the last thing planned.
  public var duration: Nanoseconds?
  public var segments: [Segment] = []
  public var hosts: [Host] = []
  public var vms: [VM] = []
  public var events: [Event] = []
  public var expectations: [Expectation] = []
  public var capture = CaptureSettings()
  public var images = DiskImages()
  /// Of hosts with cpus.
  public var costs = CostSettings()
  public var mirrors: [MirrorSettings] = []

  public init(name: String) { self.name = name }
}

/// A physical or external layer-2 network that hosts' uplinks join. Its link settings are the default of those uplinks.
public struct Segment: Sendable, Codable {
  public var name: String
  public var subnet: IPv4Prefix
  /// The router there: DHCP hands it out, and uplinks without one of their own have it.
  public var gateway: IPv4Address?
  /// Of a server on the segment, for uplinks and bridged VMs; nil: there is none.
  public var dhcp: DHCPSettings?
  public var link = LinkSettings()
  /// Empty: one, named as the segment.
  public var switches: [SegmentSwitch] = []
  public var cables: [SwitchCable] = []
  /// Of a single switch; of several, each has its own.
  public var tree = SpanningTreeSettings()
  /// It is this VLAN of `parent`, and has no switches of its own.
  public var vlan: UInt16?
  public var parent: String?
  public var mark: Mark

  public init(name: String, subnet: IPv4Prefix, mark: Mark = .inCode) {
    self.name = name
    self.subnet = subnet
    self.mark = mark
  }
}

/// One of a segment's switches.
public struct SegmentSwitch: Sendable, Codable, Hashable {
  public var name: String
  public var tree: SpanningTreeSettings

  public init(_ name: String, tree: SpanningTreeSettings = SpanningTreeSettings()) { (self.name, self.tree) = (name, tree) }
}

extension Segment {
  /// How each cable between its switches is called at either end: by the switch at the other, a second one `NAME-2`.
  package var cableEnds: [(a: LinkName, b: LinkName)] {
    var count: [LinkName: Int] = [:]
    func end(_ own: String, _ other: String) -> LinkName {
      let name = LinkName(node: own, port: other)
      count[name, default: 0] += 1
      guard let number = count[name], number > 1 else { return name }
      return LinkName(node: own, port: "\(other)-\(number)")
    }
    return cables.map { (end($0.a, $0.b), end($0.b, $0.a)) }
  }
}

/// Between two switches of a segment.
public struct SwitchCable: Sendable, Codable, Hashable {
  public var a: String
  public var b: String
  public var link: LinkSettings
  public var vlans = VLANPortSettings.everything
  public var port = SwitchPortSettings()

  /// Without a rate a storm would have no end within a moment.
  public static let usualRate: UInt64 = 1_000_000_000

  public init(_ a: String, _ b: String, link: LinkSettings) { (self.a, self.b, self.link) = (a, b, link) }
}

public struct Host: Sendable, Codable {
  public var name: String
  public var uplink: Uplink?
  /// Of its own machine alone, beside the uplink.
  public var links: [HostLink] = []
  /// Empty for a plain machine.
  public var networks: [Network] = []
  public var programs: [Program] = []
  /// Bytes for its VMs; nil: as much as they need.
  public var memory: UInt64?
  public var overcommit = Overcommit.refuse
  /// Off: the NAT passes nothing in either direction (`net.ipv4.ip_forward`).
  public var ipForwarding = true
  /// Where disks and backups lie.
  public var pools: [PoolSettings] = []
  /// Nil: what its VMs do takes no time.
  public var processors: HostProcessorSettings?
  public var power: PowerSettings?
  public var mark: Mark

  public init(name: String, mark: Mark = .inCode) {
    self.name = name
    self.mark = mark
  }
}

public struct Uplink: Sendable, Codable {
  /// A segment, or a nat, host-only or isolated network of another host.
  public var segment: String
  /// Nil: by DHCP, from the segment's or network's server.
  public var address: IPv4Address?
  /// A DHCP reservation: the server always gives this address.
  public var reservation: IPv4Address?
  /// The segment's prefix length goes with the address.
  public var prefix: IPv4Prefix
  /// Default gateway, if there is one.
  public var gateway: IPv4Address?
  public var mac: MACAddress?
  /// Of the segment's switches; nil: the first.
  public var switchName: String?
  /// Of the switch's port, and of the bridge's at the host's end.
  public var vlans = VLANPortSettings()
  public var port = SwitchPortSettings()
  /// The segment's, with this uplink's own keys over them.
  public var link = LinkSettings()
  public var mark: Mark

  public init(segment: String, address: IPv4Address?, prefix: IPv4Prefix, mark: Mark = .inCode) {
    self.segment = segment
    self.address = address
    self.prefix = prefix
    self.mark = mark
  }
}

/// A further segment that a host's own machine is plugged into: for migrations, storage, management.
public struct HostLink: Sendable, Codable, Hashable {
  public var segment: String
  public var address: IPv4Address
  public var prefix: IPv4Prefix
  /// The segment's.
  public var link = LinkSettings()

  public init(segment: String, address: IPv4Address, prefix: IPv4Prefix) {
    (self.segment, self.address, self.prefix) = (segment, address, prefix)
  }
}

extension Host {
  /// Whether its own machine is on a segment or network.
  public func isOn(_ place: String) -> Bool {
    uplink?.segment == place || links.contains { $0.segment == place }
      || networks.contains { $0.name == place && $0.mode == .hostOnly }
  }
}

public enum NetworkMode: String, Sendable, Codable, CaseIterable {
  case nat
  case bridge
  case hostOnly = "host-only"
  case isolated
}

public struct Network: Sendable, Codable {
  public var name: String
  public var mode: NetworkMode
  /// nat, host-only and isolated: the private subnet. bridge: the subnet of the segment the uplink joins.
  public var subnet: IPv4Prefix
  /// The host's (host-only) or the gateway's (nat) address inside; default the first of the subnet. Nil for bridge and isolated.
  public var gateway: IPv4Address?
  /// nat and host-only unless `dhcp: false`; nil elsewhere.
  public var dhcp: DHCPSettings?
  /// nat only.
  public var forwards: [Forward] = []
  /// nat only.
  public var nat = NATSettings()
  /// What each VM's cable to the virtual switch does; the default costs no time.
  public var link = LinkSettings()
  /// The switch's forwarding database.
  public var fdb = FDBSettings()
  /// What the switch checks of all its NICs.
  public var guards = GuardSettings()
  public var tree = SpanningTreeSettings()
  public var mark: Mark

  public init(name: String, mode: NetworkMode, subnet: IPv4Prefix, mark: Mark = .inCode) {
    self.name = name
    self.mode = mode
    self.subnet = subnet
    self.mark = mark
  }
}

public struct DHCPSettings: Sendable, Codable {
  /// The server's own address on the network; default the last of the subnet.
  public var server: IPv4Address
  /// The pool, inclusive; default every host address but the gateway's, the server's and the static ones.
  public var rangeFirst: IPv4Address
  public var rangeLast: IPv4Address
  public var leaseTime: Nanoseconds = .hours(1)

  public init(server: IPv4Address, rangeFirst: IPv4Address, rangeLast: IPv4Address) {
    self.server = server
    self.rangeFirst = rangeFirst
    self.rangeLast = rangeLast
  }
}

public struct VM: Sendable, Codable {
  public var name: String
  public var host: String
  /// At least one; the short form `network: home` is one NIC. Named eth0, eth1, … in order.
  public var nics: [NIC]
  public var programs: [Program] = []
  public var onHostFailure = HostFailurePolicy.stop
  /// Those of a lower one boot first.
  public var startOrder = 1
  /// Bytes; nil: 128 MiB.
  public var memory: UInt64?
  /// Whether it runs from the beginning; else a `start` event starts it.
  public var autostart = true
  public var stack = StackProfile.modern
  /// What is in its drive from the beginning.
  public var cd: CD?
  public var disks: [DiskSettings] = []
  /// Where its host has cpus.
  public var processor = ProcessorSettings()
  public var standby: StandbySettings?
  public var mark: Mark

  public init(name: String, host: String, nics: [NIC], mark: Mark = .inCode) {
    self.name = name
    self.host = host
    self.nics = nics
    self.mark = mark
  }
}

extension VM {
  /// Of one that doesn't say: QEMU's.
  public static let defaultMemory: UInt64 = 128 << 20
}

public struct NIC: Sendable, Codable, Hashable {
  public var network: String
  /// nil: by DHCP.
  public var address: IPv4Address?
  /// What the disc in its VM's drive will give it, where the file says nothing.
  public var seeded: IPv4Address?
  /// A DHCP reservation: the server always gives this address (`lease: 192.168.122.50`).
  public var reservation: IPv4Address?
  public var mac: MACAddress?
  /// The network's, with this NIC's own keys over them.
  public var link = LinkSettings()
  public var rings = RingSettings()
  /// What goes before the network's.
  public var guards = GuardSettings()
  public var vlans = VLANPortSettings()
  public var port = SwitchPortSettings()
  /// The segment that its VLAN is, where it is one.
  public var segment: String?
  public var mark: Mark

  public init(network: String, mark: Mark = .inCode) {
    self.network = network
    self.mark = mark
  }

  /// Where its addresses are from: its VLAN's segment, or its network.
  package var place: String { segment ?? network }

  /// The address that it has without asking anybody.
  package var settled: IPv4Address? { address ?? seeded }
}
