import WeftCore

/// How a gateway behaves: one value an axis, each settable by itself. A profile is nothing but a set of them.
public struct NATBehaviour: Codable, Sendable, Hashable {
  public var mapping = NATMapping.endpointIndependent
  public var filtering = NATFiltering.addressAndPortDependent
  public var portAllocation = NATPortAllocation.preserve
  /// Of `block` allocation: ports an inside host has.
  public var portBlockSize: UInt16 = 512
  /// An even port gets an even one and an odd one an odd one (RFC 4787, REQ-4).
  public var keepsParity = false
  /// One external port for several flows as long as their remote ends differ, as netfilter's masquerade does. Only
  /// where mapping and filtering are address-and-port-dependent; RFC 4787, REQ-3 forbids it.
  public var portOverloading = false
  /// External ports and echo identifiers that flows may get. Forwards and services are free of it.
  public var externalPorts: ClosedRange<UInt16> = 1...65535
  public var pooling = NATPooling.paired
  /// Each inside host has an external address to itself, with all its ports (RFC 3022, 2.1).
  public var oneToOne = false
  /// Inside to inside through an external endpoint (RFC 4787, REQ-9).
  public var hairpin = NATHairpin.externalSource
  public var unsolicited = NATUnsolicited.drop
  public var tcpMachine = NATTCPMachine.rfc6146
  public var windowTracking = NATWindowTracking.strict
  /// A connection that is met in the middle is taken up (`nf_conntrack_tcp_loose`).
  public var picksUpMidstream = false
  /// Without room or ports the sender of a new flow gets ICMP 3/13 (RFC 5508, REQ-8).
  public var reportsExhaustion = true
  /// Rules are looked up for a flow's first packet alone, as netfilter does: one that met no forward stays so when a
  /// forward is added, and one that met a forward outlives it.
  public var keepsFlows = false
  /// Lowers the MSS that a SYN announces to what fits the links on both sides.
  public var clampsMSS = false
  public var timeouts = NATTimeouts()

  public init() {}

  /// The axis values that a name stands for.
  public init(profile: NATProfile) {
    self.init()
    switch profile {
    case .rfc: break
    case .linux:
      mapping = .addressAndPortDependent
      portOverloading = true
      // Masquerading is for what leaves to the outside: a flow turned round inside keeps its source.
      hairpin = .internalSource
      unsolicited = .refuse
      tcpMachine = .netfilter
      picksUpMidstream = true
      reportsExhaustion = false
      keepsFlows = true
      timeouts = .netfilter
    case .fullCone: filtering = .endpointIndependent
    case .restrictedCone: filtering = .addressDependent
    case .portRestricted: filtering = .addressAndPortDependent
    case .symmetric:
      mapping = .addressAndPortDependent
      portAllocation = .random
    case .oneToOne:
      oneToOne = true
      filtering = .endpointIndependent
    }
  }

  /// Protocols without ports: only addresses tell their flows apart, so each endpoint must not need a port of its own.
  var tracksOtherProtocols: Bool { oneToOne || overloads }

  /// Whether ports are overloaded: only there is a flow's remote end enough to tell it from others.
  var overloads: Bool {
    portOverloading && mapping == .addressAndPortDependent && filtering == .addressAndPortDependent
  }
}

/// Names for sets of axis values: RFC 3489's old four, and the ones that are asked for most.
public enum NATProfile: String, Codable, Sendable, CaseIterable {
  /// What RFC 4787, 5382 and 5508 ask of a NAT.
  case rfc
  /// netfilter's masquerade with its default timeouts.
  case linux
  case fullCone = "full-cone"
  case restrictedCone = "restricted-cone"
  case portRestricted = "port-restricted"
  case symmetric
  case oneToOne = "one-to-one"
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

/// Which external port a new mapping gets, among those of its range that are free (RFC 4787, 4.2).
public enum NATPortAllocation: String, Codable, Sendable, CaseIterable {
  /// The inside one; where it is taken, a random one.
  case preserve
  /// The one after the last given.
  case sequential
  /// Drawn from the run's seed (RFC 6056).
  case random
  /// The first of a block that its inside host has for itself (RFC 6888, 5).
  case block
}

/// With several external addresses, which one an inside host gets (RFC 4787, REQ-2).
public enum NATPooling: String, Codable, Sendable, CaseIterable {
  /// The same as long as it has flows.
  case paired
  /// Another for each mapping.
  case arbitrary
}

public enum NATHairpin: String, Codable, Sendable, CaseIterable {
  case off
  /// The other side sees the sender's external endpoint (REQ-9a).
  case externalSource = "external-source"
  /// The other side sees the sender as it is; its answers come back here only from another network.
  case internalSource = "internal-source"
}

/// What a packet that nobody asked for gets.
public enum NATUnsolicited: String, Codable, Sendable, CaseIterable {
  case drop
  /// At once: a RST (TCP) or "port unreachable" (UDP).
  case refuse
  /// A SYN gets "port unreachable" after six seconds, unless an outbound SYN has crossed it by then (RFC 5382, REQ-4).
  /// UDP gets it at once.
  case refuseLate = "refuse-late"
}

public enum NATTCPMachine: String, Codable, Sendable, CaseIterable {
  /// With RFC 7857's rule that a RST doesn't end an entry.
  case rfc6146
  case netfilter
}

/// Whether segments must fit into the windows that both sides have announced.
public enum NATWindowTracking: String, Codable, Sendable, CaseIterable {
  case off
  /// Windows are followed; only a RST outside is invalid (`nf_conntrack_tcp_be_liberal`).
  case liberal
  /// What is outside is invalid.
  case strict
}
