import WeftCore
import WeftNAT
import WeftTopology
import WeftWire

extension NATBehaviour {
  /// The profile, and over it what the file sets by itself.
  init(_ settings: NATSettings) {
    self.init(profile: NATProfile(settings.profile))
    if let mapping = settings.mapping { self.mapping = NATMapping(mapping) }
    if let filtering = settings.filtering { self.filtering = NATFiltering(filtering) }
    if let ports = settings.ports { portAllocation = NATPortAllocation(ports) }
    if let size = settings.blockSize { portBlockSize = size }
    if let parity = settings.parity { keepsParity = parity }
    if let overload = settings.overload { portOverloading = overload }
    if let range = settings.portRange { externalPorts = range }
    if let pooling = settings.pooling { self.pooling = pooling == .paired ? .paired : .arbitrary }
    if let hairpin = settings.hairpin { self.hairpin = NATHairpin(hairpin) }
    if let unsolicited = settings.unsolicited { self.unsolicited = NATUnsolicited(unsolicited) }
    if let machine = settings.tcpMachine { tcpMachine = machine == .rfc6146 ? .rfc6146 : .netfilter }
    if let tracking = settings.windowTracking { windowTracking = NATWindowTracking(tracking) }
    if let loose = settings.loose { picksUpMidstream = loose }
    if let report = settings.reportExhaustion { reportsExhaustion = report }
    if let clamp = settings.mssClamp { clampsMSS = clamp }
    if let refresh = settings.inboundRefresh { timeouts.inboundRefresh = refresh }
    for entry in settings.timeouts { timeouts.set(entry.timeout, entry.value) }
  }
}

extension NATTimeouts {
  mutating func set(_ name: NATSettings.Timeout, _ value: Nanoseconds) {
    switch name {
    case .tcpTransitory: tcpTransitory = value
    case .tcpSynSent: tcpSynSent = value
    case .tcpSynReceived: tcpSynReceived = value
    case .tcpEstablished: tcpEstablished = value
    case .tcpFinWait: tcpFinWait = value
    case .tcpCloseWait: tcpCloseWait = value
    case .tcpLastAck: tcpLastAck = value
    case .tcpTimeWait: tcpTimeWait = value
    case .tcpClose: tcpClose = value
    case .tcpMaxRetransmissions: tcpMaxRetransmissions = value
    case .tcpUnacknowledged: tcpUnacknowledged = value
    case .udp: udp = value
    case .udpStream: udpStream = value
    case .icmp: icmp = value
    case .generic: generic = value
    }
  }
}

extension NATLimits {
  init(_ limits: NATSettings.Limits) {
    self.init()
    sessionsPerHost = limits.sessionsPerVM
    mappingsPerHost = limits.mappingsPerVM
    earlyDrop = limits.earlyDrop
    portHoldDown = limits.holdDown
  }
}

extension WeftNAT.FilterRule {
  init(_ rule: WeftTopology.FilterRule) {
    self.init(
      Action(rule.action), direction: rule.direction.map { Direction($0) }, from: rule.from.map { Side($0) },
      to: rule.to.map { Side($0) }, state: rule.state.map { State($0) }, source: rule.source,
      destination: rule.destination, protocolNumber: rule.protocolNumber, sourcePorts: rule.sourcePorts,
      destinationPorts: rule.ports)
  }
}

extension PortForward {
  init(_ forward: Forward, to address: IPv4Address) {
    self.init(
      forward.protocol == .tcp ? .tcp : .udp, on: forward.hostAddress, externalPort: forward.hostPort,
      count: forward.count, to: address, port: forward.vmPort)
  }
}

// The file's words and the gateway's: the same, but each module's own.

extension NATProfile {
  init(_ profile: NATSettings.Profile) {
    self =
      switch profile {
      case .rfc: .rfc
      case .linux: .linux
      case .fullCone: .fullCone
      case .restrictedCone: .restrictedCone
      case .portRestricted: .portRestricted
      case .symmetric: .symmetric
      case .oneToOne: .oneToOne
      }
  }
}

extension NATMapping {
  init(_ dependence: NATSettings.Dependence) {
    self =
      switch dependence {
      case .endpointIndependent: .endpointIndependent
      case .addressDependent: .addressDependent
      case .addressAndPortDependent: .addressAndPortDependent
      }
  }
}

extension NATFiltering {
  init(_ dependence: NATSettings.Dependence) {
    self =
      switch dependence {
      case .endpointIndependent: .endpointIndependent
      case .addressDependent: .addressDependent
      case .addressAndPortDependent: .addressAndPortDependent
      }
  }
}

extension NATPortAllocation {
  init(_ ports: NATSettings.Ports) {
    self =
      switch ports {
      case .preserve: .preserve
      case .sequential: .sequential
      case .random: .random
      case .block: .block
      }
  }
}

extension NATHairpin {
  init(_ hairpin: NATSettings.Hairpin) {
    self =
      switch hairpin {
      case .off: .off
      case .externalSource: .externalSource
      case .internalSource: .internalSource
      }
  }
}

extension NATUnsolicited {
  init(_ unsolicited: NATSettings.Unsolicited) {
    self =
      switch unsolicited {
      case .drop: .drop
      case .refuse: .refuse
      case .refuseLate: .refuseLate
      }
  }
}

extension NATWindowTracking {
  init(_ tracking: NATSettings.WindowTracking) {
    self =
      switch tracking {
      case .off: .off
      case .liberal: .liberal
      case .strict: .strict
      }
  }
}

extension WeftNAT.FilterRule.Action {
  init(_ action: WeftTopology.FilterRule.Action) {
    self =
      switch action {
      case .allow: .allow
      case .deny: .deny
      case .reject: .reject
      case .reset: .reset
      }
  }
}

extension WeftNAT.FilterRule.Direction {
  init(_ direction: WeftTopology.FilterRule.Direction) {
    self =
      switch direction {
      case .in: .in
      case .out: .out
      case .forwarded: .forwarded
      }
  }
}

extension WeftNAT.FilterRule.Side {
  init(_ side: WeftTopology.FilterRule.Side) {
    self =
      switch side {
      case .inside: .inside
      case .outside: .outside
      case .host: .host
      }
  }
}

extension WeftNAT.FilterRule.State {
  init(_ state: WeftTopology.FilterRule.State) {
    self =
      switch state {
      case .new: .new
      case .established: .established
      case .related: .related
      case .invalid: .invalid
      }
  }
}
