import WeftCore

/// `ping: visitor`; open = a reply came.
public struct PingProbeSettings: ProbeSettings, Hashable {
  public var to: Destination
  /// Bytes of data.
  public var size = 56
  public var ttl: UInt8 = 64

  public init(_ to: Destination = .unset, size: Int = 56, ttl: UInt8 = 64) {
    (self.to, self.size, self.ttl) = (to, size, ttl)
  }

  public static let word = "ping"
  public static let keys = KeyTable(
    "probe-ping", "An echo request", from: PingProbeSettings(),
    [
      Field("to", \.to, .destination, "A node or an address.", required: true, example: "visitor"),
      Field("size", \.size, .size(0...65_507), "Bytes of data.", example: "1000"),
      Field("ttl", \.ttl, .integer(1...255), "Time to live.", example: "3"),
    ])
  public static let row = Case.probe(
    .table(keys, short: .destination) { PingProbeSettings($0) }, "Sends an echo request.", example: "visitor")

  public static let exchange = Exchange.single
  public var target: Destination? { to }
  public func title(_ target: String) -> String { "ping \(target)" }
}

extension ProbeSettings where Self == PingProbeSettings {
  public static func ping(to destination: Destination, size: Int = 56, ttl: UInt8 = 64) -> Self {
    Self(destination, size: size, ttl: ttl)
  }
}

/// `lease: true`: every NIC that asks by DHCP has an address.
public struct LeaseProbeSettings: ProbeSettings, Hashable {
  public init() {}

  public static let word = "lease"
  public static let keys = KeyTable(word, "Its addresses", from: LeaseProbeSettings(), [])
  public static let row = Case.probe(
    Form.always(true).map { _ in LeaseProbeSettings() },
    "Every NIC that asks by DHCP has an address; one at least must ask.", example: "true")

  public static let exchange = Exchange.none
  public var target: Destination? { nil }
  public func title(_ target: String) -> String { "lease" }

  public func check(from machine: Prober, _ mistakes: Mistakes<Self>) {
    guard !machine.asksByDHCP else { return }
    mistakes.warn(
      "\"\(machine.name)\" asks no DHCP server, its address is set by hand: it never has a lease",
      hint: "leave its \"address\" out where there is a DHCP server")
  }
}
