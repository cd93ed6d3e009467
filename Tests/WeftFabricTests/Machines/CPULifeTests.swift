import Testing
import WeftCore
import WeftHypervisor
import WeftImage
import WeftTopology

@testable import WeftFabric

/// What becomes of packets and cpus where machines stop, go back, or are carried over into another process.
@Suite struct CPULifeTests {
  /// All that there is: a driver domain, an old card, a hog, a batch of senders, a connection.
  private static var busy: CPULab {
    var lab = CPULab()
    lab.root = "duration: 4 s"
    lab.host = "cpus: 2, speed: 1 GHz, hypervisor: {type1: {driver-domain: dom0}}, scheduler: {boost: false, slice: 7 ms}"
    lab.web = "nic-model: e1000, programs: [{udp-echo: 9}, http-server, {sink: 5001}, {spin: {duty: 30 %}}]"
    lab.vms = """
      dom0: {network: lan, address: 203.0.113.11, weight: 512}
      hog: {network: lan, address: 203.0.113.12, vcpus: 2, programs: [spin, spin, {bulk: {to: "web:5001", size: 300 kB}}]}
      """
    lab.client = "{udp-rate: {to: \"web:9\", interval: 700 us, size: 200}}, {ping: {to: web, count: 100, interval: 20 ms}}"
    return lab
  }

  @Test(arguments: [0, 1, 333_333, 1_000_007, 1_234_567, 2_500_000, 3_900_001])
  func aCheckpointGoesOnAsIfNothingHadHappened(microseconds: UInt64) throws {
    var lab = Self.busy
    lab.events =
      "{at: 1.1 s, pause: web}, {at: 1.4 s, resume: web}, {at: 2.4 s, snapshot: {vm: web, name: a}}, {at: 2.9 s, revert: {vm: web, to: a}}"
    lab.expect = "{from: client, ping: web, at: 2 s}"
    var whole = try lab.simulation()
    var first = try lab.simulation()
    first.run(until: .start + .microseconds(microseconds))
    let bytes = try first.image().encoded()
    var forked = try first.fork()
    var resumed = try Simulation(
      resuming: SimulationImage(decoding: bytes, pool: FramePool()), pool: FramePool(), captures: nil)
    let wanted = try whole.outcome()
    for other in [try first.outcome(), try forked.outcome(), try resumed.outcome()] {
      #expect(other.isSame(wanted), "\(other.difference(wanted))")
    }
  }

  /// Whatever is done to it: what a VM's port got, its guest got, waits, or was dropped for a reason.
  @Test(arguments: 0..<20)
  func noFrameIsLostWithoutAVerdict(seed: UInt64) throws {
    var random = RandomStream(seed: seed, owner: "lives", purpose: "test")
    let verbs = ["pause", "resume", "stop", "start", "reset", "crash", "save", "restore", "shutdown"]
    var lab = Self.busy
    lab.root = "duration: 3 s\nseed: \(seed + 1)"
    lab.events = (0..<12).map { _ in
      let victim = ["web", "dom0", "hog"][Int(random.next(below: 3))]
      return "{at: \(200 + random.next(below: 2_700)) ms, \(verbs[Int(random.next(below: 9))]): \(victim)}"
    }.joined(separator: ", ")
    var simulation = try lab.simulation(captured: false)
    let report = try simulation.complete()
    for name in ["web", "dom0", "hog"] {
      let counted = simulation.world.names.machines[name].map { node in
        let port = simulation.world.graph.ports[simulation.world.graph.port(PortIndex(0), of: node)]
        return (
          received: port.counters.received, sent: port.counters.transmitted, made: simulation.world.packetCounts[node]
        )
      }
      let ports = try #require(counted)
      let found = simulation.world.machine(named: name)
      let machine = try #require(found)
      let work = try #require(machine.work?.value)
      let interface = machine.interfaces[0]
      let drops = report.drops.filter { drop in
        drop.port == "\(name)/eth0"
          && ["machine-stopped", "rx-ring-full", "back-end-full", "driver-domain-off", "tx-ring-full"].contains(drop.reason)
      }.reduce(0) { $0 + $1.count }
      let waiting = UInt64(work.waiting.coming + work.waiting.going + interface.waitingToReceive)
      #expect(ports.received + ports.made == interface.counters.received + ports.sent + drops + waiting, "\(name)")
      #expect(work.isConsistent(rings: [interface.waitingToReceive]))
    }
    let times = report.vcpus.map(\.times.lifetime)
    #expect(times == [.seconds(3), .seconds(3), .seconds(6)])
    let cpus = try #require(report.cpus.first)
    #expect(cpus.ran + cpus.idle == .seconds(6) && cpus.ran == report.vcpus.reduce(.zero) { $0 + $1.times.ran })
  }

