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

    public static let keys: KeyTable<Limits> = KeyTable(
      "limits", "How much of a NAT may be in use", from: Limits(),
      [
        Field("table", \.table, .integer(1...100_000_000), "Entries of the connection table.", example: "1000"),
        Field(
          "sessions-per-vm", \.sessionsPerVM, .integer(1...100_000_000),
          "Connections that one VM may have begun (RFC 6888, REQ-4).", default: "the table's", example: "1000"),
        Field(
          "mappings-per-vm", \.mappingsPerVM, .integer(1...65535),
          "External ports that one VM may have (not where they are shared: overload, linux, or whole addresses: one-to-one).",
          default: "all", example: "500"),
        Field(
          "early-drop", \.earlyDrop, .boolean, "A full table gives up an entry without an answer for a new one.",
          example: "false"),
        Field(
          "hold-down", \.holdDown, .duration,
          "How long a port that was given back goes to nobody but its last owner (RFC 6888, REQ-8; not where ports are shared).",
          example: "120 s"),
      ]
    ) { limits, mistakes in
      for (path, limit) in [(\Limits.sessionsPerVM, limits.sessionsPerVM), (\Limits.mappingsPerVM, limits.mappingsPerVM)] {
        guard mistakes.has(\.table), mistakes.has(path), let limit, limit > limits.table else { continue }
        mistakes.report("one VM cannot have more than the whole table's \(limits.table)", at: path)
      }
    }
  }
}
