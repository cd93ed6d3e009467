import Testing
// As a user's package has it: the library alone, and nothing of the inside.
import WeftCore
import WeftFabric
import WeftTopology
import WeftWire

/// Counts what comes in on one port and sends a copy of it out of the other; says hello once a second.
private struct Mirror: Element {
  private(set) var seen: UInt64 = 0
  private(set) var deadline = Instant.start + .seconds(1)
  private(set) var downs = 0

  var portCount: Int { 2 }

  mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard port == PortIndex(0) else { return out.drop(frame, on: port, .notForUs) }
    seen += 1
    out.transmit(frame, on: PortIndex(1))
  }

  mutating func wake(now: Instant, _ out: inout Effects) {
    deadline = now + .seconds(1)
    var hello = [UInt8](repeating: 0xff, count: 60)
    (hello[6], hello[12], hello[13]) = (2, 0x88, 0xb5)
    out.transmit(out.pool.frame(hello), on: PortIndex(1))
  }

  mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) { if !up { downs += 1 } }

  func facts(now: Instant, _ facts: inout Facts) { facts.add([CounterFact("seen", seen)]) }

  func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    [Lookup("copied to \(ports[1])")]
  }
}

/// An element that weft doesn't know, in a world that a file and a program have made.
@Suite struct CustomElementTests {
  private static let lab = """
    segments:
      lan: {subnet: 10.0.0.0/24}
      lab: {subnet: 10.1.0.0/24}
    hosts:
      a: {uplink: lan 10.0.0.1, programs: [{ping: {to: b, count: 3}}]}
      b: {uplink: lan 10.0.0.2}
      c: {uplink: lab 10.1.0.1}
    """

  private func simulation(captures: CaptureOptions? = nil) throws -> Simulation {
    let load = Topology.load(text: Self.lab, file: "lab.yaml")
    return try Simulation(try #require(load.topology), until: .start + .seconds(10), captures: captures)
  }

  @Test func itTakesPartAndTellsOfItself() throws {
    var simulation = try simulation(captures: CaptureOptions(directory: nil))
    try simulation.place(Mirror(), named: "mirror", plugs: [Plug("in", into: "lan"), Plug("out", into: "lab")])
    simulation.run()
    let facts = simulation.facts(of: "mirror").compactMap { $0 as? CounterFact }
    // The broadcasts of the hosts' ARP; what the switch knows the way of doesn't come by.
    #expect(facts.map(\.key) == ["seen"] && facts.allSatisfy { $0.count >= 1 })
    let report = try simulation.finish()
    #expect(report.programs.first?.report.replies == 3)
    // Nine hellos and the copies arrive in the other segment, where nobody wants them.
    let dropped = report.drops.filter { $0.node == "c" }.reduce(0) { $0 + $1.count }
    #expect(dropped >= 9, "\(report.drops)")
    let captured = report.captures.filter { $0.port.hasPrefix("mirror/") }
    #expect(captured.map(\.port).sorted() == ["mirror/in", "mirror/out"], "\(report.captures.map(\.port))")
  }

  /// Whoever is added leaves the others' time and chance alone.
  @Test func withItTheOthersGoTheirWayAsWithout() throws {
    func pings(with mirror: Bool) throws -> [String] {
      var simulation = try simulation()
      if mirror {
        try simulation.place(Mirror(), named: "mirror", plugs: [Plug("in", into: "lan"), Plug("out", into: "lab")])
      }
      simulation.run()
      return simulation.programReports.map { "\($0)" }
    }
    #expect(try pings(with: true) == pings(with: false))
  }

  @Test func whatCannotBePlacedIsNamed() throws {
    var simulation = try simulation()
    func refusal(_ name: String, _ plugs: [Plug]) -> PlacementError? {
      do throws(PlacementError) { try simulation.place(Mirror(), named: name, plugs: plugs) } catch { return error }
      return nil
    }
    #expect(refusal("a", []) == .nameTaken("a"))
    #expect(refusal("m", [Plug("in", into: "lan")]) == .portCount(element: 2, plugs: 1))
    #expect(refusal("m", [Plug("in", into: "lan"), Plug("out", into: "nowhere")]) == .unknownPlace("nowhere"))
    // None of it left anything behind.
    #expect(refusal("m", [Plug("in", into: "lan"), Plug("out", into: "lab")]) == nil)
    #expect(simulation.facts(of: "m").count == 1)
  }

  /// Its state isn't in what a file makes anew.
  @Test func aForkOfARunWithOneIsRefused() throws {
    var simulation = try simulation()
    try simulation.place(Mirror(), named: "m", plugs: [Plug("in", into: "lan"), Plug("out", into: "lab")])
    simulation.run(until: .start + .seconds(1))
    var isRefused = false
    do throws(ResumeError) { _ = try simulation.fork() } catch { isRefused = true }
    #expect(isRefused)
  }
}
