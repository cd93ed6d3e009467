import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftTopology

/// A lab whose one NAT network has these keys; `^` marks where a mistake is to be reported.
private struct Marked: CustomTestStringConvertible, Sendable {
  var text: String
  var message: String
  var hint: String?

  init(_ text: String, _ message: String, hint: String? = nil) {
    self.text = text
    self.message = message
    self.hint = hint
  }

  var testDescription: String { text }

  func check() {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let line = lines.firstIndex(where: { $0.contains("^") }), let mark = lines[line].firstIndex(of: "^") else {
      Issue.record("no ^ in \(text)")
      return
    }
    let column = lines[line].distance(from: lines[line].startIndex, to: mark) + 1
    Mistake(text.replacing("^", with: ""), line + 1, column, message, hint: hint).check()
  }
}

private func lab(_ network: String, more: String = "") -> String {
  """
  segments: {campus: 134.115.153.0/24}
  hosts:
    laptop:
      uplink: campus 134.115.153.223
      programs: [{http-server: 8000}]
      networks:
        home: {mode: nat, \(network)}
        lan: bridge
    visitor: {uplink: campus 134.115.153.10}
  vms:
    web: {network: home}
    public: {network: lan, address: 134.115.153.73}
  \(more)
  """
}

private func nat(_ keys: String) throws -> NATSettings {
  try topology(lab("nat: \(keys)")).hosts[0].networks[0].nat
}

struct NATKeysTests {
  @Test func withoutTheKeyANATIsWhatTheRFCsAsk() throws {
    let home = try topology(lab("dhcp: {lease-time: 1 h}")).hosts[0].networks[0]
    #expect(home.nat == NATSettings() && home.nat.profile == .rfc)
  }

  @Test(arguments: NATSettings.Profile.allCases) func theShortFormIsAProfile(profile: NATSettings.Profile) throws {
    let wanted = NATSettings(profile)
    #expect(try nat(profile.rawValue) == wanted)
    #expect(try nat("{profile: \(profile.rawValue)}") == wanted)
  }

  @Test func eachAxisIsSetByItself() throws {
    func check(_ keys: String, _ set: (inout NATSettings) -> Void) throws {
      var wanted = NATSettings()
      set(&wanted)
      let found = try nat("{\(keys)}")
      #expect(found == wanted, "\(keys)")
    }
    for mapping in NATSettings.Dependence.allCases {
      for filtering in NATSettings.Dependence.allCases {
        try check("mapping: \(mapping.rawValue), filtering: \(filtering.rawValue)") {
          $0.mapping = mapping
          $0.filtering = filtering
        }
      }
    }
    for ports in NATSettings.Ports.allCases { try check("ports: \(ports.rawValue)") { $0.ports = ports } }
    try check("ports: block, block-size: 64") {
      $0.ports = .block
      $0.blockSize = 64
    }
    try check("parity: true") { $0.parity = true }
    try check("profile: linux, overload: true") {
      $0 = NATSettings(.linux)
      $0.overload = true
    }
    try check("port-range: 1024-65535") { $0.portRange = 1024...65535 }
    try check("port-range: 5000") { $0.portRange = 5000...5000 }
    for (word, hairpin) in [
      ("true", .externalSource), ("false", .off), ("off", .off), ("external-source", .externalSource),
      ("internal-source", .internalSource),
    ] as [(String, NATSettings.Hairpin)] { try check("hairpin: \(word)") { $0.hairpin = hairpin } }
    for word in NATSettings.Unsolicited.allCases {
      try check("unsolicited: \(word.rawValue)") { $0.unsolicited = word }
    }
    for word in NATSettings.TCPMachine.allCases { try check("tcp-machine: \(word.rawValue)") { $0.tcpMachine = word } }
    for word in NATSettings.WindowTracking.allCases {
      try check("window-tracking: \(word.rawValue)") { $0.windowTracking = word }
    }
    try check("loose: true") { $0.loose = true }
    try check("report-exhaustion: false") { $0.reportExhaustion = false }
    try check("inbound-refresh: true") { $0.inboundRefresh = true }
    try check("mtu: 1400, mss-clamp: true") {
      $0.mtu = 1400
      $0.mssClamp = true
    }
    try check("addresses: [134.115.153.224], pooling: arbitrary") {
      $0.addresses = [IPv4Address(134, 115, 153, 224)]
      $0.pooling = .arbitrary
    }
    for (key, path) in timeoutKeys {
      try check("timeouts: {\(key): 7 s}") { $0.timeouts[keyPath: path] = .seconds(7) }
    }
    for (key, path) in optionalTimeoutKeys {
      try check("timeouts: {\(key): 7 s}") { $0.timeouts[keyPath: path] = .seconds(7) }
    }
    try check("limits: {table: 9, sessions-per-vm: 8, mappings-per-vm: 7, early-drop: false, hold-down: 2 min}") {
      $0.limits.table = 9
      $0.limits.sessionsPerVM = 8
      $0.limits.mappingsPerVM = 7
      $0.limits.earlyDrop = false
      $0.limits.holdDown = .minutes(2)
    }
  }

