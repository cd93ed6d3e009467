import WeftCore

/// A second host that has a VM as it was a moment ago, and goes on with it when the VM's own host fails (Remus, Cully 2008).
public struct StandbySettings: Codable, Hashable, Sendable {
  public var host = ""
  /// From one state that is sent to the next, at least.
  public var epoch = Nanoseconds.milliseconds(25)
  /// Whether what it sends waits until the standby has the state that it comes from.
  public var holdOutput = true
  /// Of a page that is copied aside.
  public var copy = Nanoseconds.zero

  /// Frames of a NIC that wait for that.
  public static let heldFrames = 1024
  /// Where the states go to, and one more for each VM after the first.
  public static let port: UInt16 = 49_216

  public init() {}

  public static let keys: KeyTable<StandbySettings> = KeyTable(
    "standby", "Another host that goes on with the VM when its own fails", from: StandbySettings(),
    [
      Field("host", \.host, .host, "Which host.", required: true, example: "server2"),
      Field(
        "epoch", \.epoch, .interval, "How often what has changed of it is sent there.", example: "100 ms"),
      Field(
        "hold-output", \.holdOutput, .boolean,
        "What it sends waits until the other host has the state that it was sent in; else others may know what is lost.",
        example: "false"),
      Field(
        "copy", \.copy, .duration,
        "For how long the VM stands still at the end of an epoch, for each page of 4 KiB that is copied aside.", example: "1 us"),
    ]
  ) { settings, mistakes in
    if settings.copy > .milliseconds(1) { mistakes.report("\"copy\" is out of range: 0 s to 1 ms", at: \.copy) }
    if !(Nanoseconds.milliseconds(1)...Nanoseconds.seconds(10)).contains(settings.epoch) {
      mistakes.report("\"epoch\" is out of range: 1 ms to 10 s", at: \.epoch)
    }
  }
}
