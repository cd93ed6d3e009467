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
