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
    let packet =
      proto == 6
      ? Packets.tcp(source, sourcePort, destination, destinationPort, .syn)
      : Packets.udp(source, sourcePort, destination, destinationPort)
    return net.gateway.explain(net.ethernet(packet, on: port).span.bytes, on: PortIndex(port), now: net.now)
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
}
