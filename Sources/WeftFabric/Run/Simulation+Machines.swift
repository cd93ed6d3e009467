import WeftCore
import WeftSettings
import WeftTopology

// What events do to VMs, for who has no file. Each is done now, at `now`, and throws where it can't be, having changed nothing.
extension Simulation {
  /// Any verb that needs no more to be said: all but `shutdown`, `snapshot` and `revert`.
  public mutating func perform(_ verb: MachineVerb, on vm: String) throws(ActionError) {
    try act { (world) throws(EventFailure) in
      switch verb {
      case .shutdown, .snapshot, .revert: throw EventFailure(description: "\(verb.rawValue) has a method of its own")
      case .start, .pause, .resume, .stop, .reset, .crash, .save, .restore: try world.carryOut(verb, on: vm)
      }
    }
  }

  /// Asks a VM to end, and pulls its plug if it hasn't within that time.
  public mutating func shutDown(_ vm: String, within limit: Nanoseconds = .seconds(10), then: ShutdownEnd = .stop)
    throws(ActionError)
  {
    try act { (world) throws(EventFailure) in try world.shutDown(vm, within: limit, then: then) }
  }

  /// Keeps what a VM is now: its disks, and with them its memory or not.
  public mutating func takeSnapshot(_ name: String, of vm: String, withMemory: Bool = true) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.takeSnapshot(name, of: vm, withMemory: withMemory) }
  }

  /// Lets a VM go on from a snapshot; the world around it has moved on.
  /// `reseed`: it hears of it, and draws other random numbers than the first time.
  public mutating func revert(_ vm: String, to snapshot: String, reseed: Bool = true) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.revert(vm, to: snapshot, reseed: reseed) }
  }

  /// Forgets a snapshot; those that came from it come from its parent then.
  public mutating func deleteSnapshot(_ name: String, of vm: String) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.deleteSnapshot(name, of: vm) }
  }

  /// Begins a backup; what comes of it stands in the report.
  public mutating func backUp(_ order: BackupOrder) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.backUp(order) }
  }

  /// A pool's medium fails, with all that lies in it. `host`: whose, where several have one of that name.
  public mutating func failMedia(_ pool: String, of host: String? = nil) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.failMedia(pool, host) }
  }

  /// A VM that is off gets its disks back from a backup.
  public mutating func restoreBackup(_ order: RestoreOrder) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.restoreBackup(order) }
  }

  mutating func act(_ action: (inout World) throws(EventFailure) -> Void) throws(ActionError) {
    do throws(EventFailure) { try changeNow(action) } catch { throw .impossible(error.description) }
  }
}
