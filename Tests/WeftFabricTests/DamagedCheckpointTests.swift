import Foundation
import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// A checkpoint's checksum says nothing of one made by hand: what contradicts itself in it is an error, never a trap
/// (docs/fuzzing.md).
@Suite struct DamagedCheckpointTests {
  static let lab = """
    segments: {lan: {subnet: 192.0.2.0/24, delay: 3 ms, rate: 20 Mbit/s}}
    hosts:
      laptop:
        uplink: lan 192.0.2.1
        networks: {home: {mode: nat, subnet: 10.0.0.0/24, forwards: ["8080:web:80/tcp"]}}
      peer: {uplink: lan 192.0.2.9, programs: [{sink: 9}]}
    vms:
      web: {network: home, programs: [{http-server: 80}, {bulk: {to: "peer:9", size: 10 MB}}]}
    events: [{at: 1 s, pause: web}]
    expect: [{from: peer, to: "laptop:8080", is: open, at: 1500 ms}]
    """

  /// The state at 150 ms, in the middle of a transfer.
  static func state() throws -> String {
    let load = Topology.load(text: lab, file: "lab.yaml")
    let topology = try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
    var simulation = try Simulation(topology)
    simulation.run(until: .start + .milliseconds(150))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(simulation.image()), as: UTF8.self)
  }

  static func resume(_ state: String) throws -> Simulation {
    let pool = FramePool()
    let decoder = JSONDecoder()
    decoder.userInfo[.framePool] = FramePoolReference(pool)
    let image = try decoder.decode(SimulationImage.self, from: Data(state.utf8))
    return try Simulation(resuming: image, pool: pool, captures: nil)
  }

  @Test func anUndamagedOneGoesOn() throws {
    var simulation = try Self.resume(Self.state())
    simulation.run(until: .start + .seconds(2))
    #expect(simulation.now > .start + .seconds(1))
  }

  @Test(arguments: [
    // The topology that the world is built anew from.
    (#""rx":256"#, #""rx":0"#),
    (#""tx":0"#, #""tx":-1"#),
    (
      #""vmPort":80}]"#,
      #""vmPort":80},{"hostPort":8080,"mark":{"column":1,"line":1},"protocol":"tcp","vm":"web","vmPort":80}]"#
    ),
    // Elements that don't go with the graph.
    (#""portCount":3"#, #""portCount":9"#),
    (#""receiveCapacity":256"#, #""receiveCapacity":0"#),
    (#""nextEvent":0"#, #""nextEvent":7"#),
    // A check that nobody makes.
    (#""from":"peer""#, #""from":"nobody""#),
    // A guest whose parts contradict each other.
    (#""ownSegmentSize":1460"#, #""ownSegmentSize":146000"#),
    (#""congestionWindow":"#, #""congestionWindow":9223372036854775807,"x":"#),
    (#""halfOpen":0"#, #""halfOpen":-1"#),
    (#""mtu":1500,"narrower":{"entries":[]},"neighbours""#, #""mtu":65000,"narrower":{"entries":[]},"neighbours""#),
    // A listener of a program that isn't there.
    (#""port":80,"tag":0"#, #""port":80,"tag":7"#),
    // A program of a kind that nobody knows.
    (#""kind":"bulk""#, #""kind":"bulky""#),
  ]) func aContradictionIsAnError(_ change: (String, String)) throws {
    let state = try Self.state()
    let isThere = state.contains(change.0)
    #expect(isThere, "\(change.0) is no part of the state any more")
    let damaged = state.replacingOccurrences(of: change.0, with: change.1)
    #expect(throws: (any Error).self) { _ = try Self.resume(damaged) }
  }

  /// Statistics are nobody's business: they wrap.
  @Test func countsAtTheirEndGoOn() throws {
    let most = #""bytesOut":18446744073709551615,"x":"#
    let damaged = try Self.state().replacingOccurrences(of: #""bytesOut":"#, with: most)
    var simulation = try Self.resume(damaged)
    simulation.run(until: .start + .seconds(2))
    #expect(simulation.now > .start + .seconds(1))
  }
}
