import Weft

/// `heartbeat: {to: server:9, every: 500 ms}`: a datagram at each beat, as monitoring agents send them.
public struct HeartbeatSettings: ProgramSettings {
  public var to = Endpoint.unset
  public var every = Nanoseconds.seconds(1)

  public static let keys = KeyTable(
    "heartbeat", "Tells a server that it is alive", from: HeartbeatSettings(),
    [
      Field("to", \.to, .endpoint(toGroups: true), "The server and its port, or all.", required: true, example: "server:9"),
      Field("every", \.every, .interval, "From one beat to the next.", example: "500 ms"),
    ])

  public static let row = Case.program(
    .table(keys), "Tells a server that it is alive.", example: "{to: \"server:9\", every: 500 ms}")
}

extension HeartbeatSettings: RunnableSettings {
  public typealias Machine = Heartbeat

  public func settings(_ target: (Destination) -> Target) -> Heartbeat.Settings {
    .init(to: target(to.to), port: to.port, every: every)
  }
}

/// What runs: a value that is told of its deadline, and acts through the machine's stack.
public struct Heartbeat: GuestProgram {
  public struct Settings: Codable, Sendable {
    var to: Target
    var port: UInt16
    var every: Nanoseconds
  }

  public static let name = "heartbeat"
  static let beat: [UInt8] = Array("alive".utf8)

  private let settings: Settings
  private let tag: UInt64
  private var port: UInt16?
  public private(set) var deadline: Instant
  public private(set) var report: ProgramReport

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "heartbeat \(settings.to.text):\(settings.port)", state: .running)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = now + settings.every
    if port == nil { port = stack.bindDatagrams(tag: tag) }
    // A machine that asks by DHCP may have no address yet: this beat is missed.
    guard let port, let address = settings.to.address else { return }
    let result = stack.sendDatagram(from: port, to: address, settings.port, Self.beat.span.bytes, now: now, &out)
    if case .sent = result { report.requests += 1 }
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    report.failures += 1
  }
}
