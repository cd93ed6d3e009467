import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// The connection table as its users see it: events, filters, counts.
@Suite struct TableTests {
  @Test func eventsTellWhatHappenedAndOnlyToThoseWhoAsked() throws {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 1, server, 53), on: 2)
    #expect(net.gateway.takeEvents().isEmpty)
    net.gateway.recordEvents(limit: 100)
    for step in TCPTrackingTests.opening { _ = TCPTrackingTests.send(net, step.flags, fromServer: step.fromServer) }
    _ = TCPTrackingTests.send(net, .ack, fromServer: false)
    _ = net.pass(Packets.udp(server, 53, external, 1), on: 0)
    net.advance(by: .seconds(301))
    net.gateway.flush(now: net.now)
    let events = net.gateway.takeEvents()
    #expect(events.map(\.kind) == [.new, .update, .update, .update, .destroy, .destroy])
    #expect(
      events.map(\.entry.state) == [.synSent, .synReceived, .established, .none, .none, .established])
    #expect(events.map(\.entry.id) == [1, 1, 1, 0, 0, 1])
    #expect(events[0].entry.original.packets == 1 && events[0].entry.timeLeft == .minutes(4))
    #expect(events[5].at > events[4].at && net.gateway.takeEvents().isEmpty)
  }

  @Test func theRingKeepsTheLatestAndCountsTheRest() {
    let net = Harness(configuration())
    net.gateway.recordEvents(limit: 3)
    for port in 1...5 as ClosedRange<UInt16> { _ = net.pass(Packets.udp(vm, port, server, 53), on: 2) }
    #expect(net.gateway.lostEvents == 2)
    #expect(net.gateway.takeEvents().map(\.entry.original.sourcePort) == [3, 4, 5])
    net.gateway.recordEvents(limit: 0)
    _ = net.pass(Packets.udp(vm, 9, server, 53), on: 2)
    #expect(net.gateway.takeEvents().isEmpty)
  }

  @Test func connectionsAreListedKilledAndCountedByFilter() {
    let net = Harness(configuration())
    for step in TCPTrackingTests.opening { _ = TCPTrackingTests.send(net, step.flags, fromServer: step.fromServer) }
    _ = net.pass(Packets.tcp(vm2, 4000, server2, 80, .syn), on: 2)
    for port in 1...4 as ClosedRange<UInt16> { _ = net.pass(Packets.udp(vm, port, server, 53), on: 2) }
    _ = net.pass(Packets.ping(vm2, server, id: 1), on: 2)
    let counts = net.gateway.connectionCounts(now: net.now)
    #expect(counts.total == 7 && counts.udp == 4 && counts.icmp == 1 && counts.assured == 1 && counts.unreplied == 6)
    #expect(counts.tcp == [.init(state: .synSent, count: 1), .init(state: .established, count: 1)])
    func listed(_ change: (inout FlowFilter) -> Void) -> Int {
      var filter = FlowFilter()
      change(&filter)
      return net.gateway.connections(now: net.now, filter).count
    }
    #expect(listed { $0.protocol = 17 } == 4)
    #expect(listed { $0.state = .established } == 1)
    #expect(listed { $0.source = IPv4Prefix(vm2, length: 32) } == 2)
    #expect(listed { $0.destination = IPv4Prefix(server2, length: 24) } == 1)
    #expect(listed { $0.replyDestinationPort = 3 } == 1)
    #expect(
      listed {
        $0.port = 53
        $0.sourcePort = 2
      } == 1)
    #expect(listed { $0.isAssured = true } == 1)
    var udp = FlowFilter()
    udp.protocol = 17
    #expect(net.gateway.kill(udp, now: net.now) == 4)
    #expect(net.refuse(Packets.udp(server, 53, external, 1), on: 0) == .noPortForward)
    #expect(net.gateway.flush(now: net.now) == 3 && net.gateway.mappingCount == 0)
    net.advance(by: .hours(3))
    #expect(net.gateway.deadline == .never)
  }
}