  @Test func aRevertedMachineHasTheMemoryThatItHad() throws {
    var lab = Self.busy
    lab.events = "{at: 1 s, snapshot: {vm: web, name: a}}, {at: 2 s, revert: {vm: web, to: a}}"
    lab.expect = "{vm: web, memory-equal: a, at: 2 s, within: 0 s}, {vm: web, memory-equal: a, never-during: [1.5 s, 1.9 s]}"
    let report = try lab.report()
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  @Test func aPausedMachineWaitsForNoCPU() throws {
    var lab = CPULab()
    lab.vms = "hog: {network: lan, address: 203.0.113.11, programs: [spin]}"
    lab.events = "{at: 1 s, pause: hog}, {at: 3 s, resume: hog}"
    let hog = try #require(try lab.report().vcpus.first { $0.name == "hog" })
    #expect(hog.times.ran + hog.times.waited > .milliseconds(2_998) && hog.times.paused >= .seconds(2))
    #expect(hog.times.paused < .milliseconds(2_002))
  }

  @Test func aDriverDomainThatIsOffTakesTheNetworkAlong() throws {
    var lab = CPULab()
    lab.host = "cpus: 2, hypervisor: {type1: {driver-domain: dom0}}"
    lab.vms = "dom0: {network: lan, address: 203.0.113.11}"
    lab.events = "{at: 1 s, stop: dom0}, {at: 3 s, start: dom0}"
    lab.expect = """
      {from: client, ping: web, at: 500 ms, within: 0 s}, {from: client, ping: web, at: 3.5 s, within: 0 s}, \
      {from: client, ping: web, at: 1.5 s, within: 0 s, timeout: 1 s, is: dropped, by: web, reason: driver-domain-off}
      """
    let report = try lab.report()
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  @Test func whatMakesNoSenseIsSaid() {
    func said(_ lab: CPULab) -> [String] { Topology.load(text: lab.text, file: "cpus.yaml").diagnostics.map(\.message) }
    var lab = CPULab()
    lab.host = "speed: 2 GHz"
    #expect(said(lab) == ["\"speed\" goes with \"cpus\": without them what VMs do takes no time"])
    lab.host = ""
    lab.web = "programs: [spin]"
    #expect(said(lab) == ["\"spin\" keeps a cpu busy, and that of \"web\" isn't modelled"])
    lab.web = "weight: 512"
    #expect(said(lab) == ["\"web\" has keys of its cpus, and its host \"server\" has none: they say nothing"])
    lab.host = "cpus: 1"
    lab.web = "cap: 150 %"
    #expect(said(lab) == ["\"web\" has one vcpu, which can't use 150.0 % of a cpu"])
    lab.web = ""
    lab.host = "cpus: 1, hypervisor: {type1: {driver-domain: wbe}}"
    #expect(said(lab).first?.contains("wbe") == true)
    lab.host = "cpus: 1"
    lab.expect = "{vm: web, exits: {reason: kik, at-least: 1}}"
    #expect(said(lab).first?.contains("kik") == true)
    lab.expect = "{vm: web, exits: {reason: kick}}"
    #expect(said(lab) == ["a bound is missing: \"equals\", \"at-most\" or \"at-least\""])
  }

  /// What a migration does with its cpus.
  @Test func aMachineThatGoesToAnotherHostTakesItsCountsAlong() throws {
    var lab = CPULab()
    lab.web = "programs: [{spin: {duty: 50 %}}, {ping: {to: client, count: 40, interval: 100 ms}}]"
    lab.host = "cpus: 1}\n  other: {uplink: net 203.0.113.3, cpus: 2, speed: 2 GHz"
    var simulation = try lab.simulation()
    simulation.advance(to: .milliseconds(2_050))
    try simulation.perform(.pause, on: "web")
    try simulation.perform(.moveVM("web", to: "other", networks: [""]))
    try simulation.perform(.resume, on: "web")
    let image = try simulation.image().encoded()
    var resumed = try Simulation(resuming: SimulationImage(decoding: image, pool: FramePool()), pool: FramePool(), captures: nil)
    var forked = try simulation.fork()
    let (here, there) = (try simulation.outcome(), try resumed.outcome())
    #expect(here.isSame(there), "\(here.difference(there))")
    let report = try forked.complete()
    let cpus = try #require(report.vcpus.first)
    #expect(cpus.host == "other" && cpus.times.lifetime == .seconds(5))
    #expect(abs(cpus.times.ran.seconds - 2.5) < 0.02, "\(cpus)")
    #expect(report.programs.first { $0.report.rtt != nil }?.report.replies == 40)
  }
}