  @Test func oneToOneNamesMachinesAndAddresses() throws {
    let settings = try nat(
      "{profile: one-to-one, addresses: [134.115.153.224], one-to-one: {web: 134.115.153.224}}")
    #expect(settings.oneToOne.map(\.vm) == ["web"])
    #expect(settings.oneToOne[0].address == IPv4Address(134, 115, 153, 224) && settings.oneToOne[0].mark.line == 7)
  }

  @Test func tooFewAddressesForItsMachinesAreWorthAWarning() {
    let load = load(
      lab("nat: one-to-one").replacing("  web: {network: home}", with: "  web: {network: home}\n  two: {network: home}")
    )
    #expect(load.topology != nil && load.diagnostics.map(\.severity) == [.warning])
    #expect(load.diagnostics.first?.message == "\"home\" has 0 external addresses for 2 machines")
  }

  @Test func aRuleKeepsItsLine() throws {
    let settings = try topology(
      lab(
        """
        nat: {rules: [
              {deny: forwarded, from: inside, to: outside, state: new, source: 192.168.122.0/24, protocol: udp, port: 53},
              {allow: any, destination: 198.51.100.7, protocol: 47},
              {reset: in, source-port: 1024-2048}]}
        """)
    ).hosts[0].networks[0].nat
    var deny = FilterRule(.deny, mark: Mark(line: 8, column: 7))
    deny.direction = .forwarded
    (deny.from, deny.to, deny.state) = (.inside, .outside, .new)
    deny.source = IPv4Prefix(IPv4Address(192, 168, 122, 0), length: 24)
    (deny.protocol, deny.port) = (17, 53...53)
    var allow = FilterRule(.allow, mark: Mark(line: 9, column: 7))
    (allow.destination, allow.protocol) = (IPv4Prefix(IPv4Address(198, 51, 100, 7), length: 32), 47)
    var reset = FilterRule(.reset, mark: Mark(line: 10, column: 7))
    (reset.direction, reset.sourcePort) = (.in, 1024...2048)
    #expect(settings.rules == [deny, allow, reset])
  }

