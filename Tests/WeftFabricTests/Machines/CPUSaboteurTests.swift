import Testing
import WeftCore
import WeftSettings
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// The files on cpus fail where the notion is a sham.
@Suite struct CPUSaboteurTests {
  struct Sabotage: Sendable, CustomTestStringConvertible {
    let file: String
    let what: String
    let change: @Sendable (inout Topology) -> Void

    init(_ file: String, _ what: String, _ change: @escaping @Sendable (inout Topology) -> Void) {
      (self.file, self.what, self.change) = (file, what, change)
    }

    var testDescription: String { "\(file): \(what)" }
  }

  private static func host(_ name: String, _ change: @escaping @Sendable (inout HostProcessorSettings) -> Void)
    -> @Sendable (inout Topology) -> Void
  {
    { topology in
      guard let index = topology.hosts.firstIndex(where: { $0.name == name }), var own = topology.hosts[index].processors else {
        return
      }
      change(&own)
      topology.hosts[index].processors = own
    }
  }

  private static func vm(_ name: String, _ change: @escaping @Sendable (inout VM) -> Void) -> @Sendable (inout Topology) -> Void {
    { topology in
      if let index = topology.vms.firstIndex(where: { $0.name == name }) { change(&topology.vms[index]) }
    }
  }

  private static let noCPUs: @Sendable (inout Topology) -> Void = { topology in
    for index in topology.hosts.indices { topology.hosts[index].processors = nil }
  }

  static let all: [Sabotage] = [
    Sabotage("noisy-neighbour", "nobody is boosted", host("fair") { $0.scheduler.boost = false }),
    Sabotage("noisy-neighbour", "all are boosted", host("plain") { $0.scheduler.boost = true }),
    Sabotage("noisy-neighbour", "caps are ignored", vm("fair-hog") { $0.processor.cap = nil }),
    Sabotage("noisy-neighbour", "hogs sleep", vm("plain-hog") { $0.programs = [] }),
    Sabotage("noisy-neighbour", "work takes no time", noCPUs),
    Sabotage("exec-modes", "an emulator is a cpu", vm("emulated") { $0.processor.execution = .paravirtual }),
    Sabotage("exec-modes", "registers are rings", vm("classical") { $0.processor.model = .virtio }),
    Sabotage("exec-modes", "rings are registers", vm("paravirtual") { $0.processor.model = .e1000 }),
    Sabotage("exec-modes", "exits cost nothing") { topology in
      topology.costs.exitHeavy.value = .zero
      topology.costs.exitLight.value = .zero
    },
    Sabotage("exec-modes", "work takes no time", noCPUs),
    Sabotage("type1-vs-type2", "the hypervisor has the drivers") { $0 = with($0, "split", .type1(driverDomain: nil)) },
    Sabotage("type1-vs-type2", "type 2 is type 1") { $0 = with($0, "hosted", .type1(driverDomain: nil)) },
    Sabotage("type1-vs-type2", "type 1 is type 2") { $0 = with($0, "bare", .type2) },
    Sabotage("type1-vs-type2", "a process never sleeps") { $0.costs.hostWakeUp.value = .zero },
    Sabotage("type1-vs-type2", "work takes no time", noCPUs),
    Sabotage("dual-boot", "a hypervisor runs both", host("pc") { $0.hypervisor = .type1(driverDomain: nil) }),
    Sabotage("dual-boot", "booting takes no time") { topology in
      for index in topology.events.indices {
        if case .bootInto(let vm, _, let limit) = topology.events[index].action {
          topology.events[index].action = .bootInto(vm: vm, boot: .zero, within: limit)
        }
      }
    },
  ]

  private static func with(_ topology: Topology, _ name: String, _ kind: HypervisorSettings) -> Topology {
    var topology = topology
    host(name) { $0.hypervisor = kind }(&topology)
    return topology
  }

  private static func failures(_ topology: Topology) throws -> [String] {
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    return report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test(arguments: ["noisy-neighbour", "exec-modes", "type1-vs-type2", "dual-boot"])
  func theFilesHold(file: String) throws { #expect(try Self.failures(example("\(file).yaml")) == []) }

  @Test(arguments: all) func aShamFails(sabotage: Sabotage) throws {
    var topology = try example("\(sabotage.file).yaml")
    sabotage.change(&topology)
    #expect(try !Self.failures(topology).isEmpty)
  }

  @Test(arguments: ["type1-vs-type2.yaml", "dual-boot.yaml"])
  func withoutAnyOneOfItsEventsAFileFails(file: String) throws {
    let whole = try example(file)
    for index in whole.events.indices {
      var topology = whole
      topology.events.remove(at: index)
      #expect(try !Self.failures(topology).isEmpty, "it holds without \(whole.events[index].action)")
    }
  }
}
