import WeftCore

/// Fills memory and writes pages over and over.
public struct DirtySettings: ProgramSettings, Hashable {
  /// Pages a second; nil: as fast as its CPU allows.
  public var rate: UInt64? = 1000
  /// Bytes that are written in turn.
  public var set: UInt64 = 16 << 20
  /// Bytes that are used in all; at least `set`.
  public var fill: UInt64 = 0
  /// Of its CPU, a page.
  public var instructions: UInt64 = 1

  public init() {}

  public static let keys = KeyTable(
    "dirty", "Fills memory, and writes pages of it in turn", from: DirtySettings(),
    [
      Field(
        "rate", \.rate, .pagesPerSecond, "Pages of 4 KiB a second; `fastest`: as its CPU allows.",
        default: "1000/s", example: "2000/s"),
      Field("set", \.set, .size(0...1 << 44), "How much memory it writes in turn.", example: "16 MiB"),
      Field(
        "fill", \.fill, Form<UInt64>.size(0...1 << 44).unsaid, "How much it fills in all.", default: "the set", example: "128 MiB"
      ),
      Field(
        "instructions", \.instructions, .integer(1...1_000_000_000),
        "What a page costs its CPU (of 10^9 instructions a second): one that is throttled writes no faster than it gets them.",
        example: "1000"),
    ])
  public static let row = Case.program(
    .table(keys), "Fills memory and writes pages of it in turn, for a migration to follow.",
    example: "{rate: 2000/s, set: 16 MiB, fill: 128 MiB}")
}

extension Form where Value == UInt64? {
  /// `2000/s`, the number alone, or `fastest`.
  static var pagesPerSecond: Form {
    Form(words: "a number a second, or `fastest`", text: { $0.map { "\($0)/s" } ?? "fastest" }) { (text) throws(Complaint) in
      if text == "fastest" { return nil }
      return try Parse.integer(text.hasSuffix("/s") ? String(text.dropLast(2)) : text, in: 1...1_000_000_000)
    }
  }
}
