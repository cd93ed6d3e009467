import Testing
import WeftCore
import WeftHypervisor
import WeftWire

@Suite struct VirtualMachineTests {
  private static let allowed: [VirtualMachine.State: [VirtualMachine.Verb: VirtualMachine.State]] = [
    .stopped: [.start: .running, .snapshot: .stopped],
    .running: [
      .pause: .paused, .shutdown: .shuttingDown, .stop: .stopped, .reset: .running, .crash: .crashed, .save: .saved,
      .snapshot: .running,
    ],
    .paused: [.resume: .running, .stop: .stopped, .reset: .running, .crash: .crashed, .save: .saved, .snapshot: .paused],
    .shuttingDown: [.stop: .stopped, .reset: .running, .crash: .crashed],
    .saved: [.restore: .running, .stop: .stopped],
    .crashed: [.stop: .stopped, .reset: .running],
    .migrating: [.stop: .stopped, .crash: .crashed],
  ]

  /// The verbs that lead there from the beginning.
  private static let ways: [VirtualMachine.State: [VirtualMachine.Verb]] = [
    .stopped: [], .running: [.start], .paused: [.start, .pause], .shuttingDown: [.start, .shutdown], .saved: [.start, .save],
    .crashed: [.start, .crash], .migrating: [.start],
  ]

  @Test(arguments: VirtualMachine.State.allCases, VirtualMachine.Verb.allCases)
  func eachVerbLeadsWhereTheTableSaysOrSaysWhyNot(state: VirtualMachine.State, verb: VirtualMachine.Verb) throws {
    var machine = VirtualMachine(name: "web", host: "laptop", seed: 1)
    for verb in try #require(Self.ways[state]) { try machine.perform(verb, now: .seconds(1)) }
    // No verb leads there by itself.
    if state == .migrating { machine.standStill(now: .seconds(1)) }
    #expect(machine.state == state)
    let wanted = verb == .revert && state != .migrating ? state : Self.allowed[state]?[verb]
    do {
      try machine.perform(verb, now: .seconds(2))
      #expect(machine.state == wanted)
      #expect(machine.changedAt == .seconds(verb == .snapshot || verb == .revert ? Self.ways[state] == [] ? 0 : 1 : 2))
    } catch {
      #expect(wanted == nil && machine.state == state && machine.changedAt == .seconds(Self.ways[state] == [] ? 0 : 1))
      #expect(error.description == "can't \(verb.rawValue) web: it is \(state.rawValue)")
    }
  }

  @Test func aClockStandsStillWithItsMachineAndGoesBackWithARevert() throws {
    var machine = VirtualMachine(name: "web", host: "laptop", seed: 1)
    try machine.perform(.start, now: .seconds(1))
    try machine.perform(.pause, now: .seconds(4))
    #expect(machine.guestTime(.seconds(9)) == .seconds(4))
    let past = machine
    try machine.perform(.resume, now: .seconds(10))
    #expect(machine.lag == .seconds(6) && machine.guestTime(.seconds(11)) == .seconds(5))
    #expect(machine.ran(by: .seconds(12)) == .seconds(5))
    try machine.perform(.save, now: .seconds(12))
    try machine.perform(.restore, now: .seconds(20))
    #expect(machine.lag == .seconds(14))
    machine.revert(to: past, at: .seconds(9), now: .seconds(30))
    #expect(machine.state == .paused && machine.generation == 2 && machine.guestTime(.seconds(31)) == .seconds(4))
    try machine.perform(.resume, now: .seconds(40))
    #expect(machine.guestTime(.seconds(41)) == .seconds(5))
    // What boots asks its clock chip.
    try machine.perform(.reset, now: .seconds(50))
    #expect(machine.lag == .zero && machine.guestTime(.seconds(51)) == .seconds(51))
  }

  @Test func theSameSeedAndNameGiveTheSameUUID() {
    let first = VirtualMachine(name: "web", host: "a", seed: 1)
    #expect(first.uuid == VirtualMachine(name: "web", host: "b", seed: 1).uuid)
    #expect(first.uuid != VirtualMachine(name: "db", host: "a", seed: 1).uuid)
    #expect(first.uuid.count == 36 && Array(first.uuid)[14] == "4")
  }

  @Test func aPausedGuestsFramesWaitInTheRingUpToItsSize() {
    let pool = FramePool()
    var nic = NetworkInterface(mac: .local(1), receiveCapacity: 2)
    var verdicts: [String] = []
    for _ in 0..<3 {
      switch nic.deliver(pool.frame([1, 2, 3]), to: .paused) {
      case .pass: verdicts.append("pass")
      case .kept: verdicts.append("kept")
      case .dropped(_, let reason): verdicts.append(reason.name)
      }
    }
    #expect(verdicts == ["kept", "kept", "rx-ring-full"])
    #expect(nic.waitingToReceive == 2 && nic.counters.dropped == 1)
    while let frame = nic.takeReceived() { #expect(frame.count == 3) }
    #expect(nic.counters.received == 2 && pool.outstanding == 0)
    switch nic.deliver(pool.frame([1]), to: .stopped) {
    case .dropped(_, let reason): #expect(reason == .machineStopped)
    default: Issue.record("a stopped machine took a frame")
    }
  }
}
