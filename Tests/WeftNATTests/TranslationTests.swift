import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct TranslationTests {
  @Test func anOutboundDatagramLeavesWithTheExternalAddressAndItsAnswerComesBack() throws {
    let net = Harness(configuration())
    let out = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2))
    #expect(out.port == 0 && out.source == external && out.sourcePort == 5000)
    #expect(out.destination == server && out.destinationPort == 53 && out.ttl == 63)
    #expect(out.notes == [Note(.snat, protocolNumber: 17, from: vm, 5000, to: external, 5000)])
    #expect(net.macs == [Harness.mac(of: router)])
    let back = try #require(net.pass(Packets.udp(server, 53, external, 5000), on: 0))
    #expect(back.port == 2 && back.destination == vm && back.destinationPort == 5000 && back.source == server)
    #expect(back.ttl == 63)
    #expect(back.notes == [Note(.dnat, protocolNumber: 17, from: external, 5000, to: vm, 5000)])
    #expect(net.macs == [Harness.mac(of: vm)])
  }

  @Test func aDestinationOnTheOutsideLinkIsReachedWithoutTheRouter() {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 5000, neighbour, 53), on: 2)
    #expect(net.macs == [Harness.mac(of: neighbour)])
  }

  @Test("RFC 4787 REQ-1: one inside endpoint has one external endpoint, whatever it sends to")
  func mappingIsEndpointIndependent() throws {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm2, 5000, server, 53), on: 2)
    let first = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2))
    let second = try #require(net.pass(Packets.udp(vm, 5000, server2, 99), on: 2))
    #expect(first.sourcePort != 5000)
    #expect(first.sourcePort == second.sourcePort)
  }

  @Test("RFC 4787 4.1: address-dependent and address-and-port-dependent mapping")
  func mappingDependsOnTheRemoteEndWhereConfigured() throws {
    for mapping in NATSettings.Dependence.allCases {
      let net = Harness(configuration { $0.mapping = mapping })
      let a = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2)).sourcePort
      let b = try #require(net.pass(Packets.udp(vm, 5000, server, 54), on: 2)).sourcePort
      let c = try #require(net.pass(Packets.udp(vm, 5000, server2, 53), on: 2)).sourcePort
      #expect((a == b) == (mapping != .addressAndPortDependent))
      #expect((a == c) == (mapping == .endpointIndependent))
      // Each comes back to the one endpoint.
      for (remote, port, mapped) in [(server, 53, a), (server, 54, b), (server2, 53, c)] as [(IP, UInt16, UInt16)] {
        let back = try #require(net.pass(Packets.udp(remote, port, external, mapped), on: 0))
        #expect(back.destination == vm && back.destinationPort == 5000)
      }
    }
  }

  @Test("RFC 4787 5: filtering", arguments: NATSettings.Dependence.allCases)
  func filteringDependsOnTheRemoteEndAsConfigured(filtering: NATSettings.Dependence) {
    let net = Harness(configuration { $0.filtering = filtering })
    for proto in [17, 6] as [UInt8] {
      let make: (IP, UInt16, IP, UInt16) -> [UInt8] = {
        proto == 17 ? Packets.udp($0, $1, $2, $3) : Packets.tcp($0, $1, $2, $3, .syn)
      }
      _ = net.pass(make(vm, 5000, server, 53), on: 2)
      let probes: [(IP, UInt16, Bool)] = [
        (server, 53, true), (server, 54, filtering != .addressAndPortDependent),
        (server2, 53, filtering == .endpointIndependent),
      ]
      for (remote, port, opens) in probes {
        if opens {
          #expect(net.pass(make(remote, port, external, 5000), on: 0)?.destination == vm)
        } else {
          #expect(net.refuse(make(remote, port, external, 5000), on: 0) == .filtered)
        }
      }
    }
  }

  @Test("RFC 4787 REQ-6: packets from outside alone keep no mapping alive, whatever the filter")
  func inboundPacketsDontKeepAMappingAlive() {
    let net = Harness(configuration { $0.filtering = .endpointIndependent })
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    for step in 1...4 {
      net.advance(by: .seconds(70))
      #expect(net.pass(Packets.udp(server2, UInt16(step), external, 5000), on: 0) != nil)
    }
    net.advance(by: .seconds(21))
    #expect(net.refuse(Packets.udp(server2, 4, external, 5000), on: 0) == .filtered)
    #expect(net.refuse(Packets.udp(server2, 4, external, 5000), on: 0) == .noPortForward)
  }

  @Test(
    "RFC 4787 REQ-3: a clash gives another port of the same range, never a shared one",
    arguments: [80, 1023, 1024, 40000] as [UInt16])
  func aClashGivesAnotherPortOfTheSameRange(port: UInt16) throws {
    let net = Harness(configuration())
    var ports: Set<UInt16> = []
    for host in 10..<60 as Range<UInt8> {
      let seen = try #require(net.pass(Packets.udp(IP(192, 168, 122, host), port, server, 53), on: 2))
      if host == 10 { #expect(seen.sourcePort == port) }
      #expect((seen.sourcePort < 1024) == (port < 1024) && seen.sourcePort > 0)
      ports.insert(seen.sourcePort)
    }
    #expect(ports.count == 50)
  }

  @Test("RFC 5508 REQ-8: without a port left the sender hears of it")
  func exhaustedPortsAreReported() throws {
    let net = Harness(configuration { $0.networks[0].prefix = IPv4Prefix(IP(192, 168, 0, 0), length: 16) })
    for index in 0..<1023 {
      let source = IP(rawValue: IP(192, 168, 1, 1).rawValue + UInt32(index))
      #expect(net.pass(Packets.udp(source, 500, server, 53), on: 2) != nil)
    }
    #expect(net.refuse(Packets.udp(IP(192, 168, 9, 9), 500, server, 53), on: 2) == .portsExhausted)
    let told = try #require(net.sent.first)
    #expect(told.icmpType == 3 && told.icmpCode == 13 && told.destination == IP(192, 168, 9, 9))
    #expect(net.gateway.counters.portsExhausted == 1)
    // The other range still has some.
    #expect(net.pass(Packets.udp(IP(192, 168, 9, 9), 5000, server, 53), on: 2) != nil)
  }

  @Test("RFC 5508 REQ-1: echo identifiers are mapped like ports, and two hosts may use one")
  func twoHostsPingWithOneIdentifier() throws {
    let net = Harness(configuration())
    let a = try #require(net.pass(Packets.ping(vm, server, id: 7), on: 2))
    let b = try #require(net.pass(Packets.ping(vm2, server, id: 7), on: 2))
    #expect(a.sourcePort == 7 && b.sourcePort != 7 && a.source == external && b.source == external)
    let backA = try #require(net.pass(Packets.ping(server, external, id: 7, reply: true), on: 0))
    let backB = try #require(net.pass(Packets.ping(server, external, id: b.sourcePort, reply: true), on: 0))
    #expect(backA.destination == vm && backA.destinationPort == 7)
    #expect(backB.destination == vm2 && backB.destinationPort == 7)
    #expect(net.refuse(Packets.ping(server2, external, id: 7, reply: true), on: 0) == .filtered)
    #expect(net.refuse(Packets.ping(server2, external, id: 999, reply: true), on: 0) == .noMapping)
  }

  @Test func aZeroUDPChecksumStaysZero() throws {
    let net = Harness(configuration())
    let seen = try #require(net.pass(Packets.udp(vm, 5000, server, 53, checksum: false), on: 2))
    #expect(seen.udpChecksumIsZero)
    let back = try #require(net.pass(Packets.udp(server, 53, external, 5000, checksum: false), on: 0))
    #expect(back.udpChecksumIsZero)
  }

  @Test func checksumsStayRightForEveryPayloadAndNoComputedOneBecomesZero() throws {
    let net = Harness(configuration())
    // All 65,536 values of one word pass every checksum there is.
    for word in stride(from: 0, to: 65536, by: 1) {
      net.clear()
      let payload = [UInt8(word >> 8), UInt8(word & 255)]
      net.give(Packets.udp(vm2, 5000, server, 53, payload: payload), on: 2)
      let seen = try #require(net.sent.first)
      if !seen.checksumsAreRight || seen.udpChecksumIsZero { Issue.record("word \(word)") }
    }
  }

  @Test func ipOptionsAreSteppedOver() throws {
    let net = Harness(configuration())
    // Router alert (RFC 2113) passes; a source route doesn't (RFC 7126).
    let seen = try #require(net.pass(Packets.udp(vm, 5000, server, 53, options: [148, 4, 0, 0]), on: 2))
    #expect(Array(seen.bytes[20..<24]) == [148, 4, 0, 0])
    #expect(net.refuse(Packets.udp(vm, 5000, server, 53, options: [131, 3, 4, 0]), on: 2) == .badIPv4Options)
  }

  @Test func theProbeOfAPacketStaysWithIt() throws {
    let net = Harness(configuration())
    net.trace = 42
    #expect(try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2)).trace == 42)
    #expect(net.refuse(Packets.udp(vm, 5000, server, 53, ttl: 1), on: 2) == .ttlExpired)
    #expect(net.sent.first?.trace == 42)
    #expect(try #require(net.pass(Packets.ping(vm, gatewayInside, id: 1), on: 2)).trace == 42)
  }

  @Test func twoPrivateNetworksMayUseTheSameAddresses() throws {
    let net = Harness(
      configuration {
        $0.networks[1].prefix = $0.networks[0].prefix
        $0.networks[1].address = IP(192, 168, 122, 2)
      })
    let a = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 2))
    let b = try #require(net.pass(Packets.udp(vm, 5000, server, 53), on: 3))
    #expect(a.sourcePort != b.sourcePort)
    #expect(try #require(net.pass(Packets.udp(server, 53, external, a.sourcePort), on: 0)).port == 2)
    #expect(try #require(net.pass(Packets.udp(server, 53, external, b.sourcePort), on: 0)).port == 3)
  }
}
