import Testing
import WeftCore
import WeftNAT
import WeftSettings
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// The gateway that a file's NAT becomes is the one that the file describes.
@Suite struct NATSettingsTests {
  private static func lab(_ nat: String, _ more: String = "") -> String {
    """
    segments: {campus: 134.115.153.0/24}
    hosts:
      laptop:
        uplink: campus 134.115.153.223
        networks: {home: {mode: nat, subnet: 192.168.122.0/24, nat: \(nat)\(more)}}
      visitor: {uplink: campus 134.115.153.10}
    vms:
      web: {network: home, lease: 192.168.122.50}
      shell: {network: home, address: 192.168.122.60}
    """
  }

  private static func gateway(_ nat: String, _ more: String = "") throws -> NATConfiguration {
    let simulation = try Simulation(topology(lab(nat, more)))
    return simulation.world.elements.gateways[ID(0)].configuration
  }

  @Test(arguments: NATSettings.Profile.allCases) func aProfileIsTheGatewaysOfThatName(profile: NATSettings.Profile) throws {
    #expect(try Self.gateway(profile.rawValue).settings == NATSettings(profile))
  }

  /// Whatever the profile, a key sets its axis and no other.
  @Test(arguments: [NATSettings.Profile.rfc, .linux, .symmetric]) func aKeySetsItsAxisAlone(profile: NATSettings.Profile) throws {
    func check(_ keys: String, _ set: (inout NATSettings) -> Void) throws {
      var wanted = NATSettings(profile)
      set(&wanted)
      let settings = try Self.gateway("{profile: \(profile.rawValue), \(keys)}").settings
      #expect(settings == wanted, "\(profile): \(keys)")
    }
    for mapping in NATSettings.Dependence.allCases {
      for filtering in NATSettings.Dependence.allCases {
        // Sharing ports is an axis too, which needs both as they are.
        try check("mapping: \(mapping.rawValue), filtering: \(filtering.rawValue), overload: false") {
          $0.mapping = mapping
          $0.filtering = filtering
          $0.overload = false
        }
      }
    }
    for ports in NATSettings.Ports.allCases { try check("ports: \(ports.rawValue)") { $0.ports = ports } }
    try check("ports: block, block-size: 64") {
      $0.ports = .block
      $0.blockSize = 64
    }
    try check("parity: true") { $0.parity = true }
    try check("overload: false") { $0.overload = false }
    try check("port-range: 1024-2047") { $0.portRange = 1024...2047 }
    for pooling in NATSettings.Pooling.allCases {
      try check("addresses: [134.115.153.99], pooling: \(pooling.rawValue)") {
        $0.addresses = [IPv4Address(134, 115, 153, 99)]
        $0.pooling = pooling
      }
    }
    for hairpin in NATSettings.Hairpin.allCases { try check("hairpin: \(hairpin.rawValue)") { $0.hairpin = hairpin } }
    try check("hairpin: true") { $0.hairpin = .externalSource }
    try check("hairpin: false") { $0.hairpin = .off }
    for word in NATSettings.Unsolicited.allCases { try check("unsolicited: \(word.rawValue)") { $0.unsolicited = word } }
    for machine in NATSettings.TCPMachine.allCases { try check("tcp-machine: \(machine.rawValue)") { $0.tcpMachine = machine } }
    for word in NATSettings.WindowTracking.allCases {
      try check("window-tracking: \(word.rawValue)") { $0.windowTracking = word }
    }
    for on in [true, false] {
      try check("loose: \(on)") { $0.loose = on }
      try check("report-exhaustion: \(on)") { $0.reportExhaustion = on }
      try check("mss-clamp: \(on)") { $0.mssClamp = on }
      try check("inbound-refresh: \(on)") { $0.inboundRefresh = on }
    }
    for (key, path) in timeoutKeys {
      try check("timeouts: {\(key): 77 s}") { $0.timeouts[keyPath: path] = .seconds(77) }
    }
    for (key, path) in optionalTimeoutKeys {
      try check("timeouts: {\(key): 77 s}") { $0.timeouts[keyPath: path] = .seconds(77) }
    }
    try check("timeouts: {tcp-transitory: 60 s, tcp-close: 5 s, udp: 30 s, udp-stream: 40 s}") {
      $0.timeouts.tcpTransitory = .seconds(60)
      $0.timeouts.tcpClose = .seconds(5)
      $0.timeouts.udp = .seconds(30)
      $0.timeouts.udpStream = .seconds(40)
    }
  }

