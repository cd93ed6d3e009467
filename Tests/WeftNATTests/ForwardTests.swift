import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct ForwardTests {
  static let second = IP(134, 115, 153, 224)

  @Test func aRangeLeadsPortByPortToARemappedRangeForBothTransports() throws {
    let range = PortForward(.both, externalPort: 8000, count: 10, to: vm, port: 9000)
    let net = Harness(configuration { $0.forwards = [range] })
    for offset in [0, 5, 9] as [UInt16] {
      let tcp = try #require(net.pass(Packets.tcp(neighbour, 4000, external, 8000 + offset, .syn), on: 0))
      #expect(tcp.destination == vm && tcp.destinationPort == 9000 + offset)
      let udp = try #require(net.pass(Packets.udp(neighbour, 4000, external, 8000 + offset), on: 0))
      #expect(udp.destinationPort == 9000 + offset && udp.source == neighbour)
      #expect(net.pass(Packets.udp(vm, 9000 + offset, neighbour, 4000), on: 2)?.sourcePort == 8000 + offset)
    }
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 8010, .syn), on: 0) == .noPortForward)
    // A flow that would like one of its ports gets another.
    #expect(try #require(net.pass(Packets.udp(vm2, 8003, server, 53), on: 2)).sourcePort != 8003)
    // Hairpin through the range.
    let there = try #require(net.pass(Packets.tcp(vm2, 4000, external, 8004, .syn), on: 2))
    #expect(there.source == external && there.destination == vm && there.destinationPort == 9004)
    try net.gateway.removeForward(range)
    #expect(net.refuse(Packets.udp(neighbour, 4000, external, 8005), on: 0) == .noPortForward)
    #expect(net.gateway.mappingCount == 1 && net.gateway.connectionCount == 1)
  }

  @Test func aForwardIsOnOneExternalAddressOrOnAll() throws {
    let net = Harness(
      configuration {
        $0.addresses = [Self.second]
        $0.forwards = [
          PortForward(.tcp, on: Self.second, externalPort: 80, to: vm, port: 80),
          PortForward(.tcp, on: external, externalPort: 80, to: vm2, port: 80),
          PortForward(.udp, externalPort: 53, to: vm, port: 53),
        ]
      })
    #expect(net.pass(Packets.tcp(neighbour, 1, Self.second, 80, .syn), on: 0)?.destination == vm)
    #expect(net.pass(Packets.tcp(vm, 80, neighbour, 1, [.syn, .ack]), on: 2)?.source == Self.second)
    #expect(net.pass(Packets.tcp(neighbour, 1, external, 80, .syn), on: 0)?.destination == vm2)
    for (address, port) in [(external, 1), (Self.second, 2)] as [(IP, UInt16)] {
      #expect(net.pass(Packets.udp(neighbour, port, address, 53), on: 0)?.destination == vm)
      #expect(net.pass(Packets.udp(vm, 53, neighbour, port), on: 2)?.source == address)
    }
    // One client endpoint through both at once: its answers could not be told apart.
    #expect(net.refuse(Packets.udp(neighbour, 1, Self.second, 53), on: 0) == .tupleClash)
  }

  @Test func everyConflictNamesBoth() throws {
    let net = Harness(
      configuration(host: true) {
        $0.addresses = [Self.second]
        $0.services = [ServicePort(.tcp, 22)]
      })
    let web = PortForward(.both, on: Self.second, externalPort: 80, count: 20, to: vm, port: 80)
    try net.gateway.addForward(web)
    _ = net.pass(Packets.udp(vm, 6000, server, 53), on: 2)
    let flow = try #require(net.sent.first)
    func refused(_ forward: PortForward) -> PortForwardError? {
      do {
        try net.gateway.addForward(forward)
        return nil
      } catch { return error }
    }
    let cases: [(PortForward, (PortForward) -> PortForwardError?)] = [
      (PortForward(.udp, externalPort: 99, to: vm2, port: 1), { .conflict($0, with: .forward(web)) }),
      (
        PortForward(.tcp, on: Self.second, externalPort: 70, count: 11, to: vm2, port: 1),
        { .conflict($0, with: .forward(web)) }
      ),
      (PortForward(.tcp, on: Self.second, externalPort: 100, to: vm2, port: 1), { _ in nil }),
      (PortForward(.tcp, on: external, externalPort: 80, to: vm2, port: 1), { _ in nil }),
      (
        PortForward(.both, externalPort: 20, count: 5, to: vm2, port: 1),
        { .conflict($0, with: .service(ServicePort(.tcp, 22))) }
      ),
      (PortForward(.udp, externalPort: 22, to: vm2, port: 1), { _ in nil }),
      (PortForward(.tcp, on: server, externalPort: 1, to: vm2, port: 1), { .notExternal($0) }),
      (PortForward(.tcp, externalPort: 0, to: vm2, port: 1), { .badRange($0) }),
      (PortForward(.tcp, externalPort: 65535, count: 2, to: vm2, port: 1), { .badRange($0) }),
      (PortForward(.tcp, externalPort: 1, count: 2, to: vm2, port: 65535), { .badRange($0) }),
      (PortForward(.tcp, externalPort: 1, count: 0, to: vm2, port: 1), { .badRange($0) }),
      (PortForward(.tcp, externalPort: 1, to: gatewayInside, port: 1), { .notInside($0) }),
      (
        PortForward(.both, on: flow.source, externalPort: 5990, count: 20, to: vm2, port: 1),
        { .conflict($0, with: .flow(vm, port: 6000)) }
      ),
    ]
    for (forward, expected) in cases { #expect(refused(forward) == expected(forward), "\(forward)") }
  }
}
