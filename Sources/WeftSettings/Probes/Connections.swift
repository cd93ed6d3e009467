import WeftCore

/// `to: "visitor:80/tcp"`: a connection, or one datagram.
public struct ConnectProbeSettings: ProbeSettings, Hashable {
  public var to: Endpoint

  public init(_ to: Endpoint = .unset) { self.to = to }

  public static let word = "to"
  public static let keys = KeyTable(word, "A connection", from: ConnectProbeSettings(), [])
  public static let row = Case.probe(
    Form.endpoint().map { ConnectProbeSettings($0) },
    "Opens a connection: node or address, port, protocol (tcp).", example: "\"laptop:8080/tcp\"")

  public static let exchange = Exchange.single
  public var target: Destination? { to.to }
  public var service: (transport: TransportProtocol, port: UInt16)? { (to.transport, to.port) }
  public func title(_ target: String) -> String { target }
}

extension ProbeSettings where Self == ConnectProbeSettings {
  public static func connect(to destination: Destination, port: UInt16, protocol transport: TransportProtocol) -> Self {
    Self(Endpoint(destination, port: port, transport))
  }
}

/// `http: "http://visitor:80/path"`; open = a response came whose status and body are as asked.
public struct HTTPProbeSettings: ProbeSettings, Hashable {
  public var url: HTTPAddress
  public var status: Int?
  /// What the body contains.
  public var body: String?

  public init(_ url: HTTPAddress = HTTPAddress(.unset, port: 80, path: "/")) { self.url = url }

  public static let word = "http"
  public static let keysStandBeside = true
  public static let keys = KeyTable(
    word, "A GET", from: HTTPProbeSettings(),
    [
      Field(
        "status", \.status, .integer(100...599), "Status of the response (http, open).", default: "any", example: "200"),
      Field(
        "body", \.body, .text, "What the response's body contains (http, open).", default: "anything", example: "hello"),
    ])
  public static let row = Case.probe(
    Form.http.map { HTTPProbeSettings($0) }, "GETs a page.", example: "\"http://laptop:8080/\"")

  public static var bounds: [PartialKeyPath<Self>] { [\.status, \.body] }
  public static let withoutBounds = "brings no page"
  public static let exchange = Exchange.connection
  public var target: Destination? { url.to }
  public var service: (transport: TransportProtocol, port: UInt16)? { (.tcp, url.port) }
  public func title(_ target: String) -> String { target }

  public func check(from machine: Prober, _ mistakes: Mistakes<Self>) {
    guard body == "" else { return }
    mistakes.warn("every page contains an empty text", at: \.body, hint: "give it a word of the page, or leave it out")
  }
}

/// `throughput: {to: "server:5001", size: 10 MB, at-least: 5 Mbit/s}`: a TCP transfer to a sink; bits/s of payload.
public struct ThroughputProbeSettings: ProbeSettings, Hashable {
  public var to: Endpoint
  public var size: UInt64 = 1_000_000
  public var atLeast: UInt64?
  public var atMost: UInt64?

  public init(_ to: Endpoint = .unset, size: UInt64 = 1_000_000) { (self.to, self.size) = (to, size) }

  public static let word = "throughput"
  public static let keys = KeyTable(
    word, "A TCP transfer to a sink, measured in payload bits per second", from: ThroughputProbeSettings(),
    [
      Field("to", \.to, .endpoint(.tcp), "The sink and its port.", required: true, example: "server:5001"),
      Field("size", \.size, .size(1...1 << 50), "How much is sent.", example: "10 MB"),
      Field("at-least", \.atLeast, .rate, "Lower bound.", default: "none", example: "5 Mbit/s"),
      Field("at-most", \.atMost, .rate, "Upper bound.", default: "none", example: "11 Mbit/s"),
    ]
  ) { settings, mistakes in
    if let low = settings.atLeast, let high = settings.atMost, low > high {
      mistakes.report("\"at-most\" is below \"at-least\"", at: \.atMost)
    }
  }
  public static let row = Case.probe(
    .table(keys), "Measures a TCP transfer.", example: "{to: \"server:5001\", at-least: 5 Mbit/s}")

  public static var bounds: [PartialKeyPath<Self>] { [\.atLeast, \.atMost] }
  public static let exchange = Exchange.connection
  public var target: Destination? { to.to }
  public var service: (transport: TransportProtocol, port: UInt16)? { (.tcp, to.port) }
  public func title(_ target: String) -> String { "throughput to \(target)" }
}

/// `idle: {to: "server:7/udp", for: 119 s}`: open = an echo server's answer still came through after that time.
public struct IdleProbeSettings: ProbeSettings, Hashable {
  public var to: Endpoint
  public var time: Nanoseconds

  public init(_ to: Endpoint = .unset, for time: Nanoseconds = .zero) { (self.to, self.time) = (to, time) }

  public static let word = "idle"
  public static let keys = KeyTable(
    "probe-idle", "A flow without traffic", from: IdleProbeSettings(),
    [
      Field("to", \.to, .endpoint(), "A tcp-echo or udp-echo.", required: true, example: "server:7/udp"),
      Field("for", \.time, .interval, "How long it waits before it answers.", required: true, example: "119 s"),
    ])
  public static let row = Case.probe(
    .table(keys), "Has an echo server answer late, over a flow without traffic until then.",
    example: "{to: \"server:7/udp\", for: 119 s}")

  public static let exchange = Exchange.dialogue
  public var target: Destination? { to.to }
  public var service: (transport: TransportProtocol, port: UInt16)? { (to.transport, to.port) }
  public var silence: Nanoseconds { time }
  public static let silenceText: String? = "idle's time"
  public var patience: Nanoseconds { time + .seconds(4) }
  public static let patienceText = "its time and 4 s"
  public func title(_ target: String) -> String { "\(target) after \(time) of silence" }
}
