import WeftCore
import WeftGuest
import WeftHypervisor
import WeftTopology
import WeftWire

/// Makes happen what the file plans, tries its expectations, and knows when the run is over.
struct Director: Codable {
  /// How often it looks whether everything is done, once there is nothing else to wait for.
  private static let idleCheck = Nanoseconds.milliseconds(100)
  /// What the last connection needs to close in the captures.
  private static let linger = Nanoseconds.seconds(1)
  /// A run without a duration doesn't wait longer than this for programs after the last thing planned.
  private static let patience = Nanoseconds.seconds(60)

  /// Machines start one after the other: of thousands that did everything in the same nanosecond, every cable would have to
  /// hold what all of them send.
  private static let bootInterval = Nanoseconds.microseconds(1)

  private var booted = 0
  private var nextEvent = 0
  /// The events in the order of time; of equal ones, the order of the file.
  private let eventOrder: [Int]
  private var runs: [ExpectationRun]
  private var nextTrace: UInt32 = 1
  private var nextIdleCheck: Instant
  /// Set once everything is done.
  private(set) var end: Instant
  private(set) var isOver = false
  /// Events that couldn't be carried out, in words.
  private(set) var complaints: [String] = []

  init(_ topology: Topology, until: Instant?) {
    eventOrder = topology.events.indices.sorted { (topology.events[$0].at, $0) < (topology.events[$1].at, $1) }
    runs = topology.expectations.enumerated().map { ExpectationRun(index: $0, timing: $1.timing) }
    if let fixed = until ?? topology.duration.map({ .start + $0 }) {
      end = fixed
      nextIdleCheck = .never
    } else {
      end = .start + topology.lastPlanned.at + Self.patience
      nextIdleCheck = .start + Self.linger
    }
  }

  /// Whether it ended for want of patience: it neither came to rest nor had a time of its own.
  var wasCut: Bool { isOver && nextIdleCheck != .never }

  /// Ends the run at this moment instead, as `until` does from the beginning.
  mutating func end(at moment: Instant) {
    end = moment
    nextIdleCheck = .never
    isOver = false
  }

  /// Whether a decoded one goes with its topology.
  func fits(_ topology: Topology, machines: Int) -> Bool {
    (0...machines).contains(booted) && (0...topology.events.count).contains(nextEvent)
      && eventOrder.sorted() == Array(topology.events.indices)
      && runs.map(\.index) == Array(topology.expectations.indices) && runs.allSatisfy(\.isConsistent)
  }

  func deadline(_ topology: Topology, _ world: borrowing World) -> Instant {
    guard !isOver else { return .never }
    var earliest = min(end, nextIdleCheck)
    if booted < world.bootOrder.count { earliest = min(earliest, nextBoot) }
    if nextEvent < topology.events.count {
      earliest = min(earliest, .start + topology.events[eventOrder[nextEvent]].at)
    }
    for run in runs where run.deadline < earliest { earliest = run.deadline }
    return earliest
  }

  private var nextBoot: Instant { .start + Self.bootInterval * UInt64(booted) }

  mutating func wake(_ topology: Topology, _ world: inout World) {
    let now = world.now
    while booted < world.bootOrder.count, nextBoot <= now {
      booted += 1
      world.boot(world.bootOrder[booted - 1])
    }
    while nextEvent < topology.events.count {
      let event = topology.events[eventOrder[nextEvent]]
      guard .start + event.at <= now else { break }
      nextEvent += 1
      perform(event, topology, &world)
    }
    for index in runs.indices where runs[index].deadline <= now { start(index, topology, &world) }
    if nextIdleCheck <= now {
      let decided = runs.allSatisfy { $0.verdict != nil }
      if decided, nextEvent == topology.events.count, booted == world.bootOrder.count, world.isIdle {
        end = min(end, now + Self.linger)
        nextIdleCheck = .never
      } else {
        nextIdleCheck = now + Self.idleCheck
      }
    }
    if end <= now { isOver = true }
  }

  private mutating func perform(_ event: Event, _ topology: Topology, _ world: inout World) {
    do throws(EventFailure) {
      switch event.action {
      case .linkDown(let name): world.setCable(name, up: false)
      case .linkUp(let name): world.setCable(name, up: true)
      case .start(let vm): try world.carryOut(.start, on: vm)
      case .pause(let vm): try world.carryOut(.pause, on: vm)
      case .resume(let vm): try world.carryOut(.resume, on: vm)
      case .stop(let vm): try world.carryOut(.stop, on: vm)
      case .setLink(let name, let delay, let rate, let loss): world.setLink(name, delay: delay, rate: rate, loss: loss)
      case .ipForwarding(let host, let enabled): world.setIPForwarding(host, enabled)
      case .addForward(let network, let forwards): try world.addForwards(forwards, to: network, topology)
      case .removeForward(let network, let forwards): try world.removeForwards(forwards, of: network, topology)
      case .flushConntrack(let network): world.flushConnections(of: network)
      }
    } catch {
      complaints.append("line \(event.mark.line), at \(event.at): \(error)")
    }
  }

