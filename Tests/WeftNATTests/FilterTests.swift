import Testing
import WeftCore
import WeftWire

@testable import WeftNAT

@Suite struct FilterTests {
  static func tcpTo(_ port: UInt16, from source: IP = vm) -> [UInt8] { Packets.tcp(source, 4000, server, port, .syn) }

  @Test func theFirstRuleThatMatchesDecidesAndIsCounted() {
    let net = Harness(
      configuration {
        $0.filterRules = [
          FilterRule(.allow, source: IPv4Prefix(vm2, length: 32), protocolNumber: 6, destinationPorts: 20...30),
          FilterRule(.deny, protocolNumber: 6, destinationPorts: 22...22),
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
        $0.filterRules = [
          FilterRule(.reset, destinationPorts: 22...22), FilterRule(.reject, destinationPorts: 23...23),
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

  @Test func aRuleAddedLaterStopsAConnectionInBothDirectionsAndItsErrors() {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    net.gateway.setFilterRules([FilterRule(.deny, state: .established, destination: IPv4Prefix(server, length: 32))])
    #expect(net.refuse(Packets.udp(vm, 5000, server, 53), on: 2) == .filtered)
    // Its answers fall under the same rule.
    #expect(net.refuse(Packets.udp(server, 53, external, 5000), on: 0) == .filtered)
    let error = Packets.icmp(router, external, 3, code: 1, rest: 0, data: Packets.udp(external, 5000, server, 53))
    #expect(net.pass(error, on: 0) != nil)
    net.gateway.setFilterRules([FilterRule(.deny, state: .related, protocolNumber: 1)])
    #expect(net.refuse(error, on: 0) == .filtered)
    #expect(net.pass(Packets.udp(server, 53, external, 5000), on: 0) != nil)
    net.gateway.setFilterRules([FilterRule(.deny, state: .invalid)])
    #expect(net.refuse(Packets.tcp(vm, 1, server, 80, .ack), on: 2) == .filtered)
    net.gateway.setFilterRules([FilterRule(.allow, state: .invalid)])
    #expect(net.refuse(Packets.tcp(vm, 1, server, 80, .ack), on: 2) == .tcpInvalid)
    #expect(net.gateway.filterRules[0].packets == 1)
  }

  @Test func echoToTheGatewayItselfIsJudgedToo() {
    let net = Harness(configuration { $0.filterRules = [FilterRule(.deny, direction: .in, protocolNumber: 1)] })
    #expect(net.refuse(Packets.ping(vm, gatewayInside, id: 1), on: 2) == .filtered)
    #expect(net.pass(Packets.ping(vm, server, id: 1), on: 2) != nil)
  }
}
