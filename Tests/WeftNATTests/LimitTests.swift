import Testing
import WeftCore
import WeftWire

@testable import WeftNAT

/// What one host can do to others, and what a full gateway does.
@Suite struct LimitTests {
  @Test("RFC 6888 REQ-4: one host has only so many sessions, or ports; others have theirs")
  func limitsPerHost() {
    let net = Harness(configuration { $0.limits.sessionsPerVM = 3 })
    for port in 1...3 as ClosedRange<UInt16> { #expect(net.pass(Packets.udp(vm, 1, server, port), on: 2) != nil) }
    #expect(net.refuse(Packets.udp(vm, 1, server, 4), on: 2) == .hostLimit)
    #expect(net.sent.first?.icmpCode == 13)
    #expect(net.pass(Packets.udp(vm2, 1, server, 4), on: 2) != nil)
    net.advance(by: .minutes(6))
    #expect(net.pass(Packets.udp(vm, 1, server, 4), on: 2) != nil)
    let ports = Harness(configuration { $0.limits.mappingsPerVM = 2 })
    for port in 1...2 as ClosedRange<UInt16> { #expect(ports.pass(Packets.udp(vm, port, server, 53), on: 2) != nil) }
    #expect(ports.refuse(Packets.udp(vm, 3, server, 53), on: 2) == .hostLimit)
    #expect(ports.pass(Packets.udp(vm, 2, server2, 53), on: 2) != nil)
    #expect(ports.pass(Packets.udp(vm2, 3, server, 53), on: 2) != nil)
  }

  @Test func aFullTableGivesUpTheOldestUnansweredEntry() {
    let net = Harness(configuration { $0.limits.table = 3 })
    _ = net.pass(Packets.udp(vm, 1, server, 53), on: 2)
    _ = net.pass(Packets.udp(server, 53, external, 1), on: 0)
    for port in 2...5 as ClosedRange<UInt16> { #expect(net.pass(Packets.udp(vm, port, server, 53), on: 2) != nil) }
    #expect(net.gateway.connectionCount == 3 && net.gateway.counters.evicted == 2)
    #expect(net.gateway.connections(now: net.now).map(\.original.sourcePort) == [1, 4, 5])
    #expect(net.refuse(Packets.udp(server, 53, external, 2), on: 0) == .noPortForward)
    // When all are answered there is nothing to give up.
    for port in [4, 5] as [UInt16] { _ = net.pass(Packets.udp(server, 53, external, port), on: 0) }
    #expect(net.refuse(Packets.udp(vm, 6, server, 53), on: 2) == .tableFull)
  }

  @Test("a SYN flood from one machine leaves the others' flows, old and new, unharmed")
  func aSYNFloodHarmsNobodyElse() {
    let net = Harness(
      configuration {
        $0.limits.table = 256
        $0.mapping = .addressAndPortDependent
        $0.overload = true
      })
    for step in TCPTrackingTests.opening { _ = TCPTrackingTests.send(net, step.flags, fromServer: step.fromServer) }
    for round in 0..<2000 {
      net.give(
        Packets.tcp(vm2, UInt16(1024 + round), IP(198, 51, UInt8(round >> 8), UInt8(round & 255)), 80, .syn), on: 2)
      if round % 100 == 99 {
        // A new connection in the thick of it: its answer is let in a while later.
        let port = UInt16(20_000 + round)
        _ = TCPTrackingTests.send(net, .syn, fromServer: false, port)
        for later in 0..<20 {
          net.give(Packets.tcp(vm2, UInt16(30_000 + round + later), server2, 80, .syn), on: 2)
        }
        #expect(TCPTrackingTests.send(net, [.syn, .ack], fromServer: true, port) == nil, "round \(round)")
        #expect(TCPTrackingTests.send(net, .ack, fromServer: false, port) == nil, "round \(round)")
      }
    }
    #expect(net.gateway.connectionCount <= 256)
    #expect(TCPTrackingTests.send(net, [.psh, .ack], fromServer: true) == nil)
    #expect(net.gateway.connectionCounts(now: net.now).assured == 21)
  }

  @Test("RFC 6888 REQ-8: a port is held down for 120 s, except for the endpoint that had it")
  func holdDown() {
    let net = Harness(
      configuration {
        $0.limits.holdDown = .seconds(120)
        $0.portRange = 5000...5001
      })
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    net.advance(by: .seconds(301))
    #expect(net.gateway.mappingCount == 0)
    #expect(net.pass(Packets.udp(vm2, 5000, server, 53), on: 2)?.sourcePort == 5001)
    #expect(net.refuse(Packets.udp(vm2, 1, server, 53), on: 2) == .portsExhausted)
    #expect(net.pass(Packets.udp(vm, 5000, server, 53), on: 2)?.sourcePort == 5000)
    net.advance(by: .seconds(301 + 119))
    #expect(net.refuse(Packets.udp(vm2, 1, server, 53), on: 2) == .portsExhausted)
    net.advance(by: .seconds(2))
    #expect(net.pass(Packets.udp(vm2, 1, server, 53), on: 2) != nil)
  }

  @Test("RFC 4787 REQ-11: behaviour is of the same class after a clash and after exhaustion")
  func sameClassAfterExhaustion() throws {
    let net = Harness(configuration { $0.portRange = 6000...6003 })
    for port in 1...4 as ClosedRange<UInt16> { _ = net.pass(Packets.udp(vm, port, server, 53), on: 2) }
    #expect(net.refuse(Packets.udp(vm2, 9, server, 53), on: 2) == .portsExhausted)
    net.advance(by: .minutes(6))
    let first = try #require(net.pass(Packets.udp(vm2, 9, server, 53), on: 2)).sourcePort
    #expect(net.pass(Packets.udp(vm2, 9, server2, 99), on: 2)?.sourcePort == first)
    #expect(net.refuse(Packets.udp(server2, 1, external, first), on: 0) == .filtered)
  }

  @Test("RFC 5382 REQ-4: an unsolicited SYN is answered after six seconds, or not at all when ours has crossed it")
  func unsolicitedSYNs() {
    let net = Harness(configuration { $0.unsolicited = .refuseLate })
    #expect(net.refuse(Packets.tcp(server, 80, external, 4000, .syn), on: 0) == .noPortForward)
    #expect(net.refuse(Packets.tcp(server, 80, external, 4001, .syn), on: 0) == .noPortForward)
    #expect(net.sent.isEmpty)
    net.clear()
    net.advance(by: .seconds(5))
    #expect(net.sent.isEmpty)
    _ = net.pass(Packets.tcp(vm, 4000, server, 80, .syn), on: 2)
    net.clear()
    net.advance(by: .seconds(1))
    #expect(net.sent.count == 1 && net.sent.first?.icmpType == 3 && net.sent.first?.icmpCode == 3)
    #expect(net.sent.first.flatMap(quotation)?.destinationPort == 4001 && net.sent.first?.destination == server)
    #expect(net.pool.outstanding == 0)
    // UDP is told at once.
    #expect(net.refuse(Packets.udp(server, 80, external, 4001), on: 0) == .noPortForward)
    #expect(net.sent.first?.icmpCode == 3)
  }
}
