import Testing
import WeftCore
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
}
