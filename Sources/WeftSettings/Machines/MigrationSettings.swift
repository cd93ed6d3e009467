import WeftCore

/// How a VM is moved to another host while it runs.
public struct MigrationSettings: Codable, Hashable, Sendable {
  /// What becomes of one whose memory changes faster than it is sent.
  public enum Policy: String, Codable, CaseIterable, Sendable {
    /// It stays where it is, and was never stopped.
    case cancel
    /// It is stopped for as long as the rest takes.
    case force
    /// Its CPU is throttled, more each round.
    case autoConverge = "auto-converge"
    /// It goes on at the other host, and its memory follows, each page once.
    case postcopy
  }

  /// Where an interface goes.
  public struct Move: Codable, Hashable, Sendable {
    public var from: String
    public var to: String

    public init(from: String, to: String) { (self.from, self.to) = (from, to) }
  }

  public var policy = Policy.cancel
  /// It is stopped once what is left takes no longer (QEMU's `downtime-limit`).
  public var downtimeLimit = Nanoseconds.milliseconds(300)
  /// Bits per second until it is stopped, and no bound from then on; nil: no bound (QEMU's `max-bandwidth`).
  public var maxBandwidth: UInt64? = 128 << 23
  /// After so many rounds it is the policy's turn (Clark 2005 stops after 30).
  public var rounds = 30
  /// What the other side needs to start it, beside what is sent: modelled (Clark 2005: 9 ms, and 40 ms with a game's server).
  public var activation = Nanoseconds.milliseconds(1)
  /// Of networks whose counterpart at the other host isn't plain.
  public var networks: [Move] = []

  public init() {}

  /// Where the stream goes to, as libvirt has it: the first of its range.
  public static let port: UInt16 = 49_152
}
