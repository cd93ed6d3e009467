import Weft

/// `burst: {to: "server:7/udp", count: 10, at-least: 9}` in a check: so many datagrams at once to an echo server; open when
/// enough of them came back.
public struct BurstSettings: ProbeSettings, Hashable {
  public var to = Endpoint.unset
  public var count = 10
  public var atLeast: Int?

  public static let word = "burst"
  public static let keys = KeyTable(
    "probe-burst", "Datagrams all at once", from: BurstSettings(),
    [
      Field("to", \.to, .endpoint(), "A udp-echo.", required: true, example: "server:7/udp"),
      Field("count", \.count, .integer(1...1000), "How many.", example: "10"),
      Field("at-least", \.atLeast, .integer(1...1000), "How many must come back.", default: "all", example: "9"),
    ]
  ) { burst, mistakes in
    if let least = burst.atLeast, least > burst.count {
      mistakes.report("of \(burst.count) no \(least) come back", at: \.atLeast)
    }
  }
  public static let row = Case.probe(
    .table(keys), "Sends datagrams all at once to an echo server.", example: "{to: \"server:7/udp\", count: 10}")

  public static var bounds: [PartialKeyPath<Self>] { [\.atLeast] }
  public static let exchange = Exchange.dialogue
  public var target: Destination? { to.to }
  public var service: (transport: TransportProtocol, port: UInt16)? { (.udp, to.port) }
  public func title(_ target: String) -> String { "\(count) datagrams to \(target)" }
}

/// What runs for one try of it, on the sockets of the machine that the check names.
public struct Burst: Probe {
  private let settings: BurstSettings
  private let port: UInt16
  private var answers = 0
  public var result: ProbeResult

  public init?(_ settings: BurstSettings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    let peer = TransportAddress(start.target, settings.to.port)
    guard let port = stack.bindDatagrams(tag: start.tag, trace: start.trace, peer: peer) else { return nil }
    (self.settings, self.port, result) = (settings, port, start.result)
    let payload: [UInt8] = Array("burst".utf8)
    for _ in 0..<settings.count {
      stack.sendDatagram(
        from: port, to: start.target, settings.to.port, payload.span.bytes, trace: start.trace, now: now, &out)
    }
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    answers += 1
    (result.hasAnswer, result.progressAt) = (true, now)
    result.note = "\(answers) of \(settings.count) came back"
    if answers == settings.atLeast ?? settings.count { result.outcome = .open }
  }

  public mutating func failed(_ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result.outcome = .init(error)
  }

  public mutating func close(now: Instant, _ stack: inout Stack) { stack.unbindDatagrams(port) }
}

/// What a verdict says of it.
extension BurstSettings: RunnableProbe {
  public typealias Machine = Burst

  public func progress(_ result: ProbeResult) -> String { result.note ?? "nothing came back" }
  public func found(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> String? { result.note }
}
