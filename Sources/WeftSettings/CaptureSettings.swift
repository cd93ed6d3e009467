/// What captures keep.
public struct CaptureSettings: Sendable, Codable, Hashable {
  /// A pcap-filter(7) expression, already compiled once for its errors when the caller gave a checker.
  public var filter: String?
  /// Bytes of each frame kept; at most tcpdump's own bound (MAXIMUM_SNAPLEN).
  public var snaplen = 262_144
  /// Port-name patterns with `*`; empty: one end of each cable. `web/*`, `*/wan`.
  public var ports: [String] = []
  /// The most bytes of captures that a run writes; nil leaves it to whoever runs it.
  public var limit: UInt64?

  public init(filter: String? = nil) { self.filter = filter }

  public static let keys: KeyTable<CaptureSettings> = KeyTable(
    "capture", "What captures keep. Short form: the filter", from: CaptureSettings(),
    [
      Field("filter", \.filter, .text, "A pcap-filter(7) expression.", default: "everything", example: "tcp port 80"),
      Field("snaplen", \.snaplen, .size(1...262_144), "Bytes kept of each frame.", example: "128"),
      Field(
        "ports", \.ports, .list(of: .text), "Patterns of port names; `[\"*\"]` for both ends of all cables.",
        default: "one end of each cable", example: "[\"web/*\"]"),
      Field(
        "limit", \.limit, .size(1 << 16...1 << 50),
        "The most that a run's captures may take on disk; what comes later is counted, not kept.", default: "4 GB",
        example: "500 MB"),
    ])

  package static let form = Form<CaptureSettings>.table(keys, short: .text) { CaptureSettings(filter: $0) }
}
