import Testing
import WeftCore
import WeftImage
import WeftTopology

@testable import WeftFabric

/// Forks of the whole lab that a file asks for.
@Suite struct FutureTests {
  private static func lab(_ events: String, _ checks: String = "", loss: String = "10 %") -> String {
    """
    name: futures
    duration: 8 s
    hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.0.0.0/24, delay: 1 ms, loss: \(loss)}}}}
    vms:
      web: {network: lan, address: 10.0.0.2, programs: [{http-get: {to: "peer:80", count: 100, interval: 100 ms}}]}
      peer: {network: lan, address: 10.0.0.9, programs: [http-server]}
    events: [\(events)]
    expect: [\(checks)]
    """
  }

  private static let fork = "{at: 3 s, checkpoint: noon}, {at: 5 s, fork: {name: b, from: noon}}"

  private static func start(_ text: String) throws -> Simulation {
    try Simulation(topology(text), captures: CaptureOptions(directory: nil))
  }

  /// What two runs captured, without what stands behind frames of the past that both have.
  private static func captures(_ simulation: inout Simulation) throws -> [String: [UInt8]] {
    simulation.run()
    _ = try simulation.finish()
    return try simulation.captured()
  }

  @Test func withoutAnotherSeedAForkIsTheSame() throws {
    var whole = try Self.start(Self.lab(Self.fork))
    let own = try Self.captures(&whole)
    #expect(whole.futures.map(\.name) == ["b"])
    var other = try whole.begin(whole.futures[0], captures: nil)
    #expect(other.now == .start + .seconds(3))
    let its = try Self.captures(&other)
    #expect(own == its)
  }

  @Test func withAnotherSeedItHasTheSamePastAndOtherChance() throws {
    var whole = try Self.start(Self.lab("{at: 3 s, checkpoint: noon}, {at: 5 s, fork: {name: b, from: noon, seed: 2}}"))
    let own = try packets(try #require(try Self.captures(&whole)["web/eth0"]))
    var other = try whole.begin(whole.futures[0], captures: nil)
    let its = try packets(try #require(try Self.captures(&other)["web/eth0"]))
    func past(_ all: [CapturedPacket]) -> [[UInt8]] { all.filter { $0.seconds < 3 }.map(\.bytes) }
    #expect(past(own) == past(its) && past(own).count > 50)
    #expect(own.map(\.bytes) != its.map(\.bytes))
  }

  @Test func eventsAndChecksAreOfTheirFuture() throws {
    let text = Self.lab(
      Self.fork + ", {at: 4 s, pause: peer, future: b}, {at: 4 s, stop: web, future: main}",
      """
      {name: all, vm: peer, state: running, at: 1 s, within: 0 s}, \
      {name: own, vm: web, state: stopped, at: 5 s, within: 0 s, future: main}, \
      {name: its, vm: peer, state: paused, at: 5 s, within: 0 s, future: b}, \
      {name: both, vm: peer, state: running, at: 6 s, within: 0 s}
      """)
    let report = try run(text)
    #expect(
      report.expectations.map { "\($0.name) \($0.passed)" } == [
        "all true", "own true", "both true", "in b: its true", "in b: both false",
      ])
    #expect(report.futures?.map(\.name) == ["b"] && report.futures?[0].began == .start + .seconds(3))
    #expect(!report.passed)
    #expect(report.text().contains("\nFutures\n  b: from noon (3 s) to 8 s"))
  }

  /// A checkpoint of the run has what events kept, and what they forked.
  @Test func aCheckpointHasTheFutures() throws {
    let text = Self.lab(
      Self.fork + ", {at: 4 s, pause: peer, future: b}", "{vm: peer, state: paused, at: 5 s, within: 0 s, future: b}")
    var whole = try Self.start(text)
    let report = try whole.complete()
    #expect(report.passed)
    for moment: UInt64 in [2900, 3000, 4000, 6000] {
      var first = try Self.start(text)
      first.run(until: .milliseconds(moment))
      let bytes = try first.image().encoded()
      let pool = FramePool()
      var second = try Simulation(resuming: SimulationImage(decoding: bytes, pool: pool), pool: pool, captures: nil)
      let other = try second.complete()
      #expect(try encode(other) == encode(report), "\(moment) ms")
    }
  }

  /// Nothing holds of what never was.
  @Test func aFutureThatDoesNotComeFailsItsChecks() throws {
    var topology = try topology(Self.lab(Self.fork, "{name: its, vm: peer, state: running, at: 4 s, within: 0 s, future: b}"))
    topology.events.removeFirst()
    var simulation = try Simulation(topology)
    let report = try simulation.complete()
    #expect(report.complaints == ["line 7, at 5 s: there is no checkpoint noon"])
    #expect(report.expectations.map { "\($0.name) \($0.passed)" } == ["its false"])
  }

  @Test func whatIsOfNoFutureIsSaid() throws {
    func messages(_ events: String, _ checks: String = "") -> [String] {
      Topology.load(text: Self.lab(events, checks, loss: "0 %"), file: "futures.yaml").diagnostics.map(\.message)
    }
    #expect(messages("{at: 3 s, checkpoint: noon}, {at: 5 s, fork: {name: b, from: non}}") == ["there is no checkpoint \"non\""])
    #expect(
      messages("{at: 3 s, checkpoint: noon}, {at: 2 s, fork: {name: b, from: noon}}")
        == ["the checkpoint \"noon\" is of 3 s, and this is before"])
    #expect(messages(Self.fork + ", {at: 4 s, pause: web, future: c}") == ["there is no future \"c\""])
    #expect(messages(Self.fork + ", {at: 2 s, pause: web, future: b}") == ["\"b\" begins at 3 s, and this is before"])
    #expect(messages(Self.fork, "{vm: web, state: paused, at: 1 s, future: b}") == ["\"b\" begins at 3 s, and this is before"])
    #expect(messages(Self.fork + ", {at: 6 s, fork: {name: b, from: noon}}") == ["there is a future \"b\" already"])
    #expect(messages(Self.fork + ", {at: 6 s, fork: {name: main, from: noon}}") == ["there is a future \"main\" already"])
    #expect(
      messages("{at: 3 s, checkpoint: noon, future: main}") == ["a checkpoint is of the run itself"])
  }
}
