import Testing
import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// All that can be done to a VM, in each of the states that it can be in: what comes of it, or why nothing does.
@Suite struct LifeTableTests {
  /// A VM's states, and those that it has while it is migrated.
  enum Situation: String, CaseIterable, Sendable {
    case stopped, running, paused, shuttingDown, saved, crashed
    case connecting, precopy, stopAndCopy, activating, postcopy

    /// As an error has it.
    var words: String {
      switch self {
      case .stopped, .running, .paused, .saved, .crashed: rawValue
      case .shuttingDown: "shutting down"
      case .connecting, .precopy, .stopAndCopy, .activating, .postcopy: "being migrated to server2"
      }
    }
  }

  /// The verbs of a VM, and the one that is two hosts'.
  private static let verbs = MachineVerb.allCases.map(\.rawValue) + ["migrate"]

  private static let table: [Situation: [String: MachineState]] = [
    .stopped: ["start": .running, "snapshot": .stopped, "revert": .running],
    .running: [
      "pause": .paused, "shutdown": .shuttingDown, "stop": .stopped, "reset": .running, "crash": .crashed, "save": .saved,
      "snapshot": .running, "revert": .running, "migrate": .running,
    ],
    .paused: [
      "resume": .running, "stop": .stopped, "reset": .running, "crash": .crashed, "save": .saved, "snapshot": .paused,
      "revert": .running, "migrate": .paused,
    ],
    .shuttingDown: ["stop": .stopped, "reset": .running, "crash": .crashed, "revert": .running],
    .saved: ["restore": .running, "stop": .stopped, "revert": .running],
    .crashed: ["stop": .stopped, "reset": .running, "revert": .running],
    .connecting: ["stop": .stopped, "crash": .crashed, "reset": .running],
    .precopy: ["stop": .stopped, "crash": .crashed, "reset": .running],
    .stopAndCopy: ["stop": .stopped, "crash": .crashed],
    .activating: [:],
    .postcopy: ["stop": .stopped, "crash": .crashed, "reset": .running],
  ]

  private static let lab = """
    duration: 20 s
    segments: {campus: {subnet: 10.0.0.0/24, delay: 5 ms, rate: 100 Mbit/s}}
    hosts:
      server1: {uplink: campus 10.0.0.1, networks: {lan1: bridge}}
      server2: {uplink: campus 10.0.0.2, networks: {lan2: bridge}}
    vms:
      web:
        {network: lan1, address: 10.0.0.10, memory: 1 MiB, rings: {rx: 16, tx: 16}, rate: 1 Mbit/s,
         programs: [udp-echo, {dirty: {rate: 50/s, set: 64 KiB, fill: 512 KiB}}, {bulk: {to: "peer:5001", size: 50 MB}}]}
      peer: {network: lan1, address: 10.0.0.11, programs: [sink, {udp-rate: {to: "web:7", interval: 3 ms, size: 300}}]}
    """

  /// Runs until it is so.
  private static func simulation(in situation: Situation) throws -> Simulation {
    var simulation = try Simulation(topology(lab), captures: CaptureOptions(directory: nil))
    simulation.advance(to: .milliseconds(500))
    try simulation.takeSnapshot("past", of: "web")
    simulation.advance(to: .seconds(1))
    var phase: Migration.Phase?
    switch situation {
    case .running: break
    case .stopped: try simulation.perform(.stop, on: "web")
    case .paused: try simulation.perform(.pause, on: "web")
    case .saved: try simulation.perform(.save, on: "web")
    case .crashed: try simulation.perform(.crash, on: "web")
    case .shuttingDown:
      // Its peer doesn't answer any more.
      try simulation.perform(.stop, on: "peer")
      try simulation.shutDown("web")
    case .connecting: phase = .connecting
    case .precopy: phase = .precopy
    case .stopAndCopy: phase = .stopAndCopy
    case .activating: phase = .activating
    case .postcopy: phase = .postcopy
    }
    if let phase {
      var settings = MigrationSettings()
      settings.maxBandwidth = 8 << 20
      settings.activation = .milliseconds(30)
      if phase == .postcopy {
        (settings.policy, settings.rounds, settings.downtimeLimit) = (.postcopy, 1, .microseconds(1))
        settings.activation = .microseconds(100)
      }
      try migrate(&simulation, settings)
      while simulation.world.migrations.all.last?.phase != phase {
        simulation.advance(to: simulation.now + .microseconds(200))
        try #require(simulation.now < .seconds(9), "\(phase) never came")
      }
    } else {
      simulation.advance(to: .milliseconds(1_050))
    }
    return simulation
  }

  private static func migrate(_ simulation: inout Simulation, _ settings: MigrationSettings = MigrationSettings()) throws {
    try simulation.act { (world) throws(EventFailure) in try world.migrate("web", to: "server2", settings) }
  }

  private static func carryOut(_ verb: String, _ simulation: inout Simulation) throws {
    switch MachineVerb(rawValue: verb) {
    case .shutdown: try simulation.shutDown("web")
    case .snapshot: try simulation.takeSnapshot("now", of: "web")
    case .revert: try simulation.revert("web", to: "past")
    case let other?: try simulation.perform(other, on: "web")
    case nil: try migrate(&simulation)
    }
  }

  @Test(arguments: Situation.allCases) func eachVerbLeadsWhereTheTableSaysOrChangesNothing(situation: Situation) throws {
    var simulation = try Self.simulation(in: situation)
    let before = try simulation.image().encoded()
    for verb in Self.verbs {
      var fork = try simulation.fork()
      let wanted = Self.table[situation]?[verb]
      do {
        try Self.carryOut(verb, &fork)
        let state = fork.world.machine(named: "web")?.state
        #expect(wanted != nil && state == wanted, "\(verb) of one that is \(situation)")
      } catch {
        #expect(wanted == nil, "\(verb): \(error)")
        let stopAndCopy = situation == .stopAndCopy && verb == "reset" ? "migrating" : situation.words
        #expect("\(error)" == "can't \(verb) web: it is \(stopAndCopy)")
        // State, rings, counters, and all else.
        let isSame = try fork.image().encoded() == before
        #expect(isSame, "\(verb) of one that is \(situation) has changed something")
      }
    }
  }
}
