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
  /// UDP is a stream, and assured, with the first packet after an answer that comes more than two seconds after the flow's
  /// begin; flows of protocols without states never are (netfilter). Else all are with the first answer. Of `linux` too.
  package var assuresLate = false

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
      assuresLate = true
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

extension NATSettings {
  /// A profile by its name, or keys over one.
  package static let form = Form<NATSettings>.either(Form<Profile>.choice.map { NATSettings($0) }, own)

  /// What else is said stands over what the profile means, wherever it is said.
  private static let own = Form<NATSettings>(shape: .object(keys.keys)) { written, reading in
    let profile = Object(written, keys).place(\.profile).flatMap { Form<Profile>.choice.read($0, reading) }
    return keys.read(written, over: NATSettings(profile ?? .rfc), reading)
  }

  /// One row a key, beside the property that it sets.
  public static let keys: KeyTable<NATSettings> = KeyTable(
    "nat", "How a NAT behaves: a profile, and single axes over it. Short form: the profile alone", from: NATSettings(),
    variants: Profile.allCases.map { ($0.rawValue, NATSettings($0)) },
    [
      Field(
        "profile", \.profile, Form<Profile>.choice.unsaid,
        "A set of axis values: what the RFCs ask, Linux's masquerade, or one of the old names.", default: "rfc",
        example: "symmetric"),
      Field(
        "mapping", \.mapping, .choice, "When two flows of one inside endpoint share an external one (RFC 4787, 4.1).",
        example: "endpoint-independent"),
      Field(
        "filtering", \.filtering, .choice, "Who may send to an external endpoint in use (RFC 4787, 5).",
        example: "address-dependent"),
      Field(
        "ports", \.ports, .choice,
        "The external port of a new mapping, or with overload of a new flow: the inside one, the next, a random one, one of "
          + "the VM's own block.", example: "random"),
      Field("block-size", \.blockSize, .integer(1...65535), "Ports of a block (ports: block).", example: "64"),
      Field("parity", \.parity, .boolean, "Even ports get even ones, odd ones odd ones (RFC 4787, 4.2.2).", example: "true"),
      Field(
        "overload", \.overload, .boolean,
        "One external port for flows whose remote ends differ, as masquerade does; needs address-and-port-dependent "
          + "mapping and filtering.", example: "true"),
      Field(
        "port-range", \.portRange, .ports, "External ports that flows may get; forwards are free of it.",
        example: "1024-65535"),
      Field(
        "pooling", \.pooling, .choice,
        "With several addresses: a VM keeps one as long as it has flows, or not (RFC 4787, 4.1).", example: "arbitrary"),
      Field(
        "hairpin", \.hairpin,
        .choice(also: ["true", "false"]) { ["true": Hairpin.externalSource, "false": .off][$0] },
        "From inside to an external endpoint and back in; what the other side sees as the source. "
          + "true is external-source, false is off.", example: "false"),
      Field(
        "unsolicited", \.unsolicited, .choice,
        "What an unasked-for packet from outside gets: nothing, RST / port unreachable at once, or that after 6 s "
          + "(RFC 5382, REQ-4).", example: "refuse"),
      Field(
        "local-forwards", \.localForwards, .boolean,
        "The host's own programs reach its forwards by localhost and its own address, as where a forward is a listener "
          + "(VirtualBox, VMware, podman, Docker's proxy). Without, forwards are for what comes in (DNAT in PREROUTING).",
        example: "true"),
      Field("tcp-machine", \.tcpMachine, .choice, "Whose TCP states and transitions.", example: "netfilter"),
      Field(
        "window-tracking", \.windowTracking, .choice,
        "Whether segments must fit the windows announced; liberal: only RSTs.", example: "liberal"),
      Field("loose", \.loose, .boolean, "A connection that is met in the middle is taken up.", example: "true"),
      Field(
        "report-exhaustion", \.reportExhaustion, .boolean,
        "A flow that gets no port or no room is answered with ICMP 3/13 (RFC 5508, REQ-8).", example: "false"),
      Field(
        "inbound-refresh", \.inboundRefresh, .boolean, "Packets from outside keep an entry alive too (RFC 4787, REQ-6).",
        example: "true"),
      Field(
        "mtu", \.mtu, .integer(68...1500),
        "The largest IP packet on the uplink, in both directions, as `mtu` there: larger ones are cut up, or refused with "
          + "ICMP 3/4 where they may not be.", default: "the uplink's", example: "1400"),
      Field("mss-clamp", \.mssClamp, .boolean, "Lowers the MSS of TCP to what fits the links.", example: "true"),
      Field(
        "addresses", \.addresses, .list(of: .address), "External addresses beside the host's own, of the same subnet.",
        example: "[134.115.153.224, 134.115.153.225]"),
      Field(
        "one-to-one", \.oneToOne, AddressPair.form,
        "Which VM has which of the addresses to itself (profile one-to-one); the host's own only if it is named here.",
        default: "in the order they first speak", example: "{web: 134.115.153.224}"),
      Field(
        "timeouts", \.timeouts, .table(Timeouts.keys), "How long an idle connection is kept.", default: "the profile's",
        example: "{udp: 2 min}"),
      Field(
        "limits", \.limits, .table(Limits.keys), "How much may be in use.", default: "see below",
        example: "{sessions-per-vm: 1000}"),
      Field(
        "rules", \.rules, .list(of: .table(FilterRule.keys)),
        "The packet filter: the first rule that matches decides, else it is allowed.",
        example: "[{deny: forwarded, from: inside, protocol: udp, port: 53}]"),
    ]
  ) { nat, mistakes in nat.check(mistakes) }
}
