import WeftCore

/// Which spanning tree protocol a switch speaks.
public enum SpanningTreeMode: String, Sendable, Codable, CaseIterable {
  case off
  /// IEEE 802.1D-1998: a port listens and learns for 15 s each before it forwards.
  case stp
  /// IEEE 802.1D-2004, clause 17, which falls back to the former port by port.
  case rstp
}

/// A switch's spanning tree (IEEE 802.1D-2004, 17.13 and table 17-1).
public struct SpanningTreeSettings: Sendable, Codable, Hashable {
  public var mode = SpanningTreeMode.off
  /// The upper 16 bits of the bridge identifier, in steps of 4096: who has the least is the root.
  public var priority: UInt16 = 32768
  public var hello = Nanoseconds.seconds(2)
  public var maxAge = Nanoseconds.seconds(20)
  public var forwardDelay = Nanoseconds.seconds(15)

  public init(_ mode: SpanningTreeMode = .off) { self.mode = mode }

  public static let keys: KeyTable<SpanningTreeSettings> = KeyTable(
    "stp", "The spanning tree of a switch. Short form: the mode alone", from: SpanningTreeSettings(),
    [
      Field(
        "mode", \.mode, .choice,
        "rstp: rapid, stp: with listening and learning, 15 s each. off: loops are loops.", example: "rstp"),
      Field(
        "priority", \.priority, .priorityStep(4096, upTo: 61440),
        "Who has the least is the root; of several, who has the lowest MAC address.", example: "4096"),
      Field("hello", \.hello, .wholeSeconds(1...10), "How often the root says hello.", example: "1 s"),
      Field("max-age", \.maxAge, .wholeSeconds(6...40), "How long what was heard holds.", example: "6 s"),
      Field(
        "forward-delay", \.forwardDelay, .wholeSeconds(4...30), "How long a port listens, and how long it learns.",
        example: "4 s"),
    ]
  ) { tree, mistakes in
    // IEEE 802.1D-2004, 17.14.
    let (hello, age, delay) = (tree.hello.rawValue, tree.maxAge.rawValue, tree.forwardDelay.rawValue)
    let second: UInt64 = 1_000_000_000
    if 2 * (delay - second) < age {
      mistakes.report(
        "\"max-age\" may be at most twice \"forward-delay\" less a second: \(2 * (delay - second) / second) s",
        hint: "or a longer forward-delay")
    } else if age < 2 * (hello + second) {
      mistakes.report("\"max-age\" must be at least twice \"hello\" and a second more: \(2 * (hello + second) / second) s")
    }
  }

  package static let form = Form<SpanningTreeSettings>.table(keys, short: Form<SpanningTreeMode>.choice) {
    SpanningTreeSettings($0)
  }
}

/// What a port has to do with the spanning tree, and with learning and flooding.
public struct SwitchPortSettings: Sendable, Codable, Hashable {
  /// Nil: the switch finds out (IEEE 802.1D-2004, 17.25).
  public var edge: Bool?
  /// Nil: by the cable's rate.
  public var cost: UInt32?
  public var priority: UInt8 = 128
  /// Who speaks spanning tree there has the port shut down.
  public var bpduGuard = false
  /// Nobody there becomes the root.
  public var rootGuard = false
  public var learning = true
  public var flooding = true

  public init() {}

  public static let keys: KeyTable<SwitchPortSettings> = KeyTable(
    "port", "The switch's port at the other end of the cable", from: SwitchPortSettings(),
    [
      Field(
        "edge", \.edge, .boolean, "No switch is behind it: it forwards at once, and its coming and going is no change.",
        default: "found out", example: "true"),
      Field("cost", \.cost, .integer(1...200_000_000), "Of the way over it.", default: "by the cable's rate", example: "20000"),
      Field(
        "priority", \.priority, .priorityStep(16, upTo: 240), "Of two ways of the same cost, the lower is taken.",
        example: "64"),
      Field("bpdu-guard", \.bpduGuard, .boolean, "Shut down when a switch is heard behind it.", example: "true"),
      Field("root-guard", \.rootGuard, .boolean, "Blocked as long as a better root is heard behind it.", example: "true"),
      Field("learning", \.learning, .boolean, "Whether addresses are learnt there.", example: "false"),
      Field(
        "flooding", \.flooding, .boolean, "Whether it gets frames for addresses that the switch doesn't know.", example: "false"),
    ])

  public var isEmpty: Bool { self == SwitchPortSettings() }
}

extension Form where Value: FixedWidthInteger & Sendable & SendableMetatype {
  /// A multiple of a step: what of an identifier may be set.
  static func priorityStep(_ step: Value, upTo most: Value) -> Form {
    Form(.integer(0...UInt64(most)), text: { "\($0)" }) { (text) throws(Complaint) in
      let number = Value(clamping: try Parse.integer(text, in: 0...UInt64(most)))
      guard number % step == 0 else {
        throw Complaint("\(text) is no multiple of \(step)", hint: "did you mean \(number / step * step)?")
      }
      return number
    }
  }
}

extension Form where Value == Nanoseconds {
  static func wholeSeconds(_ range: ClosedRange<UInt64>) -> Form {
    Form(.interval, text: interval.text) { (text) throws(Complaint) in
      let time = try Quantity.interval(text)
      let second: UInt64 = 1_000_000_000
      guard time.rawValue % second == 0, range.contains(time.rawValue / second) else {
        throw Complaint("\(text) is not \(range.lowerBound) to \(range.upperBound) whole seconds")
      }
      return time
    }
  }
}
