/// Where a VM is in its life.
///
/// `start` leads from stopped to running, `pause` and `resume` there and back, `shutdown` asks the guest to end by itself,
/// `stop` pulls the plug, `save` puts the machine's memory away and `restore` goes on with it. docs/hypervisor.md has the table,
/// and these words beside libvirt's, VirtualBox's and VMware's.
public enum MachineState: String, Codable, Sendable, BitwiseCopyable, CaseIterable {
  case stopped, running, paused
  /// Asked to end: it runs until it has.
  case shuttingDown = "shutting down"
  /// Off, with its memory kept.
  case saved
  /// It fell over: it has power and does nothing.
  case crashed
  /// It stands still between two hosts.
  case migrating

  /// Whether its guest does something.
  @inlinable @inline(__always)
  public var runs: Bool { self == .running || self == .shuttingDown }

  /// Whether frames for it find nobody, and never will as it is.
  public var isOff: Bool { !runs && self != .paused && self != .migrating }
}

/// What is done to a VM.
public enum MachineVerb: String, Codable, Sendable, CaseIterable {
  case start, pause, resume
  /// Asks the guest to end.
  case shutdown
  /// Pulls the plug.
  case stop
  case reset, crash, save, restore
  /// `snapshot` leaves it as it is; `revert` brings it to what it was then.
  case snapshot, revert
}

extension MachineVerb {
  /// Whether a VM to which it is done can be migrated no further; others have to wait for the end of a migration.
  package var endsMigration: Bool { self == .stop || self == .crash || self == .reset }

  /// Whether its machine runs from then on.
  package var setsGoing: Bool { self == .start || self == .resume || self == .restore || self == .reset }
}

extension MachineState {
  /// Where a verb leads; nil where this state doesn't allow it.
  public func after(_ verb: MachineVerb) -> MachineState? {
    switch (self, verb) {
    case (.stopped, .start), (.paused, .resume), (.saved, .restore): .running
    case (.running, .pause): .paused
    case (.running, .shutdown): .shuttingDown
    case (.running, .save), (.paused, .save): .saved
    case (.running, .crash), (.paused, .crash), (.shuttingDown, .crash), (.migrating, .crash): .crashed
    case (.running, .reset), (.paused, .reset), (.shuttingDown, .reset), (.crashed, .reset): .running
    case (.running, .stop), (.paused, .stop), (.shuttingDown, .stop), (.crashed, .stop), (.saved, .stop),
      (.migrating, .stop):
      .stopped
    case (.running, .snapshot), (.paused, .snapshot), (.stopped, .snapshot): self
    case (.migrating, .revert): nil
    case (_, .revert): self
    default: nil
    }
  }
}
