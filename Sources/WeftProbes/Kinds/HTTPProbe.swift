import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// A GET; open when the whole response is there.
public struct HTTPProbe: Probe {
  public typealias Settings = HTTPProbeSettings

  private var exchange: HTTPExchange
  private let port: UInt16
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    port = settings.url.port
    guard let socket = result.connect(start, port, now: now, &stack) else { return nil }
    exchange = HTTPExchange(
      socket, host: settings.url.to.hostHeader, path: settings.url.path, bodyContains: settings.body ?? "")
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

extension HTTPProbeSettings: RunnableProbe {
  public typealias Machine = HTTPProbe

  public static let badAnswer = "answered, but not with HTTP"

  public func progress(_ result: ProbeResult) -> String { "\(Figures.size(result.bytes)) of the body came" }

  public func measured(_ result: ProbeResult, isOpen: Bool) -> String {
    result.httpStatus.map { ", HTTP \($0)" } ?? ""
  }

  public func mismatch(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> Mismatch? {
    if let status, result.httpStatus != status { return .differs("HTTP status \(status)") }
    if let body, !result.bodyFound { return .differs("a body with \"\(body)\"") }
    return nil
  }
}
