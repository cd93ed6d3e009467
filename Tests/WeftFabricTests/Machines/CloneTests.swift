import Testing
import WeftCore
import WeftImage
import WeftProbes
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// A running VM copied: what of it the copy has too, and what its network sees of that.
@Suite struct CloneTests {
  private static func lab(_ events: String, web: String = "", more: String = "") -> String {
    """
    name: clones
    duration: 10 s
    hosts: {h: {networks: {lan: {mode: host-only, subnet: 10.0.0.0/24, delay: 1 ms}}}}
    vms:
      web: {network: lan, \(web.isEmpty ? "programs: [{http-get: {to: \"peer:80\", count: 20, interval: 500 ms}}]" : web)}
      peer: {network: lan, address: 10.0.0.9, programs: [http-server, {sink: 5001}, {ping: {to: web, count: 100, interval: 50 ms}}]}
    events: [\(events)]
    \(more)
    """
  }

  private static func clone(_ identity: CloneIdentity, at: String = "3.2 s") -> String {
    "{at: \(at), clone: {vm: web, name: web2, identity: \(identity)}}"
  }

  private static func start(_ yaml: String) throws -> Simulation {
    try Simulation(topology(yaml), captures: CaptureOptions(directory: nil))
  }

  /// First numbers and source ports of connections that begin after a moment.
  private static func opens(_ file: [UInt8]?, from address: [UInt8], after: Double) throws -> [[UInt8]] {
    try packets(try #require(file)).filter {
      $0.seconds > after && $0.bytes.count >= 54 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 6
        && $0.bytes[47] == 0x02 && Array($0.bytes[6..<12]) == address
    }.map { Array($0.bytes[34..<36] + $0.bytes[38..<42]) }
  }

  private static func mac(_ simulation: borrowing Simulation, _ name: String) throws -> [UInt8] {
    let mac = simulation.world.machine(named: name)?.interfaces[0].mac.rawValue
    let value = try #require(mac)
    return (0..<6).map { UInt8(truncatingIfNeeded: value >> (40 - 8 * UInt64($0))) }
  }

  private static func moves(_ simulation: borrowing Simulation) -> UInt64 {
    simulation.world.facts(CounterFact.self).filter { $0.fact.key == "moves" }.reduce(0) { $0 + $1.fact.count }
  }

  @Test(arguments: CloneIdentity.allCases) func whatTellsTwoMachinesApartIsKeptOrMadeAnew(identity: CloneIdentity) throws {
    var simulation = try Self.start(Self.lab(Self.clone(identity)))
    simulation.run()
    let report = try simulation.finish()
    let web = try #require(report.machines.first { $0.name == "web" })
    let copy = try #require(report.machines.first { $0.name == "web2" })
    let isSame = identity == .keep
    #expect((web.uuid == copy.uuid) == isSame)
    #expect((web.generation == copy.generation) == isSame)
    #expect((web.interfaces[0].mac == copy.interfaces[0].mac) == isSame)
    #expect((web.interfaces[0].address == copy.interfaces[0].address) == isSame)
    #expect(copy.interfaces[0].address != nil && copy.state == "running" && copy.since == .start + .milliseconds(3200))
    #expect((Self.moves(simulation) == 0) == !isSame, "the switch sees one address at two ports")
    #expect(report.leases.map(\.hostname).contains("web2") == !isSame)
  }

