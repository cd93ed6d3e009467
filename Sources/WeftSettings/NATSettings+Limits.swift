import WeftCore

extension NATSettings {
  /// How much of the gateway one host may have, and what happens when it is full.
  public struct Limits: Sendable, Codable, Hashable {
    /// Entries of the connection table at most: netfilter's default for a machine with memory to spare.
    public var table = 262_144
    /// Sessions that one inside host may have begun (RFC 6888, REQ-4); nil for no limit but the table's.
    public var sessionsPerVM: Int?
    /// External ports that one inside host may have.
    public var mappingsPerVM: Int?
    /// A full table gives up an entry that nobody has answered yet for a new one, as netfilter's.
    public var earlyDrop = true
    /// How long a port that was given back is given to nobody but its last owner (RFC 6888, REQ-8: 120 s).
    public var holdDown = Nanoseconds.zero

    public init() {}
  }
}
