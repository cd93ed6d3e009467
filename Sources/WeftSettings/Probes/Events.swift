import WeftCore

/// What the lab as a whole has come to, looked up without a packet and of no machine. Such a check has neither `from` nor `vm`.
public protocol LabSettings: ProbeSettings {}

extension LabSettings {
  public static var exchange: Exchange { Exchange.none }
  public var target: Destination? { nil }
}

/// `event: {kind: mac-flap, count: 0}`: how often switches or machines have noticed something since the beginning.
public struct EventProbeSettings: LabSettings, Hashable {
  public var kind = NoticedEvent.macFlap
  public var count = CountBound(atLeast: 1)
  /// Nil: everywhere.
  public var network: String?

  public init(_ kind: NoticedEvent = .macFlap) { self.kind = kind }

  public static let word = "event"
  public static let keys = KeyTable(
    "event-check", "What was noticed, and how often", from: EventProbeSettings(),
    [
      Field(
        "kind", \.kind, .choice,
        "mac-flap: a switch saw an address on another port. duplicate-address: a machine heard its own address from somebody "
          + "else. fdb-full: a switch had no room to learn one. guard-violation, port-shut-down: a guard did its work.",
        required: true, example: "mac-flap"),
      Field("count", \.count, CountBound.form, "How often, from the beginning of the run.", default: ">= 1", example: "0"),
      Field(
        "network", \.network, .place, "Only on the switch of this network or segment, and the machines on it.",
        default: "everywhere", example: "lan"),
    ])
  public static let row = Case.probe(
    .table(keys, short: Form<NoticedEvent>.choice) { EventProbeSettings($0) },
    "How often switches and machines noticed something. Short form: that it happened.", example: "{kind: mac-flap, count: 0}")

  public func title(_ target: String) -> String {
    "\(kind.rawValue)\(network.map { " on \($0)" } ?? "") \(count)"
  }
}

/// A bound on a number: `3`, `< 5`, `<= 5`, `> 0`, `>= 1`.
public struct CountBound: Sendable, Codable, Hashable, CustomStringConvertible {
  public var atLeast: UInt64
  public var atMost: UInt64

  public init(atLeast: UInt64 = 0, atMost: UInt64 = .max) { (self.atLeast, self.atMost) = (atLeast, atMost) }

  public func holds(_ count: UInt64) -> Bool { (atLeast...max(atLeast, atMost)).contains(count) }

  public var description: String {
    atLeast == atMost ? "\(atLeast)" : atMost == .max ? ">= \(atLeast)" : "<= \(atMost)"
  }

  static let form = Form<CountBound>(words: "a number or a bound (< 5, >= 1)", text: \.description) { text throws(Complaint) in
    let sign = text.prefix { "<>=".contains($0) }
    let digits = Quantity.trim(text.dropFirst(sign.count))
    guard let number = UInt64(digits), number < 1 << 60, digits.utf8.allSatisfy(Quantity.isDigit) else {
      throw Complaint("\"\(text)\" is not a number or a bound on one", hint: "write it like 0, < 5 or >= 1")
    }
    switch sign {
    case "", "=", "==": return CountBound(atLeast: number, atMost: number)
    case ">=": return CountBound(atLeast: number)
    case ">": return CountBound(atLeast: number + 1)
    case "<=": return CountBound(atMost: number)
    case "<" where number > 0: return CountBound(atMost: number - 1)
    default: throw Complaint("\"\(text)\" is not a bound on a number", hint: "write it like 0, < 5 or >= 1")
    }
  }
}