  /// A copy repeats the random numbers of the one it was copied from, unless it is told.
  @Test(arguments: CloneIdentity.allCases) func theirNextConnectionsBeginAlikeOnlyWithTheSameIdentity(identity: CloneIdentity)
    throws
  {
    var simulation = try Self.start(Self.lab(Self.clone(identity)))
    let outcome = try simulation.outcome()
    let own = try Self.opens(outcome.captures["web/eth0"], from: Self.mac(simulation, "web"), after: 3.2)
    let copied = try Self.opens(outcome.captures["web2/eth0"], from: Self.mac(simulation, "web2"), after: 3.2)
    let (one, other) = (try #require(own.first), try #require(copied.first))
    #expect((one == other) == (identity == .keep))
    #expect((one[0..<2] == other[0..<2]) == (identity == .keep), "source ports")
    #expect((one[2...] == other[2...]) == (identity == .keep), "first numbers")
  }

  /// They are the original's: no word on the wire, but the copy's programs hear of it.
  @Test func aNewMachineHasNoneOfTheConnections() throws {
    let web = "programs: [{bulk: {to: \"peer:5001\", size: 3 MB}}], rate: 4 Mbit/s"
    var simulation = try Self.start(Self.lab(Self.clone(.regenerate), web: web))
    simulation.run(until: .milliseconds(3200))
    #expect(simulation.world.machine(named: "web")?.guest.stack.connections.count == 1)
    #expect(simulation.world.machine(named: "web2")?.guest.stack.connections.count == 0)
    let outcome = try simulation.outcome()
    let segments = try packets(try #require(outcome.captures["web2/eth0"])).filter {
      $0.bytes.count >= 54 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 6 && Array($0.bytes[6..<12]) != []
    }
    let own = try Self.mac(simulation, "web2")
    #expect(segments.filter { Array($0.bytes[6..<12]) == own }.isEmpty)
    let report = try run(Self.lab(Self.clone(.regenerate), web: web))
    func state(_ machine: String) -> String? {
      report.programs.first { $0.machine == machine }.map { "\($0.report.state)" }
    }
    #expect(state("web") == "done")
    #expect(state("web2")?.contains("reset") == true)
  }

  @Test func aTwinTakesAnswersAwayAndANewMachineNone() throws {
    func failures(_ identity: CloneIdentity) throws -> Int {
      let web = "programs: [{udp-rate: {to: \"peer:9\", interval: 5 ms}}]"
      let more = "expect: [{from: web, ping: peer, always-after: {from: 4 s, to: 9 s, every: 500 ms}, timeout: 1 s}]"
      return try run(Self.lab(Self.clone(identity), web: web, more: more)).expectations.count { !$0.passed }
    }
    #expect(try failures(.regenerate) == 0)
    #expect(try failures(.keep) == 1)
  }

  @Test(arguments: CloneIdentity.allCases) func aCheckpointHasClones(identity: CloneIdentity) throws {
    let text = Self.lab(
      Self.clone(identity) + ", {at: 6 s, pause: web2}, {at: 7 s, resume: web2}, {at: 8 s, remove-vm: web2}",
      more: "expect: [{from: web2, ping: peer, at: 4 s}, {vm: web2, state: paused, at: 6.5 s, within: 0 s}]")
    var whole = try Self.start(text)
    let outcome = try whole.outcome()
    for moment: UInt64 in [3100, 3200, 5000, 6500, 8500] {
      var first = try Self.start(text)
      first.run(until: .milliseconds(moment))
      let bytes = try first.image().encoded()
      let pool = FramePool()
      var second = try Simulation(resuming: SimulationImage(decoding: bytes, pool: pool), pool: pool, captures: nil)
      let other = try second.outcome()
      #expect(outcome.isSame(other), "\(moment) ms: \(outcome.difference(other))")
    }
  }

  @Test func aPausedMachinesCloneIsPausedAndItsClockGoesOnWithIt() throws {
    var simulation = try Self.start(Self.lab(""))
    simulation.advance(to: .seconds(2))
    try simulation.perform(.pause, on: "web")
    simulation.advance(to: .seconds(4))
    try simulation.clone("web", as: "copy", identity: .regenerate)
    simulation.advance(to: .seconds(5))
    try simulation.perform(.resume, on: "copy")
    let found = simulation.world.machine(named: "copy")
    let copy = try #require(found)
    #expect(copy.vm?.lag == .seconds(3) && copy.state == .running)
    #expect(simulation.world.machine(named: "web")?.state == .paused)
    simulation.advance(to: .seconds(6))
    #expect(simulation.world.machine(named: "copy")?.guest.stack.address(of: 0) != nil)
  }

  @Test func whatCannotBeClonedIsSaid() throws {
    let text = Self.lab("{at: 1 s, crash: web}, {at: 2 s, clone: {vm: web, name: web2, identity: keep}}")
    let load = Topology.load(text: text, file: "clones.yaml")
    #expect(load.diagnostics.map(\.message) == ["can't clone \"web\": it is crashed since line 7"])
    let report = try run(text)
    #expect(report.complaints == ["line 7, at 2 s: can't clone web: it is crashed"])
    #expect(!report.machines.contains { $0.name == "web2" })
    func messages(_ events: String, web: String = "", more: String = "") -> [String] {
      Topology.load(text: Self.lab(events, web: web, more: more), file: "clones.yaml").diagnostics.map(\.message)
    }
    #expect(
      messages("{at: 1 s, clone: {vm: web, name: peer, identity: keep}}") == [
        "the name \"peer\" is taken by another vm on line 6"
      ])
    #expect(
      messages("{at: 1 s, clone: {vm: peer, name: two, identity: regenerate}}")
        == ["\"two\" has the address of \"peer\" too, as 10.0.0.9 is settled by hand"])
    #expect(messages("{at: 1 s, clone: {vm: peer, name: two, identity: regenerate, address: 10.0.0.10}}") == [])
    #expect(
      messages("{at: 1 s, clone: {vm: peer, name: two, identity: keep, address: 10.0.0.10}}")
        == ["a clone that keeps its identity has the VM's address"])
    #expect(
      messages("{at: 1 s, clone: {vm: web, name: two, identity: regenerate, address: 10.0.0.10}}")
        == ["\"web\" asks by DHCP, and so does its clone"])
    #expect(
      messages("{at: 1 s, clone: {vm: web, name: web2, identity: keep}}", web: "programs: [{ping: web2}]").first
        == "unknown host or vm \"web2\"")
    var simulation = try Self.start(Self.lab(""))
    simulation.advance(to: .seconds(1))
    #expect(throws: ActionError.impossible("the name peer is taken")) {
      try simulation.clone("web", as: "peer", identity: .keep)
    }
  }

  /// The disc of a clone is for the machine that it was copied from, and that is told as it boots.
  @Test func aClonesDiscMissesItsNewAddress() throws {
    let web =
      "mac: \"52:54:00:00:00:07\", cd: {cidata: {meta-data: {instance-id: i-1}, user-data: {hostname: web}, network-config: "
      + "{version: 2, ethernets: {eth0: {match: {macaddress: \"52:54:00:00:00:07\"}, dhcp4: true}}}}}"
    let report = try run(Self.lab(Self.clone(.regenerate) + ", {at: 5 s, reset: web2}", web: web))
    let copy = try #require(report.machines.first { $0.name == "web2" })
    #expect(copy.setUp == "hostname web2 from cd (i-1-web2)")
    #expect(copy.interfaces[0].address == nil)
    #expect(
      copy.setUpProblems
        == ["cd (i-1-web2): no interface has MAC address 52:54:00:00:00:07: what it says of eth0 is left out"])
  }

  // MARK: Taken back

  /// Its system hears of a revert and draws other numbers, unless the lab keeps it from that.
  @Test(arguments: [true, false]) func aRevertedMachineDrawsTheSameNumbersOnlyUnheard(reseed: Bool) throws {
    var simulation = try Self.start(
      Self.lab(
        "{at: 2.2 s, snapshot: {vm: web, name: a}}, {at: 5.2 s, revert: {vm: web, to: a, reseed: \(reseed)}}",
        more: "expect: [{vm: web, memory-equal: a, at: 5.2 s, within: 0 s}]"))
    let outcome = try simulation.outcome()
    let mac = try Self.mac(simulation, "web")
    // A SYN that the peer still has a connection of is sent again.
    func begun(after moment: Double) throws -> [[UInt8]] {
      let all = try Self.opens(outcome.captures["web/eth0"], from: mac, after: moment)
      return Array(all.indices.filter { $0 == 0 || all[$0 - 1] != all[$0] }.map { all[$0] }.prefix(3))
    }
    let (first, again) = (try begun(after: 2.2), try begun(after: 5.2))
    #expect(first.count == 3 && again.count == 3)
    if reseed { #expect(Set(first).isDisjoint(with: again)) } else { #expect(first == again) }
    let report = try simulation.finish()
    #expect(report.expectations.allSatisfy { $0.passed }, "its memory is what it was all the same")
  }
}
