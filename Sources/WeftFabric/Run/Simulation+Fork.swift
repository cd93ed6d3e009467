import WeftCore

extension Simulation {
  /// A second run that goes on from this moment by itself; the two know nothing of each other, and each comes to the end
  /// that this one would have come to alone. What was captured so far is written to `directory` again, or kept in memory.
  ///
  /// Frames and tables are shared until one of the two changes them, and counted without atomics: both belong to the
  /// thread of this one. A run for another thread goes by way of a checkpoint, which is bytes.
  public func fork(captures directory: String? = nil) throws(ResumeError) -> Simulation {
    let image: SimulationImage
    do { image = try self.image() } catch { throw .simulation(.capture(error)) }
    return try Simulation(resuming: image, pool: world.pool, captures: directory)
  }
}
