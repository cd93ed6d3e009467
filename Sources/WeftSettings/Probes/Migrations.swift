import WeftCore

/// `downtime: < 300 ms`: how long the VM's last migration stopped it.
public struct DowntimeProbeSettings: StateSettings, Hashable {
  public var bounds = TimeBounds()

  public init(_ bounds: TimeBounds = TimeBounds()) { self.bounds = bounds }

  private static let form = TimeBounds.form(
    "time-bounds", "Bounds on a time. Short form: `< 300 ms`", example: "300 ms", subject: "it")

  public static let word = "downtime"
  public static let keys = KeyTable(
    word, "How long its last migration stopped it", from: DowntimeProbeSettings(),
    [Field("is", \.bounds, form, "Bounds.", required: true, example: "< 300 ms")])
  public static let row = Case.probe(
    form.map { DowntimeProbeSettings($0) }, "How long the last migration of the VM `vm` stopped it.",
    example: "< 300 ms")

  public func title(_ target: String) -> String { "a downtime of \(bounds.text)" }
}

/// `alive-on: server2`: the VM runs, and there.
public struct AliveOnProbeSettings: StateSettings, Hashable {
  /// Nil: on none.
  public var host: String?

  public init(_ host: String? = nil) { self.host = host }

  public static let word = "alive-on"
  public static let keys = KeyTable(
    word, "Where it runs", from: AliveOnProbeSettings(),
    [Field("host", \.host, .hostOrNone, "Which host, or none.", required: true, example: "server2")])
  public static let row = Case.probe(
    .table(keys, short: Form<String?>.hostOrNone) { AliveOnProbeSettings($0) },
    "The VM `vm` runs, and on this host; `none`: nowhere.",
    example: "server2")

  public func title(_ target: String) -> String { host.map { "its run on \($0)" } ?? "no run anywhere" }
}

extension Form where Value == String? {
  fileprivate static var hostOrNone: Form {
    Form(.reference("host"), text: { $0 ?? "none" }) { (text) throws(Complaint) in
      text == "none" ? nil : try Parse.reference(Pattern.expand(text, 1), to: "host")
    } resolve: { name, place, reading in
      guard let name else { return .some(nil) }
      return reading.resolve(name, [.host], at: place) ? name : nil
    }
  }
}

/// `connection-survives: {to: "client:40000"}`: a TCP connection of the VM is open at both its ends, which agree on what was sent.
public struct ConnectionSurvivesProbeSettings: StateSettings, Hashable {
  public var to: Endpoint

  public init(_ to: Endpoint = .unset) { self.to = to }

  public static let word = "connection-survives"
  public static let keys = KeyTable(
    word, "That a TCP connection is alive", from: ConnectionSurvivesProbeSettings(),
    [
      Field(
        "to", \.to, .endpoint(.tcp), "Its other end: a machine, and the port of whichever end has it.", required: true,
        example: "client:40000")
    ])
  public static let row = Case.probe(
    .table(keys, short: .endpoint(.tcp)) { ConnectionSurvivesProbeSettings($0) },
    "A TCP connection between the VM `vm` and a machine is open at both ends, nothing of it waits in vain, and both agree on what "
      + "was sent.", example: "{to: \"client:80\"}")

  public func title(_ target: String) -> String { "a connection with \(target):\(to.port)" }
}

/// `hosts-in-use: 1`: how many hosts are on, and run VMs.
public struct HostsInUseProbeSettings: LabSettings, Hashable {
  public var count = CountBound(atLeast: 1)

  public init(_ count: CountBound = CountBound(atLeast: 1)) { self.count = count }

  public static let word = "hosts-in-use"
  public static let keys = KeyTable(
    word, "How many hosts run VMs", from: HostsInUseProbeSettings(),
    [Field("count", \.count, CountBound.form, "How many.", required: true, example: "1")])
  public static let row = Case.probe(
    CountBound.form.map { HostsInUseProbeSettings($0) }, "How many hosts run VMs.", example: "1")

  public func title(_ target: String) -> String { "hosts in use \(count)" }
}
