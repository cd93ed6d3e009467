import WeftCore

/// How a host's processors are given to its VMs' (the credit scheduler of Xen: sched/credit.c).
public struct SchedulerSettings: Sendable, Codable, Hashable {
  /// How a VM's share is measured.
  public enum Accounting: String, Sendable, Codable, CaseIterable {
    /// Whoever runs pays for each nanosecond.
    case exact
    /// Whoever runs at a tick pays for all of it, as Xen did until 2009: who sleeps at each tick pays nothing.
    case sampled
  }

  public var slice = Nanoseconds.milliseconds(30)
  public var boost = true
  public var rateLimit = Nanoseconds.milliseconds(1)
  public var accounting = Accounting.exact

  public init() {}

  public static let keys: KeyTable<SchedulerSettings> = KeyTable(
    "scheduler", "How a host's cpus are given to its VMs", from: SchedulerSettings(),
    [
      Field("slice", \.slice, .interval, "How long a VM runs while others wait.", example: "5 ms"),
      Field(
        "boost", \.boost, .boolean,
        "Whether a VM that wakes, and hasn't used up its share, takes a cpu at once. Off: it waits for the end of a slice.",
        example: "false"),
      Field(
        "ratelimit", \.rateLimit, .duration, "How long a VM runs at least before one that wakes takes its cpu.", example: "0 s"),
      Field(
        "accounting", \.accounting, .choice,
        "exact: a VM pays for the time that it ran; sampled: whoever runs at a tick (each 10 ms) pays for all of it.",
        example: "sampled"),
    ])
}
