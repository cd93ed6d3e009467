import WeftCore

/// GETs `path`; `count` times, one each `interval`.
public struct HTTPGetSettings: ProgramSettings, Hashable {
  public var to: Endpoint
  public var path: String
  public var count = 1
  public var interval = Nanoseconds.seconds(1)

  public init(_ to: Endpoint = .unset, path: String = "/") {
    self.to = to
    self.path = path
  }

  public static let keys = KeyTable(
    "http-get", "GETs a page", from: HTTPGetSettings(),
    [
      Field("to", \.to, .endpoint(.tcp), "Server and port.", required: true, example: "visitor:80"),
      Field("path", \.path, .path, "What to get.", example: "/index.html"),
      Field("count", \.count, .integer(1...1_000_000_000), "How often.", example: "10"),
      Field("interval", \.interval, .interval, "From one to the next.", example: "100 ms"),
    ])

  public static let row = Case.program(
    .table(keys, short: .http) { HTTPGetSettings(Endpoint($0.to, port: $0.port), path: $0.path) },
    "GETs a page. Short form: the URL.", example: "\"http://visitor:80/path\"")
}

public struct PingSettings: ProgramSettings, Hashable {
  public var to: Destination
  public var count = 4
  public var interval = Nanoseconds.seconds(1)
  /// Bytes of data.
  public var size = 56
  public var ttl: UInt8 = 64

  public init(_ to: Destination = .unset) { self.to = to }

  public static let keys = KeyTable(
    "ping", "Sends echo requests", from: PingSettings(),
    [
      Field("to", \.to, .destination, "A node, an address, or `next` in a group.", required: true, example: "visitor"),
      Field("count", \.count, .integer(1...1_000_000_000), "How many.", example: "10"),
      Field("interval", \.interval, .interval, "From one to the next.", example: "100 ms"),
      Field("size", \.size, .size(0...65_507), "Bytes of data.", example: "1000"),
      Field("ttl", \.ttl, .integer(1...255), "Time to live.", example: "3"),
    ])

  public static let row = Case.program(
    .table(keys, short: .destination) { PingSettings($0) },
    "Sends echo requests. Short form: to whom. In a group, `next` is the next VM, of the last the first.", example: "visitor")
}

/// Sends `size` bytes over TCP, then closes.
public struct BulkSettings: ProgramSettings, Hashable {
  public var to: Endpoint
  public var size: UInt64

  public init(_ to: Endpoint = .unset, size: UInt64 = 1_000_000) {
    self.to = to
    self.size = size
  }

  public static let keys = KeyTable(
    "bulk", "Sends many bytes over TCP, then closes", from: BulkSettings(),
    [
      Field("to", \.to, .endpoint(.tcp), "A sink and its port.", required: true, example: "server:5001"),
      Field("size", \.size, .size(0...1 << 50), "How much.", example: "10 MB"),
    ])

  public static let row = Case.program(
    .table(keys, short: .endpoint(.tcp)) { BulkSettings($0) },
    "Sends many bytes over TCP, then closes. Short form: to where.", example: "{to: \"server:5001\", size: 10 MB}")
}

/// Datagrams of `size` payload bytes, one each `interval`; `count` of them, nil: until the run ends.
public struct UDPRateSettings: ProgramSettings, Hashable {
  public var to: Endpoint
  public var size = 64
  public var interval = Nanoseconds.milliseconds(1)
  public var count: UInt64?
  /// Payload bits per second, of which the interval is made.
  private var rate: UInt64?
  private var pps: UInt64?

  public init(_ to: Endpoint = .unset) { self.to = to }

  public static let keys = KeyTable(
    "udp-rate", "Sends datagrams at a steady pace: interval, rate or pps", from: UDPRateSettings(),
    [
      Field("to", \.to, .endpoint(toGroups: true), "To where.", required: true, example: "server:9"),
      Field("size", \.size, .size(0...65_507), "Payload of each.", example: "1 kB"),
      Field("interval", \.interval, .interval, "From one to the next.", example: "1 ms"),
      Field(
        "rate", \.rate, .rate, "Payload bits per second, instead of an interval.", default: "from interval",
        example: "1 Mbit/s"),
      Field(
        "pps", \.pps, .integer(1...1_000_000_000), "Datagrams per second, instead of an interval.", default: "from interval",
        example: "1000"),
      Field("count", \.count, .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "100"),
    ]
  ) { settings, mistakes in
    if settings.to.transport == .tcp, mistakes.object.place(\.to)?.text?.hasSuffix("/tcp") == true {
      mistakes.report("datagrams go over udp, not tcp", at: \.to)
    }
    let paces = [("interval", \Self.interval as PartialKeyPath<Self>), ("rate", \.rate), ("pps", \.pps)].filter {
      mistakes.has($1)
    }
    if paces.count > 1 { mistakes.report("only one of \(paces.map(\.0).joined(separator: ", ")) sets the pace") }
    if let pps = settings.pps { settings.interval = Nanoseconds(1_000_000_000 / pps) }
    if let rate = settings.rate {
      // No overflow: 65,507 bytes are half a million bits, times 10⁹ fits.
      settings.interval = Nanoseconds(UInt64(max(1, settings.size)) * 8 * 1_000_000_000 / rate)
      if settings.interval == .zero { mistakes.report("that is more than one datagram a nanosecond", at: \.rate) }
    }
    (settings.rate, settings.pps) = (nil, nil)
  }

  public static let row = Case.program(
    .table(keys), "Sends datagrams at a steady pace.", example: "{to: \"server:9\", size: 64 B, pps: 1000}")
}

/// Classifies the NAT on the way to a STUN server and reports what it found.
public struct NATProbeSettings: ProgramSettings, Hashable {
  public var via: Destination
  public var port: UInt16 = 3478

  public init(_ via: Destination = .unset) { self.via = via }

  public static let keys = KeyTable(
    "nat-probe", "Classifies the NAT on the way to a stun-server", from: NATProbeSettings(),
    [
      Field("via", \.via, .destination, "The stun-server.", required: true, example: "server"),
      Field("port", \.port, .port, "Its port.", example: "3478"),
    ])

  public static let row = Case.program(
    .table(keys, short: .destination) { NATProbeSettings($0) },
    "Classifies the NAT on the way to a stun-server and reports it (RFC 5780). Short form: the server.", example: "server")
}

/// SYNs from ever other ports; `count` of them, nil: until the run ends.
public struct SYNFloodSettings: ProgramSettings, Hashable {
  public var to: Endpoint
  public var pps: UInt64 = 1000
  public var count: UInt64?

  public init(_ to: Endpoint = .unset) { self.to = to }

  public var interval: Nanoseconds { Nanoseconds(1_000_000_000 / max(1, pps)) }

  public static let keys = KeyTable(
    "syn-flood", "Sends SYNs from ever other ports and keeps no state", from: SYNFloodSettings(),
    [
      Field("to", \.to, .endpoint(.tcp), "To where.", required: true, example: "server:80"),
      Field("pps", \.pps, .integer(1...1_000_000_000), "How many a second.", example: "10000"),
      Field("count", \.count, .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "5000"),
    ])

  public static let row = Case.program(
    .table(keys, short: .endpoint(.tcp)) { SYNFloodSettings($0) },
    "Sends SYNs from ever other ports and keeps no state. Short form: to where.", example: "{to: \"server:80\", pps: 10000}")
}
