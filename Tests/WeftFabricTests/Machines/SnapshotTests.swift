import Testing
import WeftCore
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// A VM taken back to what it was, in a world that has moved on.
@Suite struct SnapshotTests {
  private static let lab = """
    name: snapshots
    duration: 12 s
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      h: {uplink: net 203.0.113.2, networks: {lan: {mode: isolated, subnet: 10.1.0.0/24, delay: 1 ms}}}
    vms:
      web: {network: lan, address: 10.1.0.1, programs: [udp-echo, {ping: {to: peer, count: 100, interval: 250 ms}}]}
      peer: {network: lan, address: 10.1.0.2, programs: [{udp-rate: {to: "web:7", interval: 100 ms}}]}
    """

  private static func start(_ events: String = "") throws -> Simulation {
    try Simulation(
      topology(lab + (events.isEmpty ? "" : "\nevents: [\(events)]")), captures: CaptureOptions(directory: nil))
  }

  private static func machine(_ simulation: borrowing Simulation) throws -> Machine {
    let machine = simulation.world.machine(named: "web")
    return try #require(machine)
  }

  /// Its memory as bytes, but for how far its clock is behind, which is no memory.
  private static func memory(_ machine: Machine) throws -> MemoryMark {
    try machine.memory(at: .start).mark
  }

  @Test func aRevertBringsMemoryBackToTheByte() throws {
    var simulation = try Self.start(
      "{at: 2.1 s, snapshot: {vm: web, name: before}}, {at: 5.05 s, revert: {vm: web, to: before, reseed: false}}")
    simulation.run(until: .milliseconds(2100))
    let then = try Self.memory(Self.machine(simulation))
    simulation.run(until: .milliseconds(5049))
    #expect(try Self.memory(Self.machine(simulation)) != then)
    simulation.run(until: .milliseconds(5050))
    let now = try Self.machine(simulation)
    #expect(try Self.memory(now) == then)
    #expect(now.vm?.generation == 2 && now.vm?.lag == .milliseconds(2950))
    #expect(now.interfaces[0].counters.received > 50, "what the lab counts goes on")
  }

  /// A guest alone doesn't know that it was taken back: it does again what it did.
  @Test func aRevertedGuestRepeatsItselfByItsOwnClock() throws {
    var simulation = try Self.start("{at: 2.1 s, snapshot: {vm: web, name: before}}, {at: 5.1 s, revert: {vm: web, to: before}}")
    let outcome = try simulation.outcome()
    let requests = try packets(try #require(outcome.captures["web/eth0"])).filter {
      $0.bytes.count > 42 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 1 && $0.bytes[34] == 8
    }
    func sequence(_ packet: CapturedPacket) -> Int { Int(packet.bytes[40]) << 8 | Int(packet.bytes[41]) }
    let first = requests.filter { $0.seconds > 2.1 && $0.seconds < 5.1 }
    let again = requests.filter { $0.seconds > 5.1 && $0.seconds < 8.1 }
    #expect(first.count == 12 && first.map(sequence) == again.map(sequence))
    #expect(zip(first, again).allSatisfy { abs($1.seconds - $0.seconds - 3) < 1e-6 })
  }

  @Test func snapshotsAreATreeAndGoWithTheCheckpoint() throws {
    var simulation = try Self.start(
      """
      {at: 1 s, snapshot: {vm: web, name: a}}, {at: 2 s, snapshot: {vm: web, name: b}}, {at: 3 s, revert: {vm: web, to: a}}, \
      {at: 4 s, snapshot: {vm: web, name: c}}, {at: 5 s, delete-snapshot: {vm: web, name: a}}, {at: 6 s, revert: {vm: web, to: b}}
      """)
    simulation.run(until: .milliseconds(4500))
    func tree(_ machine: Machine) -> [String] {
      machine.snapshots.all.map { "\($0.name)<\($0.parent ?? "-")" } + [machine.snapshots.current ?? "-"]
    }
    #expect(tree(try Self.machine(simulation)) == ["a<-", "b<a", "c<a", "c"])
    let image = try simulation.image()
    let bytes = try image.encoded()
    var whole = try simulation.fork()
    var other = try Simulation(
      resuming: SimulationImage(decoding: bytes, pool: FramePool()), pool: FramePool(), captures: nil)
    simulation.run(until: .milliseconds(5500))
    #expect(tree(try Self.machine(simulation)) == ["b<-", "c<-", "c"])
    let (one, two) = (try whole.outcome(), try other.outcome())
    #expect(one.isSame(two), "\(one.difference(two))")
  }

  @Test func aRevertToWhatIsNotThereIsSaid() throws {
    let events = "{at: 1 s, snapshot: {vm: web, name: before}}, {at: 2 s, revert: {vm: web, to: befor}}"
    let text = Self.lab + "\nevents: [\(events)]"
    let load = Topology.load(text: text, file: "snapshots.yaml")
    #expect(load.diagnostics.map(\.message) == ["\"web\" has no snapshot \"befor\" at 2 s"])
    #expect(load.diagnostics.first?.hint?.contains("before") == true)
    #expect(try run(text).complaints == ["line 9, at 2 s: web has no snapshot befor"])
  }

  /// Its ring is its memory: what waited there is lost, and said to be.
  @Test func whatWaitedInARevertedMachineIsDroppedOnRecord() throws {
    let events = "{at: 1 s, snapshot: {vm: web, name: a}}, {at: 3 s, pause: web}, {at: 4.05 s, revert: {vm: web, to: a}}"
    let report = try run(Self.lab + "\nevents: [\(events)]")
    let lost = report.drops.filter { $0.reason == "machine-reverted" && $0.port == "web/eth0" }.reduce(0) { $0 + $1.count }
    #expect(lost == 10 || lost == 11)
  }

  /// The same by events and by hand.
  @Test func theAPIDoesWhatEventsDo() throws {
    var events = try Self.start(
      "{at: 2.1 s, snapshot: {vm: web, name: a}}, {at: 4 s, pause: web}, {at: 5.1 s, revert: {vm: web, to: a}}")
    var hand = try Self.start()
    hand.advance(to: .milliseconds(2100))
    try hand.takeSnapshot("a", of: "web")
    hand.advance(to: .seconds(4))
    try hand.perform(.pause, on: "web")
    #expect(throws: ActionError.impossible("can't pause web: it is paused")) { try hand.perform(.pause, on: "web") }
    #expect(throws: ActionError.impossible("web has no snapshot b")) { try hand.revert("web", to: "b") }
    #expect(throws: ActionError.impossible("there is no VM wbe")) { try hand.shutDown("wbe") }
    hand.advance(to: .milliseconds(5100))
    try hand.revert("web", to: "a")
    let (one, two) = (try events.complete(), try hand.complete())
    #expect(one.machines.map(\.generation) == two.machines.map(\.generation))
    #expect(one.machines.map { "\($0.interfaces)" } == two.machines.map { "\($0.interfaces)" })
    let line = one.text().split(separator: "\n").first { $0.contains("web: running") }
    #expect(line == "  web: running on h since 5.1 s, generation 2, its clock 3 s behind, snapshots a")
  }

  @Test func aHostIsNoVM() throws {
    var simulation = try Self.start()
    simulation.advance(to: .seconds(1))
    #expect(throws: ActionError.impossible("there is no VM h")) { try simulation.perform(.stop, on: "h") }
    #expect(throws: ActionError.impossible("there is no VM h")) { try simulation.takeSnapshot("a", of: "h") }
    #expect(throws: ActionError.impossible("there is no VM h")) { try simulation.shutDown("h") }
  }
}
