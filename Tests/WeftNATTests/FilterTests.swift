import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct FilterTests {
  static func tcpTo(_ port: UInt16, from source: IP = vm) -> [UInt8] { Packets.tcp(source, 4000, server, port, .syn) }

  @Test func theFirstRuleThatMatchesDecidesAndIsCounted() {
    let net = Harness(
      configuration {
        $0.rules = [
          FilterRule(.allow, source: IPv4Prefix(vm2, length: 32), protocol: 6, port: 20...30),
          FilterRule(.deny, protocol: 6, port: 22...22),
        ]
      })
    #expect(net.refuse(Self.tcpTo(22), on: 2) == .filtered)
    #expect(net.drops.first?.detail == .number(2) && net.sent.isEmpty)
    #expect(net.pass(Self.tcpTo(22, from: vm2), on: 2) != nil)
    #expect(net.pass(Self.tcpTo(23), on: 2) != nil)
    #expect(net.gateway.filterRules.map(\.packets) == [1, 1] && net.gateway.filterRules[1].bytes == 40)
    #expect(net.gateway.connectionCount == 2 && net.gateway.mappingCount == 2)
  }

  @Test func rejectingTellsTheSender() {
    let net = Harness(
      configuration {
        $0.rules = [
          FilterRule(.reset, port: 22...22), FilterRule(.reject, port: 23...23),
        ]
      })
    #expect(net.refuse(Self.tcpTo(22), on: 2) == .filtered)
    #expect(net.sent.first?.flags == [.rst, .ack] && net.sent.first?.source == server)
    #expect(net.refuse(Self.tcpTo(23), on: 2) == .filtered)
    #expect(net.sent.first?.icmpType == 3 && net.sent.first?.icmpCode == 13)
    #expect(net.refuse(Packets.udp(vm, 1, server, 22), on: 2) == .filtered)
    #expect(net.sent.first?.icmpCode == 13)
  }

  @Test func directionsSidesAndStates() {
    let net = Harness(
      configuration(host: true) {
        $0.services = [ServicePort(.tcp, 22)]
        $0.forwards = [PortForward(.tcp, externalPort: 80, to: vm, port: 80)]
      })
    let toHost = Packets.tcp(neighbour, 1, external, 22, .syn)
    let toForward = Packets.tcp(neighbour, 1, external, 80, .syn)
    let fromHost = Packets.tcp(external, 1, server, 80, .syn)
    let outward = Self.tcpTo(80)
    let all = [(toHost, 0), (toForward, 0), (fromHost, 1), (outward, 2)]
    let cases: [(FilterRule, [Bool])] = [
      (FilterRule(.deny, direction: .in), [true, false, false, false]),
      (FilterRule(.deny, direction: .out), [false, false, true, false]),
      (FilterRule(.deny, direction: .forwarded), [false, true, false, true]),
      (FilterRule(.deny, from: .outside), [true, true, false, false]),
      (FilterRule(.deny, from: .inside, to: .outside), [false, false, false, true]),
      (FilterRule(.deny, to: .inside), [false, true, false, false]),
      (FilterRule(.deny, state: .new), [true, true, true, true]),
      (FilterRule(.deny, state: .established), [false, false, false, false]),
      // Before translation: the address that the sender wrote.
      (FilterRule(.deny, destination: IPv4Prefix(external, length: 32)), [true, true, false, false]),
      (FilterRule(.deny, destination: IPv4Prefix(vm, length: 32)), [false, false, false, false]),
    ]
    for (rule, denied) in cases {
      net.gateway.flush(now: net.now)
      net.gateway.setFilterRules([rule])
      for (index, (packet, port)) in all.enumerated() {
        net.clear()
        net.give(packet, on: port)
        #expect((net.drops.first?.reason == .filtered) == denied[index], "\(rule) \(index)")
      }
    }
  }

  @Test func aRuleAddedLaterStopsAConnectionAndItsErrors() {
    let net = Harness(configuration())
    let (query, answer) = (Packets.udp(vm, 5000, server, 53), Packets.udp(server, 53, external, 5000))
    _ = net.pass(query, on: 2)
    _ = net.pass(answer, on: 0)
    net.gateway.setFilterRules([FilterRule(.deny, state: .established, destination: IPv4Prefix(server, length: 32))])
    #expect(net.refuse(query, on: 2) == .filtered)
    // Its answers are sent to somebody else.
    #expect(net.pass(answer, on: 0) != nil)
    net.gateway.setFilterRules([FilterRule(.deny, state: .established)])
    #expect(net.refuse(answer, on: 0) == .filtered && net.refuse(query, on: 2) == .filtered)
    let error = Packets.icmp(router, external, 3, code: 1, rest: 0, data: Packets.udp(external, 5000, server, 53))
    #expect(net.pass(error, on: 0) != nil)
    net.gateway.setFilterRules([FilterRule(.deny, state: .related, protocol: 1)])
    #expect(net.refuse(error, on: 0) == .filtered)
    #expect(net.pass(answer, on: 0) != nil)
    net.gateway.setFilterRules([FilterRule(.deny, state: .invalid)])
    #expect(net.refuse(Packets.tcp(vm, 1, server, 80, .ack), on: 2) == .filtered)
    net.gateway.setFilterRules([FilterRule(.allow, state: .invalid)])
    #expect(net.refuse(Packets.tcp(vm, 1, server, 80, .ack), on: 2) == .tcpInvalid)
    #expect(net.gateway.filterRules[0].packets == 1)
  }

  /// As nftables matches `iifname`, `oifname`, `ct state`, and the packet's own ports.
  @Test func anAnswerIsJudgedAsWhatItIs() {
    let net = Harness(configuration(host: true))
    let (query, answer) = (Packets.udp(vm, 5000, server, 53), Packets.udp(server, 53, external, 5000))
    let cases: [(FilterRule, query: Bool, answer: Bool)] = [
      (FilterRule(.deny, direction: .forwarded, from: .outside, state: .established), false, true),
      (FilterRule(.deny, direction: .forwarded, from: .inside, state: .established), true, false),
      (FilterRule(.deny, from: .outside, to: .inside), false, true),
      (FilterRule(.deny, sourcePort: 53...53), false, true),
      (FilterRule(.deny, source: IPv4Prefix(server, length: 32)), false, true),
      (FilterRule(.deny, port: 53...53), true, false),
      (FilterRule(.deny, state: .new), false, false),
    ]
    for (rule, deniesQuery, deniesAnswer) in cases {
      net.gateway.setFilterRules([])
      net.gateway.flush(now: net.now)
      _ = net.pass(query, on: 2)
      _ = net.pass(answer, on: 0)
      net.gateway.setFilterRules([rule])
      net.clear()
      net.give(query, on: 2)
      #expect((net.drops.first?.reason == .filtered) == deniesQuery, "\(rule)")
      net.clear()
      net.give(answer, on: 0)
      #expect((net.drops.first?.reason == .filtered) == deniesAnswer, "\(rule)")
      #expect(net.gateway.filterRules[0].packets == (deniesQuery ? 1 : 0) + (deniesAnswer ? 1 : 0))
    }
    // The host's own flow goes out, its answer comes in.
    let (request, response) = (
      Packets.tcp(external, 7000, server, 80, .syn), Packets.tcp(server, 80, external, 7000, [.syn, .ack])
    )
    net.gateway.setFilterRules([FilterRule(.deny, direction: .in, from: .outside, state: .established)])
    #expect(net.pass(request, on: 1) != nil)
    #expect(net.refuse(response, on: 0) == .filtered)
  }

  @Test func aFlowIsNewUntilSomebodyAnswers() {
    let net = Harness(configuration { $0.rules = [FilterRule(.allow, state: .new)] })
    for _ in 0..<3 { _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2) }
    _ = net.pass(Packets.udp(server, 53, external, 5000), on: 0)
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(net.gateway.filterRules[0].packets == 3)
  }

  /// netfilter's OUTPUT chain sees what the box makes itself.
  @Test func whatTheGatewaySaysItselfGoesOut() {
    let net = Harness(configuration { $0.settings.unsolicited = .refuse })
    let silent: [(FilterRule, ping: Bool, expired: Bool, reset: Bool)] = [
      (FilterRule(.deny, direction: .out), true, true, true),
      (FilterRule(.deny, direction: .out, protocol: 1), true, true, false),
      (FilterRule(.deny, direction: .out, state: .related), false, true, false),
      (FilterRule(.deny, from: .host, to: .inside), true, true, false),
      (FilterRule(.deny, from: .host, to: .outside), false, false, true),
      (FilterRule(.deny, direction: .out, sourcePort: 81...81), false, false, true),
      (FilterRule(.reset, direction: .out), true, true, true),
      (FilterRule(.deny, direction: .forwarded), false, false, false),
    ]
    for (rule, ping, expired, reset) in silent {
      net.gateway.setFilterRules([rule])
      func isSilent(_ packet: [UInt8], on port: Int, _ type: (Seen) -> Bool) -> Bool {
        net.clear()
        net.give(packet, on: port)
        return !net.sent.contains(where: type)
      }
      #expect(isSilent(Packets.ping(vm, gatewayInside, id: 1), on: 2) { $0.icmpType == 0 } == ping, "\(rule)")
      #expect(isSilent(Packets.tcp(neighbour, 5, external, 81, .syn), on: 0) { $0.flags == [.rst, .ack] } == reset, "\(rule)")
      #expect(
        isSilent(Packets.ping(vm, server, id: 9, ttl: 1), on: 2) { $0.icmpType == 11 } == expired, "\(rule)")
    }
    net.gateway.setFilterRules([FilterRule(.deny, direction: .out)])
    net.clear()
    net.give(Packets.ping(vm, gatewayInside, id: 1), on: 2)
    #expect(net.drops.map(\.reason) == [.filtered] && net.gateway.filterRules[0].packets == 1)
  }

  @Test func echoToTheGatewayItselfIsJudgedToo() {
    let net = Harness(configuration { $0.rules = [FilterRule(.deny, direction: .in, protocol: 1)] })
    #expect(net.refuse(Packets.ping(vm, gatewayInside, id: 1), on: 2) == .filtered)
    #expect(net.pass(Packets.ping(vm, server, id: 1), on: 2) != nil)
  }
}
