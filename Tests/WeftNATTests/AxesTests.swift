import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// Each axis of behaviour by itself, and the profiles as sets of them.
@Suite struct AxesTests {
  struct Combination: CustomTestStringConvertible {
    var mapping: NATSettings.Dependence
    var filtering: NATSettings.Dependence
    var testDescription: String { "\(mapping.rawValue) × \(filtering.rawValue)" }
  }
  static let combinations = NATSettings.Dependence.allCases.flatMap { m in
    NATSettings.Dependence.allCases.map { Combination(mapping: m, filtering: $0) }
  }

  @Test(
    "RFC 4787 4.1, 5; RFC 5382 REQ-1, REQ-3: mapping × filtering, as a probe from outside sees them",
    arguments: combinations)
  func mappingTimesFiltering(_ c: Combination) throws {
    for isTCP in [false, true] {
      let net = Harness(
        configuration {
          $0.mapping = c.mapping
          $0.filtering = c.filtering
        })
      func packet(_ a: IP, _ p: UInt16, _ b: IP, _ q: UInt16) -> [UInt8] {
        isTCP ? Packets.tcp(a, p, b, q, .syn) : Packets.udp(a, p, b, q)
      }
      let first = try #require(net.pass(packet(vm, 5000, server, 53), on: 2)).sourcePort
      let otherPort = try #require(net.pass(packet(vm, 5000, server, 54), on: 2)).sourcePort
      let otherAddress = try #require(net.pass(packet(vm, 5000, server2, 53), on: 2)).sourcePort
      #expect((first == otherPort) == (c.mapping != .addressAndPortDependent))
      #expect((first == otherAddress) == (c.mapping == .endpointIndependent))
      // From an address that was never sent to, and from another port of one that was.
      net.clear()
      net.give(packet(neighbour, 9, external, first), on: 0)
      #expect((net.sent.count == 1) == (c.filtering == .endpointIndependent))
      net.clear()
      net.give(packet(server, 9, external, first), on: 0)
      #expect((net.sent.count == 1) == (c.filtering != .addressAndPortDependent))
    }
  }

  @Test(
    "RFC 5508 REQ-1: echo identifiers map as configured; a reply needs its request, whatever the filter",
    arguments: combinations)
  func echoMappingTimesFiltering(_ c: Combination) throws {
    let net = Harness(
      configuration {
        $0.mapping = c.mapping
        $0.filtering = c.filtering
      })
    let first = try #require(net.pass(Packets.ping(vm, server, id: 7), on: 2)).sourcePort
    let second = try #require(net.pass(Packets.ping(vm, server2, id: 7), on: 2)).sourcePort
    #expect((first == second) == (c.mapping == .endpointIndependent))
    #expect(net.pass(Packets.ping(server, external, id: first, reply: true), on: 0)?.destination == vm)
    #expect(net.refuse(Packets.ping(neighbour, external, id: first, reply: true), on: 0) == .filtered)
  }