  @Test func networksOfOneHostAgreeWhereverTheirRulesStand() {
    let rules = "{rules: [{deny: in, protocol: icmp}]}"
    let text = """
      segments: {s: 10.0.0.0/24}
      hosts: {h: {uplink: s 10.0.0.1, networks: {a: {mode: nat, nat: \(rules)}, b: {mode: nat, nat: \(rules)}}}}
      """
    #expect(load(text).topology != nil)
    #expect(
      load(text.replacing("b: {mode: nat, nat: {rules: [{deny", with: "b: {mode: nat, nat: {rules: [{allow")).topology
        == nil)
  }

  @Test func forwardsAreRangesOfOneAddressAndOfBothProtocols() throws {
    let lab = try topology(
      lab(
        """
        nat: {addresses: [134.115.153.224]}, forwards: ["7000-7010:web:80-90/tcp", "53:web:53/both",
              "134.115.153.224:6000:web:80", {from: 9000-9001, to: "web:90-91", protocol: both, address: 134.115.153.223}]
        """))
    let home = lab.hosts[0].networks[0]
    #expect(
      home.forwards.map(\.description) == [
        "7000-7010:web:80-90/tcp", "53:web:53/tcp", "53:web:53/udp", "134.115.153.224:6000:web:80/tcp",
        "134.115.153.223:9000-9001:web:90-91/tcp", "134.115.153.223:9000-9001:web:90-91/udp",
      ])
    #expect(home.forwards.map(\.mark.line) == [7, 7, 7, 8, 8, 8] && home.forwards[0].count == 11)
  }

  private static let mistakes: [Marked] = [
    Marked(lab("nat: ^symetric"), "none of", hint: "\"symmetric\""),
    Marked(lab("nat: ^[linux]"), "expected"),
    Marked(lab("nat: {profile: ^cone}"), "none of"),
    Marked(lab("nat: {maping: x}").replacing("maping", with: "^maping"), "unknown key", hint: "\"mapping\""),
    Marked(lab("nat: {mapping: ^full-cone}"), "none of"),
    Marked(lab("nat: {port-range: ^2000-1000}"), "reversed", hint: "\"1000-2000\""),
    Marked(lab("nat: {port-range: 1000-^70000}"), "out of range"),
    Marked(lab("nat: {port-range: ^1-2-3}"), "not a range of ports"),
    Marked(lab("nat: {^block-size: 64}"), "no blocks", hint: "ports: block"),
    Marked(lab("nat: {ports: block, ^port-range: 2000-2100}"), "no block of 512", hint: "block-size"),
    Marked(lab("nat: {^overload: true}"), "overloaded", hint: "linux"),
    Marked(lab("nat: {profile: linux, filtering: address-dependent, ^overload: true}"), "overloaded"),
    Marked(lab("nat: {profile: linux, ^mapping: endpoint-independent}"), "shares ports between flows", hint: "overload: false"),
    Marked(lab("nat: {profile: linux, ^filtering: endpoint-independent}"), "shares ports between flows", hint: "overload: false"),
    Marked(lab("nat: {^pooling: paired}"), "no choice", hint: "addresses"),
    Marked(lab("nat: {profile: one-to-one, ^ports: random}"), "means nothing"),
    Marked(lab("nat: {^one-to-one: {web: 134.115.153.223}}"), "needs profile one-to-one"),
    Marked(
      lab("nat: {profile: one-to-one, one-to-one: {web: ^134.115.153.99}}"), "no external address", hint: "addresses"),
    Marked(
      lab("nat: {profile: one-to-one, addresses: [134.115.153.99], one-to-one: {^public: 134.115.153.99}}"),
      "not on \"home\""),
    Marked(lab("nat: {profile: one-to-one, one-to-one: {^wbe: 134.115.153.223}}"), "unknown", hint: "\"web\""),
    Marked(lab("nat: {addresses: [^10.0.0.1]}"), "outside 134.115.153.0/24"),
    Marked(
      lab("nat: {addresses: [^134.115.153.10]}").replacing("^", with: "").replacing(
        "visitor: {uplink: campus 134", with: "visitor: {uplink: campus ^134"), "taken"),
    Marked(lab("nat: {addresses: [134.115.153.90, ^134.115.153.90]}"), "stands twice"),
    Marked(lab("nat: {unsolicited: ^ignore}"), "none of"),
    Marked(lab("nat: {hairpin: ^maybe}"), "none of"),
    Marked(lab("nat: {loose: ^maybe}"), "not true or false"),
    Marked(lab("nat: {mtu: ^60}"), "out of range"),
    Marked(lab("nat: {timeouts: {^tcp-syn: 1 s}}"), "unknown key"),
    Marked(lab("nat: {timeouts: {udp: ^5}}"), "needs a unit"),
    Marked(lab("nat: {window-tracking: off, timeouts: {^tcp-max-retrans: 5 s}}"), "needs window tracking"),
    Marked(lab("nat: {limits: {table: 10, sessions-per-vm: ^11}}"), "whole table's 10"),
    Marked(lab("nat: {limits: {table: ^0}}"), "out of range"),
    // Where ports are shared, or nobody's, what counts them counts nothing.
    Marked(lab("nat: {profile: linux, limits: {^hold-down: 60 s}}"), "\"hold-down\" means nothing", hint: "overload: false"),
    Marked(lab("nat: {profile: linux, limits: {^mappings-per-vm: 9}}"), "means nothing", hint: "sessions-per-vm"),
    Marked(
      lab("nat: {profile: symmetric, overload: true, limits: {^hold-down: 60 s}}"), "\"hold-down\" means nothing"),
    Marked(lab("nat: {profile: one-to-one, limits: {^mappings-per-vm: 9}}"), "means nothing"),
    Marked(lab("nat: {profile: one-to-one, limits: {^hold-down: 9 s}}"), "means nothing"),
    Marked(lab("dhcp: {lease-time: ^500 ms}"), "whole seconds", hint: "1 s"),
    Marked(lab("dhcp: {lease-time: ^1500 ms}"), "whole seconds", hint: "2 s"),
    Marked(lab("nat: ^true"), "none of", hint: "mode: nat"),
    // Rules.
    Marked(lab("nat: {rules: [^{from: inside}]}"), "needs one of: allow, deny, reject, reset"),
    Marked(lab("nat: {rules: [{deny: ^inside}]}"), "none of"),
    Marked(lab("nat: {rules: [{deny: in, ^allow: out}]}"), "cannot stand beside"),
    Marked(lab("nat: {rules: [{deny: any, protocol: ^tpc}]}"), "not a protocol", hint: "\"tcp\""),
    Marked(lab("nat: {rules: [{deny: any, protocol: ^256}]}"), "out of range"),
    Marked(lab("nat: {rules: [{deny: any, protocol: icmp, port: ^80}]}"), "has no ports"),
    Marked(lab("nat: {rules: [{deny: any, port: ^90-80}]}"), "reversed"),
    Marked(lab("nat: {rules: [{deny: any, source: ^10.0.0.1/8}]}"), "host bits"),
    Marked(lab("nat: {rules: [{deny: in, to: ^inside}]}"), "does not go inside", hint: "forwarded"),
    Marked(lab("nat: {rules: [{deny: out, from: ^inside}]}"), "does not come from inside", hint: "forwarded"),
    Marked(lab("nat: {rules: [{deny: forwarded, to: ^host}]}"), "not forwarded", hint: "\"in\""),
    // Forwards.
    Marked(lab("forwards: [\"8000-8010:^web:80-85\"]"), "11 ports of the host cannot go to 6", hint: "80-90"),
    Marked(lab("forwards: [\"8000-8001:^web:80\"]"), "2 ports of the host cannot go to 1", hint: "80-81"),
    Marked(lab("forwards: [\"65530-^65540:web:80-90\"]"), "out of range"),
    Marked(lab("forwards: [{from: 80-81, to: \"^web:80\"}]"), "cannot go to 1"),
    Marked(lab("forwards: [{from: 80, to: ^web}]"), "not a VM and its port"),
    Marked(lab("forwards: [{from: 80, to: \"web:80^/tcp\"}]"), "goes into \"protocol:\""),
    Marked(lab("forwards: [\"^134.115.153.99:80:web:80\"]"), "no external address", hint: "134.115.153.223"),
    Marked(lab("forwards: [\"80:^visitor:80\"]"), "not plugged into network \"home\""),
    Marked(
      lab("forwards: [\"80-90:web:80-90\", ^\"85:web:99\"]"), "port 85/tcp of \"laptop\" is forwarded twice: here"),
    Marked(lab("forwards: [\"85:web:99/udp\", ^\"80-90:web:80-90/both\"]"), "in network \"home\" (7:36)"),
    Marked(
      lab("forwards: [\"80:web:99\", ^\"134.115.153.223:80:web:80\"]"), "port 80/tcp of \"laptop\" is forwarded twice"),
    Marked(lab("forwards: [^\"7990-8010:web:7990-8010\"]"), "own http-server (5:"),
    // Events.
    Marked(lab("dhcp: {}", more: "events: [{at: 1 s, add-forward: ^{network: home}}]"), "needs \"forward\""),
    Marked(
      lab("dhcp: {}", more: "events: [{at: 1 s, add-forward: {network: ^lan, forward: \"80:web:80\"}}]"), "has no NAT"),
    Marked(
      lab("dhcp: {}", more: "events: [{at: 1 s, add-forward: {network: home, forward: \"80:^public:80\"}}]"),
      "not on network"),
    Marked(
      lab("dhcp: {}", more: "events: [{at: 1 s, remove-forward: {network: home, forward: ^\"web:80\"}}]"),
      "not a port forward"),
    Marked(lab("dhcp: {}", more: "events: [{at: 1 s, flush-conntrack: ^laptop}]"), "is a host, not a network"),
    Marked(
      lab("dhcp: {}", more: "events: [{at: 1 s, flush-conntrack: {network: home, protocol: icmp, ^port: 80}}]"),
      "only tcp, udp, sctp and udplite have ports"),
  ]

  @Test(arguments: mistakes) private func aMistakeIsReportedWhereItStands(_ mistake: Marked) { mistake.check() }

  @Test func forwardsOfDifferentAddressesOrProtocolsDoNotClash() throws {
    _ = try topology(
      lab(
        """
        nat: {addresses: [134.115.153.224]}, forwards: ["134.115.153.223:80:web:80", "134.115.153.224:80:web:81",
              "80:web:80/udp", "134.115.153.224:8000:web:8000"]
        """))
  }
}

