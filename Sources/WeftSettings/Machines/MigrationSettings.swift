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

  /// Clark's rule for the rate, and for when to stop.
  public struct AdaptiveRate: Codable, Hashable, Sendable {
    /// Bits per second of the first round.
    public var from: UInt64 = 100_000_000
    /// So much more than what was written during a round has the next.
    public var step: UInt64 = 50_000_000
    /// It is stopped where the next round would need more.
    public var to: UInt64 = 500_000_000
    /// Or where no more octets are left.
    public var rest: UInt64 = 256 << 10

    public init() {}
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
  /// In place of `downtimeLimit` and `policy`.
  public var adaptiveRate: AdaptiveRate?
  /// By which segment or network its memory goes; nil: from uplink to uplink.
  public var via: String?
  /// Of networks whose counterpart at the other host isn't plain.
  public var networks: [Move] = []

  public init() {}

  /// Where the stream goes to, as libvirt has it: the first of its range.
  public static let port: UInt16 = 49_152
}
