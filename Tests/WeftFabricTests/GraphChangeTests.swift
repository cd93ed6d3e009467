import Testing
import WeftCore
import WeftSettings
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric
@testable import WeftStorage

/// Machines, interfaces and cables that come and go while a lab runs.
@Suite struct GraphChangeTests {
  private static let lab = """
    name: changing
    segments: {net: {subnet: 203.0.113.0/24, delay: 2 ms, dhcp: true}}
    hosts:
      h: {uplink: net 203.0.113.2, networks: {home: {mode: nat, subnet: 10.0.0.0/24, forwards: ["8080:web:80/tcp"]}, lan: {mode: isolated, subnet: 10.1.0.0/24, delay: 3 ms}, play: {mode: host-only, subnet: 10.2.0.0/24}}}
      srv: {uplink: net 203.0.113.9, programs: [udp-echo, http-server, sink]}
    vms:
      web: {network: home, programs: [http-server, {udp-rate: {to: "srv:7", interval: 5 ms, size: 300}}]}
      one: {network: lan, address: 10.1.0.1, programs: [udp-echo, {ping: {to: two, count: 200, interval: 15 ms}}]}
      two: {network: lan, address: 10.1.0.2, programs: [{udp-rate: {to: "one:7", interval: 4 ms}}]}
    """

  private static func start(_ yaml: String = lab, until: Instant = .seconds(3)) throws -> Simulation {
    try Simulation(topology(yaml), until: until, captures: CaptureOptions(directory: nil))
  }

  private static func vm(_ name: String, _ network: String, _ address: IPv4Address? = nil, _ programs: [Program] = []) -> VM {
    var nic = NIC(network: network)
    nic.address = address
    var vm = VM(name: name, host: "h", nics: [nic])
    vm.programs = programs
    return vm
  }

  private static func ping(_ to: IPv4Address) -> Program {
    var ping = PingSettings(.address(to))
    (ping.count, ping.interval) = (100, .milliseconds(10))
    return Program(ping, start: .zero)
  }

  @Test func aVMThatComesAndGoesLeavesTheOthersAlone() throws {
    var whole = try Self.start()
    let expected = try whole.outcome()
    var simulation = try Self.start()
    simulation.run(until: .milliseconds(300))
    try simulation.perform(.addVM(Self.vm("late", "play", nil, [Self.ping(IPv4Address(10, 2, 0, 1))])))
    simulation.run(until: .milliseconds(1400))
    try simulation.perform(.removeVM("late"))
    let outcome = try simulation.outcome()
    let sameAsBefore = expected.captures.keys.filter {
      !$0.hasPrefix("play") && !$0.hasPrefix("h/play") && outcome.captures[$0] != expected.captures[$0]
    }
    #expect(sameAsBefore.isEmpty, "\(sameAsBefore)")
    let seen = try #require(outcome.captures["late/eth0"])
    #expect(seen.count > 2000, "it had its address by DHCP and was answered: \(seen.count) bytes")
    // Removed at another time: still the same for everybody else.
    var other = try Self.start()
    other.run(until: .milliseconds(811))
    try other.perform(.addVM(Self.vm("late", "play")))
    try other.perform(.removeVM("late"))
    let second = try other.outcome()
    #expect(expected.captures.keys.allSatisfy { $0.contains("play") || second.captures[$0] == expected.captures[$0] })
  }

  @Test func whatWasOnTheWayIsCounted() throws {
    var simulation = try Self.start()
    simulation.run(until: .milliseconds(500))
    let inFlight = simulation.world.links.array.filter { $0.inFlight > 0 }.count
    #expect(inFlight > 0)
    let before = simulation.world.recorder.drops.total
    let lost = try #require(simulation.world.names.cables[LinkName(node: "two", port: "eth0")])
      .links.reduce(0) { $0 + simulation.world.links[$1].inFlight }
    try simulation.perform(.removeVM("two"))
    let counted = simulation.world.recorder.drops.all.filter { $0.reason == .linkRemoved }.reduce(0) { $0 + $1.count }
    #expect(lost > 0 && counted == UInt64(lost) && simulation.world.recorder.drops.total - before == UInt64(lost))
    let report = try simulation.complete()
    #expect(report.drops.contains { $0.reason == "link-removed" })
  }

