import WeftCore
import WeftDisk
import WeftSettings
import WeftStack
import WeftWire

/// A store of records over HTTP, on a disk: GET, PUT and DELETE of /KEY, and GET / for how many there are.
///
/// A PUT is acknowledged once its record is on the medium, or the disk says so; with a write-back cache at once, and what was
/// acknowledged since the last write is lost with the power.
public struct KVStore: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var port: UInt16
    /// Nil: the first.
    public var disk: String?
    /// From the first record that isn't written to the next write; nil: each is waited for.
    public var writeBack: Nanoseconds?
    public var hasJournal: Bool

    public init(port: UInt16, disk: String? = nil, writeBack: Nanoseconds? = nil, hasJournal: Bool = true) {
      (self.port, self.disk, self.writeBack, self.hasJournal) = (port, disk, writeBack, hasJournal)
    }
  }

  public static let name = "kv-store"
  public static var usesDrives: Bool { true }

  private struct Client: Codable {
    enum Phase: Codable {
      case free, reading
      /// Until a record is on the disk.
      case waiting(number: UInt64, keepsAlive: Bool)
      case writing([UInt8], offset: Int, keepsAlive: Bool)
      /// All is said; waits for the other side's FIN.
      case closing
    }

    var phase = Phase.free
    var socket: SocketID
    var idleAt: Instant
  }

  /// A write and flush under way.
  private struct Commit: Codable {
    var done: Instant
    var through: UInt64
  }

  let settings: Settings
  let tag: UInt64
  private var tally: ProgramReport
  public private(set) var deadline: Instant
  var store: RecordStore
  private var clients: [Client] = []
  private var free: [UInt32] = []
  private var size = 0
  /// What was there when it was read.
  private var opening: RecordStore.Opening?
  /// When the store is read; nil: not yet asked for.
  private var readyAt: Instant?
  private var isListening = false
  private var commit: Commit?
  /// When what is only in memory is written.
  private var writeAt = Instant.never
  /// It takes nothing on: what it has is on its way to the disk.
  public private(set) var isFrozen = false
  private var failure: String?

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    store = RecordStore(hasJournal: settings.hasJournal)
    tally = ProgramReport(index: place.index, title: "kv-store :\(settings.port)", state: .waiting)
  }

  public var report: ProgramReport {
    var report = tally
    report.note = opening?.text(holding: store.count)
    return report
  }

  // MARK: Time

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    if tally.startedAt == nil { tally.startedAt = now }
    if let readyAt, readyAt <= now, !isListening { listen(&stack) }
    finishCommit(now: now, &stack)
    for index in clients.indices where clients[index].idleAt <= now {
      switch clients[index].phase {
      // The disk is slow, not the client.
      case .free, .waiting: continue
      case .reading, .writing, .closing:
        stack.abort(clients[index].socket)
        release(index)
      }
    }
    schedule(now)
  }

  /// A deadline that has come stands for what `use` is to do, and must not come again.
  private mutating func schedule(_ now: Instant) {
    var next = Instant.never
    if let readyAt, !isListening, failure == nil { next = readyAt }
    if let commit { next = min(next, commit.done) }
    if writeAt > now { next = min(next, writeAt) }
    for client in clients {
      switch client.phase {
      case .free, .waiting: continue
      case .reading, .writing, .closing: next = min(next, client.idleAt)
      }
    }
    deadline = next
  }

  private mutating func listen(_ stack: inout Stack) {
    isListening = true
    tally.state = stack.listen(settings.port, tag: tag) ? .running : .failed("port \(settings.port)/tcp in use")
  }

  // MARK: The disk

  public mutating func use(_ drives: inout Drives, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    guard tally.startedAt != nil, failure == nil else { return }
    guard let index = settings.disk.map({ drives.index(of: $0) }) ?? (drives.isEmpty ? nil : 0) else {
      return fail("no disk \(settings.disk ?? "")", &stack)
    }
    do throws(DiskError) {
      if readyAt == nil {
        size = drives[index].size
        let (found, at) = try store.open(&drives[index], now: now)
        opening = found
        readyAt = at
        if at <= now { listen(&stack) }
      }
      if commit == nil, store.hasUnwritten, settings.writeBack == nil || writeAt <= now {
        try beginCommit(&drives[index], now: now)
        finishCommit(now: now, &stack)
      }
    } catch {
      fail(error.description, &stack)
    }
    schedule(now)
  }

  private mutating func beginCommit(_ drive: inout Drive, now: Instant) throws(DiskError) {
    try store.write(to: &drive, now: now)
    commit = Commit(done: try drive.flush(now: now), through: store.lastNumber)
    writeAt = .never
  }

  /// Tells those whose records are on the disk.
  private mutating func finishCommit(now: Instant, _ stack: inout Stack) {
    guard let done = commit, done.done <= now else { return }
    commit = nil
    for index in clients.indices {
      guard case .waiting(let number, let keepsAlive) = clients[index].phase, number <= done.through else { continue }
      answer(index, 200, "stored\n", keepsAlive: keepsAlive, now: now)
      serve(index, now: now, &stack)
    }
  }

  public mutating func flush(_ drives: inout Drives, now: Instant) -> Instant {
    guard readyAt != nil, failure == nil, let index = settings.disk.map({ drives.index(of: $0) }) ?? 0 else { return now }
    isFrozen = true
    do throws(DiskError) {
      if store.hasUnwritten { try beginCommit(&drives[index], now: now) }
      // What is under way is on the disk once all that came before is.
      let done = try drives[index].flush(now: now)
      schedule(now)
      return done
    } catch { return now }
  }

  public mutating func thaw(now: Instant, _ stack: inout Stack) {
    isFrozen = false
    for index in clients.indices { serve(index, now: now, &stack) }
    schedule(now)
  }

  /// Nothing more can be stored; what is in memory can't be trusted to stay, and nothing is answered any more.
  private mutating func fail(_ why: String, _ stack: inout Stack) {
    failure = why
    tally.state = .failed(why)
    for index in clients.indices {
      if case .free = clients[index].phase { continue }
      stack.abort(clients[index].socket)
      release(index)
    }
  }

  // MARK: Clients

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    guard failure == nil else { return stack.abort(id) }
    if events.contains(.connected) { add(id, now: now, &stack) }
    let index = Int(stack.cookie(id)) - 1
    guard index >= 0, index < clients.count, clients[index].socket == id else { return }
    clients[index].idleAt = now + HTTPServer.idleTimeout
    serve(index, now: now, &stack)
    if events.contains(.closed) {
      release(index)
      stack.setCookie(id, 0)
    }
    schedule(now)
  }

  private mutating func add(_ id: SocketID, now: Instant, _ stack: inout Stack) {
    let client = Client(phase: .reading, socket: id, idleAt: now + HTTPServer.idleTimeout)
    if let slot = free.popLast() {
      clients[Int(slot)] = client
      stack.setCookie(id, slot + 1)
    } else {
      clients.append(client)
      stack.setCookie(id, UInt32(clients.count))
    }
  }

  private mutating func release(_ index: Int) {
    clients[index].phase = .free
    free.append(UInt32(index))
  }

  /// Does with a client what can be done now.
  private mutating func serve(_ index: Int, now: Instant, _ stack: inout Stack) {
    var goesOn = true
    while goesOn {
      switch clients[index].phase {
      case .free, .waiting: goesOn = false
      case .reading:
        goesOn = !isFrozen && read(index, now: now, &stack)
        if !goesOn, !isFrozen, stack.isAtEnd(clients[index].socket) {
          stack.shutdown(clients[index].socket)
          clients[index].phase = .closing
        }
      case .writing(let bytes, let offset, let keepsAlive):
        let sent = stack.write(clients[index].socket, bytes.span.bytes.extracting(offset..<bytes.count))
        tally.bytesOut &+= UInt64(sent)
        guard offset + sent == bytes.count else {
          clients[index].phase = .writing(bytes, offset: offset + sent, keepsAlive: keepsAlive)
          return
        }
        tally.replies &+= 1
        if !keepsAlive { stack.shutdown(clients[index].socket) }
        clients[index].phase = keepsAlive ? .reading : .closing
      case .closing:
        stack.discard(clients[index].socket)
        goesOn = false
      }
    }
  }

  /// False where more must come first.
  private mutating func read(_ index: Int, now: Instant, _ stack: inout Stack) -> Bool {
    let id = clients[index].socket
    guard stack.readable(id) > 0 else { return false }
    let bytes = stack.peek(id, HTTPRequest.longest + RecordStore.longestValue)
    switch HTTPRequest.parse(bytes, longestBody: RecordStore.longestValue) {
    case .incomplete: return false
    case .invalid(let status):
      tally.requests &+= 1
      tally.failures &+= 1
      tally.bytesIn &+= UInt64(stack.discard(id))
      answer(index, status, "\(status) \(HTTPRequest.reason(status))\n", keepsAlive: false, now: now)
    case .complete(let request, let length):
      guard bytes.count >= length + request.bodyLength else { return false }
      let body = Array(bytes[length..<length + request.bodyLength])
      tally.requests &+= 1
      tally.bytesIn &+= UInt64(stack.discard(id, length + request.bodyLength))
      perform(request, body, index, now: now)
    }
    return true
  }

  private mutating func perform(_ request: HTTPRequest, _ body: [UInt8], _ index: Int, now: Instant) {
    let key = Array(request.path.dropFirst())
    let keepsAlive = request.keepsAlive
    switch request.method {
    case .get, .head:
      guard !key.isEmpty else {
        return answer(index, 200, "\(store.count) records\n", isHead: request.isHead, keepsAlive: keepsAlive, now: now)
      }
      guard let value = store[key] else {
        tally.failures &+= 1
        return answer(index, 404, "no such record\n", isHead: request.isHead, keepsAlive: keepsAlive, now: now)
      }
      answer(index, 200, value, isHead: request.isHead, keepsAlive: keepsAlive, now: now)
    case .put, .delete:
      if request.method == .delete, store[key] == nil {
        tally.failures &+= 1
        return answer(index, 404, "no such record\n", keepsAlive: keepsAlive, now: now)
      }
      guard store.put(key, request.method == .put ? body : nil, size: size) else {
        tally.failures &+= 1
        return answer(index, key.isEmpty ? 400 : 507, "no room\n", keepsAlive: keepsAlive, now: now)
      }
      guard let writeBack = settings.writeBack else {
        clients[index].phase = .waiting(number: store.lastNumber, keepsAlive: keepsAlive)
        return
      }
      if writeAt == .never { writeAt = now + writeBack }
      answer(index, 200, "stored\n", keepsAlive: keepsAlive, now: now)
    }
  }

  private mutating func answer(
    _ index: Int, _ status: Int, _ text: String, isHead: Bool = false, keepsAlive: Bool, now: Instant
  ) {
    answer(index, status, Array(text.utf8), isHead: isHead, keepsAlive: keepsAlive, now: now)
  }

  private mutating func answer(
    _ index: Int, _ status: Int, _ content: [UInt8], isHead: Bool = false, keepsAlive: Bool, now: Instant
  ) {
    let header =
      "HTTP/1.1 \(status) \(HTTPRequest.reason(status))\r\nContent-Type: text/plain\r\nContent-Length: \(content.count)\r\n"
      + (keepsAlive ? "\r\n" : "Connection: close\r\n\r\n")
    clients[index].phase = .writing(Array(header.utf8) + (isHead ? [] : content), offset: 0, keepsAlive: keepsAlive)
    clients[index].idleAt = now + HTTPServer.idleTimeout
  }
}

extension KVStore {
  /// Of a decoded one: places within what is sent, and free places that are.
  public var isConsistent: Bool {
    guard Set(free).count == free.count, size >= 0, store.isConsistent else { return false }
    for slot in free {
      guard slot < clients.count, case .free = clients[Int(slot)].phase else { return false }
    }
    return clients.allSatisfy { client in
      switch client.phase {
      case .free, .reading, .waiting, .closing: true
      case .writing(let bytes, let offset, _): (0...bytes.count).contains(offset)
      }
    }
  }
}

extension KVStoreSettings: RunnableSettings {
  public typealias Machine = KVStore

  public func settings(_ target: (Destination) -> Target) -> KVStore.Settings {
    .init(port: port, disk: disk, writeBack: writeBack, hasJournal: journal == .log)
  }
}
