import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

@Suite struct ExplainTests {
  static func explain(
    _ file: String, _ from: String, _ to: String, _ port: UInt16, _ transport: TransportProtocol = .tcp,
    at seconds: UInt64 = 2
  ) throws -> Explanation {
    var simulation = try Simulation(example(file), until: .start + .seconds(60))
    simulation.run(until: .start + .seconds(seconds))
    return try simulation.explain(
      from: from, .connect(to: .node(to), port: port, protocol: transport), to: "\(to):\(port)/\(transport.rawValue)")
  }

  @Test func anOpenWayIsToldFromSenderToSocketAndBack() throws {
    let way = try Self.explain("nat-vs-bridge.yaml", "web", "visitor", 80)
    #expect(way.isOpen && way.line == nil && way.hint == nil)
    let first = way.steps.prefix { $0.event != .delivered }
    #expect(
      first.map(\.node).reduce(into: []) { if $0.last != $1 { $0.append($1) } }
        == ["web", "home-switch", "home", "lan", "campus", "visitor"])
    #expect(way.steps.contains { $0.port == "home/wan" && $0.details.contains { $0.hasPrefix("snat 192.168.122.2:") } })
    #expect(
      way.steps.contains { $0.port == "home/lan" && $0.details.contains { $0.hasPrefix("dnat 134.115.153.223:") } })
    #expect(way.steps.contains { $0.details.contains { $0.hasPrefix("forwarding database: ") } })
    // One packet keeps its id on the whole way.
    #expect(Set(first.map(\.packetID)).count == 1)
  }

  struct Blocked: CustomTestStringConvertible, Sendable {
    var file: String
    var from: String
    var to: String
    var port: UInt16
    var outcome: String
    /// Text of the line that is named.
    var line: String
    var hint: String
    var testDescription: String { "\(from) → \(to):\(port) in \(file)" }
  }

  @Test(arguments: [
    Blocked(
      file: "nat-vs-bridge.yaml", from: "visitor", to: "laptop", port: 80, outcome: "no-port-forward (tcp/80)",
      line: "home:",
      hint: "add `forwards: [\"80:web:80/tcp\"]`"),
    Blocked(
      file: "nat-vs-bridge.yaml", from: "visitor", to: "public", port: 22, outcome: "refused", line: "public:",
      hint: "nothing on public listens on TCP port 22"),
    Blocked(
      file: "ip-forwarding-off.yaml", from: "web", to: "visitor", port: 80, outcome: "ip-forwarding-disabled",
      line: "laptop:",
      hint: "`ip-forwarding: true`"),
    Blocked(
      file: "host-only.yaml", from: "app", to: "visitor", port: 80, outcome: "unreachable",
      line: "private:", hint: "is host-only, and nothing leads out of it"),
  ]) func aBlockedWayEndsWithTheLineResponsibleAndWhatWouldHelp(blocked: Blocked) throws {
    let way = try Self.explain(blocked.file, blocked.from, blocked.to, blocked.port)
    #expect(!way.isOpen)
    #expect(way.outcome.contains(blocked.outcome), "\(way.outcome)")
    #expect(way.hint?.contains(blocked.hint) == true, "\(way.hint ?? "no hint")")
    let lines = try String(contentsOfFile: Repository.topology(blocked.file), encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(way.line)
    #expect(lines[line - 1].contains(blocked.line), "line \(line): \(lines[line - 1])")
    // The first try tells it all: what its sender sends again is left out.
    #expect(way.steps.count { $0.event == .dropped } == 1)
    #expect(way.text(file: blocked.file).contains("\(blocked.file):\(line)"))
  }

  @Test func unknownMachinesAreNamedWithTheKnownOnes() throws {
    let error = #expect(throws: ExplainError.self) { _ = try Self.explain("nat-vs-bridge.yaml", "wbe", "visitor", 80) }
    #expect(error?.description.contains("laptop, public, visitor, web") == true)
  }

  @Test func theForwardThatIsUsedIsNamedWithItsOwnLine() throws {
    let text = """
      segments: {net: {subnet: 203.0.113.0/24}}
      hosts:
        pc:
          uplink: net 203.0.113.2
          networks:
            home:
              mode: nat
              forwards:
                - "1080:a:80"
                - "2080:b:80"
        visitor: {uplink: net 203.0.113.10}
      vms: {a: {network: home, programs: [http-server]}, b: {network: home, programs: [http-server]}}
      """
    let topology = try #require(Topology.load(text: text, file: "lab.yaml").topology)
    var simulation = try Simulation(topology, until: .start + .seconds(60))
    simulation.run(until: .start + .seconds(1))
    let way = try simulation.explain(from: "visitor", .connect(to: .node("pc"), port: 2080, protocol: .tcp), to: "pc:2080")
    let forwards = way.steps.flatMap(\.details).filter { $0.hasPrefix("port forward: 2080/tcp") }
    #expect(way.isOpen && forwards.allSatisfy { $0.hasSuffix(", line 10") } && !forwards.isEmpty, "\(forwards)")
  }
}
