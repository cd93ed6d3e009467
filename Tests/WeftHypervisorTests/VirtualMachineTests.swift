import Testing
import WeftCore
import WeftHypervisor
import WeftWire

@Suite struct VirtualMachineTests {
  @Test func lifeCycleAllowsExactlyTheVerbsOfTheFigure() {
    let allowed: [VirtualMachine.State: Set<VirtualMachine.Verb>] = [
      .stopped: [.start], .running: [.pause, .stop], .paused: [.resume, .stop],
    ]
    for (state, verbs) in allowed {
      for verb in VirtualMachine.Verb.allCases {
        var machine = VirtualMachine(name: "web", host: "laptop", seed: 1)
        if state != .stopped { try? machine.perform(.start, now: .start) }
        if state == .paused { try? machine.perform(.pause, now: .start) }
        #expect(machine.state == state)
        do {
          try machine.perform(verb, now: .start)
          #expect(verbs.contains(verb), "\(verb) from \(state)")
        } catch {
          #expect(!verbs.contains(verb), "\(verb) from \(state)")
          #expect(machine.state == state)
          #expect(error.description == "can't \(verb.rawValue) web: it is \(state.rawValue)")
        }
      }
    }
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