  @Test func limitsAddressesAndTheMTUReachTheGateway() throws {
    let configuration = try Self.gateway(
      "{mtu: 1400, addresses: [134.115.153.99], "
        + "limits: {table: 99, sessions-per-vm: 9, mappings-per-vm: 8, early-drop: false, hold-down: 120 s}}")
    #expect(configuration.limits.table == 99 && configuration.outside.mtu == 1400)
    #expect(configuration.addresses == [IPv4Address(134, 115, 153, 99)])
    var limits = NATSettings.Limits()
    limits.table = 99
    limits.sessionsPerVM = 9
    limits.mappingsPerVM = 8
    limits.earlyDrop = false
    limits.holdDown = .seconds(120)
    #expect(configuration.limits == limits)
  }

  @Test func addressesOfVMsReachTheGateway() throws {
    let configuration = try Self.gateway(
      "{profile: one-to-one, addresses: [134.115.153.99], one-to-one: {web: 134.115.153.99, shell: 134.115.153.223}}")
    #expect(
      configuration.staticBindings == [
        .init(inside: IPv4Address(192, 168, 122, 50), external: IPv4Address(134, 115, 153, 99)),
        .init(inside: IPv4Address(192, 168, 122, 60), external: IPv4Address(134, 115, 153, 223)),
      ])
  }

  @Test func rulesReachTheGatewayInTheirOrder() throws {
    let configuration = try Self.gateway(
      "{rules: [{deny: forwarded, from: inside, to: outside, state: new, source: 192.168.122.50, "
        + "destination: 10.0.0.0/8, protocol: udp, port: 53, source-port: 1024-65535}, {reset: in, protocol: tcp}, "
        + "{reject: out, from: host}, {allow: any}]}")
    var wanted = NATSettings()
    wanted.rules = [
      .init(
        .deny, direction: .forwarded, from: .inside, to: .outside, state: .new,
        source: IPv4Prefix(IPv4Address(192, 168, 122, 50), length: 32),
        destination: IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 8), protocol: 17,
        sourcePort: 1024...65535, port: 53...53),
      .init(.reset, direction: .in, protocol: 6), .init(.reject, direction: .out, from: .host), .init(.allow),
    ]
    #expect(configuration.settings.agrees(with: wanted))
  }

  @Test func forwardsReachTheGatewayWithTheirRangesAndAddresses() throws {
    let configuration = try Self.gateway(
      "{addresses: [134.115.153.99]}",
      ", forwards: [\"8000-8010:web:80-90/both\", \"134.115.153.99:22:shell:22\"]")
    let (web, shell) = (IPv4Address(192, 168, 122, 50), IPv4Address(192, 168, 122, 60))
    #expect(
      configuration.forwards == [
        .init(.tcp, externalPort: 8000, count: 11, to: web, port: 80),
        .init(.udp, externalPort: 8000, count: 11, to: web, port: 80),
        .init(.tcp, on: IPv4Address(134, 115, 153, 99), externalPort: 22, to: shell, port: 22),
      ])
  }

  @Test func aRuleStopsWhatItNamesAndNothingElse() throws {
    let report = try run(
      Labs.small.replacing(
        "{home: {mode: nat,",
        with:
          "{home: {mode: nat, nat: {rules: [{reset: forwarded, to: outside, port: 22}, {deny: forwarded, protocol: icmp}]},"
      )
        + """

        expect:
          - {from: web, to: "visitor:80"}
          - {from: web, to: "visitor:22", is: refused}
          - {from: web, ping: visitor, is: dropped, by: home, reason: filtered}
          - {from: visitor, to: "laptop:8080", reaches: web}
        """)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  @Test func theReportTellsALineOfTheFile() throws {
    let topology = try topology(Self.lab("{rules: [{deny: in}]}", ", forwards: [\"80:web:80\"]"))
    let configuration = try Simulation(topology).world.elements.gateways[ID(0)].configuration
    let forward = try #require(topology.forward(configuration.forwards[0], besides: "home"))
    #expect(forward.network == "home" && forward.forward.mark.line == 5)
    #expect(topology.hosts[0].networks[0].nat.rules[0].mark.line == 5)
  }
}

/// Forwards and connections change while the world runs.
@Suite struct NATEventTests {
  private static func check(_ events: [String], _ expectations: [String], in lab: String = Labs.small) throws -> Report {
    try run(
      "\(lab)\nevents:\n" + events.map { "  - {\($0)}\n" }.joined() + "expect:\n"
        + expectations.map { "  - {\($0), timeout: 500 ms, within: 1500 ms}\n" }.joined())
  }

