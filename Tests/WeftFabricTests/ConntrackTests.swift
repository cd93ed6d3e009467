import Foundation
import Testing
import WeftCore
import WeftNAT
import WeftTopology
import WeftWire

@testable import WeftFabric

/// Lines as conntrack 1.4.7 printed them of a netfilter NAT in a namespace, for the same flows.
@Suite struct ConntrackTests {
  static func entry(
    _ proto: IPProtocol, _ state: TCPState, left: UInt64, ports: (UInt16, UInt16), replied: Bool, assured: Bool
  ) throws -> ConnectionEntry {
    // Values of a gateway's table, which alone makes them: read from what they are in JSON.
    func direction(_ source: UInt32, _ destination: UInt32, _ from: UInt16, _ to: UInt16, _ packets: Int) -> String {
      #"{"source":{"rawValue":\#(source)},"destination":{"rawValue":\#(destination)},"sourcePort":\#(from),"#
        + #""destinationPort":\#(to),"port":0,"packets":\#(packets),"bytes":0}"#
    }
    let inside = IPv4Address(10, 0, 2, 15).rawValue
    let server = IPv4Address(203, 0, 113, 9).rawValue
    let outside = IPv4Address(203, 0, 113, 1).rawValue
    let json = #"{"id":0,"protocolNumber":\#(proto.rawValue),"state":\#(state.rawValue),"isAssured":\#(assured),"#
      + #""timeLeft":\#(left * 1_000_000_000),"original":\#(direction(inside, server, ports.0, ports.1, 1)),"#
      + #""reply":\#(direction(server, outside, ports.1, ports.0, replied ? 1 : 0))}"#
    return try JSONDecoder().decode(ConnectionEntry.self, from: Data(json.utf8))
  }

  @Test func listingsReadAsConntracksOwn() throws {
    let tcp = try Self.entry(.tcp, .established, left: 431_999, ports: (39510, 443), replied: true, assured: true)
    #expect(
      tcp.conntrackLine
        == "tcp      6 431999 ESTABLISHED src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510 [ASSURED] mark=0 use=1")
    let udp = try Self.entry(.udp, .none, left: 29, ports: (44411, 99), replied: false, assured: false)
    #expect(
      udp.conntrackLine
        == "udp      17 29 src=10.0.2.15 dst=203.0.113.9 sport=44411 dport=99 [UNREPLIED] "
        + "src=203.0.113.9 dst=203.0.113.1 sport=99 dport=44411 mark=0 use=1")
  }

  @Test func eventsReadAsConntracksOwn() throws {
    let new = ConnectionEvent(
      kind: .new, at: .start, entry: try Self.entry(.tcp, .synSent, left: 120, ports: (39510, 443), replied: false, assured: false))
    #expect(
      new.conntrackLine
        == "    [NEW] tcp      6 120 SYN_SENT src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 [UNREPLIED] "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510")
    let update = ConnectionEvent(
      kind: .update, at: .start, entry: try Self.entry(.tcp, .synReceived, left: 60, ports: (39510, 443), replied: true, assured: false))
    #expect(
      update.conntrackLine
        == " [UPDATE] tcp      6 60 SYN_RECV src=10.0.2.15 dst=203.0.113.9 sport=39510 dport=443 "
        + "src=203.0.113.9 dst=203.0.113.1 sport=443 dport=39510")
    let destroy = ConnectionEvent(
      kind: .destroy, at: .start, entry: try Self.entry(.udp, .none, left: 28, ports: (44411, 99), replied: false, assured: false))
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
    let events = simulation.takeConnectionEvents().map(\.event).filter { $0.entry.original.source == IPv4Address(192, 168, 122, 2) }
    #expect(events.count { $0.kind == .new } == 1)
    let states = events.map(\.entry.state).reduce(into: [TCPState]()) { if $0.last != $1 { $0.append($1) } }
    #expect(states == [.synSent, .synReceived, .finWait, .lastAck, .timeWait])
    #expect(simulation.connections(at: simulation.now).contains { $0.line.contains("TIME_WAIT") })
  }
}