  private mutating func start(_ index: Int, _ topology: Topology, _ world: inout World) {
    let expectation = topology.expectations[index]
    let trace = nextTrace
    nextTrace += 1
    runs[index].began(trace: trace)
    guard let node = world.names.machines[expectation.from] else { return }
    if case .lease = expectation.probe {
      runs[index].finished(world.leaseOutcome(node), of: expectation, now: world.now, in: world)
      return
    }
    guard let kind = GuestProbe.Kind(expectation.probe, world.names),
      world.machines[world.nodes[node].index].state == .running
    else {
      let why = "nothing was sent: \(expectation.from) isn't running, or the target has no address"
      let outcome = TryOutcome(kind: .notSent, text: why, records: [], result: nil)
      runs[index].finished(outcome, of: expectation, now: world.now, in: world)
      return
    }
    let timeout = ExpectationRun.timeout(of: expectation, now: world.now)
    world.startProbe(GuestProbe(trace: trace, kind: kind, timeout: timeout), on: node)
    if let (peer, kind) = kind.partner(expectation.probe, world.names) {
      world.startPartner(GuestProbe(trace: trace, kind: kind, timeout: timeout), on: peer)
    }
    collect(topology, &world)
  }

  /// Takes in the probes that ended.
  mutating func collect(_ topology: Topology, _ world: inout World) {
    guard world.hasProbeResults else { return }
    for (_, result, records) in world.takeProbeResults() {
      let index = runs.firstIndex { if case .trying(result.trace) = $0.phase { true } else { false } }
      guard let index else { continue }
      let expectation = topology.expectations[index]
      let outcome = TryOutcome(result, records, of: expectation.probe, in: world)
      runs[index].finished(outcome, of: expectation, now: world.now, in: world)
    }
  }

  /// The verdicts in the order of the file; what is undecided at the end has failed.
  mutating func verdicts(_ topology: Topology, now: Instant) -> [Verdict] {
    for index in runs.indices { runs[index].cutShort(topology.expectations[index], now: now) }
    return runs.compactMap(\.verdict)
  }

  var decidedCount: Int { runs.count { $0.verdict != nil } }
}

extension GuestProbe.Kind {
  /// Nil while the target has no address.
  init?(_ probe: Expectation.Probe, _ names: NameTable) {
    func target(_ destination: Destination) -> GuestTarget? {
      switch destination {
      case .address(let address): .address(address)
      case .node(let name): names.addresses[name].map { .address($0) }
      }
    }
    switch probe {
    case .connect(let to, let port, let transport):
      guard let target = target(to) else { return nil }
      self = transport == .tcp ? .tcpConnect(to: target, port: port) : .udp(to: target, port: port)
    case .ping(let to, let size, let ttl):
      guard let target = target(to) else { return nil }
      self = .ping(to: target, size: size, ttl: ttl)
    case .http(let to, let port, let path, _, _):
      guard let target = target(to) else { return nil }
      self = .http(to: target, port: port, path: path, host: to.hostHeader)
    case .throughput(let to, let port, let size, _, _):
      guard let target = target(to) else { return nil }
      self = .throughput(to: target, port: port, size: size)
    case .nat(let via, let port, _, _, _):
      guard let target = target(via) else { return nil }
      self = .nat(via: target, port: port)
    case .punch(_, let via, let port, let transport):
      guard let target = target(via) else { return nil }
      self = .punch(via: target, port: port, protocol: transport.ipProtocol, isPartner: false)
    case .idle(let to, let port, let transport, let time):
      guard let target = target(to) else { return nil }
      self = .idle(to: target, port: port, protocol: transport.ipProtocol, delay: time)
    case .lease: return nil
    }
  }
}

extension GuestProbe.Kind {
  /// What the other machine has to do for this probe, and which that is.
  func partner(_ probe: Expectation.Probe, _ names: NameTable) -> (node: Int, kind: Self)? {
    guard case .punch(let peer, _, _, _) = probe, case .punch(let via, let port, let type, _) = self,
      let node = names.machines[peer]
    else { return nil }
    return (node, .punch(via: via, port: port, protocol: type, isPartner: true))
  }
}

extension World {
  func leaseOutcome(_ node: Int) -> TryOutcome {
    let guest = machines[nodes[node].index].guest
    let ports = guest.configuration.interfaces.indices
    let missing = ports.first { guest.address(of: $0) == nil }
    if let missing {
      return TryOutcome(kind: .failed, text: "eth\(missing) has no lease", records: [], result: nil)
    }
    let addresses = ports.compactMap { guest.address(of: $0)?.description }.joined(separator: ", ")
    return TryOutcome(kind: .open, text: "has \(addresses)", records: [], result: nil)
  }
}
