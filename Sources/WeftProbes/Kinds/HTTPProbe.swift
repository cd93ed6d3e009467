import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// A GET; open when the whole response is there.
public struct HTTPProbe: Probe {
  public struct Settings: ProbeSettings {
    public typealias Machine = HTTPProbe
    public static let name = "http"
    public var target: Target
    public var port: UInt16
    public var path: String
    /// The Host header; nil: the target.
    public var host: String?
    /// Looked for in all of the body.
    public var bodyContains: String?
    public var transport: IPProtocol { .tcp }

    public init(to target: Target, port: UInt16, path: String, host: String? = nil, bodyContains: String? = nil) {
      self.target = target
      self.port = port
      self.path = path
      self.host = host
      self.bodyContains = bodyContains
    }
  }

  private var exchange: HTTPExchange
  private let port: UInt16
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    port = settings.port
    guard let socket = result.connect(start, port, now: now, &stack) else { return nil }
    let host = settings.host ?? (port == 80 ? settings.target.text : "\(settings.target.text):\(port)")
    exchange = HTTPExchange(socket, host: host, path: settings.path, bodyContains: settings.bodyContains ?? "")
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let step = exchange.socket(events, now: now, &stack)
    result.httpStatus = exchange.status
    result.progress(exchange.received, isConnected: exchange.connectedAt != nil, exchange.firstByteAt != nil, now: now)
    switch step {
    case .going: return
    case .done:
      result.httpBody = exchange.body
      result.bodyFound = exchange.isFound
      if let connected = exchange.connectedAt, let first = exchange.firstByteAt { result.rtt = first - connected }
      result.outcome = .open
    case .failed(let error): result.outcome = error.map { .init($0) } ?? .badResponse
    }
  }

  public mutating func strayed(from source: TransportAddress, toPort: UInt16) {
    result.strayed(from: source, toPort: toPort, peer: port)
  }

  public mutating func close(now: Instant, _ stack: inout Stack) { end(exchange.socket, now: now, &stack) }
}
