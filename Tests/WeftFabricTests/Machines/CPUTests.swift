import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// What a guest does takes time, and it waits for cpus: the figures of the issue, through the whole fabric.
@Suite struct CPUTests {
  private static let pings = "{ping: {to: web, count: 200, interval: 7.3 ms, start: 200 ms}}, {ping: {to: web, count: 1}}"
  /// 2 ms of cable; hypervisor twice, guest twice, interrupt, end of interrupt, kick.
  private static let base = Nanoseconds(2_000_000 + 2 * 1_000 + 2 * 10_000 + 3 * 680)

  private static func roundTrips(_ lab: CPULab) throws -> (least: Nanoseconds, most: Nanoseconds) {
    let found = try #require(try lab.report().roundTrips("client"))
    #expect(found.count == 200)
    return (found.least, found.most)
  }

  @Test func aRoundTripIsWireAndWorkToTheNanosecond() throws {
    var lab = CPULab()
    lab.client = Self.pings
    let trips = try Self.roundTrips(lab)
    #expect(trips.least == Self.base)
  }

  @Test func aHogMakesNobodyWaitWhoWakesWithCredit() throws {
    var lab = CPULab()
    (lab.client, lab.vms) = (Self.pings, "hog: {network: lan, address: 203.0.113.11, programs: [spin]}")
    let most = try Self.roundTrips(lab).most
    #expect(most <= Self.base + .microseconds(1_100) && most >= Self.base)
    lab.host += ", scheduler: {boost: false}"
    let slow = try Self.roundTrips(lab).most
    #expect(slow >= Self.base + .milliseconds(25) && slow <= Self.base + .microseconds(30_100))
    lab.vms += "\nhog2: {network: lan, address: 203.0.113.12, programs: [spin]}"
    let slower = try Self.roundTrips(lab).most
    #expect(slower <= Self.base + .microseconds(60_100))
  }

  @Test func whoBurnsItsOwnCreditLosesTheBoost() throws {
    var lab = CPULab()
    (lab.client, lab.vms) = (Self.pings, "hog: {network: lan, address: 203.0.113.11, programs: [spin]}")
    lab.web = "programs: [{spin: {duty: 90 %, period: 50 ms}}]"
    #expect(try Self.roundTrips(lab).most >= Self.base + .milliseconds(25))
  }

