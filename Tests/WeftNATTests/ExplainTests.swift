import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct ExplainTests {
  static func explain(
    _ net: Harness, _ proto: UInt8, _ source: IP, _ sourcePort: UInt16, _ destination: IP, _ destinationPort: UInt16,
    on port: Int
  ) -> [ExplainStep] {
    net.gateway.explain(
      ExplainedPacket(protocolNumber: proto, from: source, sourcePort, to: destination, destinationPort),
      on: PortIndex(port), now: net.now)
  }

  @Test func everyLookIsNamedInItsOrder() throws {
    let web = PortForward(.tcp, externalPort: 8080, to: vm, port: 80)
    let rules = [
      FilterRule(.deny, protocol: 17, port: 53...53), FilterRule(.allow, protocol: 6),
    ]
    let net = Harness(
      configuration {
        $0.forwards = [web]
        $0.rules = rules
      })
    #expect(
      Self.explain(net, 6, neighbour, 4000, external, 8080, on: 0) == [
        .noConnection, .forward(web), .ipForwarding(true), .filterRule(1, rules[1]),
        .nextHop(vm, port: PortIndex(2)),
        .verdict(.sent(PortIndex(2), source: neighbour, sourcePort: 4000, destination: vm, destinationPort: 80)),
      ])
    #expect(
      Self.explain(net, 6, neighbour, 4000, external, 81, on: 0) == [
        .noConnection, .noTarget(external, port: 81), .verdict(.dropped(.noPortForward)),
      ])
    #expect(
      Self.explain(net, 17, vm, 5000, server, 53, on: 2) == [
        .noConnection, .ipForwarding(true),
        .newMapping(.endpointIndependent, .preserve, external: external, port: 5000),
        .filterRule(0, rules[0]), .verdict(.dropped(.filtered)),
      ])
    _ = net.pass(Packets.udp(vm, 5000, server, 54), on: 2)
    #expect(
      Self.explain(net, 17, vm, 5000, server2, 99, on: 2) == [
        .noConnection, .ipForwarding(true),
        .mapping(external: external, port: 5000, inside: vm, insidePort: 5000), .noFilterRule(of: 2),
        .nextHop(router, port: PortIndex(0)),
        .verdict(.sent(PortIndex(0), source: external, sourcePort: 5000, destination: server2, destinationPort: 99)),
      ])
    let entry = try #require(net.gateway.connections(now: net.now).first)
    #expect(
      Self.explain(net, 17, server, 54, external, 5000, on: 0) == [
        .connection(entry, isReply: true), .ipForwarding(true), .noFilterRule(of: 2),
        .nextHop(vm, port: PortIndex(2)),
        .verdict(.sent(PortIndex(2), source: server, sourcePort: 54, destination: vm, destinationPort: 5000)),
      ])
    #expect(
      Self.explain(net, 17, server, 55, external, 5000, on: 0).suffix(2) == [
        .mappingFilter(.addressAndPortDependent, admits: false), .verdict(.dropped(.filtered)),
      ])
    let json = try JSONEncoder().encode(Self.explain(net, 6, neighbour, 4000, external, 8080, on: 0))
    #expect(try JSONDecoder().decode([ExplainStep].self, from: json).count == 6)
  }

  @Test("what is explained is what happens, and explaining changes nothing", arguments: NATSettings.Profile.allCases)
  func explanationsComeTrue(profile: NATSettings.Profile) throws {
    var random = RandomStream(seed: 3, owner: "explain", purpose: profile.rawValue)
    let net = Harness(
      configuration(host: true) {
        RandomTests.everything(&$0)
        $0.settings = NATSettings(profile)
        $0.unsolicited = .drop
        $0.rules = [
          FilterRule(.deny, source: IPv4Prefix(vm2, length: 32), port: 5000...5000),
          FilterRule(.deny, state: .established, port: 22...22),
        ]
      })
    var compared = 0
    for round in 0..<2500 {
      let packet = RandomTests.packet(&random)
      let port = Int(random.next(below: 4))
      if random.next(below: 40) == 0 { net.advance(by: .seconds(random.next(below: 100))) }
      guard let seen = read(packet, port: port), seen.proto != 1 || seen.icmpType == 8 || seen.icmpType == 0 else { continue }
      // ARP must be settled for both to agree on what is sent now, which the harness sees to.
      var asked = ExplainedPacket(
        protocolNumber: seen.proto, from: seen.source, seen.sourcePort, to: seen.destination, seen.destinationPort,
        timeToLive: seen.ttl, flags: seen.flags)
      asked.isEchoReply = seen.proto == 1 && seen.icmpType == 0
      let before = round % 100 == 0 ? try CheckpointTests.encode(net.gateway) : nil
      let steps = net.gateway.explain(asked, on: PortIndex(port), now: net.now)
      if let before { #expect(try CheckpointTests.encode(net.gateway) == before) }
      net.clear()
      net.give(packet, on: port)
      guard case .verdict(let verdict)? = steps.last else {
        Issue.record("no verdict: \(steps)")
        return
      }
      let isTrue: Bool
      switch verdict {
      case .dropped(let reason):
        // Windows and clashes show only on the packet itself.
        let reasons = net.drops.map(\.reason)
        // What it says to a sender inside is a packet of its own, which a rule may drop.
        isTrue = reasons == [reason] || reasons == [.filtered, .portClosed] && reason == .portClosed
      case .answered: isTrue = net.sent.count == 1 && net.sent[0].icmpType == 0
      case .sent(let to, let source, let sourcePort, let destination, let destinationPort):
        let hasPorts = seen.proto != 1
        isTrue =
          net.sent.count == 1 && net.sent[0].port == to.index && net.sent[0].source == source
          && net.sent[0].destination == destination && net.sent[0].sourcePort == sourcePort
          && (!hasPorts || net.sent[0].destinationPort == destinationPort)
          || [.tupleClash, .tcpInvalid].contains(net.drops.first?.reason)
      }
      if !isTrue {
        Issue.record("round \(round) \(seen): \(steps) but \(net.sent) \(net.drops.map(\.reason))")
        return
      }
      compared += 1
    }
    #expect(compared > 1000)
  }
}