  @Test func sequentialAllocationCountsUp() throws {
    let net = Harness(
      configuration {
        $0.ports = .sequential
        $0.portRange = 6000...6003
      })
    var ports: [UInt16] = []
    for port in [9, 5000, 40000, 7] as [UInt16] {
      ports.append(try #require(net.pass(Packets.udp(vm, port, server, 53), on: 2)).sourcePort)
    }
    #expect(ports == [6000, 6001, 6002, 6003])
    #expect(net.refuse(Packets.udp(vm2, 1, server, 53), on: 2) == .portsExhausted)
    net.advance(by: .minutes(6))
    #expect(net.pass(Packets.udp(vm2, 1, server, 53), on: 2)?.sourcePort == 6000)
  }

  @Test("RFC 6056: random allocation comes from the seed alone")
  func randomAllocationIsTheSeeds() throws {
    func ports(seed: UInt64) throws -> [UInt16] {
      let net = Harness(
        configuration {
          $0.ports = .random
          $0.seed = seed
        })
      return try (0..<20).map { index in
        try #require(net.pass(Packets.udp(vm, 5000 + index, server, 53), on: 2)).sourcePort
      }
    }
    let first = try ports(seed: 1)
    #expect(try first == ports(seed: 1) && first != ports(seed: 2))
    #expect(Set(first).count == 20 && !first.contains { $0 < 1024 } && first != (5000..<5020).map { $0 })
  }

  @Test("RFC 6888 5, RFC 7422: a host has a block of ports for itself and never leaves it")
  func blocksPerHost() throws {
    let net = Harness(
      configuration {
        $0.ports = .block
        $0.blockSize = 4
        $0.portRange = 1024...1035
      })
    for (host, first) in [(vm, 1024), (vm2, 1028), (vm, 1025), (vm2, 1029)] as [(IP, UInt16)] {
      let inside = UInt16(first &+ 3000)
      #expect(net.pass(Packets.udp(host, inside, server, 53), on: 2)?.sourcePort == first)
    }
    for port in [1, 2] as [UInt16] { _ = net.pass(Packets.udp(vm, port, server, 53), on: 2) }
    #expect(net.refuse(Packets.udp(vm, 3, server, 53), on: 2) == .portsExhausted)
    #expect(net.pass(Packets.udp(vm2, 3, server, 53), on: 2)?.sourcePort == 1030)
    #expect(net.pass(Packets.udp(IP(192, 168, 122, 50), 3, server, 53), on: 2)?.sourcePort == 1032)
    #expect(net.refuse(Packets.udp(IP(192, 168, 122, 51), 3, server, 53), on: 2) == .portsExhausted)
    // Blocks come back with the last mapping.
    net.advance(by: .minutes(6))
    #expect(net.pass(Packets.udp(IP(192, 168, 122, 51), 3, server, 53), on: 2)?.sourcePort == 1024)
  }

  @Test("RFC 4787 REQ-4: parity is kept on a clash")
  func parity() throws {
    let net = Harness(configuration { $0.parity = true })
    for host in 10..<40 as Range<UInt8> {
      for port in [5000, 5001] as [UInt16] {
        let seen = try #require(net.pass(Packets.udp(IP(192, 168, 122, host), port, server, 53), on: 2))
        #expect(seen.sourcePort % 2 == port % 2)
      }
    }
  }

  static let pool = [IP(134, 115, 153, 224), IP(134, 115, 153, 225)]

  @Test("RFC 4787 REQ-2: with several external addresses a host keeps one; arbitrary pooling doesn't")
  func pooling() throws {
    for pooling in NATSettings.Pooling.allCases {
      let net = Harness(
        configuration {
          $0.addresses = Self.pool
          $0.pooling = pooling
        })
      var byHost: [IP: Set<IP>] = [:]
      for host in [vm, vm2, IP(192, 168, 122, 12)] {
        for port in 1...6 as ClosedRange<UInt16> {
          let seen = try #require(net.pass(Packets.udp(host, port, server, 53), on: 2))
          byHost[host, default: []].insert(seen.source)
          let back = try #require(net.pass(Packets.udp(server, 53, seen.source, seen.sourcePort), on: 0))
          #expect(back.destination == host && back.destinationPort == port)
        }
      }
      #expect(byHost.values.allSatisfy { $0.count == (pooling == .paired ? 1 : 3) })
      #expect(Set(byHost.values.flatMap { $0 }).count == 3)
    }
  }

  @Test func theGatewayAnswersARPForAllItsExternalAddresses() {
    let net = Harness(configuration { $0.addresses = Self.pool })
    for (address, answers) in [(Self.pool[0], 1), (Self.pool[1], 1), (external, 1), (IP(134, 115, 153, 99), 0)] {
      var body = [UInt8](repeating: 0, count: 28)
      var mutable = body.mutableSpan
      var span = mutable.mutableBytes
      ARPPacket.request(from: Harness.mac(of: router), router, for: address).write(to: &span)
      net.transmitted = 0
      net.giveFrame(net.ethernet(body, on: 0, type: .arp, to: .broadcast), on: 0)
      #expect(net.transmitted == answers, "\(address)")
    }
  }

  @Test("RFC 4787 REQ-9: hairpinning shows the external source, the internal one, or isn't")
  func hairpinModes() throws {
    for mode in NATSettings.Hairpin.allCases {
      let net = Harness(
        configuration {
          $0.hairpin = mode
          $0.forwards = [PortForward(.udp, externalPort: 53, to: vm, port: 5353)]
        })
      let ask = Packets.udp(other, 4000, external, 53)
      guard mode != .off else {
        #expect(net.refuse(ask, on: 3) == .hairpinDisabled)
        continue
      }
      let there = try #require(net.pass(ask, on: 3))
      #expect(there.destination == vm && there.source == (mode == .externalSource ? external : other))
      let back = try #require(net.pass(Packets.udp(vm, 5353, there.source, there.sourcePort), on: 2))
      #expect(back.source == external && back.sourcePort == 53 && back.destination == other)
    }
  }

  @Test func theLinuxProfileSharesAPortBetweenRemoteEnds() throws {
    let net = Harness(configuration { $0.settings = NATSettings(.linux) })
    // Kept until collision: only the same remote end collides.
    #expect(net.pass(Packets.udp(vm, 5000, server, 53), on: 2)?.sourcePort == 5000)
    #expect(net.pass(Packets.udp(vm2, 5000, server2, 53), on: 2)?.sourcePort == 5000)
    let moved = try #require(net.pass(Packets.udp(vm2, 5000, server, 53), on: 2)).sourcePort
    #expect(moved != 5000)
    #expect(net.pass(Packets.udp(server, 53, external, 5000), on: 0)?.destination == vm)
    #expect(net.pass(Packets.udp(server2, 53, external, 5000), on: 0)?.destination == vm2)
    #expect(net.pass(Packets.udp(server, 53, external, moved), on: 0)?.destination == vm2)
    #expect(net.pass(Packets.ping(vm, server, id: 4), on: 2)?.sourcePort == 4)
    #expect(net.pass(Packets.ping(vm2, server, id: 4), on: 2)?.sourcePort != 4)
    // Other protocols by address alone.
    let gre = { (a: IP, b: IP) in
      Packets.ip(IPv4Header(protocol: IPProtocol(rawValue: 47), source: a, destination: b), [1, 2])
    }
    #expect(net.pass(gre(vm, server), on: 2)?.source == external)
    #expect(net.pass(gre(server, external), on: 0)?.destination == vm)
    #expect(net.refuse(gre(vm2, server), on: 2) == .portsExhausted)
    #expect(net.sent.isEmpty)
    // Nobody asked: at once.
    #expect(net.refuse(Packets.tcp(neighbour, 1, external, 80, .syn), on: 0) == .noPortForward)
    #expect(net.sent.first?.flags == [.rst, .ack])
  }

  @Test func theLinuxProfileIsSilentWhenPortsTowardsOneRemoteEndAreUsedUp() throws {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.portRange = 5000...5009
      })
    for port in 1...10 as ClosedRange<UInt16> {
      #expect(net.pass(Packets.udp(vm, 4000 + port, server, 53), on: 2) != nil)
    }
    for _ in 0..<2 {
      #expect(net.refuse(Packets.udp(vm, 1, server, 53), on: 2) == .portsExhausted)
      #expect(net.sent.isEmpty)
    }
    #expect(net.pass(Packets.udp(vm, 1, server, 54), on: 2) != nil)
  }

  @Test func linuxTakesUpConnectionsInTheMiddle() throws {
    let net = Harness(configuration { $0.settings = NATSettings(.linux) })
    #expect(net.pass(Packets.tcp(vm, 4000, server, 80, .ack), on: 2)?.source == external)
    #expect(TCPTrackingTests.state(net) == .established && TCPTrackingTests.timeLeft(net) == .seconds(300))
    #expect(net.pass(Packets.tcp(server, 80, external, 4000, .ack, sequence: 5_000_000), on: 0) != nil)
    #expect(!net.gateway.connections(now: net.now)[0].isAssured)
    #expect(net.refuse(Packets.tcp(vm, 4001, server, 80, [.syn, .ack]), on: 2) == .tcpInvalid)
    #expect(net.refuse(Packets.tcp(vm, 4001, server, 80, [.fin, .ack]), on: 2) == .tcpInvalid)
  }

  @Test("netfilter's machine and its timeouts: every state on the way")
  func linuxStates() {
    typealias Step = TCPTrackingTests.Step
    let opening = [
      Step(.syn, false, .synSent, 120), Step([.syn, .ack], true, .synReceived, 60),
      Step(.ack, false, .established, 432_000),
    ]
    let sequences: [[Step]] = [
      opening + [
        Step([.fin, .ack], false, .finWait, 120), Step(.ack, true, .closeWait, 60),
        Step([.fin, .ack], true, .lastAck, 30), Step(.ack, false, .timeWait, 120), Step(.syn, false, .synSent, 120),
      ],
      opening + [Step(.rst, true, .closed, 10), Step(.ack, false, .closed, 10), Step(.syn, false, .synSent, 120)],
      [
        Step(.syn, false, .synSent, 120), Step(.syn, true, .synSent2, 120),
        Step([.syn, .ack], false, .synReceived, 60),
        Step([.syn, .ack], true, .synReceived, 60), Step(.ack, false, .established, 432_000),
      ],
    ]
    for (index, sequence) in sequences.enumerated() {
      let net = Harness(
        configuration {
          $0.settings = NATSettings(.linux)
          $0.windowTracking = .off
        })
      for (number, step) in sequence.enumerated() {
        let comment: Comment = "sequence \(index) step \(number)"
        #expect(TCPTrackingTests.send(net, step.flags, fromServer: step.fromServer) == nil, comment)
        #expect(TCPTrackingTests.state(net) == step.state, comment)
        #expect(TCPTrackingTests.timeLeft(net) == .seconds(step.seconds), comment)
      }
    }
  }

  @Test(arguments: [false, true]) func linuxForgetsWhatIsResetBeforeAnybodyAnswered(byServer: Bool) {
    let net = Harness(configuration { $0.settings = NATSettings(.linux) })
    #expect(net.pass(Packets.tcp(vm, 4000, server, 80, .syn), on: 2) != nil)
    let reset =
      byServer
      ? net.pass(Packets.tcp(server, 80, external, 4000, [.rst, .ack], sequence: 0, acknowledgment: 1001), on: 0)
      : net.pass(Packets.tcp(vm, 4000, server, 80, .rst), on: 2)
    #expect(reset != nil && net.gateway.connectionCount == 0)
  }

  @Test func linuxDatagramTimeouts() {
    let net = Harness(configuration { $0.settings = NATSettings(.linux) })
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(30))
    _ = net.pass(Packets.udp(server, 53, external, 5000), on: 0)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(30))
    net.advance(by: .seconds(3))
    _ = net.pass(Packets.udp(server, 53, external, 5000), on: 0)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(120))
    net.advance(by: .seconds(121))
    _ = net.pass(Packets.ping(vm, server, id: 1), on: 2)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(30))
  }

  @Test("RFC 3022 2.1: one-to-one gives a host an external address with all its ports")
  func oneToOne() throws {
    let net = Harness(
      configuration(host: true) {
        $0.settings = NATSettings(.oneToOne)
        $0.addresses = Self.pool
        $0.staticBindings = [.init(inside: vm, external: Self.pool[0])]
        $0.services = [ServicePort(.tcp, 22)]
      })
    // The pair works from outside before anything was sent.
    let inward = try #require(net.pass(Packets.tcp(neighbour, 4000, Self.pool[0], 22, .syn), on: 0))
    #expect(inward.destination == vm && inward.destinationPort == 22)
    #expect(net.pass(Packets.tcp(vm, 22, neighbour, 4000, [.syn, .ack]), on: 2)?.source == Self.pool[0])
    let ping = try #require(net.pass(Packets.ping(neighbour, Self.pool[0], id: 3), on: 0))
    #expect(ping.destination == vm && ping.port == 2)
    #expect(net.pass(Packets.ping(vm, neighbour, id: 3, reply: true), on: 2)?.source == Self.pool[0])
    // Others get the first free address beside the host's own, and keep it.
    #expect(net.pass(Packets.udp(vm2, 5000, server, 53), on: 2)?.source == Self.pool[1])
    #expect(net.pass(Packets.tcp(neighbour, 4000, external, 22, .syn), on: 0)?.port == 1)
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 23, .syn), on: 0) == .noPortForward)
    #expect(net.pass(Packets.tcp(neighbour, 4000, Self.pool[1], 23, .syn), on: 0)?.destination == vm2)
    #expect(net.refuse(Packets.udp(other, 5000, server, 53), on: 3) == .portsExhausted)
    // Between them, as from outside.
    let across = try #require(net.pass(Packets.udp(vm, 7, Self.pool[1], 9), on: 2))
    #expect(across.source == Self.pool[0] && across.destination == vm2 && across.destinationPort == 9)
    #expect(net.gateway.mappingCount == 1)
  }

  /// Who is named for it has it, and the host keeps its services.
  @Test func theHostsOwnAddressGoesToWhomItIsGiven() {
    let net = Harness(
      configuration(host: true) {
        $0.settings = NATSettings(.oneToOne)
        $0.staticBindings = [.init(inside: vm2, external: external)]
        $0.services = [ServicePort(.tcp, 22)]
      })
    #expect(net.pass(Packets.udp(vm2, 5000, server, 53), on: 2)?.source == external)
    #expect(net.pass(Packets.tcp(neighbour, 4000, external, 22, .syn), on: 0)?.port == 1)
    #expect(net.pass(Packets.tcp(neighbour, 4000, external, 23, .syn), on: 0)?.destination == vm2)
  }

  /// `masquerade random` and its kin: with shared ports too, the axis says which is taken.
  @Test func sharedPortsAreChosenAsTheAxisSays() throws {
    func ports(_ change: (inout NATSettings) -> Void) -> [UInt16] {
      let net = Harness(
        configuration {
          $0.settings = NATSettings(.linux)
          $0.settings.portRange = 40_000...49_999
          change(&$0.settings)
        })
      return (0..<4).compactMap { net.pass(Packets.udp(vm, 45_001 + 2 * $0, server, 53), on: 2)?.sourcePort }
    }
    #expect(ports { _ in } == [45_001, 45_003, 45_005, 45_007])
    let random = ports { $0.ports = .random }
    #expect(Set(random).count == 4 && random != [45_001, 45_003, 45_005, 45_007])
    #expect(ports { $0.ports = .sequential } == [40_000, 40_001, 40_002, 40_003])
    #expect(ports { ($0.ports, $0.parity) = (.sequential, true) } == [40_001, 40_003, 40_005, 40_007])
    #expect(ports { ($0.ports, $0.blockSize) = (.block, 4) } == [40_000, 40_001, 40_002, 40_003])
  }

  @Test func anOddPortIsNotGivenAnEvenOneWhereTheyAreSharedToo() {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.settings.portRange = 40_000...40_000
        $0.settings.parity = true
      })
    #expect(net.refuse(Packets.udp(vm, 45_001, server, 53), on: 2) == .portsExhausted)
    #expect(net.pass(Packets.udp(vm, 45_002, server, 53), on: 2)?.sourcePort == 40_000)
  }

  @Test func profilesAreSetsOfAxes() {
    let expected: [(NATSettings.Profile, NATSettings.Dependence, NATSettings.Dependence)] = [
      (.rfc, .endpointIndependent, .addressAndPortDependent),
      (.linux, .addressAndPortDependent, .addressAndPortDependent),
      (.fullCone, .endpointIndependent, .endpointIndependent),
      (.restrictedCone, .endpointIndependent, .addressDependent),
      (.portRestricted, .endpointIndependent, .addressAndPortDependent),
      (.symmetric, .addressAndPortDependent, .addressAndPortDependent),
      (.oneToOne, .endpointIndependent, .endpointIndependent),
    ]
    #expect(expected.count == NATSettings.Profile.allCases.count)
    for (profile, mapping, filtering) in expected {
      let settings = NATSettings(profile)
      #expect(settings.mapping == mapping && settings.filtering == filtering)
    }
    #expect(NATSettings(.rfc) == NATSettings())
  }
}
