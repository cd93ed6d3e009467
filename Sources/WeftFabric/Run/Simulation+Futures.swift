import WeftCapture
import WeftCore
import WeftTopology

/// The whole lab at a moment that was kept, under a name.
struct KeptImage: Codable {
  var name: String
  var image: SimulationImage
}

extension Simulation {
  /// Takes the checkpoint that an event asks for.
  mutating func keep() {
    guard let name = director.checkpoint else { return }
    director.checkpoint = nil
    // What was kept before is no part of what is kept now: a future has no forks.
    if let image = try? image(withKept: false) { kept.append(KeptImage(name: name, image: image)) }
  }

  /// The futures that were forked so far.
  public var futures: [Future] { director.futures }

  /// A future from its beginning on: a run by itself, on the same thread. What was captured until then is written to `directory`
  /// again, or kept in memory.
  public func begin(_ future: Future, captures directory: String?) throws(ResumeError) -> Simulation {
    guard let moment = kept.first(where: { $0.name == future.from }) else {
      throw .inconsistent("there is no checkpoint \(future.from)")
    }
    var other = try Simulation(resuming: moment.image, pool: world.pool, captures: directory)
    other.director.turn(to: future, other.topology)
    if let seed = future.seed { other.world.reseed(seed, future.name) }
    other.world.schedule()
    other.scheduleDirector()
    return other
  }

  /// Runs all futures that were forked, one after the other, and puts what they came to into the report: their checks and
  /// complaints beside the run's own.
  /// - Parameters:
  ///   - report: of the run itself.
  ///   - directory: where a future's captures go; nil keeps them in memory.
  ///   - run: runs it; false where that was ended before its time, and all that follow with it.
  public func tellFutures(
    in report: inout Report, captures directory: (Future) -> String?, run: (inout Simulation) -> Bool
  ) throws(ResumeError) {
    for future in futures {
      var other = try begin(future, captures: directory(future))
      let began = other.now
      let isWhole = run(&other)
      report.add(Report.Future(name: future.name, from: future.from, began: began, report: other.end()))
      if !isWhole { return }
    }
  }
}

extension World {
  /// Chance is another from now on: what each owner draws comes from a stream of this seed.
  mutating func reseed(_ seed: UInt64, _ future: String) {
    for link in links.ids {
      let owner = graph.ports[graph.ends[link].from].name
      links[link].reseed(RandomStream(seed: seed, owner: owner, purpose: "loss, future \(future)"))
    }
    for (node, machine) in machineNodes {
      elements.machines[machine].guest.stack.reseed(
        RandomStream(seed: seed, owner: name(node), purpose: "guest, future \(future)"))
    }
    for (node, gateway) in gatewayNodes {
      elements.gateways[gateway].reseed(RandomStream(seed: seed, owner: name(node), purpose: "nat-ports, future \(future)"))
    }
  }
}
