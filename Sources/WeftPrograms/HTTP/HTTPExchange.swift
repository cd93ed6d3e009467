import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// One GET or PUT over one connection; of programs and of the probe.
public struct HTTPExchange: Codable {
  public enum Step {
    case going
    case done
    /// The connection failed; nil where what came isn't HTTP.
    case failed(SocketError?)
  }

  static let bodyKept = 4096
  private static let longestHeader = 16_384

  public let socket: SocketID
  private let request: [UInt8]
  public private(set) var connectedAt: Instant?
  public private(set) var firstByteAt: Instant?
  public private(set) var status: Int?
  public private(set) var body: [UInt8] = []
  public private(set) var received: UInt64 = 0
  private var search: ByteSearch
  /// Nil: until the connection closes.
  private var length: UInt64?

  /// Asks for the connection to be closed afterwards: one exchange, one connection.
  public init(_ socket: SocketID, host: String, path: String, bodyContains: String = "") {
    self.socket = socket
    search = ByteSearch(Array(bodyContains.utf8))
    let path = path.hasPrefix("/") ? path : "/" + path
    request = Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nAccept: */*\r\n\r\n".utf8)
  }

  /// The same for a PUT.
  public init(_ socket: SocketID, host: String, path: String, putting body: [UInt8]) {
    self.socket = socket
    search = ByteSearch([])
    let header = "PUT \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nContent-Length: \(body.count)\r\n\r\n"
    request = Array(header.utf8) + body
  }

  public var requestLength: Int { request.count }
  /// Whether what is looked for has come.
  public var isFound: Bool { search.isFound }

  public mutating func socket(_ events: SocketEvents, now: Instant, _ stack: inout Stack) -> Step {
    if events.contains(.connected) {
      connectedAt = now
      stack.write(socket, request.span.bytes)
    }
    if stack.readable(socket) > 0 {
      firstByteAt = firstByteAt ?? now
      if status == nil, !readHeader(&stack) { return .failed(nil) }
      if status != nil { readBody(&stack) }
    }
    if status != nil {
      if let length, received >= length { return .done }
      if stack.isAtEnd(socket), length == nil { return .done }
    }
    if events.contains(.closed) { return .failed(stack.error(socket) ?? .reset) }
    if stack.isAtEnd(socket) { return .failed(.reset) }
    return .going
  }

  /// False where it isn't HTTP.
  private mutating func readHeader(_ stack: inout Stack) -> Bool {
    let bytes = stack.peek(socket, Self.longestHeader)
    let magic = Array("HTTP/1.".utf8)
    guard zip(bytes, magic).allSatisfy({ $0 == $1 }) else { return false }
    guard let end = HTTPRequest.find([13, 10, 13, 10], in: bytes, from: 0) else {
      return bytes.count < Self.longestHeader
    }
    let lines = bytes[..<end].split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }
    let words = lines[0].split(separator: 32, maxSplits: 2)
    guard words.count >= 2, words[1].count == 3, let status = Int(String(decoding: words[1], as: UTF8.self)) else {
      return false
    }
    self.status = status
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: 58) else { return false }
      guard String(decoding: line[..<colon], as: UTF8.self).lowercased() == "content-length" else { continue }
      guard let length = UInt64(HTTPRequest.trim(line[(colon + 1)...])) else { return false }
      self.length = length
    }
    if status == 204 || status == 304 { length = 0 }
    stack.discard(socket, end + 4)
    return true
  }

  private mutating func readBody(_ stack: inout Stack) {
    let there = stack.readable(socket)
    if body.count < Self.bodyKept { body += stack.peek(socket, Self.bodyKept - body.count) }
    if !search.isFound { search.feed(stack.peek(socket, there)) }
    stack.discard(socket)
    received &+= UInt64(there)
  }
}

extension ProgramReport {
  /// A request is on its way.
  mutating func began(_ exchange: HTTPExchange, now: Instant) {
    state = .running
    startedAt = startedAt ?? now
    requests &+= 1
    bytesOut &+= UInt64(exchange.requestLength)
  }

  /// All of an answer has come, whatever it says.
  mutating func answered(_ exchange: HTTPExchange) {
    replies &+= 1
    bytesIn &+= exchange.received
    httpStatus = exchange.status
    guard let connected = exchange.connectedAt, let first = exchange.firstByteAt else { return }
    var all = rtt ?? RoundTrips()
    all.add(first - connected)
    rtt = all
  }
}

/// GETs a path `count` times, one each interval or when the one before is done.
public struct HTTPGet: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var to: Target
    public var port: UInt16
    public var path: String
    /// The Host header; nil: the target.
    public var host: String?
    public var count: Int
    public var interval: Nanoseconds

    public init(to: Target, port: UInt16, path: String = "/", host: String? = nil, count: Int = 1, interval: Nanoseconds) {
      self.to = to
      self.port = port
      self.path = path
      self.host = host
      self.count = max(count, 0)
      self.interval = interval
    }
  }

  public static let name = "http-get"
  /// For one exchange, the handshake included.
  static let patience = Nanoseconds.seconds(120)

  let settings: Settings
  let host: String
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var exchange: HTTPExchange?
  private var nextAt: Instant
  private var lastError: String?

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    host = settings.host ?? (settings.port == 80 ? settings.to.text : "\(settings.to.text):\(settings.port)")
    tag = place.tag
    deadline = place.start
    nextAt = place.start
    report = ProgramReport(index: place.index, title: "http-get http://\(host)\(settings.path)", state: .waiting)
  }

  public var isUnfinished: Bool { report.state == .waiting || report.state == .running }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if let exchange {
      // The server is silent, or its reset was lost: without a limit the client would wait for ever.
      stack.abort(exchange.socket)
      self.exchange = nil
      report.failures &+= 1
      lastError = SocketError.timedOut.text
      if report.requests >= UInt64(settings.count) { return finish(now: now) }
    }
    guard report.requests < UInt64(settings.count) else { return finish(now: now) }
    guard let address = settings.to.address,
      let socket = stack.connect(to: address, settings.port, tag: tag, now: now)
    else {
      deadline = now + resolveInterval
      return
    }
    let exchange = HTTPExchange(socket, host: host, path: settings.path)
    self.exchange = exchange
    report.began(exchange, now: now)
    nextAt = now + settings.interval
    deadline = now + Self.patience
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard exchange?.socket == id, let step = exchange?.socket(events, now: now, &stack), let exchange else { return }
    switch step {
    case .going: return
    case .done:
      report.answered(exchange)
      report.httpBody = exchange.body
    case .failed(let error):
      report.failures &+= 1
      lastError = error?.text ?? "not HTTP"
    }
    self.exchange = nil
    stack.release(id, now: now)
    if report.requests >= UInt64(settings.count) { return finish(now: now) }
    deadline = max(nextAt, now + Nanoseconds(1))
  }

  private mutating func finish(now: Instant) {
    deadline = .never
    guard isUnfinished else { return }
    report.state = report.replies > 0 || settings.count == 0 ? .done : .failed(lastError ?? "no response")
    report.finishedAt = now
  }
}

extension HTTPGet {
  public var isConsistent: Bool { settings.count >= 0 }
}

extension HTTPGetSettings: RunnableSettings {
  public typealias Machine = HTTPGet

  public func settings(_ target: (Destination) -> Target) -> HTTPGet.Settings {
    .init(to: target(to.to), port: to.port, path: path, host: to.to.hostHeader, count: count, interval: interval)
  }
}