struct UplinkTests {
  /// In either order of the file.
  private static func lab(_ inner: String, _ outer: String = "mode: nat, subnet: 100.64.0.0/24", more: String = "")
    -> String
  {
    """
    segments: {s: 10.0.0.0/24}
    hosts:
      home-router: {\(inner)}
      isp:
        uplink: s 10.0.0.1
        networks:
          isp-lan: {\(outer)}
          side: bridge
    \(more)
    """
  }

  @Test(arguments: [("nat", true), ("host-only", false), ("isolated", false)])
  func anUplinkJoinsANetworkOfAnotherHost(mode: String, hasGateway: Bool) throws {
    let text = Self.lab("uplink: isp-lan 100.64.0.9", "mode: \(mode), subnet: 100.64.0.0/24, delay: 3 ms")
    let uplink = try #require(topology(text).hosts[0].uplink)
    #expect(uplink.segment == "isp-lan" && uplink.prefix == IPv4Prefix(IPv4Address(100, 64, 0, 0), length: 24))
    #expect(uplink.gateway == (hasGateway ? IPv4Address(100, 64, 0, 1) : nil) && uplink.link.delay == .milliseconds(3))
    let long = "uplink: {segment: isp-lan, address: 100.64.0.9, gateway: 100.64.0.7, delay: 1 ms}"
    let own = try #require(topology(Self.lab(long)).hosts[0].uplink)
    #expect(own.gateway == IPv4Address(100, 64, 0, 7) && own.link.delay == .milliseconds(1))
  }

