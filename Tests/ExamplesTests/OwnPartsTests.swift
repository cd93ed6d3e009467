import OwnParts
import Testing
import Weft

/// A package of somebody's own, which imports nothing but Weft.
@Suite struct OwnPartsTests {
  @Test func itsProgramItsProbeAndItsElementTakePartInALab() throws {
    let result = try Demo.run()
    // From 100 ms on, twice a second. The probe's ARP request goes to all too.
    #expect(result.sent == 20 && result.received == result.sent && result.heard == result.sent + 1)
    #expect(result.check == "agent → 5 datagrams to server:7/udp is open: 5 of 5 came back")
  }

  @Test func itsKeysAreCheckedAsAllOthers() {
    let text = Demo.topology.replacing("count: 5", with: "count: 5, at-least: 6")
    let load = Topology.load(text: text, file: "demo.yaml", catalogue: Demo.catalogue)
    #expect(load.diagnostics.map(\.message) == ["of 5 no 6 come back"])
    let stranger = Topology.load(text: Demo.topology, file: "demo.yaml")
    #expect(stranger.diagnostics.contains { $0.message == "unknown key \"burst\" in an expectation" })
  }

  /// Its program runs and its probe is under way.
  @Test func aCheckpointGoesOnWithItsPartsForWhoKnowsThem() throws {
    let topology = try Topology.load(text: Demo.topology, file: "demo.yaml", catalogue: Demo.catalogue).get()
    var whole = try Simulation(topology)
    whole.run()
    var begun = try Simulation(topology)
    begun.run(until: .start + .milliseconds(1001))
    let bytes = try CheckpointFile.encode(begun)
    #expect(throws: CheckpointError.self) { _ = try CheckpointFile.decode(bytes, path: "lab", captures: .memory) }
    var resumed = try CheckpointFile.decode(bytes, path: "lab", captures: .memory, catalogue: Demo.catalogue)
    resumed.run()
    let (one, other) = (try whole.finish(), try resumed.finish())
    #expect(one.programs.map(\.report.requests) == other.programs.map(\.report.requests))
    #expect(one.expectations.map(\.observed) == other.expectations.map(\.observed))
  }
}
