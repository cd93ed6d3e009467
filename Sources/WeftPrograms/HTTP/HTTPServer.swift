import WeftCore
import WeftWire

/// Serves one resource under every path, over HTTP/1.1 with keep-alive.
struct HTTPServer: GuestBehaviour {
  /// A client that says nothing for so long is let go, so that half-open ones don't pile up.
  static let idleTimeout = Nanoseconds.seconds(60)

  private struct Client: Codable {
    enum Phase: Codable {
      case free
      case reading
      /// What is left of the header, then how far the body is written.
      case writing(header: [UInt8], bodyOffset: Int, bodyEnd: Int, content: [UInt8]?, keepsAlive: Bool)
      /// All is said; waits for the other side's FIN.
      case closing
    }

    var phase = Phase.free
    var socket: SocketID
    var idleAt: Instant
  }

  let port: UInt16
  let status: Int
  /// Nil: `size` bytes of the pattern.
  let body: [UInt8]?
  let size: Int
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant
  private var clients: [Client] = []
  private var free: [UInt32] = []
  private var isListening = false

  init(
    port: UInt16, status: Int, body: [UInt8]?, size: Int?, name: String, owner: SocketOwner, index: Int, start: Instant
  ) {
    self.port = port
    self.status = min(max(status, 200), 599)
    if let size {
      self.body = nil
      self.size = max(size, 0)
    } else {
      let body = body ?? Array("hello from \(name)\n".utf8)
      self.body = body
      self.size = body.count
    }
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "http-server :\(port)", state: .waiting)
  }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if !isListening {
      isListening = true
      deadline = .never
      report.state = stack.tcp.listen(port, owner) ? .running : .failed("port \(port)/tcp in use")
      report.startedAt = now
      return
    }
    deadline = .never
    for index in clients.indices {
      if case .free = clients[index].phase { continue }
      if clients[index].idleAt <= now {
        stack.abort(clients[index].socket)
        clients[index].phase = .free
        free.append(UInt32(index))
      } else {
        deadline = min(deadline, clients[index].idleAt)
      }
    }
  }

  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) { add(id, now: now, &stack) }
    let index = Int(stack.cookie(id)) - 1
    guard index >= 0, index < clients.count, clients[index].socket == id else { return }
    clients[index].idleAt = now + Self.idleTimeout
    // The earliest deadline may stay too early: it is worked out anew when it comes.
    deadline = min(deadline, clients[index].idleAt)
    var goesOn = true
    while goesOn {
      switch clients[index].phase {
      case .reading: goesOn = read(index, &stack)
      case .writing: goesOn = write(index, &stack)
      case .closing:
        stack.discard(id)
        goesOn = false
      case .free: goesOn = false
      }
    }
    if events.contains(.closed) {
      clients[index].phase = .free
      free.append(UInt32(index))
      stack.setCookie(id, 0)
    } else if case .reading = clients[index].phase, stack.isAtEnd(id) {
      stack.shutdown(id)
      clients[index].phase = .closing
    }
  }

  private mutating func add(_ id: SocketID, now: Instant, _ stack: inout Stack) {
    let client = Client(phase: .reading, socket: id, idleAt: now + Self.idleTimeout)
    if let slot = free.popLast() {
      clients[Int(slot)] = client
      stack.setCookie(id, slot + 1)
    } else {
      clients.append(client)
      stack.setCookie(id, UInt32(clients.count))
    }
  }

  /// False where more must come first.
  private mutating func read(_ index: Int, _ stack: inout Stack) -> Bool {
    let id = clients[index].socket
    guard stack.readable(id) > 0 else { return false }
    switch HTTPRequest.parse(stack.peek(id, HTTPRequest.longest + 1)) {
    case .incomplete: return false
    case .invalid(let status):
      report.requests &+= 1
      report.failures &+= 1
      report.bytesIn &+= UInt64(stack.discard(id))
      let text = Array("\(status) \(HTTPRequest.reason(status))\n".utf8)
      respond(index, status: status, content: text, length: text.count, isHead: false, keepsAlive: false)
    case .complete(let request, let length):
      report.requests &+= 1
      report.bytesIn &+= UInt64(stack.discard(id, length))
      respond(
        index, status: status, content: nil, length: size, isHead: request.isHead, keepsAlive: request.keepsAlive)
    }
    return true
  }

  private mutating func respond(
    _ index: Int, status: Int, content: [UInt8]?, length: Int, isHead: Bool, keepsAlive: Bool
  ) {
    // No body, and no length of one (RFC 9110, 6.4.1, 8.6).
    let isEmpty = status == 204 || status == 304
    var header = "HTTP/1.1 \(status) \(HTTPRequest.reason(status))\r\n"
    if !isEmpty { header += "Content-Type: text/plain\r\nContent-Length: \(length)\r\n" }
    header += keepsAlive ? "\r\n" : "Connection: close\r\n\r\n"
    clients[index].phase = .writing(
      header: Array(header.utf8), bodyOffset: 0, bodyEnd: isHead || isEmpty ? 0 : length, content: content,
      keepsAlive: keepsAlive)
  }

  /// False where the send buffer is full.
  private mutating func write(_ index: Int, _ stack: inout Stack) -> Bool {
    guard case .writing(var header, var offset, let end, let content, let keepsAlive) = clients[index].phase else {
      return false
    }
    let id = clients[index].socket
    if !header.isEmpty {
      let count = stack.write(id, header.span.bytes)
      header.removeFirst(count)
      report.bytesOut &+= UInt64(count)
    }
    while header.isEmpty, offset < end {
      let room = min(stack.writable(id), end - offset, Pattern.longest)
      guard room > 0 else { break }
      if let source = content ?? body {
        offset += stack.write(id, source.span.bytes.extracting(offset..<offset + room))
      } else {
        offset += Pattern.with(offset: UInt64(offset), count: room) { stack.write(id, $0) }
      }
    }
    guard header.isEmpty, offset == end else {
      clients[index].phase = .writing(
        header: header, bodyOffset: offset, bodyEnd: end, content: content, keepsAlive: keepsAlive)
      return false
    }
    report.bytesOut &+= UInt64(end)
    report.replies &+= 1
    if keepsAlive {
      clients[index].phase = .reading
    } else {
      stack.shutdown(id)
      clients[index].phase = .closing
    }
    return true
  }
}

extension HTTPServer {
  /// Of a decoded one: places within what is sent, and free places that are.
  var isConsistent: Bool {
    guard Set(free).count == free.count, size >= 0, body.map({ $0.count == size }) ?? true else { return false }
    for slot in free {
      guard slot < clients.count, case .free = clients[Int(slot)].phase else { return false }
    }
    return clients.allSatisfy { client in
      guard case .writing(_, let offset, let end, let content, _) = client.phase else { return true }
      return offset >= 0 && offset <= end && end <= content?.count ?? size
    }
  }
}
