import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// Profile linux: what the box itself sends, gets and refuses, as netfilter's table has it (Linux 6.18; the numbers are those of
/// reports/nat-kernel).
struct LinuxBoxTests {
  private static func box(_ change: (inout NATConfiguration) -> Void = { _ in }) -> Harness {
    Harness(
      configuration(host: true) {
        $0.settings = NATSettings(.linux)
        change(&$0)
      })
  }

  private static func forward(_ transport: NATTransport, _ port: UInt16, to inside: UInt16) -> PortForward {
    PortForward(transport, externalPort: port, to: vm, port: inside)
  }

  private func entries(_ net: Harness) -> [ConnectionEntry] { net.gateway.connections(now: net.now) }

  // MARK: Entries of the box (N1–N3)

  @Test func anEarlyPacketOfThePeerChangesThePortOfTheFlowThatFollows() throws {
    let net = Self.box()
    #expect(net.refuse(Packets.udp(server2, 123, external, 40001), on: 0) == .noPortForward)
    let out = try #require(net.pass(Packets.udp(vm, 40001, server2, 123), on: 2))
    #expect(out.sourcePort != 40001)
    #expect(net.pass(Packets.udp(server2, 123, external, out.sourcePort), on: 0)?.destination == vm)
    #expect(net.refuse(Packets.udp(server2, 123, external, 40001), on: 0) == .noPortForward)
  }

