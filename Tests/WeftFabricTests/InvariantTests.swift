import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// What holds between any two events.
@Suite struct InvariantTests {
  /// A deadline that changed unseen would be kept too late, or give an event that a resumed run doesn't have.
  @Test(arguments: ["busy", "lossy", "nat-vs-bridge", "bridge-lan"])
  func theQueueKnowsEachDeadline(name: String) throws {
    var simulation = try Simulation(lab(name))
    var more = true
    while more {
      more = simulation.run(events: 1)
      for link in simulation.world.links.ids {
        let known = simulation.world.scheduler.deadline(of: .link(link)) ?? .never
        let actual = simulation.world.deadline(ofLink: link)
        try #require(known == actual, "link \(link) at \(simulation.now)")
      }
      for node in simulation.world.graph.nodes.ids {
        let known = simulation.world.scheduler.deadline(of: .node(node)) ?? .never
        let actual = simulation.world.deadline(of: node)
        // One that has passed is due at once.
        try #require(
          known == max(actual, simulation.now), "\(simulation.world.name(node)) at \(simulation.now)")
      }
    }
  }
}