  @Test func capsAndWeightsHold() throws {
    var lab = CPULab()
    lab.root = "duration: 30 s"
    lab.web = "cap: 25 %, programs: [spin]"
    let capped = try #require(try lab.report().vcpus.first)
    #expect(abs(capped.times.ran.seconds - 7.5) < 0.03)
    lab.web = "weight: 256, programs: [spin]"
    lab.vms = """
      b: {network: lan, address: 203.0.113.11, weight: 512, programs: [spin]}
      c: {network: lan, address: 203.0.113.12, weight: 1024, programs: [spin]}
      """
    let shares = try lab.report().vcpus.map { $0.times.ran.seconds / 30 }
    for (share, wanted) in zip(shares, [1.0 / 7, 2.0 / 7, 4.0 / 7]) { #expect(abs(share - wanted) < 0.002, "\(shares)") }
  }

  @Test func whoSleepsAtTicksGainsOnlyWhereTicksAreAccounted() throws {
    var lab = CPULab()
    lab.root = "duration: 30 s"
    lab.web = "programs: [{spin: {duty: 95 %, period: 10 ms}}]"
    lab.vms = "hog: {network: lan, address: 203.0.113.11, programs: [spin]}"
    let exact = try #require(try lab.report().vcpus.first).times
    #expect(exact.ran.seconds <= 15.03)
    lab.host += ", scheduler: {accounting: sampled, ratelimit: 0 s}"
    let sampled = try #require(try lab.report().vcpus.first).times
    #expect(sampled.ran.seconds >= 27)
    #expect(sampled.lifetime == .seconds(30) && exact.lifetime == .seconds(30))
  }

  @Test func whatAPacketWaitedForStandsInItsCapture() throws {
    var lab = CPULab()
    (lab.client, lab.host) = (Self.pings, lab.host + ", scheduler: {boost: false}")
    lab.vms = "hog: {network: lan, address: 203.0.113.11, programs: [spin]}"
    var simulation = try lab.simulation()
    let outcome = try simulation.outcome()
    let file = String(decoding: try #require(outcome.captures["web/eth0"]), as: UTF8.self)
    #expect(file.contains("web: waited ") && file.contains(" ms for a cpu"))
  }

  // MARK: Stages

  private static func verdict(_ lab: CPULab) throws -> String {
    var lab = lab
    lab.expect = "{from: client, ping: web, at: 2 s, within: 0 s}"
    // ARP is done by then.
    lab.client = "{ping: {to: web, count: 1}}"
    return try #require(try lab.report().expectations.first).observed
  }

  private static func time(_ verdict: String, _ stage: String) -> Int {
    guard let found = verdict.split(separator: " + ").first(where: { $0.contains("\(stage) ") }),
      let text = found.split(separator: " ").last(where: { $0.contains(".") })
    else { return 0 }
    let parts = text.split(separator: ".")
    let rest = parts[1].count == 3 ? "\(parts[1])000" : String(parts[1])
    return (Int(parts[0]) ?? 0) * 1_000_000 + (Int(rest) ?? 0)
  }

  @Test func theStagesAddUpToTheRoundTripAndTheWireIsTheCables() throws {
    let stages = try Self.verdict(CPULab())
    #expect(
      stages
        == "open in 2.024 ms = wire 2.000 + guest 0.020 + exits 0.002040 + hypervisor 0.002 (modelled)")
  }

  /// Whatever waits for whatever, what is left is what the cables take.
  @Test(arguments: ["type1", "type2", "{type1: {driver-domain: dom0}}"], ["virtio", "e1000"])
  func theStagesAddUpUnderLoadToo(kind: String, model: String) throws {
    var lab = CPULab()
    lab.host = "cpus: 1, speed: 1 GHz, hypervisor: \(kind), scheduler: {boost: false, slice: 4 ms}"
    lab.web = "nic-model: \(model), programs: [{udp-echo: 9}, {spin: {duty: 20 %}}]"
    lab.vms = """
      dom0: {network: lan, address: 203.0.113.11, programs: [{spin: {duty: 5 %}}]}
      hog: {network: lan, address: 203.0.113.12, programs: [spin]}
      """
    lab.client = "{ping: {to: web, count: 1}}, {udp-rate: {to: \"web:9\", interval: 900 us, size: 100, start: 1 s}}"
    lab.expect = (0..<30).map { "{from: client, ping: web, at: \(1_500 + $0 * 37) ms, within: 0 s}" }.joined(separator: ", ")
    let verdicts = try lab.report().expectations
    #expect(verdicts.count == 30)
    for verdict in verdicts { #expect(Self.time(verdict.observed, "wire") == 2_000_000, "\(verdict.observed)") }
    // Its own, or its driver domain's.
    #expect(verdicts.contains { max(Self.time($0.observed, "cpu wait"), Self.time($0.observed, "dom0 wait")) > 1_000_000 })
  }

  @Test func kindsOfHypervisorsAreListsOfStages() throws {
    var lab = CPULab()
    lab.host = "cpus: 1, speed: 1 GHz"
    let bare = try Self.verdict(lab)
    lab.host = "cpus: 1, speed: 1 GHz, hypervisor: {type1: {driver-domain: dom0}}"
    lab.vms = "dom0: {network: lan, address: 203.0.113.11}"
    let driven = try Self.verdict(lab)
    lab.host = "cpus: 1, speed: 1 GHz, hypervisor: type2"
    let hosted = try Self.verdict(lab)
    lab.root += "\ncosts: {host-wakeup: 0 s}"
    let awake = try Self.verdict(lab)
    for verdict in [bare, driven, hosted, awake] {
      #expect(Self.time(verdict, "wire") == 2_000_000, "\(verdict)")
      #expect(Self.time(verdict, "guest") == 20_000, "\(verdict)")
    }
    func added(_ verdict: String) -> Int {
      ["hypervisor", "dom0", "dom0 wait", "cpu wait", "host wake-up", "host process"].reduce(0) { $0 + Self.time(verdict, $1) }
    }
    #expect(added(bare) < added(driven) && added(driven) < added(hosted), "\(bare)\n\(driven)\n\(hosted)")
    #expect(added(awake) < added(driven), "\(awake)")
  }

  @Test func aCostLineCountsAsOftenAsItsThingHappens() throws {
    func trip(_ costs: String) throws -> UInt64 {
      var lab = CPULab()
      lab.client = Self.pings
      if !costs.isEmpty { lab.root += "\ncosts: {\(costs)}" }
      return try Self.roundTrips(lab).least.rawValue
    }
    let base = try trip("")
    #expect(try trip("exit-light: {value: 1360 ns, source: test}") == base + 680)
    #expect(try trip("hypercall: 1360 ns") == base + 2 * 680)
    #expect(try trip("guest-receive: 20000") == base + 10_000)
    #expect(try trip("hypervisor: 2 us") == base + 2_000)
  }

  // MARK: Exits

  private static func sending(_ web: String, _ programs: [String]) throws -> (exits: [String: UInt64], sent: UInt64) {
    var lab = CPULab()
    lab.client = "{sink: 9}"
    lab.web = "\(web), programs: [\(programs.joined(separator: ", "))]"
    let report = try lab.report()
    let sent = report.machines.first { $0.name == "web" }?.interfaces[0].counters.transmitted ?? 0
    return (report.exits("web"), sent)
  }

  /// ARP's request and its reply are over by the time of the second.
  private static let oneByOne = [
    "{udp-rate: {to: \"client:9\", count: 1, size: 100, start: 100 ms}}",
    "{udp-rate: {to: \"client:9\", count: 999, interval: 1 ms, size: 100, start: 1 s}}",
  ]

  @Test func exitsAreThoseOfTheWalk() throws {
    let virtio = try Self.sending("nic-model: virtio", Self.oneByOne)
    #expect(virtio.sent == 1001)
    #expect(virtio.exits == ["kick": 1001, "interrupt": 1, "eoi": 1])
    let e1000 = try Self.sending("nic-model: e1000", Self.oneByOne)
    let interrupts = e1000.exits["interrupt"] ?? 0
    #expect(e1000.sent == 1001 && e1000.exits["tx-doorbell"] == 1001)
    // One for each that has left, and one for the reply; those that come together are one.
    #expect(interrupts >= 1001 && interrupts <= 1002)
    for reason in ["icr-read", "imc-write", "ims-write", "eoi"] { #expect(e1000.exits[reason] == interrupts) }
    #expect(e1000.exits["rx-refill"] == 1 && e1000.exits["kick"] == nil)
    let classical = try Self.sending("nic-model: e1000, execution: classical", Self.oneByOne)
    #expect(classical.exits["tx-doorbell"] == 1001 && classical.exits["privileged"] == (classical.exits["interrupt"] ?? 0) * 2)
    #expect(try Self.sending("execution: emulation", Self.oneByOne).exits == [:])
  }

  /// Sixty-four send at the same moments.
  @Test func aBatchIsOneKickAndAsManyDoorbells() throws {
    let batches = (0..<64).map { _ in "{udp-rate: {to: \"client:9\", count: 16, interval: 10 ms, size: 100, start: 1 s}}" }
    let before = "{udp-rate: {to: \"client:9\", count: 1, size: 100, start: 100 ms}}"
    let virtio = try Self.sending("nic-model: virtio", [before] + batches)
    #expect(virtio.sent == 1026)
    // ARP's, the first datagram's, and one for each batch.
    #expect((virtio.exits["kick"] ?? 0) <= 16 + 1 + 2, "\(virtio.exits)")
    let e1000 = try Self.sending("nic-model: e1000", [before] + batches)
    #expect(e1000.exits["tx-doorbell"] == 1026)
  }

  /// What goes through is the same, however it is carried out.
  @Test(arguments: ["emulation", "classical", "paravirtual"], ["virtio", "e1000"])
  func everyModeCarriesTheSameBytes(execution: String, model: String) throws {
    var lab = CPULab()
    lab.web = "execution: \(execution), nic-model: \(model), programs: [{sink: 5001}, {bulk: {to: \"client:9\", size: 200 kB}}]"
    lab.client = "{sink: 9}, {bulk: {to: \"web:5001\", size: 200 kB}}"
    let report = try lab.report()
    let sinks = report.programs.filter { $0.report.title.hasPrefix("sink") }
    #expect(sinks.map(\.report.patternBytes) == [200_000, 200_000])
    let exits = try #require(report.vcpus.first)
    #expect(exits.exits.isEmpty == (execution == "emulation"))
  }

  /// Under load virtio's exits a packet fall, and an e1000's doorbells don't.
  @Test func exitsAPacketFallWithLoadOnVirtioAlone() throws {
    func exits(_ model: String, _ interval: String) throws -> (kicks: Double, doorbells: Double, interrupts: Double) {
      var lab = CPULab()
      lab.web = "nic-model: \(model), programs: [{udp-echo: 9}]"
      lab.client = "{udp-rate: {to: \"web:9\", count: 2000, interval: \(interval), size: 100, start: 1 s}}"
      lab.root += "\ncosts: {hypervisor: 30 us}"
      let report = try lab.report()
      let sent = Double(report.machines.first { $0.name == "web" }?.interfaces[0].counters.transmitted ?? 1)
      let found = report.exits("web")
      return (
        Double(found["kick"] ?? 0) / sent, Double(found["tx-doorbell"] ?? 0) / sent, Double(found["interrupt"] ?? 0) / sent
      )
    }
    let (idle, busy) = (try exits("virtio", "1 ms"), try exits("virtio", "25 us"))
    #expect(idle.kicks > 0.99 && busy.kicks < 0.5, "\(idle) \(busy)")
    let (calm, full) = (try exits("e1000", "1 ms"), try exits("e1000", "40 us"))
    #expect(calm.doorbells == 1 && full.doorbells == 1, "\(calm) \(full)")
  }

  @Test func whatIsExplainedTellsOfTheCPU() throws {
    var lab = CPULab()
    lab.host += ", scheduler: {boost: false}"
    lab.vms = "hog: {network: lan, address: 203.0.113.11, programs: [spin]}"
    var simulation = try lab.simulation()
    simulation.advance(to: .seconds(1))
    let text = try simulation.explain(from: "client", .ping(to: .node("web")), to: "web").text(file: "cpus.yaml")
    #expect(text.contains("it sleeps, an interrupt wakes it") && text.contains(" for a cpu"), "\(text)")
    #expect(text.contains("cpu wait"), "\(text)")
  }
}
