import Testing
import WeftCore
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftStorage
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// A client outside never knows more than the standby has.
@Suite struct StandbyTests {
  private static func failures(_ change: (inout Topology) -> Void) throws -> [String] {
    var file = try example("lockstep-standby.yaml")
    change(&file)
    var simulation = try Simulation(file, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    return report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test func theFileHolds() throws { #expect(try Self.failures { _ in } == []) }

  @Test(arguments: ["no standby", "output isn't held", "it never gets an epoch", "its host doesn't fail"])
  func theFileFailsWhereTheNotionIsASham(what: String) throws {
    let found = try Self.failures { topology in
      switch what {
      case "no standby": topology.vms[0].standby = nil
      case "output isn't held": topology.vms[0].standby?.holdOutput = false
      case "it never gets an epoch": topology.vms[0].standby?.epoch = .seconds(10)
      default: topology.events = []
      }
    }
    #expect(!found.isEmpty)
  }

  // MARK: Lab

  /// `db` pings the client, so that its packets are numbered; the client puts records in its store.
  static func lab(
    _ standby: String = "standby: {host: server2, epoch: 25 ms}", events: String = "", db: String = "", hosts: String = "",
    server: String = "", duration: String = "3 s", link: String = "delay: 100 us, rate: 1 Gbit/s",
    programs: String = "kv-store, {ping: {to: client, count: 100000, interval: 3 ms}}"
  ) -> String {
    """
    duration: \(duration)
    segments: {campus: {subnet: 10.0.0.0/24, \(link)}}
    hosts:
      server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}, \(server)}
      server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}, \(server)}
      client: {uplink: campus 10.0.0.9, programs: [{http-put: {to: "db:80", count: 100000, interval: 30 ms}}]}
      \(hosts)
    vms:
      db: {network: lan1, address: 10.0.0.10, memory: 2 MiB, disks: [{name: root, size: 1 MiB}], programs: [\(programs)], \(standby), \(db)}
    events: [\(events)]
    """
  }

  /// Protected, in the midst of an epoch.
  private static func protected(_ yaml: String, at moment: Nanoseconds = .milliseconds(412), captures: Bool = true) throws
    -> Simulation
  {
    var simulation = try Simulation(topology(yaml), captures: captures ? CaptureOptions(directory: nil) : nil)
    simulation.advance(to: .start + moment)
    return simulation
  }

  private static func db(_ simulation: borrowing Simulation, _ name: String = "db") throws -> Machine {
    let machine = simulation.world.machine(named: name)
    return try #require(machine)
  }

  private static func failHost(_ simulation: inout Simulation, _ host: String) throws {
    try simulation.act { (world) throws(EventFailure) in try world.failHost(host) }
  }

  /// Numbers of the pings that a machine sent, as the client's cable had them, and when.
  private static func pings(_ simulation: borrowing Simulation) throws -> [(number: Int, at: Double)] {
    let captures = try simulation.captured()
    return try packets(#require(captures["client/uplink"])).filter {
      $0.bytes.count >= 42 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 1 && $0.bytes[34] == 8
    }.map { (Int($0.bytes[40]) << 8 | Int($0.bytes[41]), $0.seconds) }
  }

  private static func acknowledged(_ programs: [Report.Program]) throws -> Int {
    let put = try #require(programs.first { $0.report.title.hasPrefix("http-put") })
    return Int(put.report.replies)
  }

  // MARK: What the client sees

  /// The moments of all events of two epochs, and more between.
  private static func instants(_ simulation: borrowing Simulation) throws -> [Instant] {
    var probe = try simulation.fork()
    var found: Set<UInt64> = []
    let end = probe.world.now + .milliseconds(50)
    while probe.run(until: end, events: 1) { found.insert(probe.world.now.rawValue) }
    var moments = found.sorted()
    // As many again as are missing of 200, between the others.
    var between: [UInt64] = []
    for (a, b) in zip(moments, moments.dropFirst()) where b - a > 1 { between.append(a + (b - a) / 2) }
    moments += between.prefix(max(0, 200 - moments.count))
    return moments.sorted().map { Instant($0) }
  }

  private static func failEverywhere(_ yaml: String, only: Int = .max) throws -> (instants: Int, back: Int, outages: [Double]) {
    var base = try protected(yaml)
    let moments = try instants(base)
    var (back, outages): (Int, [Double]) = (0, [])
    let step = max(1, moments.count / only)
    for (index, moment) in moments.enumerated() where index % step == 0 {
      base.advance(to: moment)
      var run = try base.fork()
      try failHost(&run, "server1")
      run.advance(to: moment + .milliseconds(330))
      let vm = try #require(db(run).vm)
      #expect(vm.state == .running && vm.host == "server2", "failed at \(moment - .start)")
      let seen = try pings(run)
      if zip(seen, seen.dropFirst()).contains(where: { $1.number <= $0.number }) { back += 1 }
      let failed = (moment - .start).seconds
      let first = seen.first { $0.at > failed + 0.29 }
      outages.append((first?.at ?? .infinity) - failed)
    }
    return (moments.count, back, outages)
  }

  /// Each event of two epochs is among the moments at which its host fails.
  @Test func whenverItsHostFailsNoNumberComesTwiceOrGoesBack() throws {
    let (instants, back, outages) = try Self.failEverywhere(Self.lab())
    #expect(instants >= 200)
    #expect(back == 0)
    // Detection, and to the next ping of its own.
    #expect(outages.allSatisfy { $0 >= 0.3 && $0 <= 0.3 + 0.004 }, "\(outages.max() ?? 0)")
  }

  @Test func withoutHoldingOutputNumbersGoBack() throws {
    let (_, back, _) = try Self.failEverywhere(Self.lab("standby: {host: server2, hold-output: false}"), only: 20)
    #expect(back >= 10)
  }

  /// What was acknowledged is on the standby's disk, and on the first host's more.
  @Test func whatWasAcknowledgedIsOnTheStandbysDisk() throws {
    for milliseconds in [401, 409, 417, 424] as [UInt64] {
      var run = try Self.protected(Self.lab(), at: .milliseconds(milliseconds))
      let before = try Self.db(run).guest.drives[0].bytesWritten
      try Self.failHost(&run, "server1")
      run.advance(to: .start + .seconds(1))
      #expect(try Self.db(run).vm?.host == "server2")
      let acknowledged = try Self.acknowledged(run.world.programs)
      // As it boots it reads what its disk has.
      try run.perform(.reset, on: "db")
      run.advance(to: .start + .milliseconds(1_100))
      let report = try run.finish()
      let store = try #require(report.programs.first { $0.report.title.hasPrefix("kv-store") })
      let line = "\(store.report)"
      let records = try #require(line.firstMatch(of: /(\d+) records/).flatMap { Int($0.1) }, "\(line)")
      #expect(records >= acknowledged && acknowledged > 4, "\(records) of \(acknowledged)")
      #expect(before > 0)
    }
  }

  /// From each epoch's first segment to the standby's octet for it, as the host's own cable had them; but of the copy of all.
  private static func acknowledgments(_ file: [UInt8]) -> [Double] {
    var (begun, found): (Double?, [Double]) = (nil, [])
    for packet in packets(file) where packet.bytes.count > 54 && packet.bytes[12] == 8 && packet.bytes[23] == 6 {
      func word(_ at: Int) -> Int { Int(packet.bytes[at]) << 8 | Int(packet.bytes[at + 1]) }
      let payload = word(16) - 20 - Int(packet.bytes[46] >> 4) * 4
      if word(36) == 49_216, payload > 0, begun == nil { begun = packet.seconds }
      if word(34) == 49_216, payload == 1, let start = begun {
        found.append(packet.seconds - start)
        begun = nil
      }
    }
    return Array(found.dropFirst())
  }

  @Test func aRoundTripWaitsHalfAnEpochAndNeverMoreThanOne() throws {
    let ping = "{ping: {to: db, count: 200, interval: 7300 us}}"
    func trips(_ standby: String) throws -> (trips: [Double], acknowledgments: [Double]) {
      var simulation = try Simulation(
        topology(
          Self.lab(standby, hosts: "peer: {uplink: campus 10.0.0.8, programs: [\(ping)]}", programs: "http-server")
            .replacing(", programs: [{http-put: {to: \"db:80\", count: 100000, interval: 30 ms}}]", with: "")),
        captures: CaptureOptions(directory: nil))
      _ = try simulation.complete()
      let captures = try simulation.captured()
      let all = try packets(#require(captures["peer/uplink"])).filter {
        $0.bytes.count >= 42 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 1
      }
      var (asked, found): ([Int: Double], [Double]) = ([:], [])
      for packet in all {
        let number = Int(packet.bytes[40]) << 8 | Int(packet.bytes[41])
        if packet.bytes[34] == 8 { asked[number] = packet.seconds } else { found.append(packet.seconds - (asked[number] ?? 0)) }
      }
      // The first find the copy of all under way.
      return (Array(found.dropFirst(20)), try Self.acknowledgments(#require(captures["server1/eth0"])))
    }
    let plain = try trips("autostart: true").trips
    let base = plain.reduce(0, +) / Double(plain.count)
    let (held, acknowledgments) = try trips("standby: {host: server2, epoch: 25 ms}")
    let (least, most) = (held.min() ?? 0, held.max() ?? 0)
    #expect(acknowledgments.count > 100)
    let acknowledgment = acknowledgments.reduce(0, +) / Double(acknowledgments.count)
    let mean = held.reduce(0, +) / Double(held.count)
    #expect(held.count >= 170 && plain.count == held.count)
    #expect(least >= base + (acknowledgments.min() ?? 1), "\(least)")
    #expect(abs(mean - (base + 0.0125 + acknowledgment)) <= 0.1 * (base + 0.0125 + acknowledgment), "\(mean)")
    #expect(most <= base + 0.025 + (acknowledgments.max() ?? 0) + 0.001, "\(most)")
  }

  // MARK: The gate

  /// A host that takes nothing in for long: what waits is bounded, and what is too much a drop with a reason.
  @Test func whatIsHeldIsBounded() throws {
    let flood = "{udp-rate: {to: \"client:9\", interval: 100 us, size: 20}}"
    let report = try run(
      Self.lab("standby: {host: server2, epoch: 500 ms}", duration: "2 s", programs: flood))
    let full = report.drops.filter { $0.port == "db/eth0" && $0.reason == "tx-ring-full" }
    // 5,000 an epoch, of which 1,024 wait.
    #expect(full.reduce(0) { $0 + $1.count } > 7_000)
  }

  /// Nothing of an epoch that nobody has leaves when the host fails: it is dropped there.
  @Test func whatWasHeldWhenTheHostFailedIsDroppedOnRecord() throws {
    var run = try Self.protected(Self.lab(), at: .milliseconds(422))
    let waiting = try Self.db(run).interfaces[0].waitingToTransmit
    #expect(waiting > 0)
    try Self.failHost(&run, "server1")
    run.advance(to: .start + .milliseconds(430))
    let report = try run.finish()
    let dropped = report.drops.filter { $0.port == "db/eth0" && $0.reason == "machine-stopped" }.reduce(0) { $0 + $1.count }
    #expect(Int(dropped) >= waiting)
  }

  /// A held frame is in the capture when it leaves, and tells how long it was held.
  @Test func aCaptureTellsForHowLongAFrameWasHeld() throws {
    var run = try Self.protected(Self.lab())
    let captures = try run.captured()
    let file = try #require(captures["db/eth0"])
    let text = String(decoding: file, as: UTF8.self)
    let comments = text.matches(of: /db: held ([\d.]+) (ms|µs) for epoch (\d+)/)
    #expect(comments.count > 50)
    for comment in comments {
      let time = try #require(Double(comment.1))
      #expect(comment.2 != "ms" || time <= 27)
    }
    #expect(Set(comments.compactMap { Int($0.3) }).count > 8)
    _ = try run.complete()
  }

  // MARK: Who runs it

  @Test func aStandbyThatFailsIsDoneWithout() throws {
    let report = try run(Self.lab(events: "{at: 412 ms, fail-host: server2}", duration: "1.5 s"))
    #expect(report.standbys.count == 1)
    #expect(report.standbys[0].contains("lost at 712 ms: server2 has failed"), "\(report.standbys)")
    #expect(report.machines.first { $0.name == "db" }?.host == "server1")
    #expect(try Self.acknowledged(report.programs) > 20)
  }

  @Test func ifBothHostsFailItIsSaidAndTheVMIsOff() throws {
    let events = "{at: 412 ms, fail-host: server1}, {at: 500 ms, fail-host: server2}"
    let report = try run(Self.lab(events: events, duration: "1.5 s"))
    #expect(report.complaints == ["at 712 ms: server2 can't go on with db: it has failed too"])
    #expect(report.machines.first { $0.name == "db" }?.state == "stopped")
    // Or, if the file wants it, it boots where there is room.
    let third = "server3: {uplink: campus 10.0.0.3, networks: {lan3: bridge}}"
    let restarted = try run(Self.lab(events: events, db: "on-host-failure: restart", hosts: third, duration: "1.5 s"))
    #expect(restarted.machines.first { $0.name == "db" }?.host == "server3")
  }

  /// A cable that is cut makes nobody take over: the VM's host has it. Once it is back, so is the standby.
  @Test func aCableThatIsCutCostsTheStandbyAndBringsItBack() throws {
    let events = "{at: 412 ms, link-down: server2.uplink}, {at: 3 s, link-up: server2.uplink}, {at: 4.5 s, fail-host: server1}"
    var simulation = try Simulation(topology(Self.lab(events: events, duration: "5 s")), captures: nil)
    simulation.advance(to: .start + .milliseconds(2_900))
    let line = simulation.world.standbyReport[0]
    #expect(line.contains("not connected since"), "\(line)")
    let machine = try Self.db(simulation)
    #expect(!machine.interfaces[0].isGated && machine.vm?.host == "server1")
    let report = try simulation.complete()
    #expect(report.standbys[0].contains("took over at 4.8 s"), "\(report.standbys)")
    #expect(report.machines.first { $0.name == "db" }?.host == "server2")
  }

  @Test func theVMNeverRunsAtBothAndNowhereUntilItsFailureIsNoticed() throws {
    let report = try run(
      Self.lab(events: "{at: 412 ms, fail-host: server1}", duration: "1.5 s") + """

        expect:
          - {vm: db, alive-on: server1, at: 411 ms, within: 0 s}
          - {vm: db, alive-on: none, always-after: {from: 412 ms, to: 711 ms, every: 13 ms}}
          - {vm: db, alive-on: server2, always-after: {from: 713 ms, to: 1.4 s, every: 50 ms}}
        """)
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
  }

  // MARK: Verbs

  @Test(arguments: [
    ("{at: 400 ms, migrate: {vm: db, to: server2}}", "can't migrate db: it has a standby"),
    (
      "{at: 300 ms, snapshot: {vm: db, name: a}}, {at: 400 ms, revert: {vm: db, to: a}}", "can't revert db: it has a standby"
    ), ("{at: 400 ms, drain: server1}", "can't move db: it has a standby"),
  ])
  func whatWouldLeaveTheStandbyBehindIsRefused(events: String, why: String) throws {
    let report = try run(Self.lab(events: events, duration: "600 ms"))
    #expect(report.complaints.count == 1 && report.complaints[0].hasSuffix(why), "\(report.complaints)")
    #expect(report.machines.first { $0.name == "db" }?.state == "running")
    #expect(report.standbys[0].contains("epoch 2") && !report.standbys[0].contains("lost"), "\(report.standbys)")
  }

  /// Off, paused, saved, or in another life: what the standby does when its host fails then.
  @Test(arguments: [
    ("{at: 400 ms, stop: db}", "stopped", "server1"), ("{at: 400 ms, crash: db}", "stopped", "server1"),
    ("{at: 400 ms, save: db}", "stopped", "server1"),
    ("{at: 400 ms, shutdown: db}", "stopped", "server1"), ("{at: 400 ms, pause: db}", "paused", "server2"),
    ("{at: 400 ms, stop: db}, {at: 450 ms, start: db}", "running", "server2"),
    ("{at: 400 ms, save: db}, {at: 450 ms, restore: db}", "running", "server2"),
    ("{at: 400 ms, pause: db}, {at: 450 ms, resume: db}", "running", "server2"),
    ("{at: 400 ms, reset: db}", "running", "server2"), ("{at: 690 ms, reset: db}", "stopped", "server1"),
    ("{at: 400 ms, snapshot: {vm: db, name: a}}", "running", "server2"),
  ])
  func whatBecomesOfAVerbWhenTheHostFailsLater(events: String, state: String, host: String) throws {
    let report = try run(Self.lab(events: events + ", {at: 691 ms, fail-host: server1}", duration: "1.5 s"))
    let vm = try #require(report.machines.first { $0.name == "db" })
    #expect(vm.state == state && vm.host == host, "\(vm.state) on \(vm.host ?? "") \(report.standbys) \(report.complaints)")
  }

  /// A guest that shuts down says its last words through the gate.
  @Test func whatItSaysAsItShutsDownGetsOut() throws {
    let report = try run(Self.lab(events: "{at: 400 ms, shutdown: db}", duration: "1 s"))
    #expect(report.machines.first { $0.name == "db" }?.state == "stopped")
    #expect(!report.drops.contains { $0.port == "db/eth0" && $0.reason == "machine-stopped" && $0.count > 200 })
  }

  /// A copy has no standby, and nothing of what the original holds back.
  @Test func aCloneLetsOutNothingThatTheOriginalHolds() throws {
    var run = try Self.protected(Self.lab(), at: .milliseconds(422))
    let held = try Self.db(run).interfaces[0].waitingToTransmit
    try run.clone("db", as: "twin", identity: .keep)
    let twin = try Self.db(run, "twin")
    #expect(held > 0 && twin.interfaces[0].waitingToTransmit == 0 && !twin.interfaces[0].isGated)
  }

  // MARK: Same bytes

  @Test(arguments: [401, 412, 420, 425, 426, 560] as [UInt64])
  func aCheckpointInTheMidstOfAnEpochGoesOnToTheSameBytes(milliseconds: UInt64) throws {
    let lab = try topology(Self.lab(events: "{at: 540 ms, fail-host: server1}", duration: "1 s"))
    var whole = try Simulation(lab, captures: CaptureOptions(directory: nil))
    whole.advance(to: .start + .milliseconds(milliseconds))
    let image = try whole.image().encoded()
    var forked = try whole.fork()
    var resumed = try Simulation(resuming: SimulationImage(decoding: image, pool: FramePool()), pool: FramePool(), captures: nil)
    let expected = try whole.outcome()
    for other in [try forked.outcome(), try resumed.outcome()] {
      #expect(other.isSame(expected), "\(other.difference(expected))")
    }
  }

  // MARK: On cpus

  @Test func onHostsWithCPUsItGoesOnToo() throws {
    var run = try Self.protected(Self.lab(server: "cpus: 2, speed: 1 GHz, memory: 8 MiB", duration: "1.6 s"))
    let before = try Self.acknowledged(run.world.programs)
    try Self.failHost(&run, "server1")
    let report = try run.complete()
    let vm = try #require(report.machines.first { $0.name == "db" })
    #expect(vm.state == "running" && vm.host == "server2")
    #expect(report.complaints == [])
    let after = try Self.acknowledged(report.programs)
    #expect(before > 0 && after > before + 4, "\(before), \(after)")
    let numbers = try Self.pings(run).map(\.number)
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 } && numbers.count > 200)
  }

  /// To the nanosecond: its clock is behind by so much for each page that went after the first copy.
  @Test func copyingPagesAsideTakesItsTimeOfTheGuest() throws {
    var run = try Self.protected(
      Self.lab("standby: {host: server2, epoch: 25 ms, copy: 20 us}"), at: .milliseconds(1))
    var moment = Instant.start
    func step(_ run: inout Simulation) {
      moment = max(moment, run.world.now) + .microseconds(100)
      run.advance(to: moment)
    }
    while run.world.standbys.all[0].epoch == 0 { step(&run) }
    let first = run.world.standbys.all[0].sender.pages
    run.advance(to: .start + .milliseconds(700))
    while run.world.standbys.all[0].pending != nil { step(&run) }
    let pages = run.world.standbys.all[0].sender.pages - first
    #expect(pages > 100)
    #expect(try Self.db(run).vm?.lag == .microseconds(20 * pages))
    // What is done to it in the midst of a copy finds it running.
    while run.world.standbys.all[0].resumeAt == .never { step(&run) }
    #expect(try Self.db(run).state == .paused)
    try run.perform(.pause, on: "db")
    #expect(run.world.standbys.all[0].resumeAt == .never)
    try run.perform(.resume, on: "db")
    #expect(try Self.db(run).state == .running)
  }

  /// Each the other's: one goes on there, the other has lost its standby.
  @Test func twoHostsMayKeepEachOthersVMs() throws {
    let other = "}\n  web: {network: lan2, address: 10.0.0.11, memory: 1 MiB, programs: [http-server], standby: {host: server1}"
    let report = try run(Self.lab(events: "{at: 412 ms, fail-host: server1}", db: other, duration: "1 s"))
    #expect(report.machines.filter { $0.name == "db" || $0.name == "web" }.map(\.host) == ["server2", "server2"])
    #expect(report.standbys[0].contains("took over at 712 ms"), "\(report.standbys)")
    #expect(report.standbys[1].contains("lost at 712 ms: server1 has failed"), "\(report.standbys)")
  }

  @Test func aVMThatIsRemovedTakesItsStandbyAlong() throws {
    let report = try run(Self.lab(events: "{at: 412 ms, remove-vm: db}", duration: "800 ms"))
    #expect(report.standbys[0].contains("there is no db any more"), "\(report.standbys)")
    let added = try run(
      Self.lab(events: "{at: 412 ms, add-nic: {vm: db, nic: {network: lan1, address: 10.0.0.12}}}", duration: "500 ms"))
    #expect(added.complaints.count == 1 && added.complaints[0].contains("db has a standby"), "\(added.complaints)")
  }

  /// Its host's failure is not its end, so the check has no doubts about what is done to it afterwards.
  @Test func theCheckKnowsThatItGoesOn() {
    let lab = Self.lab(events: "{at: 412 ms, fail-host: server1}, {at: 2 s, stop: db}, {at: 2.5 s, start: db}")
    let load = Topology.load(bytes: Array(lab.utf8), file: "test.yaml")
    #expect(load.topology != nil && load.diagnostics.isEmpty, "\(load.diagnostics)")
  }

  // MARK: What a file may say

  private static func messages(_ yaml: String) -> [String] {
    Topology.load(bytes: Array(yaml.utf8), file: "test.yaml", readFile: FilesBeside(Repository.topology("test.yaml")).read)
      .diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
  }

  @Test(arguments: [
    ("standby: {host: nowhere}", "", "nowhere"),
    ("standby: {host: server1}", "", "\"db\" is on \"server1\" itself"),
    ("standby: {epoch: 25 ms}", "", "\"host\""), ("standby: {host: server2, epoch: 0 s}", "", "must be more than 0"),
    ("standby: {host: server2, copy: 2 ms}", "", "\"copy\" is out of range: 0 s to 1 ms"),
    ("standby: {host: server2, epoch: 11 s}", "", "\"epoch\" is out of range: 1 ms to 10 s"),
    ("standby: {host: server2, hold-output: perhaps}", "", "true or false"),
    ("standby: {host: client}", "", "\"db\" can't go on there"),
    ("standby: {host: server2}", "memory: 1 MiB", "adds up to 2 MiB, and it has 1 MiB"),
    ("standby: {host: server2}", "cpus: 1, hypervisor: none", "\"server2\" has no hypervisor"),
  ])
  func aStandbyThatCantBeIsAnErrorInItsPlace(standby: String, server: String, message: String) throws {
    let lines = Self.lab(standby, server: server)
    let found = Self.messages(lines)
    #expect(found.contains { $0.contains(message) }, "\(found)")
    #expect(found.allSatisfy { !$0.hasPrefix("0:") && !$0.hasPrefix("1:") }, "\(found)")
  }
}
