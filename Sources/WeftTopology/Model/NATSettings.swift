import WeftCore
import WeftWire

/// How a NAT behaves: a profile, and over it whatever the file sets by itself (nil: as the profile has it).
public struct NATSettings: Sendable, Codable, Hashable {
  /// Names for sets of axis values.
  public enum Profile: String, Sendable, Codable, CaseIterable {
    /// What RFC 4787, 5382 and 5508 ask of a NAT.
    case rfc
    /// netfilter's masquerade.
    case linux
    case fullCone = "full-cone"
    case restrictedCone = "restricted-cone"
    case portRestricted = "port-restricted"
    case symmetric
    case oneToOne = "one-to-one"
  }

  /// What a mapping or a filter depends on (RFC 4787, 4.1 and 5).
  public enum Dependence: String, Sendable, Codable, CaseIterable {
    case endpointIndependent = "endpoint-independent"
    case addressDependent = "address-dependent"
    case addressAndPortDependent = "address-and-port-dependent"
  }

  /// Which external port a new mapping gets.
  public enum Ports: String, Sendable, Codable, CaseIterable { case preserve, sequential, random, block }

  public enum Pooling: String, Sendable, Codable, CaseIterable { case paired, arbitrary }

  public enum Hairpin: String, Sendable, Codable, CaseIterable {
    case off
    case externalSource = "external-source"
    case internalSource = "internal-source"
  }

  /// What an unasked-for packet from outside gets: nothing, or RST / port unreachable, at once or after six seconds.
  public enum Unsolicited: String, Sendable, Codable, CaseIterable {
    case drop, refuse
    case refuseLate = "refuse-late"
  }

  public enum TCPMachine: String, Sendable, Codable, CaseIterable { case rfc6146, netfilter }

  public enum WindowTracking: String, Sendable, Codable, CaseIterable { case off, liberal, strict }

  public var profile = Profile.rfc
  public var mapping: Dependence?
  public var filtering: Dependence?
  public var ports: Ports?
  /// Ports that an inside host has, with `ports: block`.
  public var blockSize: UInt16?
  public var parity: Bool?
  /// One external port for several flows whose remote ends differ.
  public var overload: Bool?
  /// External ports that flows may get; forwards are free of it.
  public var portRange: ClosedRange<UInt16>?
  public var pooling: Pooling?
  public var hairpin: Hairpin?
  public var unsolicited: Unsolicited?
  public var tcpMachine: TCPMachine?
  public var windowTracking: WindowTracking?
  /// A connection that is met in the middle is taken up.
  public var loose: Bool?
  /// The sender of a flow that gets no port or no room is told by ICMP.
  public var reportExhaustion: Bool?
  /// Packets from outside keep an entry alive too.
  public var inboundRefresh: Bool?
  /// The host's own programs reach forwards by its addresses, as where forwards are listeners.
  public var localForwards = false
  /// The largest IP packet on the uplink.
  public var mtu: UInt16?
  /// A SYN's MSS is lowered to what fits the links.
  public var mssClamp: Bool?
  /// External addresses beside the host's own.
  public var addresses: [IPv4Address] = []
  /// With one-to-one translation: whose external address is settled.
  public var oneToOne: [AddressPair] = []
  /// Those that the file gives, in the order of `Timeout`.
  public var timeouts: [TimeoutValue] = []
  public var limits = Limits()
  /// In order: the first that matches decides; what none matches is allowed.
  public var rules: [FilterRule] = []

  public init() {}

  public subscript(timeout: Timeout) -> Nanoseconds? { timeouts.first { $0.timeout == timeout }?.value }

  /// The mapping that holds: the file's, or the profile's.
  public var effectiveMapping: Dependence {
    mapping ?? (profile == .linux || profile == .symmetric ? .addressAndPortDependent : .endpointIndependent)
  }

  public var effectiveFiltering: Dependence {
    if let filtering { return filtering }
    return switch profile {
    case .fullCone, .oneToOne: .endpointIndependent
    case .restrictedCone: .addressDependent
    case .rfc, .linux, .portRestricted, .symmetric: .addressAndPortDependent
    }
  }

  /// Whether ports are overloaded: only where mapping and filtering look at both ends.
  public var overloads: Bool {
    (overload ?? (profile == .linux)) && effectiveMapping == .addressAndPortDependent
      && effectiveFiltering == .addressAndPortDependent
  }

  /// Whether two say the same, wherever they stand.
  public func agrees(with other: NATSettings) -> Bool {
    func bare(_ settings: NATSettings) -> NATSettings {
      var bare = settings
      for index in bare.oneToOne.indices { bare.oneToOne[index].mark = Mark(line: 0, column: 0) }
      for index in bare.rules.indices { bare.rules[index].mark = Mark(line: 0, column: 0) }
      return bare
    }
    return bare(self) == bare(other)
  }
}

extension NATSettings {
  /// A machine of the network and the external address it has to itself.
  public struct AddressPair: Sendable, Codable, Hashable {
    public var vm: String
    public var address: IPv4Address
    public var mark: Mark
  }

  /// How long entries live, in netfilter's names.
  public enum Timeout: String, Sendable, Codable, CaseIterable {
    /// All of opening and closing at once, under those that have a name of their own (RFC 5382's word).
    case tcpTransitory = "tcp-transitory"
    case tcpSynSent = "tcp-syn-sent"
    case tcpSynReceived = "tcp-syn-recv"
    case tcpEstablished = "tcp-established"
    case tcpFinWait = "tcp-fin-wait"
    case tcpCloseWait = "tcp-close-wait"
    case tcpLastAck = "tcp-last-ack"
    case tcpTimeWait = "tcp-time-wait"
    case tcpClose = "tcp-close"
    case tcpMaxRetransmissions = "tcp-max-retrans"
    case tcpUnacknowledged = "tcp-unacknowledged"
    case udp
    case udpStream = "udp-stream"
    case icmp
    case generic
  }

  public struct TimeoutValue: Sendable, Codable, Hashable {
    public var timeout: Timeout
    public var value: Nanoseconds
  }

  public struct Limits: Sendable, Codable, Hashable {
    /// Entries of the connection table (netfilter's default).
    public var table = 262_144
    public var sessionsPerVM: Int?
    public var mappingsPerVM: Int?
    /// A full table gives up an entry without an answer for a new one.
    public var earlyDrop = true
    /// How long a port that was given back goes to nobody but its last owner.
    public var holdDown = Nanoseconds.zero

    public init() {}
  }
}

/// A rule of a NAT's packet filter. All that is set must match; nil matches everything.
public struct FilterRule: Sendable, Codable, Hashable {
  public enum Action: String, Sendable, Codable, CaseIterable { case allow, deny, reject, reset }

  /// To the host itself, from it, or between others.
  public enum Direction: String, Sendable, Codable, CaseIterable { case `in`, out, forwarded }

  public enum Side: String, Sendable, Codable, CaseIterable { case inside, outside, host }

  public enum State: String, Sendable, Codable, CaseIterable { case new, established, related, invalid }

  public var action: Action
  public var direction: Direction?
  public var from: Side?
  public var to: Side?
  public var state: State?
  public var source: IPv4Prefix?
  public var destination: IPv4Prefix?
  public var protocolNumber: UInt8?
  public var ports: ClosedRange<UInt16>?
  public var sourcePorts: ClosedRange<UInt16>?
  public var mark: Mark

  public init(_ action: Action, mark: Mark = .inCode) {
    self.action = action
    self.mark = mark
  }
}
