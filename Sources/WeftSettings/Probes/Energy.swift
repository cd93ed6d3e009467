/// `energy: {host: server1, at-most: 500 J}`: what a host, or all that have `power`, have taken by now.
public struct EnergyProbeSettings: LabSettings, Hashable {
  /// Empty: all.
  public var host = ""
  /// Millijoules.
  public var bounds = ProbeBounds<UInt64>()

  public init(_ bounds: ProbeBounds<UInt64> = ProbeBounds()) { self.bounds = bounds }

  public static let word = "energy"
  public static let keys = KeyTable(
    word, "What hosts with `power` have taken", from: EnergyProbeSettings(),
    [
      Field("host", \.host, .host, "Which one.", default: "all", example: "server1"),
      Field("at-most", \.bounds.atMost, energy, "Upper bound.", default: "none", example: "500 J"),
      Field("at-least", \.bounds.atLeast, energy, "Lower bound.", default: "none", example: "400 J"),
    ]
  ) { settings, mistakes in ProbeBounds.check(settings.bounds, mistakes) }
  private static let energy = Form<UInt64>(words: "an energy (500 J)", text: { Quantity.text($0, Quantity.energies) }) {
    (text) throws(Complaint) in try Quantity.energy(text)
  }
  private static let short = ProbeBounds<UInt64>.form(words: "a bound (< 500 J)") { (text) throws(Complaint) in
    try Quantity.energy(text)
  }
  public static let row = Case.probe(
    .either(short.map { EnergyProbeSettings($0) }, .table(keys)),
    "What a host, or all that have `power`, have taken by now, as modelled. Short form: `< 500 J`.",
    example: "{host: server1, at-most: 500 J}")

  public func title(_ target: String) -> String {
    "energy\(host.isEmpty ? "" : " of \(host)") \(bounds.text { Quantity.text($0, Quantity.energies) })"
  }
}
