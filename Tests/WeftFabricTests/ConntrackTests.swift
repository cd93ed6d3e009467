import Testing
import WeftCore
import WeftWire

@testable import WeftFabric
@testable import WeftNAT

/// Lines as conntrack 1.4.7 printed them of a netfilter NAT in a namespace, for the same flows.
@Suite struct ConntrackTests {
  static func entry(
    _ proto: IPProtocol, _ state: TCPState, left: UInt64, ports: (UInt16, UInt16), replied: Bool, assured: Bool
  ) -> ConnectionEntry {
    let inside = IPv4Address(10, 0, 2, 15)
    let server = IPv4Address(203, 0, 113, 9)
    let outside = IPv4Address(203, 0, 113, 1)
    return ConnectionEntry(
      id: 0, protocolNumber: proto.rawValue, state: state, isAssured: assured, timeLeft: .seconds(left),
      original: .init(
        source: inside, destination: server, sourcePort: ports.0, destinationPort: ports.1, port: PortIndex(2),
        packets: 1,
        bytes: 60),
      reply: .init(
        source: server, destination: outside, sourcePort: ports.1, destinationPort: ports.0, port: PortIndex(0),
        packets: replied ? 1 : 0, bytes: replied ? 60 : 0))
  }

  @Test func listingsReadAsConntracksOwn() {
    let tcp = Self.entry(.tcp, .established, left: 431_999, ports: (39510, 443), replied: true, assured: true)
    #expect(
      tcp.conntrackLine
        == "tcp      6 431999 ESTABLISHED src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510 [ASSURED] mark=0 use=1")
    let udp = Self.entry(.udp, .none, left: 29, ports: (44411, 99), replied: false, assured: false)
    #expect(
      udp.conntrackLine
        == "udp      17 29 src=10.0.2.15 dst=203.0.113.9 sport=44411 dport=99 [UNREPLIED] "
        + "src=203.0.113.9 dst=203.0.113.1 sport=99 dport=44411 mark=0 use=1")
  }

  @Test func eventsReadAsConntracksOwn() {
    let new = ConnectionEvent(
      kind: .new, at: .start,
      entry: Self.entry(.tcp, .synSent, left: 120, ports: (39510, 443), replied: false, assured: false))
    #expect(
      new.conntrackLine
        == "    [NEW] tcp      6 120 SYN_SENT src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 [UNREPLIED] "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510")
    let update = ConnectionEvent(
      kind: .update, at: .start,
      entry: Self.entry(.tcp, .synReceived, left: 60, ports: (39510, 443), replied: true, assured: false))
    #expect(
      update.conntrackLine
        == " [UPDATE] tcp      6 60 SYN_RECV src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510")
    let destroy = ConnectionEvent(
      kind: .destroy, at: .start,
      entry: Self.entry(.udp, .none, left: 28, ports: (44411, 99), replied: false, assured: false))
    #expect(
      destroy.conntrackLine
        == "[DESTROY] udp      17 28 src=10.0.2.15 dst=203.0.113.9 sport=44411 dport=99 [UNREPLIED] "
        + "src=203.0.113.9 dst=203.0.113.1 sport=99 dport=44411")
  }

  /// From a run: each flow is new once, and every state of its connection is told in order.
  @Test func aRunTellsTheStoryOfAConnection() throws {
    var simulation = try Simulation(example("nat-vs-bridge.yaml"), until: .start + .seconds(3))
    simulation.recordConnectionEvents()
    simulation.run(until: .start + .seconds(2))
    let events = simulation.takeConnectionEvents().map(\.event).filter {
      $0.entry.original.source == IPv4Address(192, 168, 122, 2)
    }
    #expect(events.count { $0.kind == .new } == 1)
    let states = events.map(\.entry.state).reduce(into: [TCPState]()) { if $0.last != $1 { $0.append($1) } }
    #expect(states == [.synSent, .synReceived, .established, .finWait, .lastAck, .timeWait])
    // A change is told once, when all of it is made: the answer, the state and the whole new timeout.
    #expect(events.count == states.count)
    #expect(events[1].entry.hasReply && events[1].entry.timeLeft == .minutes(4))
    #expect(simulation.connections(at: simulation.now).contains { $0.line.contains("TIME_WAIT") })
  }
}
