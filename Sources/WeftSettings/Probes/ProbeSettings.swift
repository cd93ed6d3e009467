import WeftCore

/// What a check of a topology tries, of one kind: its key, what stands under it, and what follows from that.
///
///     public struct PingProbeSettings: ProbeSettings {
///       public var to: Destination
///
///       public static let word = "ping"
///       public static let keys = KeyTable("probe-ping", "An echo request", from: PingProbeSettings(), [
///         Field("to", \.to, .destination, "A node or an address.", required: true, example: "visitor")
///       ])
///       public static let row = Case.probe(
///         .table(keys, short: .destination) { PingProbeSettings($0) }, "Sends an echo request.", example: "visitor")
///
///       public static let exchange = Exchange.single
///       public var target: Destination? { to }
///       public func title(_ target: String) -> String { "ping \(target)" }
///     }
///
/// What its packets are, and what a try's verdict says, has the machine that goes with it (`RunnableProbe`).
public protocol ProbeSettings: Codable, Sendable {
  /// Its key in the file.
  static var word: String { get }
  /// Its keys: under its word, or beside it in the check.
  static var keys: KeyTable<Self> { get }
  static var keysStandBeside: Bool { get }
  /// How it stands in a file: in a short form or with keys.
  static var row: Case<any ProbeSettings> { get }
  /// Keys that say what an open one must also be; and what one that isn't open has instead.
  static var bounds: [PartialKeyPath<Self>] { get }
  static var withoutBounds: String { get }

  static var exchange: Exchange { get }
  /// Whom its first packet is for, where it sends one.
  var target: Destination? { get }
  /// What it speaks to its target, and at which port; nil where that has no ports.
  var service: (transport: TransportProtocol, port: UInt16)? { get }
  /// Another machine that takes part.
  var partner: String? { get }
  /// How long nothing is said, by intention.
  var silence: Nanoseconds { get }
  static var silenceText: String? { get }
  /// How long a try waits where the file doesn't say: long enough for ARP to give up (3 s), and for what it does itself.
  var patience: Nanoseconds { get }
  static var patienceText: String { get }
  /// What a check without a name calls it. `target`: as the file writes it.
  func title(_ target: String) -> String
  /// What its keys have to do with the machine that tries.
  func check(from machine: Prober, _ mistakes: Mistakes<Self>)
}

extension ProbeSettings {
  public var exchange: Exchange { Self.exchange }
  public static var keysStandBeside: Bool { false }
  public static var bounds: [PartialKeyPath<Self>] { [] }
  public static var withoutBounds: String { "has none" }
  public var service: (transport: TransportProtocol, port: UInt16)? { nil }
  public var partner: String? { nil }
  public var silence: Nanoseconds { .zero }
  public static var silenceText: String? { nil }
  public var patience: Nanoseconds { .seconds(4) }
  public static var patienceText: String { "4 s" }
  public func check(from machine: Prober, _ mistakes: Mistakes<Self>) {}

  /// Whether it speaks by datagrams: a refusal of them is an ICMP error.
  package var isDatagram: Bool { exchange != .none && service?.transport != .tcp }
  /// Whether it is over with one packet and its answer, so that several tries at once don't disturb each other.
  package var isQuick: Bool { exchange == .single || exchange == .none }
}

/// What passes between who tries and who answers.
public enum Exchange: Sendable {
  /// Nothing: it is looked up on the machine itself.
  case none
  /// One packet and its answer: what decides the packet decides the try, and the round trip is theirs.
  case single
  /// A connection and what goes over it: what a later packet met doesn't say that it was refused.
  case connection
  /// Several packets, each of whose fates tells something of its own.
  case dialogue
}

/// What a file says of the machine that tries.
public struct Prober: Sendable {
  public var name: String
  /// Whether one of its NICs gets its address by DHCP.
  public var asksByDHCP: Bool

  package init(name: String, asksByDHCP: Bool) { (self.name, self.asksByDHCP) = (name, asksByDHCP) }
}

extension Case where Value == any ProbeSettings {
  /// The row of one kind of probe.
  public static func probe<Settings: ProbeSettings>(_ form: Form<Settings>, _ doc: String, example: String) -> Self {
    Case(Settings.word, form, doc, example: example) { $0 as any ProbeSettings }
  }
}

/// A probe's settings, coded beside their word.
package struct CodedProbe: Codable, Sendable {
  package var settings: any ProbeSettings

  package init(_ settings: any ProbeSettings) { self.settings = settings }

  private enum CodingKeys: CodingKey { case word, settings }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(type(of: settings).word, forKey: .word)
    try container.encode(settings, forKey: .settings)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let word = try container.decode(String.self, forKey: .word)
    settings = try container.decode(decoder.kind(word, of: decoder.catalogue.probes, "probe"), forKey: .settings)
  }
}
