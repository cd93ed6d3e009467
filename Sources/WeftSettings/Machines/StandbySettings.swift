import WeftCore

/// A second host that has a VM as it was a moment ago, and goes on with it when the VM's own host fails (Remus, Cully 2008).
public struct StandbySettings: Codable, Hashable, Sendable {
  public var host = ""
  /// From one state that is sent to the next, at least.
  public var epoch = Nanoseconds.milliseconds(25)
  /// Whether what it sends waits until the standby has the state that it comes from.
  public var holdOutput = true

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
    ]
  ) { settings, mistakes in
    if !(Nanoseconds.milliseconds(1)...Nanoseconds.seconds(10)).contains(settings.epoch) {
      mistakes.report("\"epoch\" is out of range: 1 ms to 10 s", at: \.epoch)
    }
  }
}
