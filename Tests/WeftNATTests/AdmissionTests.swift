import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// What doesn't get through, and with what reason; forwards, services, the host's own stack.
@Suite struct AdmissionTests {
  @Test func nobodyComesInUnasked() {
    let net = Harness(configuration())
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 80, .syn), on: 0) == .noPortForward)
    #expect(net.drops.first?.detail == .transport(6, port: 80) && net.sent.isEmpty)
    #expect(net.refuse(Packets.udp(neighbour, 4000, external, 80), on: 0) == .noPortForward)
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(net.refuse(Packets.udp(server, 54, external, 5000), on: 0) == .filtered)
    #expect(net.refuse(Packets.udp(server, 54, neighbour, 5000), on: 0) == .notForUs)
  }

  @Test func refusingAnswersWithAResetOrPortUnreachable() throws {
    let net = Harness(configuration { $0.unsolicited = .refuse })
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 80, .syn), on: 0) == .noPortForward)
    let reset = try #require(net.sent.first)
    #expect(
      reset.flags == [.rst, .ack] && reset.source == external && reset.sourcePort == 80 && reset.destinationPort == 4000
    )
    #expect(reset.bytes[28..<32] == [0, 0, 3, 233])
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 80, .ack), on: 0) == .noPortForward)
    #expect(net.sent.first?.flags == .rst)
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 80, .rst), on: 0) == .noPortForward)
    #expect(net.sent.isEmpty)
    #expect(net.refuse(Packets.udp(neighbour, 4000, external, 80), on: 0) == .noPortForward)
    #expect(net.sent.first?.icmpType == 3 && net.sent.first?.icmpCode == 3)
  }

  @Test func aForwardLeadsInAndItsAnswersOut() throws {
    let net = Harness(configuration { $0.forwards = [PortForward(.tcp, externalPort: 8080, to: vm, port: 80)] })
    let seen = try #require(net.pass(Packets.tcp(neighbour, 4000, external, 8080, .syn), on: 0))
    #expect(seen.port == 2 && seen.source == neighbour && seen.destination == vm && seen.destinationPort == 80)
    let back = try #require(net.pass(Packets.tcp(vm, 80, neighbour, 4000, [.syn, .ack]), on: 2))
    #expect(back.port == 0 && back.source == external && back.sourcePort == 8080)
    #expect(net.refuse(Packets.udp(neighbour, 4000, external, 8080), on: 0) == .noPortForward)
  }

  @Test func forwardsComeAndGoAtRunTimeAndAConflictNamesBoth() throws {
    let net = Harness(configuration(host: true) { $0.services = [ServicePort(.tcp, 22)] })
    let web = PortForward(.tcp, externalPort: 8080, to: vm, port: 80)
    try net.gateway.addForward(web)
    let rival = PortForward(.tcp, externalPort: 8080, to: vm2, port: 80)
    #expect(throws: PortForwardError.conflict(rival, with: .forward(web))) { try net.gateway.addForward(rival) }
    let ssh = PortForward(.tcp, externalPort: 22, to: vm, port: 22)
    #expect(throws: PortForwardError.conflict(ssh, with: .service(ServicePort(.tcp, 22)))) {
      try net.gateway.addForward(ssh)
    }
    let stray = PortForward(.tcp, externalPort: 1, to: server, port: 22)
    #expect(throws: PortForwardError.notInside(stray)) { try net.gateway.addForward(stray) }
    _ = net.pass(Packets.tcp(vm, 6000, server, 80, .syn), on: 2)
    let taken = PortForward(.tcp, externalPort: 6000, to: vm2, port: 22)
    #expect(throws: PortForwardError.conflict(taken, with: .flow(vm, port: 6000))) { try net.gateway.addForward(taken) }
    _ = net.pass(Packets.tcp(neighbour, 4000, external, 8080, .syn), on: 0)
    try net.gateway.removeForward(web)
    #expect(throws: PortForwardError.unknown(web)) { try net.gateway.removeForward(web) }
    #expect(net.refuse(Packets.tcp(neighbour, 4000, external, 8080, .syn), on: 0) == .noPortForward)
    #expect(net.gateway.connectionCount == 1)
  }

  @Test func withIPForwardingOffNothingIsForwardedOrAnswered() throws {
    let net = Harness(
      configuration(host: true) {
        $0.forwards = [PortForward(.tcp, externalPort: 8080, to: vm, port: 80)]
        $0.services = [ServicePort(.tcp, 22)]
        $0.unsolicited = .refuse
      })
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    net.gateway.setIPForwarding(false)
    let packets: [([UInt8], Int)] = [
      (Packets.udp(vm, 5000, server, 53), 2), (Packets.udp(vm, 5001, server, 53), 2),
      (Packets.udp(vm, 5001, server, 53, ttl: 1), 2),
      (Packets.udp(server, 53, external, 5000), 0), (Packets.tcp(neighbour, 1, external, 8080, .syn), 0),
      (Packets.tcp(vm2, 1, external, 8080, .syn), 2), (Packets.ping(vm, server, id: 1), 2),
    ]
    for (packet, port) in packets {
      #expect(net.refuse(packet, on: port) == .ipForwardingDisabled)
      #expect(net.sent.isEmpty)
    }
    #expect(net.refuse(Packets.udp(vm, 5000, server, 53), on: 2) == .ipForwardingDisabled)
    #expect(net.drops.first?.detail == .transport(17, port: 53))
    // The host's own traffic and echo go on.
    #expect(net.pass(Packets.udp(external, 6000, server, 53), on: 1) != nil)
    #expect(net.pass(Packets.udp(server, 53, external, 6000), on: 0)?.port == 1)
    #expect(net.pass(Packets.tcp(server, 53, external, 22, .syn), on: 0)?.port == 1)
    #expect(net.pass(Packets.ping(server, external, id: 3), on: 0)?.port == 1)
    #expect(net.pass(Packets.ping(vm, gatewayInside, id: 3), on: 2)?.icmpType == 0)
    net.gateway.setIPForwarding(true)
    #expect(net.pass(Packets.udp(vm, 5000, server, 53), on: 2) != nil)
  }

  @Test func theHostSendsAndReceivesUntranslatedAndWithoutATTLDecrement() throws {
    let net = Harness(configuration(host: true) { $0.services = [ServicePort(.tcp, 22)] })
    let out = try #require(net.pass(Packets.udp(external, 5000, server, 53, ttl: 1), on: 1))
    #expect(out.port == 0 && out.source == external && out.sourcePort == 5000 && out.ttl == 1 && out.notes.isEmpty)
    let back = try #require(net.pass(Packets.udp(server, 53, external, 5000, ttl: 1), on: 0))
    #expect(back.port == 1 && back.ttl == 1 && net.macs == [Harness.mac(of: external)])
    let service = try #require(net.pass(Packets.tcp(server, 4000, external, 22, .syn), on: 0))
    #expect(service.port == 1 && service.destination == external)
    #expect(net.pass(Packets.tcp(external, 22, server, 4000, [.syn, .ack]), on: 1)?.port == 0)
    #expect(net.refuse(Packets.udp(vm, 1, server, 2), on: 1) == .spoofedSource)
  }

  @Test func theHostAndAMachineBehindItNeverShareAPort() throws {
    let net = Harness(configuration(host: true))
    #expect(try #require(net.pass(Packets.udp(external, 5000, server, 53), on: 1)).sourcePort == 5000)
    let second = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2))
    #expect(second.sourcePort != 5000)
    #expect(net.pass(Packets.udp(server, 53, external, 5000), on: 0)?.port == 1)
    #expect(net.pass(Packets.udp(server, 53, external, second.sourcePort), on: 0)?.destination == vm)
    // The other way round it is the host that is moved.
    #expect(try #require(net.pass(Packets.udp(vm, 6000, server, 53), on: 2)).sourcePort == 6000)
    let moved = try #require(net.pass(Packets.udp(external, 6000, server, 53), on: 1))
    #expect(moved.sourcePort != 6000)
    #expect(net.pass(Packets.udp(server, 53, external, moved.sourcePort), on: 0)?.destinationPort == 6000)
  }

  @Test func aMachineReachesTheHostsServicesAtBothItsAddresses() throws {
    let net = Harness(configuration(host: true) { $0.services = [ServicePort(.tcp, 22)] })
    let a = try #require(net.pass(Packets.tcp(vm, 4000, external, 22, .syn), on: 2))
    #expect(a.port == 1 && a.source == vm && a.destination == external)
    #expect(net.pass(Packets.tcp(external, 22, vm, 4000, [.syn, .ack]), on: 1)?.source == external)
    let b = try #require(net.pass(Packets.tcp(vm, 4001, gatewayInside, 22, .syn), on: 2))
    #expect(b.port == 1 && b.destination == gatewayInside)
    #expect(net.pass(Packets.tcp(gatewayInside, 22, vm, 4001, [.syn, .ack]), on: 1)?.source == gatewayInside)
    #expect(net.pass(Packets.ping(vm, external, id: 9), on: 2)?.port == 1)
    #expect(net.pass(Packets.ping(external, vm, id: 9, reply: true), on: 1)?.port == 2)
    #expect(net.refuse(Packets.tcp(vm, 4001, gatewayInside, 23, .syn), on: 2) == .portClosed)
    // And the host its machines.
    #expect(net.pass(Packets.tcp(external, 7000, vm, 80, .syn), on: 1)?.port == 2)
    #expect(net.pass(Packets.tcp(vm, 80, external, 7000, [.syn, .ack]), on: 2)?.port == 1)
  }

  @Test func withoutAHostStackTheGatewayAnswersEchoItself() throws {
    let net = Harness(configuration())
    for (packet, port, source) in [
      (Packets.ping(vm, gatewayInside, id: 5), 2, gatewayInside), (Packets.ping(vm, external, id: 5), 2, external),
      (Packets.ping(server, external, id: 5), 0, external),
    ] as [([UInt8], Int, IP)] {
      let answer = try #require(net.pass(packet, on: port))
      #expect(answer.port == port && answer.source == source && answer.icmpType == 0 && answer.rest == 5 << 16 | 1)
      #expect(Array(answer.bytes[28...]) == [9, 8, 7])
    }
    #expect(net.gateway.connectionCount == 0)
  }

  @Test("RFC 4787 REQ-9: hairpinning presents the external endpoint")
  func hairpinThroughAForward() throws {
    let net = Harness(configuration { $0.forwards = [PortForward(.tcp, externalPort: 8080, to: vm, port: 80)] })
    for client in [vm2, vm] {
      let there = try #require(net.pass(Packets.tcp(client, 4000, external, 8080, .syn), on: 2))
      #expect(there.port == 2 && there.source == external && there.destination == vm && there.destinationPort == 80)
      #expect(there.notes.map(\.kind) == [.snat, .dnat])
      let back = try #require(net.pass(Packets.tcp(vm, 80, external, there.sourcePort, [.syn, .ack]), on: 2))
      #expect(
        back.source == external && back.sourcePort == 8080 && back.destination == client && back.destinationPort == 4000
      )
    }
    // Into another network too: that is what a forward is for.
    #expect(net.pass(Packets.tcp(other, 4000, external, 8080, .syn), on: 3)?.port == 2)
    let off = Harness(
      configuration {
        $0.hairpin = .off
        $0.forwards = net.gateway.forwards
      })
    #expect(off.refuse(Packets.tcp(vm2, 4000, external, 8080, .syn), on: 2) == .hairpinDisabled)
  }

  @Test("RFC 4787 REQ-9: two machines behind one gateway punch holes for each other")
  func hairpinBetweenFlows() throws {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    _ = net.pass(Packets.udp(vm2, 6000, server, 53), on: 2)
    #expect(net.refuse(Packets.udp(vm, 5000, external, 6000), on: 2) == .filtered)
    #expect(net.refuse(Packets.udp(vm, 5000, external, 6000), on: 2) == .filtered)
    let there = try #require(net.pass(Packets.udp(vm2, 6000, external, 5000), on: 2))
    #expect(
      there.source == external && there.sourcePort == 6000 && there.destination == vm && there.destinationPort == 5000)
    let back = try #require(net.pass(Packets.udp(vm, 5000, external, 6000), on: 2))
    #expect(
      back.source == external && back.sourcePort == 5000 && back.destination == vm2 && back.destinationPort == 6000)
    net.advance(by: .seconds(299))
    #expect(net.pass(Packets.udp(vm, 5000, external, 6000), on: 2) != nil)
    net.advance(by: .seconds(900))
    #expect(net.gateway.connectionCount == 0 && net.gateway.mappingCount == 0)
  }

  @Test func forgedStrayAndUnroutablePacketsAreDroppedWithTheirReasons() {
    let net = Harness(configuration(host: true) { $0.outside.gateway = nil })
    let cases: [([UInt8], Int, DropReason, Int)] = [
      (Packets.udp(server, 1, server2, 2), 2, .spoofedSource, 0),
      (Packets.udp(other, 1, server2, 2), 2, .spoofedSource, 0),
      (Packets.udp(gatewayInside, 1, server2, 2), 2, .spoofedSource, 0),
      (Packets.udp(IP(224, 0, 0, 1), 1, server, 2), 2, .martianSource, 0),
      (Packets.udp(vm, 1, other, 2), 2, .privateDestination, 0),
      (Packets.udp(vm, 1, vm2, 2), 2, .privateDestination, 0),
      (Packets.udp(vm, 1, IP(10, 0, 0, 1), 2), 2, .privateDestination, 0),
      (Packets.udp(vm, 1, IP(224, 0, 0, 251), 2), 2, .notForUs, 0),
      (Packets.udp(vm, 1, .broadcast, 2), 2, .notForUs, 0),
      (Packets.udp(vm, 1, server, 2), 2, .noRoute, 1), (Packets.udp(external, 1, server, 2), 1, .noRoute, 1),
      (Packets.udp(vm, 1, neighbour, 2, ttl: 1), 2, .ttlExpired, 1),
      (Packets.udp(vm, 1, neighbour, 2, ttl: 0), 2, .ttlExpired, 1),
      (Packets.udp(external, 1, external, 2), 0, .martianSource, 0),
      (Packets.udp(vm, 1, external, 2), 0, .spoofedSource, 0),
      (Packets.tcp(vm, 1, neighbour, 2, .ack), 2, .tcpInvalid, 0),
      (Packets.tcp(vm, 1, neighbour, 2, [.syn, .ack]), 2, .tcpInvalid, 0),
      (Packets.tcp(vm, 1, neighbour, 2, [.syn, .fin]), 2, .badTCPFlags, 0),
      (Packets.tcp(vm, 1, neighbour, 2, []), 2, .badTCPFlags, 0),
      (Packets.tcp(vm, 1, neighbour, 2, [.fin, .psh, .urg]), 2, .badTCPFlags, 0),
      (Packets.ping(vm, neighbour, id: 1, reply: true), 2, .unexpectedICMP, 0),
      (Packets.icmp(vm, neighbour, 13, rest: 0), 2, .protocolUnsupported, 0),
      (
        Packets.ip(IPv4Header(protocol: IPProtocol(rawValue: 47), source: vm, destination: neighbour), [1, 2]), 2,
        .protocolUnsupported, 0
      ),
    ]
    for (packet, port, reason, answers) in cases {
      #expect(net.refuse(packet, on: port) == reason, "\(packet)")
      #expect(net.sent.count == answers, "\(reason)")
    }
    #expect(net.gateway.connectionCount == 0 && net.gateway.mappingCount == 0)
  }

  @Test func aBrokenChecksumBeginsNoSession() {
    let net = Harness(configuration())
    let cases: [([UInt8], DropReason)] = [
      (Packets.udp(vm, 1, server, 2), .badUDPChecksum), (Packets.tcp(vm, 1, server, 2, .syn), .badTCPChecksum),
      (Packets.ping(vm, server, id: 1), .badICMPChecksum), (Packets.ping(vm, gatewayInside, id: 1), .badICMPChecksum),
    ]
    for (packet, reason) in cases {
      var broken = packet
      broken[packet.count - 1] ^= 1
      #expect(net.refuse(broken, on: 2) == reason)
      var header = packet
      header[10] ^= 1
      #expect(net.refuse(header, on: 2) == .badIPv4Checksum)
    }
    #expect(net.gateway.connectionCount == 0)
  }

  @Test("RFC 5508 REQ-8: a full table turns new flows away, and only them")
  func aFullTableTurnsNewFlowsAway() {
    let net = Harness(
      configuration {
        $0.limits.table = 3
        $0.limits.earlyDrop = false
      })
    for port in 1...3 as ClosedRange<UInt16> { #expect(net.pass(Packets.udp(vm, port, server, 53), on: 2) != nil) }
    #expect(net.refuse(Packets.udp(vm, 4, server, 53), on: 2) == .tableFull)
    #expect(net.sent.first?.icmpType == 3 && net.sent.first?.icmpCode == 13)
    #expect(net.pass(Packets.udp(vm, 1, server, 53), on: 2) != nil)
    #expect(net.gateway.counters.tableFull == 1)
    net.advance(by: .seconds(301))
    #expect(net.pass(Packets.udp(vm, 4, server, 53), on: 2) != nil)
  }

  @Test func theGatewayAnswersARPForItsAddressesAndForEveryoneTowardsTheHost() {
    let net = Harness(configuration(host: true))
    func ask(_ target: IP, from sender: IP, on port: Int) -> Int {
      var body = [UInt8](repeating: 0, count: 28)
      var mutable = body.mutableSpan
      var span = mutable.mutableBytes
      ARPPacket.request(from: .local(1), sender, for: target).write(to: &span)
      let before = net.transmitted
      net.giveFrame(net.ethernet(body, on: port, type: .arp, to: .broadcast), on: port)
      return net.transmitted - before
    }
    #expect(ask(external, from: neighbour, on: 0) == 1)
    #expect(ask(vm, from: neighbour, on: 0) == 0)
    #expect(ask(gatewayInside, from: vm, on: 2) == 1)
    #expect(ask(external, from: vm, on: 2) == 0)
    #expect(ask(router, from: external, on: 1) == 1)
    #expect(ask(neighbour, from: external, on: 1) == 1)
    #expect(ask(external, from: .any, on: 1) == 0)
    #expect(net.pool.outstanding == 0)
  }
}