  @Test func unknownAndImpossibleThingsAreErrorsAndChangeNothing() throws {
    var simulation = try Self.start()
    simulation.run(until: .milliseconds(100))
    let before = try simulation.image().encoded()
    func complaint(_ action: GraphAction) -> String {
      do {
        try simulation.perform(action)
        return "none"
      } catch { return error.description }
    }
    var taken = Self.vm("new", "lan", IPv4Address(10, 1, 0, 9))
    taken.nics[0].mac = simulation.world.elements.machines.array[1].interfaces[0].mac
    let web = LinkName(node: "web", port: "eth0")
    #expect(complaint(.removeVM("nobody")) == "there is no VM nobody")
    #expect(complaint(.removeVM("srv")) == "there is no VM srv")
    #expect(complaint(.addVM(Self.vm("web", "lan"))) == "the name web is taken")
    #expect(complaint(.addVM(Self.vm("home-switch", "lan"))) == "the name home-switch is taken")
    #expect(complaint(.addVM(Self.vm("x", "nowhere"))) == "there is no network nowhere")
    #expect(complaint(.addVM(taken)).contains("is taken"))
    #expect(complaint(.addNIC(vm: "web", NIC(network: "nowhere"))) == "there is no network nowhere")
    #expect(complaint(.removeNIC(LinkName(node: "web", port: "eth1"))) == "there is no network interface web.eth1")
    #expect(complaint(.plug(web, into: "nowhere")) == "there is no network nowhere")
    #expect(complaint(.addPort(of: "lan", name: "one")) == "the name lan/one is taken")
    let after = try simulation.image().encoded()
    #expect(after == before)
    try simulation.perform(.removeVM("two"))
    #expect(complaint(.removeVM("two")) == "there is no VM two")
    #expect(complaint(.addVM(Self.vm("two", "lan"))) == "the name two is taken")
    #expect(throws: (any Error).self) { try simulation.world.carryOut(.start, on: "two") }
    #expect(throws: ActionError.self) { try simulation.world.setCable(LinkName(node: "two", port: "eth0"), up: false) }
  }