  @Test func theOrderOfTheFileIsKept() throws {
    let lab = try topology(Self.lab("uplink: isp-lan 100.64.0.9, networks: {home: nat}"))
    #expect(lab.hosts.map(\.name) == ["home-router", "isp"])
  }

  /// A network behind another gets a subnet that none above it has.
  @Test func aChosenSubnetIsFreeAllTheWayUp() throws {
    let lab = try topology(
      """
      segments: {s: 10.0.0.0/24}
      hosts:
        c: {uplink: inner 192.168.123.9, networks: {deep: nat}}
        b: {uplink: outer 192.168.122.9, networks: {inner: nat}}
        a: {uplink: s 10.0.0.1, networks: {outer: nat}}
      """)
    #expect(
      lab.hosts.map { $0.networks[0].subnet.description } == [
        "192.168.124.0/24", "192.168.123.0/24", "192.168.122.0/24",
      ])
  }

  private static let mistakes: [Marked] = [
    Marked(lab("uplink: isp-lan ^100.65.0.9"), "outside 100.64.0.0/24, the subnet of \"isp-lan\""),
    Marked(lab("uplink: isp-lan ^100.64.0.1"), "is the gateway of \"isp-lan\""),
    Marked(lab("uplink: isp-lan ^100.64.0.254"), "is the DHCP server of \"isp-lan\""),
    Marked(lab("uplink: ^side 100.64.0.9"), "is a bridge", hint: "\"s\""),
    Marked(lab("uplink: ^isp-lam 100.64.0.9"), "unknown segment or network", hint: "\"isp-lan\""),
    Marked(lab("uplink: ^isp 100.64.0.9"), "is a host, not a segment or a network"),
    Marked(lab("uplink: ^own 10.9.0.2, networks: {own: {mode: host-only, subnet: 10.9.0.0/24}}"), "its own network"),
    Marked(
      lab("uplink: isp-lan 100.64.0.9, networks: {^home: {mode: nat, subnet: 100.64.0.0/16}}"),
      "overlaps network \"isp-lan\""),
    Marked(
      lab("uplink: isp-lan 100.64.0.9", more: "vms: {v: {network: isp-lan, address: ^100.64.0.9}}"),
      "taken by host \"home-router\""),
    Marked(
      """
      hosts:
        ^a: {uplink: y 10.1.0.9, networks: {x: {mode: nat, subnet: 10.0.0.0/24}}}
        b: {uplink: x 10.0.0.9, networks: {y: {mode: nat, subnet: 10.1.0.0/24}}}
      """, "the uplinks of \"a\", \"b\" go round in a circle"),
  ]

  @Test(arguments: mistakes) private func aMistakeIsReportedWhereItStands(_ mistake: Marked) { mistake.check() }

  @Test func twoUplinksOfOneAddressAreAMistake() {
    let load = load(
      Self.lab("uplink: isp-lan 100.64.0.9", more: "").replacing(
        "  isp:", with: "  other: {uplink: isp-lan 100.64.0.9}\n  isp:"))
    #expect(load.diagnostics.map(\.message).contains { $0.contains("taken by host") })
  }

  @Test func aForwardMayLeadToAHostOnTheNetwork() throws {
    let lab = try topology(
      Self.lab("uplink: isp-lan 100.64.0.9", "mode: nat, subnet: 100.64.0.0/24, forwards: [\"80:home-router:80\"]"))
    #expect(lab.hosts[1].networks[0].forwards[0].vm == "home-router")
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
