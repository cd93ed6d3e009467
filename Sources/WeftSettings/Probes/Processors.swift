import WeftCore

/// Bounds on a number of something.
public struct ProbeBounds<Value: Comparable & Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
  public var equals: Value?
  public var atMost: Value?
  public var atLeast: Value?

  public init(equals: Value? = nil, atMost: Value? = nil, atLeast: Value? = nil) {
    (self.equals, self.atMost, self.atLeast) = (equals, atMost, atLeast)
  }

  public func hold(_ value: Value) -> Bool {
    equals.map { value == $0 } ?? true && atMost.map { value <= $0 } ?? true && atLeast.map { value >= $0 } ?? true
  }

  /// `at most 5 %`
  func text(_ say: (Value) -> String) -> String {
    [equals.map { say($0) }, atMost.map { "at most \(say($0))" }, atLeast.map { "at least \(say($0))" }].compactMap { $0 }
      .joined(separator: ", ")
  }

  /// `< 5 %`
  static func form(words: String, parse: @escaping @Sendable (String) throws(Complaint) -> Value) -> Form<Self> {
    Form(words: words) { (text) throws(Complaint) in
      let (isUpper, rest) = try Parse.bound(text)
      let value = try parse(rest)
      return isUpper ? ProbeBounds(atMost: value) : ProbeBounds(atLeast: value)
    }
  }

  /// What is asked with none of the three?
  static func check<Root>(_ bounds: Self, _ mistakes: Mistakes<Root>) {
    if bounds == ProbeBounds() { mistakes.report("a bound is missing: \"equals\", \"at-most\" or \"at-least\"") }
    if let low = bounds.atLeast, let high = bounds.atMost, low > high { mistakes.report("\"at-most\" is below \"at-least\"") }
  }
}

/// `exits: {reason: kick, equals: 1000}`
public struct ExitsProbeSettings: StateSettings, Hashable {
  /// Nil: all of them.
  public var reason: ExitReason?
  public var bounds = ProbeBounds<UInt64>()

  public init(_ reason: ExitReason? = nil, _ bounds: ProbeBounds<UInt64> = ProbeBounds()) {
    (self.reason, self.bounds) = (reason, bounds)
  }

  public static let word = "exits"
  public static let keys = KeyTable(
    word, "How often a VM has left its cpu to the hypervisor", from: ExitsProbeSettings(),
    [
      Field("reason", \.reason, .choice, "Why.", default: "any", example: "kick"),
      Field("equals", \.bounds.equals, .integer(0...UInt64.max), "So often.", default: "any", example: "1000"),
      Field("at-most", \.bounds.atMost, .integer(0...UInt64.max), "Upper bound.", default: "none", example: "17"),
      Field("at-least", \.bounds.atLeast, .integer(0...UInt64.max), "Lower bound.", default: "none", example: "1000"),
    ]
  ) { settings, mistakes in ProbeBounds.check(settings.bounds, mistakes) }
  public static let row = Case.probe(
    .table(keys), "How often the VM `vm` has exited by now, on a host with `cpus`.", example: "{reason: kick, equals: 1000}")

  public func title(_ target: String) -> String { "exits (\(reason?.rawValue ?? "all")) \(bounds.text { "\($0)" })" }
}

/// `steal: {at-most: 5 %}`: of the time that it has been on.
public struct StealProbeSettings: StateSettings, Hashable {
  public var bounds = ProbeBounds<Double>()

  public init(_ bounds: ProbeBounds<Double> = ProbeBounds()) { self.bounds = bounds }

  public static let word = "steal"
  public static let keys = KeyTable(
    word, "How long a VM has waited for a cpu", from: StealProbeSettings(),
    [
      Field("at-most", \.bounds.atMost, .fraction, "Upper bound.", default: "none", example: "5 %"),
      Field("at-least", \.bounds.atLeast, .fraction, "Lower bound.", default: "none", example: "20 %"),
    ]
  ) { settings, mistakes in ProbeBounds.check(settings.bounds, mistakes) }
  private static let short = ProbeBounds<Double>.form(words: "a bound (< 5 %)") { (text) throws(Complaint) in
    try Quantity.fraction(text)
  }
  public static let row = Case.probe(
    .either(short.map { StealProbeSettings($0) }, .table(keys)),
    "How much of the time that the VM `vm` was on it could have run and got no cpu. Short form: `< 5 %`.",
    example: "{at-most: 5 %}")

  public func title(_ target: String) -> String { "steal \(bounds.text { "\($0 * 100) %" })" }
}

/// `ran: {at-least: 1 s}`
public struct RanProbeSettings: StateSettings, Hashable {
  public var bounds = ProbeBounds<Nanoseconds>()

  public init(_ bounds: ProbeBounds<Nanoseconds> = ProbeBounds()) { self.bounds = bounds }

  public static let word = "ran"
  public static let keys = KeyTable(
    word, "How long a VM has had a cpu", from: RanProbeSettings(),
    [
      Field("at-most", \.bounds.atMost, .duration, "Upper bound.", default: "none", example: "7.53 s"),
      Field("at-least", \.bounds.atLeast, .duration, "Lower bound.", default: "none", example: "7.47 s"),
    ]
  ) { settings, mistakes in ProbeBounds.check(settings.bounds, mistakes) }
  private static let short = ProbeBounds<Nanoseconds>.form(words: "a bound (> 1 s)") { (text) throws(Complaint) in
    try Quantity.duration(text)
  }
  public static let row = Case.probe(
    .either(short.map { RanProbeSettings($0) }, .table(keys)),
    "For how long the VM `vm` has run on a cpu by now, all its vcpus together. Short form: `> 1 s`.",
    example: "{at-least: 1 s}")

  public func title(_ target: String) -> String { "ran \(bounds.text { "\($0)" })" }
}
