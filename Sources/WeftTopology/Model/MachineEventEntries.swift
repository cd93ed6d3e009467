import WeftCore
import WeftSettings

/// What becomes of a VM that was asked to end, and hasn't in time.
public enum ShutdownEnd: String, Sendable, Codable, CaseIterable { case stop, error }

/// Under `shutdown`.
struct Shutdown: Sendable {
  var vm = ""
  var timeout = Nanoseconds.seconds(10)
  var then = ShutdownEnd.stop

  static let keys: KeyTable<Shutdown> = KeyTable(
    "shutdown", "Asks a VM to end. Short form: the VM alone", from: Shutdown(),
    [
      Field("vm", \.vm, .vm, "Which VM.", required: true, example: "web"),
      Field(
        "timeout", \.timeout, .interval, "How long it has to end, as its peers may not answer.", example: "5 s"),
      Field(
        "then", \.then, .choice,
        "What comes if it hasn't ended by then. stop: its plug is pulled. error: the run tells of it, and it goes on ending.",
        example: "error"),
    ])
}

/// Under `snapshot`, `revert` and `delete-snapshot`.
struct SnapshotEntry: Sendable {
  var vm = ""
  var name = ""
  var reseed = true
  var memory = true

  static let taking = KeyTable(
    "snapshot", "Keeps what a VM is now", from: SnapshotEntry(),
    fields("name", "What to call it.") + [
      Field(
        "memory", \.memory, .boolean,
        "Whether its memory too. Without it a revert leads to a VM that is off, with disks as if its plug had been pulled then.",
        example: "false")
    ])
  static let reverting = KeyTable(
    "revert", "Goes on from a snapshot", from: SnapshotEntry(),
    fields("to", "Which snapshot.") + [
      Field(
        "reseed", \.reseed, .boolean,
        "Whether its system hears of it and draws new random numbers; otherwise it draws the same as the first time.",
        example: "false")
    ])
  static let deleting = KeyTable(
    "delete-snapshot", "Forgets a snapshot", from: SnapshotEntry(), fields("name", "Which snapshot."))

  private static func fields(_ key: String, _ doc: String) -> [Field<SnapshotEntry>] {
    [
      Field("vm", \.vm, .vm, "Of which VM.", required: true, example: "web"),
      Field(key, \.name, .text, doc, required: true, example: "before"),
    ]
  }
}
