/// What a host takes, by a model: P = idle + (peak − idle) × utilisation. A host that is off takes nothing.
public struct PowerSettings: Codable, Hashable, Sendable {
  /// Milliwatts.
  public var idle: UInt64 = 0
  public var peak: UInt64 = 0

  public init() {}

  /// Milliwatts times nanoseconds, exactly: on for so long, and so much of all its cpus' time busy.
  public func energy(on: UInt64, busy: UInt64, cpus: UInt64) -> UInt128 {
    UInt128(idle) * UInt128(on) + UInt128(peak > idle ? peak - idle : 0) * UInt128(busy) / UInt128(max(1, cpus))
  }

  public static let keys = KeyTable(
    "power", "What a host takes, modelled: idle and, in proportion to its cpus' use, up to peak", from: PowerSettings(),
    [
      Field("idle", \.idle, power, "With nothing to do.", required: true, example: "100 W"),
      Field("peak", \.peak, power, "With all its `cpus` busy.", required: true, example: "250 W"),
    ]
  ) { settings, mistakes in
    if settings.peak < settings.idle { mistakes.report("\"peak\" is below \"idle\"", at: \.peak) }
    settings.peak = max(settings.peak, settings.idle)
  }

  private static let power = Form<UInt64>(words: "a power (100 W)", text: { Quantity.text($0, Quantity.powers) }) {
    (text) throws(Complaint) in try Quantity.power(text)
  }
}
