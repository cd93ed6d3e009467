import Testing
import WeftCore
import WeftSettings
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// The topologies about switches fail where what they teach is a sham.
@Suite struct SwitchSaboteurTests {
  struct Sabotage: Sendable, CustomTestStringConvertible {
    var file: String
    var what: String
    var change: @Sendable (inout Topology) -> Void

    init(_ file: String, _ what: String, _ change: @escaping @Sendable (inout Topology) -> Void) {
      (self.file, self.what, self.change) = (file, what, change)
    }

    var testDescription: String { "\(file): \(what)" }
  }

  static let all = [
    Sabotage("vlans-trunk", "tags are ignored: all is VLAN 1") { topology in
      for index in topology.segments.indices { topology.segments[index].cables = topology.segments[index].cables.map(untagged) }
      for index in topology.vms.indices { topology.vms[index].nics[0].vlans = VLANPortSettings(access: 1) }
    },
    Sabotage("vlans-trunk", "the trunk carries VLAN 1 alone") { topology in
      for index in topology.segments.indices { topology.segments[index].cables = topology.segments[index].cables.map(untagged) }
    },
    Sabotage("mirror-port", "no mirror") { $0.mirrors = [] },
    Sabotage("duplicate-mac", "each has an address of its own") { $0.vms[1].nics[0].mac = nil },
    Sabotage("spanning-tree", "the old protocol, which takes half a minute", trees(.stp)),
    Sabotage("spanning-tree", "nothing is cut") { $0.events = [] },
    Sabotage("loop-storm", "a tree everywhere", trees(.rstp)),
    Sabotage("loop-storm", "no tree anywhere", trees(.off)),
    Sabotage("stp-delays-dhcp", "nobody listens", trees(.off)),
    Sabotage("stp-delays-dhcp", "all are rapid", trees(.rstp)),
    Sabotage("stp-delays-dhcp", "all are old", trees(.stp)),
    Sabotage("stp-delays-dhcp", "no edge") { topology in
      for index in topology.hosts.indices { topology.hosts[index].uplink?.port.edge = nil }
    },
  ]

  private static func untagged(_ cable: SwitchCable) -> SwitchCable {
    var cable = cable
    cable.vlans = VLANPortSettings(access: 1)
    return cable
  }

  private static func trees(_ mode: SpanningTreeMode) -> @Sendable (inout Topology) -> Void {
    { topology in
      for index in topology.segments.indices {
        topology.segments[index].tree.mode = mode
        for own in topology.segments[index].switches.indices { topology.segments[index].switches[own].tree.mode = mode }
      }
    }
  }

  private static func failures(_ topology: Topology) throws -> [String] {
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    let report = try simulation.complete()
    return report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } + report.complaints
  }

  @Test(arguments: ["vlans-trunk", "spanning-tree", "loop-storm", "stp-delays-dhcp", "duplicate-mac", "mirror-port"])
  func theFilesHold(file: String) throws { #expect(try Self.failures(example("\(file).yaml")) == []) }

  @Test(arguments: all) func aShamFails(sabotage: Sabotage) throws {
    var topology = try example("\(sabotage.file).yaml")
    sabotage.change(&topology)
    #expect(try !Self.failures(topology).isEmpty)
  }
}