  @Test(arguments: [
    (0, server, external, DropReason.noPortForward), (2, vm, gatewayInside, .portClosed), (2, vm, external, .noPortForward),
  ])
  func whatTheBoxRefusesIsAFlow(port: Int, from: IP, to: IP, reason: DropReason) {
    let net = Self.box()
    for _ in 0..<2 { #expect(net.refuse(Packets.udp(from, 77, to, 6000), on: port) == reason) }
    #expect(net.sent.map(\.icmpCode) == [3])
    #expect(entries(net).map(\.original.packets) == [2] && entries(net).map(\.reply.packets) == [0])
  }

  @Test func whatAnInputChainDropsIsNone() {
    let net = Self.box { $0.settings.unsolicited = .drop }
    #expect(net.refuse(Packets.udp(server, 77, external, 6000), on: 0) == .noPortForward)
    #expect(entries(net).isEmpty && net.sent.isEmpty)
  }

  @Test func pingsToEitherAddressAndProtocolsWithoutPortsAreTheHostsAndFlows() {
    let net = Self.box()
    #expect(net.pass(Packets.ping(vm, gatewayInside, id: 9), on: 2)?.port == 1)
    #expect(net.pass(Packets.ping(gatewayInside, vm, id: 9, reply: true), on: 1)?.source == gatewayInside)
    #expect(net.pass(Packets.ping(vm, external, id: 10), on: 2)?.port == 1)
    #expect(net.pass(Packets.ping(server, external, id: 9), on: 0)?.port == 1)
    let raw = Packets.ip(IPv4Header(protocol: IPProtocol(rawValue: 50), source: server, destination: external), [1, 2, 3, 4])
    #expect(net.pass(raw, on: 0)?.port == 1)
    #expect(entries(net).map(\.protocolNumber).sorted() == [1, 1, 1, 50])
  }

  // MARK: The host's own flows (N4–N8)

  @Test(arguments: [UInt8(6), 17]) func theHostsSocketKeepsItsPortTowardsEverybody(proto: UInt8) throws {
    let net = Self.box()
    func packet(_ to: IP) -> [UInt8] {
      proto == 6 ? Packets.tcp(external, 45000, to, 53, .syn) : Packets.udp(external, 45000, to, 53)
    }
    for remote in [server, server2] { #expect(try #require(net.pass(packet(remote), on: 1)).sourcePort == 45000) }
  }

  @Test func onAClashWithAMachinesFlowTheHostsLeavesWithAnotherPort() throws {
    let net = Self.box()
    #expect(try #require(net.pass(Packets.udp(vm, 45000, server, 53), on: 2)).sourcePort == 45000)
    let moved = try #require(net.pass(Packets.udp(external, 45000, server, 53), on: 1))
    #expect(moved.sourcePort != 45000)
    #expect(net.pass(Packets.udp(server, 53, external, moved.sourcePort), on: 0)?.destinationPort == 45000)
    #expect(net.pass(Packets.ping(vm, server, id: 7), on: 2)?.rest == 0x7_0001)
    #expect(net.pass(Packets.ping(external, server, id: 7), on: 1)?.rest != 0x7_0001)
  }

  @Test func theHostsSocketsHearEverybodyAlsoWhenTheirFlowIsOver() throws {
    let net = Self.box()
    _ = net.pass(Packets.udp(external, 45000, server, 53), on: 1)
    #expect(net.pass(Packets.udp(server2, 53, external, 45000), on: 0)?.port == 1)
    #expect(try #require(net.pass(Packets.udp(external, 45000, server2, 53), on: 1)).sourcePort == 45000)
    net.advance(by: .minutes(10))
    #expect(entries(net).isEmpty)
    #expect(net.pass(Packets.udp(server, 53, external, 45000), on: 0)?.port == 1)
    let copy = try CheckpointTests.copy(net.gateway, into: net.pool)
    #expect(copy.mappings.hostPorts.contains(.udp, 45000) && !copy.mappings.hostPorts.contains(.udp, 45001))
  }

  @Test(arguments: [TCPFlags([.fin, .ack]), [.syn, .ack]]) func theHostsOwnSegmentsPassThoughTheyFitNoConnection(flags: TCPFlags)
  {
    let net = Self.box()
    #expect(net.pass(Packets.tcp(external, 45000, server, 80, flags), on: 1)?.sourcePort == 45000)
    #expect(entries(net).isEmpty && net.gateway.counters.invalid == 1)
    #expect(net.refuse(Packets.tcp(vm, 45000, server, 80, flags), on: 2) == .tcpInvalid)
  }

  @Test func theHostSpeaksToItsMachinesFromItsAddressInside() {
    let net = Self.box()
    let out = net.pass(Packets.udp(gatewayInside, 45000, vm, 53), on: 1)
    #expect(out?.port == 2 && out?.source == gatewayInside && out?.sourcePort == 45000)
    let back = net.pass(Packets.udp(vm, 53, gatewayInside, 45000), on: 2)
    #expect(back?.port == 1 && back?.destination == gatewayInside)
  }

  // MARK: Rules and flows (N9–N11)

  @Test func withoutHairpinningAForwardAskedFromInsideIsAClosedPortOfTheBox() {
    let net = Self.box {
      $0.settings.hairpin = .off
      $0.forwards = [Self.forward(.udp, 5353, to: 53), Self.forward(.tcp, 8080, to: 80)]
    }
    #expect(net.refuse(Packets.udp(vm2, 4000, external, 5353), on: 2) == .hairpinDisabled)
    #expect(net.sent.map(\.icmpCode) == [3] && entries(net).count == 1)
    #expect(net.refuse(Packets.tcp(vm2, 4000, external, 8080, .syn), on: 2) == .hairpinDisabled)
    #expect(net.sent.first?.flags.contains(.rst) == true && net.sent.first?.source == external && entries(net).count == 1)
  }

  @Test func aForwardGoesBeforeAServiceAndAfterTheFlowsThatThereAre() throws {
    let net = Self.box { $0.services = [ServicePort(.udp, 9000)] }
    _ = net.pass(Packets.udp(server, 77, external, 9000), on: 0)
    try net.gateway.addForward(Self.forward(.udp, 9000, to: 53))
    #expect(net.pass(Packets.udp(server, 77, external, 9000), on: 0)?.port == 1)
    #expect(net.pass(Packets.udp(server, 78, external, 9000), on: 0)?.destination == vm)
    _ = try CheckpointTests.copy(net.gateway, into: net.pool)
    try net.gateway.removeForward(Self.forward(.udp, 9000, to: 53))
    #expect(net.pass(Packets.udp(server, 79, external, 9000), on: 0)?.port == 1)
  }

  @Test func aForwardedFlowWhoseWayBackIsTakenComesFromAnotherPort() throws {
    let net = Self.box()
    _ = net.pass(Packets.tcp(vm, 80, server, 3000, .syn), on: 2)
    try net.gateway.addForward(Self.forward(.tcp, 8080, to: 80))
    let inward = try #require(net.pass(Packets.tcp(server, 3000, external, 8080, .syn), on: 0))
    #expect(inward.destination == vm && inward.destinationPort == 80 && inward.sourcePort != 3000)
    let back = try #require(net.pass(Packets.tcp(vm, 80, server, inward.sourcePort, [.syn, .ack]), on: 2))
    #expect(back.sourcePort == 8080 && back.destinationPort == 3000)
  }

  // MARK: Ports that run out (N21)

  @Test(arguments: [(UInt32(900), false), (90000, true)]) func aConnectionThatIsOverGivesItsPortToASYNBeyondIt(
    sequence: UInt32, passes: Bool
  ) {
    let net = Self.box { $0.settings.portRange = 50000...50000 }
    let port: UInt16 = 50000
    _ = net.pass(Packets.tcp(vm, 40000, server, 80, .syn, sequence: 1000, acknowledgment: 0), on: 2)
    _ = net.pass(Packets.tcp(server, 80, external, port, [.syn, .ack], sequence: 5000, acknowledgment: 1001), on: 0)
    _ = net.pass(Packets.tcp(vm, 40000, server, 80, .ack, sequence: 1001, acknowledgment: 5001), on: 2)
    // Established, it keeps it.
    let beyond = Packets.tcp(vm, 40001, server, 80, .syn, sequence: 90000, acknowledgment: 0)
    #expect(net.refuse(beyond, on: 2) == .portsExhausted)
    _ = net.pass(Packets.tcp(vm, 40000, server, 80, .rst, sequence: 1001, acknowledgment: 0), on: 2)
    let next = Packets.tcp(vm, 40001, server, 80, .syn, sequence: sequence, acknowledgment: 0)
    if passes {
      #expect(net.pass(next, on: 2)?.sourcePort == port)
      #expect(entries(net).map(\.original.sourcePort) == [40001])
    } else {
      #expect(net.refuse(next, on: 2) == .portsExhausted)
    }
  }

  /// Nobody outside says which ports the host has sent from.
  @Test func aStrayFromOutsideMakesNoPortTheHosts() {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.hasHostPort = true
      })
    _ = net.pass(Packets.tcp(server, 443, external, 40000, .fin), on: 0)
    net.clear()
    #expect(net.refuse(Packets.tcp(server, 5000, external, 443, .syn, sequence: 1, acknowledgment: 0), on: 0) == .noPortForward)
  }
}