  @Test func aNICGoesIntoAnotherNetworkAndAsksForAnAddressThere() throws {
    var simulation = try Self.start()
    simulation.run(until: .milliseconds(500))
    let node = try #require(simulation.world.names.machines["web"])
    let found = simulation.world.machine(node)
    let machine = try #require(found)
    func address(_ port: Int) -> IPv4Address? { simulation.world.elements.machines[machine].guest.stack.address(of: port) }
    let home = try #require(address(0))
    #expect(simulation.world.graph.ports.count > 0 && IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24).contains(home))
    try simulation.perform(.plug(LinkName(node: "web", port: "eth0"), into: "play"))
    try simulation.perform(.addNIC(vm: "web", NIC(network: "home")))
    simulation.run(until: .milliseconds(2900))
    #expect(
      address(0).map { IPv4Prefix(IPv4Address(10, 2, 0, 0), length: 24).contains($0) } == true,
      "\(String(describing: address(0)))")
    #expect(
      address(1).map { IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24).contains($0) } == true,
      "\(String(describing: address(1)))")
    try simulation.perform(.removeNIC(LinkName(node: "web", port: "eth1")))
    try simulation.perform(.addNIC(vm: "web", NIC(network: "play")))
    #expect(simulation.world.graph.portNames(of: node) == ["web/eth0", "web/eth1", "web/eth2"])
  }

  @Test func eventsOfTheFileChangeTheGraphToo() throws {
    let topology = try topology(Self.lab)
    var planned = topology
    planned.events = [
      Event(
        at: .milliseconds(300),
        action: .change(.addVM(Self.vm("late", "lan", IPv4Address(10, 1, 0, 7), [Self.ping(IPv4Address(10, 1, 0, 1))])))),
      Event(at: .milliseconds(900), action: .change(.removeVM("two"))),
      Event(at: .milliseconds(950), action: .change(.removeVM("two"))),
      Event(at: .milliseconds(1000), action: .life(.stop, vm: "two")),
    ]
    var byFile = try Simulation(planned, until: .seconds(2), captures: CaptureOptions(directory: nil))
    let report = try byFile.complete()
    #expect(report.programs.contains { $0.machine == "late" && $0.report.replies ?? 0 > 50 }, "\(report.programs)")
    #expect(report.complaints.count == 2 && report.complaints[0].contains("there is no VM two"), "\(report.complaints)")
  }

  /// Random changes at random moments: what stays true whatever comes and goes.
  @Test(arguments: 0..<6) func whateverComesAndGoesNothingIsLostUncounted(seed: UInt64) throws {
    var random = RandomStream(seed: seed, owner: "graph", purpose: "changes")
    func pick<T>(_ from: [T]) -> T? { from.isEmpty ? nil : from[Int(random.next(below: UInt64(from.count)))] }
    var simulation = try Self.start(until: .seconds(4))
    // Lives beside it, and is made anew from a checkpoint now and then.
    var twin = try simulation.fork()
    var (made, done) = (0, 0)
    for _ in 0..<40 {
      let moment = simulation.now + Nanoseconds(random.next(below: 60_000_000))
      simulation.run(until: moment)
      let action = Self.action(&random, simulation, &made)
      if (try? simulation.perform(action)) != nil { done += 1 }
      twin.run(until: moment)
      try? twin.perform(action)
      try Self.check(simulation)
      if random.next(below: 8) == 0 {
        let bytes = try simulation.image().encoded()
        twin = try CheckpointFile.decode(bytes, path: "twin", captures: .memory)
        let again = try twin.image().encoded() == bytes
        #expect(again, "what is resumed is another world")
      }
    }
    #expect(done > 15, "\(done) changes")
    let outcome = try simulation.outcome()
    try Self.check(simulation)
    let other = try twin.outcome()
    let isSame = other.isSame(outcome)
    #expect(isSame, "\(outcome.difference(other))")
  }

  private static func action(_ random: inout RandomStream, _ simulation: borrowing Simulation, _ made: inout Int) -> GraphAction {
    let vms = simulation.world.machineNodes.filter { simulation.world.elements.machines[$0.machine].vm != nil }
      .map { simulation.world.name($0.node) }
    let networks = ["home", "lan", "play"]
    let vm = vms[Int(random.next(below: UInt64(vms.count)))]
    let network = networks[Int(random.next(below: 3))]
    let nic = LinkName(node: vm, port: "eth\(random.next(below: 3))")
    switch random.next(below: 12) {
    case 0...3:
      made += 1
      let address = network == "lan" ? IPv4Address(10, 1, 0, UInt8(100 + made)) : nil
      return .addVM(Self.vm("new\(made)", network, address, [ping(IPv4Address(10, 1, 0, 1)), ping(IPv4Address(203, 0, 113, 9))]))
    case 4, 5: return .removeVM(vm)
    case 6, 7:
      var nic = NIC(network: network)
      if network == "lan" { nic.address = IPv4Address(10, 1, 0, UInt8(10 + random.next(below: 80))) }
      return .addNIC(vm: vm, nic)
    case 8: return .removeNIC(nic)
    case 9, 10: return .plug(nic, into: network)
    default:
      made += 1
      return .addPort(of: network, name: "spare\(made)")
    }
  }

  /// The queue knows each deadline; what went into a cable came out, is in it or was counted as lost; removed ends hold
  /// nothing.
  private static func check(_ simulation: borrowing Simulation) throws {
    let links = simulation.world.linksWithFloods
    for link in simulation.world.links.ids {
      let ends = simulation.world.graph.ends[link]
      if simulation.world.graph.ports[ends.from].link != link {
        #expect(links[link.index].inFlight == 0 && !links[link.index].isUp)
      }
      let known = simulation.world.scheduler.deadline(of: .link(link)) ?? .never
      let actual = simulation.world.deadline(ofLink: link)
      try #require(known == actual, "link \(link)")
    }
    for node in simulation.world.graph.nodes.ids {
      let known = simulation.world.scheduler.deadline(of: .node(node)) ?? .never
      let actual = max(
        simulation.world.elements.read(simulation.world.graph.nodes[node].element, DeadlineReader()), simulation.now)
      try #require(known == actual, "\(simulation.world.name(node))")
    }
    var world = (sent: 0 as UInt64, received: 0 as UInt64, held: 0 as UInt64, lost: 0 as UInt64)
    for port in simulation.world.graph.ports.array {
      world.sent += port.counters.transmitted
      world.received += port.counters.received
    }
    world.held = links.reduce(0) { $0 + UInt64($1.inFlight) }
    for machine in simulation.world.elements.machines.array {
      for interface in machine.interfaces { world.held += UInt64(interface.waitingToTransmit) }
    }
    let onTheWay: [DropReason] = [.linkRemoved, .linkDown, .linkLoss, .noLink, .queueFull, .txRingFull, .frameTooBig]
    for drop in simulation.world.recorder.drops.all where onTheWay.contains(drop.reason) { world.lost += drop.count }
    #expect(world.sent == world.received + world.held + world.lost, "\(world)")
  }
}

private struct DeadlineReader: ElementReader {
  func read<E: Element>(_ element: borrowing E) -> Instant { element.deadline }
}
