import WeftCore
import WeftWire

/// How a NAT behaves: one value an axis, each settable by itself. A profile is nothing but a set of them, and what it means
/// is said here alone (`init(_:)`). The keys of a file, the properties here and what the gateway asks have the same names.
public struct NATSettings: Sendable, Codable, Hashable {
  /// What the values were before any was set by itself.
  public private(set) var profile: Profile

  public var mapping = Dependence.endpointIndependent
  public var filtering = Dependence.addressAndPortDependent
  public var ports = Ports.preserve
  /// Ports that an inside host has, with `ports: block`.
  public var blockSize: UInt16 = 512
  /// An even port gets an even one and an odd one an odd one (RFC 4787, REQ-4).
  public var parity = false
  /// One external port for several flows as long as their remote ends differ, as netfilter's masquerade does. Only
  /// where mapping and filtering are address-and-port-dependent; RFC 4787, REQ-3 forbids it.
  public var overload = false
  /// External ports and echo identifiers that flows may get. Forwards and services are free of it.
  public var portRange: ClosedRange<UInt16> = 1...65535
  public var pooling = Pooling.paired
  /// Inside to inside through an external endpoint (RFC 4787, REQ-9).
  public var hairpin = Hairpin.externalSource
  public var unsolicited = Unsolicited.drop
  /// The host's own programs reach forwards by its addresses, as where forwards are listeners.
  public var localForwards = false
  public var tcpMachine = TCPMachine.rfc6146
  public var windowTracking = WindowTracking.strict
  /// A connection that is met in the middle is taken up (`nf_conntrack_tcp_loose`).
  public var loose = false
  /// Without room or ports the sender of a new flow gets ICMP 3/13 (RFC 5508, REQ-8).
  public var reportExhaustion = true
  /// RFC 4787, REQ-6: outbound packets refresh; inbound ones only where this says so, because anyone can send them.
  public var inboundRefresh = false
  /// The largest IP packet on the uplink; nil: the uplink's own.
  public var mtu: UInt16?
  /// Lowers the MSS that a SYN announces to what fits the links on both sides.
  public var mssClamp = false
  /// External addresses beside the host's own.
  public var addresses: [IPv4Address] = []
  /// With one-to-one translation: whose external address is settled. Others get the first free one beside the host's own
  /// with their first packet, and keep it.
  public var oneToOne: [AddressPair] = []
  public var timeouts = Timeouts()
  public var limits = Limits()
  /// In order: the first that matches decides; what none matches is allowed.
  public var rules: [FilterRule] = []

  /// Rules are looked up for a flow's first packet alone, as netfilter does: one that met no forward stays so when a
  /// forward is added, and one that met a forward outlives it. No key of its own: a trait of profile `linux`.
  public var keepsFlows = false

  /// The axis values that a profile stands for: the one place that says so.
  public init(_ profile: Profile = .rfc) {
    self.profile = profile
    switch profile {
    case .rfc, .portRestricted: break
    case .linux:
      mapping = .addressAndPortDependent
      overload = true
      // Masquerading is for what leaves to the outside: a flow turned round inside keeps its source.
      hairpin = .internalSource
      unsolicited = .refuse
      tcpMachine = .netfilter
      loose = true
      reportExhaustion = false
      inboundRefresh = true
      keepsFlows = true
      timeouts = .netfilter
    case .fullCone: filtering = .endpointIndependent
    case .restrictedCone: filtering = .addressDependent
    case .symmetric:
      mapping = .addressAndPortDependent
      ports = .random
    case .oneToOne: filtering = .endpointIndependent
    }
  }
}

extension NATSettings {
  /// Each inside host has an external address to itself, with all its ports (RFC 3022, 2.1).
  public var isOneToOne: Bool { profile == .oneToOne }

  /// Whether ports are overloaded: only where mapping and filtering look at both ends is a flow's remote end enough to tell
  /// it from others.
  public var overloads: Bool {
    overload && mapping == .addressAndPortDependent && filtering == .addressAndPortDependent
  }

  /// Protocols without ports: only addresses tell their flows apart, so each endpoint must not need a port of its own.
  public var tracksOtherProtocols: Bool { isOneToOne || overloads }

  /// Whether two say the same, wherever they stand.
  public func agrees(with other: NATSettings) -> Bool {
    func bare(_ settings: NATSettings) -> NATSettings {
      var bare = settings
      for index in bare.oneToOne.indices { bare.oneToOne[index].mark = .inCode }
      for index in bare.rules.indices { bare.rules[index].mark = .inCode }
      return bare
    }
    return bare(self) == bare(other)
  }
}
