import WeftCore

extension Simulation {
  /// Everything up to and including `moment` happens, and then it is that moment, whether or not anything happens in
  /// it: who looks at tables or sends something now does so then, not at the last event before. A run that would be over
  /// earlier goes on.
  public mutating func advance(to moment: Instant) {
    if director.end <= moment || isOver { end(at: .never) }
    run(until: moment)
    guard stall == nil else { return }
    world.now = max(world.now, moment)
  }

  /// The run ends at this moment, whatever it was going to end with; one that was over goes on.
  public mutating func end(at moment: Instant) {
    director.end(at: max(moment, world.now))
    scheduleDirector()
  }
}
