import WeftCore

/// Keeps a cpu busy.
public struct SpinSettings: ProgramSettings, Hashable {
  /// 0…1 of a cpu.
  public var duty = 1.0
  public var period = Nanoseconds.milliseconds(10)

  public init() {}

  public static let start = Nanoseconds.zero

  public static let keys = KeyTable(
    "spin", "Keeps a cpu busy", from: SpinSettings(),
    [
      Field(
        "duty", \.duty, Form<Double>.fraction.unsaid, "How much of each period it computes; the rest it sleeps.",
        default: "100 %",
        example: "95 %"),
      Field("period", \.period, .interval, "From one to the next, by its clock.", example: "20 ms"),
    ]
  ) { settings, mistakes in
    if settings.duty * Double(settings.period.rawValue) < 1 { mistakes.report("that is no time at all", at: \.duty) }
  }

  public static let row = Case.program(
    .table(keys), "Keeps a cpu of its machine busy, whose host has `cpus`: what others wait for.", example: "{duty: 95 %}")
}