  @Test func aForwardIsAddedAndRemoved() throws {
    let report = try Self.check(
      [
        "at: 3 s, add-forward: {network: home, forward: \"9000-9001:web:80-81\"}",
        "at: 6 s, remove-forward: {network: home, forward: \"9000-9001:web:80-81\"}",
        "at: 6 s, remove-forward: {network: home, forward: \"8080:web:80\"}",
      ],
      [
        "from: visitor, to: \"laptop:9000\", is: dropped, by: home, reason: no-port-forward, at: 1 s",
        "from: visitor, to: \"laptop:9000\", reaches: web, at: 4 s",
        "from: visitor, to: \"laptop:9001\", is: refused, at: 4 s",
        "from: visitor, to: \"laptop:8080\", reaches: web, at: 4 s",
        "from: visitor, to: \"laptop:9000\", is: dropped, by: home, reason: no-port-forward, at: 7 s",
        "from: visitor, to: \"laptop:8080\", is: dropped, by: home, reason: no-port-forward, at: 7 s",
      ])
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
    #expect(report.complaints == [])
  }

  @Test(arguments: [
    (
      ["at: 1 s, add-forward: {network: home, forward: \"8079-8081:web:79-81\"}"],
      "the forward 8079-8081:web:79-81/tcp of home is in the way of 8080:web:80/tcp of home (line 7)"
    ),
    (
      [
        "at: 1 s, add-forward: {network: home, forward: \"22:web:22\"}",
        "at: 2 s, add-forward: {network: home, forward: \"22:web:80/both\"}",
      ],
      "the forward 22:web:80/tcp of home is in the way of 22:web:22/tcp of home (line 14)"
    ),
    (
      ["at: 1 s, add-forward: {network: home, forward: \"8000:web:80\"}"],
      "the forward 8000:web:80/tcp of home: the host laptop listens on port 8000/tcp (line 8)"
    ),
    (
      ["at: 1 s, remove-forward: {network: home, forward: \"8081:web:80\"}"],
      "the forward 8081:web:80/tcp of home: there is none like it"
    ),
  ])
  func whatIsInTheWayIsAComplaintNamingBoth(events: [String], complaint: String) throws {
    let lab = Labs.small.replacing(
      "lan: bridge}\n", with: "lan: bridge}\n    programs: [{http-server: 8000}]\n")
    let report = try Self.check(events, ["from: visitor, to: \"laptop:8080\", reaches: web, at: 3 s"], in: lab)
    #expect(report.complaints.count == 1 && report.complaints[0].hasSuffix(complaint), "\(report.complaints)")
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  /// Without its entry the connection is one that the NAT has never seen.
  @Test func aFlushForgetsConnections() throws {
    var simulation = try Simulation(
      topology(
        Labs.small.replacing(
          "behind the NAT}}, udp-echo]",
          with: "behind the NAT}}, {udp-rate: {to: \"visitor:7\", interval: 10 s, count: 2}}]")
          + "\nevents: [{at: 3 s, flush-conntrack: home}]\nduration: 5 s\n"))
    simulation.run(until: .start + .seconds(2))
    #expect(simulation.world.elements.gateways[ID(0)].connectionCount == 1)
    simulation.run(until: .start + .seconds(4))
    #expect(simulation.world.elements.gateways[ID(0)].connectionCount == 0)
  }
}

/// Each key of `timeouts`, and what it sets.
nonisolated(unsafe) private let timeoutKeys: [(String, WritableKeyPath<NATSettings.Timeouts, Nanoseconds>)] = [
  ("tcp-transitory", \.tcpTransitory), ("tcp-syn-sent", \.tcpSynSent), ("tcp-syn-recv", \.tcpSynRecv),
  ("tcp-established", \.tcpEstablished), ("tcp-last-ack", \.tcpLastAck), ("tcp-time-wait", \.tcpTimeWait),
  ("tcp-close", \.tcpClose), ("udp", \.udp), ("icmp", \.icmp), ("generic", \.generic),
]
nonisolated(unsafe) private let optionalTimeoutKeys: [(String, WritableKeyPath<NATSettings.Timeouts, Nanoseconds?>)] = [
  ("tcp-fin-wait", \.tcpFinWait), ("tcp-close-wait", \.tcpCloseWait), ("tcp-max-retrans", \.tcpMaxRetrans),
  ("tcp-unacknowledged", \.tcpUnacknowledged), ("udp-stream", \.udpStream), ("gre", \.gre), ("gre-stream", \.greStream),
]
