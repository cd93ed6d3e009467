import Foundation
import Testing
import WeftCore
import WeftProbes
import WeftSettings
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

/// A frame seen at the moment it was sent.
struct Tapped {
  var at: Instant
  var from: Int
  var bytes: [UInt8]
  var trace: UInt32
  /// Lost on the way, by the link or the test.
  var lost = false
}

struct Dropped {
  var guest: Int
  var reason: DropReason
  var detail: DropDetail
}

/// Guests wired to each other in virtual time: two back to back, or more on a hub. All that is sent is tapped.
/// Source 2i of the event queue is guest i, 2i + 1 the link from it.
struct Net: ~Copyable {
  var guests: [Guest]
  /// By guest. Their source is the last.
  var probes = ProbeTable()
  var links: [Link]
  var queue: EventQueue
  var out: Effects
  var now = Instant.start
  let pool: FramePool
  var taps: [Tapped] = []
  var drops: [Dropped] = []
  var observations: [Observation] = []
  var keepsTaps = true
  /// May lose a frame: true drops it.
  var loses: ((Tapped) -> Bool)?
  /// Says which frames are held back until the next one from there has left: they arrive in the wrong order.
  var reorders: ((Int) -> Bool)?
  var held: [StoredFrame?]
  /// Frames for a server that the test plays: (frame, from) → answers to that guest.
  var answers: ((Tapped) -> [[UInt8]])?

  init(
    _ configurations: [GuestConfiguration], _ parameters: LinkParameters = LinkParameters(delay: .milliseconds(5)),
    seed: UInt64 = 1
  ) {
    pool = FramePool()
    guests = configurations.map { Guest($0) }
    links = configurations.indices.map {
      Link(parameters, random: RandomStream(seed: seed, owner: "link\($0)", purpose: "loss"))
    }
    held = [StoredFrame?](repeating: nil, count: configurations.count)
    queue = EventQueue(sources: configurations.count * 2 + 1)
    out = Effects(pool: pool)
  }

  static func address(_ index: Int) -> IPv4Address { IPv4Address(10, 0, 0, UInt8(index + 1)) }
  static let prefix = IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24)

  static func guest(
    _ index: Int, _ programs: [ProgramConfiguration] = [], seed: UInt64 = 1, mtu: Int = 1500, dhcp: Bool = false
  )
    -> GuestConfiguration
  {
    GuestConfiguration(
      name: "g\(index)", seed: seed,
      interfaces: [
        .init(
          mac: .local(UInt64(index + 1)),
          addressing: dhcp ? .dhcp : .static(address(index), prefix, gateway: nil), mtu: mtu)
      ], programs: programs)
  }

  mutating func bootAll() { for index in guests.indices { boot(index) } }

  mutating func boot(_ index: Int) {
    guests[index].boot(now: now, &out)
    flush(index)
  }

  mutating func probe(_ index: Int, _ probe: ProbeConfiguration) {
    probes.start(probe, on: index, isRunning: guests[index].isBooted, now: now, &guests[index].stack, &out)
    guests[index].settle(now: now, &out)
    flush(index)
  }

  /// Those of a guest that ended.
  mutating func takeProbeResults(_ index: Int) -> [ProbeResult] {
    probes.takeResults().filter { $0.machine == index }.map(\.result)
  }

  /// Does something to a guest and sees to the effects.
  mutating func with(_ index: Int, _ body: (inout Guest, Instant, inout Effects) -> Void) {
    body(&guests[index], now, &out)
    guests[index].settle(now: now, &out)
    flush(index)
  }

  private static func bytes(of frame: borrowing Frame) -> [UInt8] { frame.bytes.array }

  /// Hands a guest a frame.
  mutating func inject(_ index: Int, _ bytes: [UInt8], trace: UInt32 = 0) {
    let frame = pool.frame(bytes)
    frame.trace = trace
    guests[index].receive(frame, on: PortIndex(0), now: now, &out)
    flush(index)
  }

  mutating func flush(_ index: Int) {
    while guests[index].hasForeignEvents {
      for event in guests[index].takeForeignEvents() {
        probes.tell(event, on: index, now: now, &guests[index].stack, &out)
      }
      guests[index].settle(now: now, &out)
    }
    queue.schedule(UInt32(2 * guests.count), at: probes.deadline)
    observations += out.observations
    out.observations = []
    var replies: [[UInt8]] = []
    for position in 0..<out.count {
      let entry = out[position]
      let frame = Frame(stored: entry.frame)
      if entry.verdict == .drop {
        drops.append(Dropped(guest: index, reason: entry.reason, detail: entry.detail))
        continue
      }
      var lost = false
      if keepsTaps || loses != nil || answers != nil {
        var tapped = Tapped(at: now, from: index, bytes: Self.bytes(of: frame), trace: frame.trace)
        lost = loses?(tapped) ?? false
        tapped.lost = lost
        if let answers { replies += answers(tapped) }
        if keepsTaps { taps.append(tapped) }
      }
      if lost { continue }
      if held[index] == nil, let reorders, reorders(index) {
        held[index] = frame.store()
        continue
      }
      if case .dropped = links[index].send(frame, now: now) {
        if keepsTaps { taps[taps.count - 1].lost = true }
      }
      if let late = held[index] {
        held[index] = nil
        let frame = Frame(stored: late)
        _ = links[index].send(frame, now: now)
      }
    }
    out.removeAll()
    queue.schedule(UInt32(2 * index), at: guests[index].deadline)
    queue.schedule(UInt32(2 * index + 1), at: links[index].deadline)
    for reply in replies { inject(index, reply) }
  }

  /// Runs until the moment, or until nothing more will happen.
  mutating func run(until limit: Instant, while condition: ((borrowing Net) -> Bool)? = nil) {
    while let event = queue.pop(notAfter: limit) {
      now = event.at
      let index = Int(event.source / 2)
      if index == guests.count {
        while let due = probes.due(now: now) {
          probes.wake(due, isRunning: guests[due].isBooted, now: now, &guests[due].stack, &out)
          guests[due].settle(now: now, &out)
          flush(due)
        }
        if let condition, !condition(self) { return }
        continue
      }
      if event.source % 2 == 0 {
        guests[index].wake(now: now, &out)
        flush(index)
      } else {
        while let frame = links[index].arrive(now: now) {
          for other in guests.indices where other != index {
            guests[other].receive(frame.share(), on: PortIndex(0), now: now, &out)
            flush(other)
          }
        }
        queue.schedule(UInt32(2 * index + 1), at: links[index].deadline)
      }
      if let condition, !condition(self) { return }
    }
    if limit != .never { now = max(now, limit) }
  }

  mutating func run(seconds: Double) { run(until: now + Nanoseconds(UInt64(seconds * 1e9))) }

  /// Replaces each guest by what comes out of its encoding.
  mutating func recode() throws {
    for index in guests.indices {
      let data = try JSONEncoder().encode(guests[index])
      let decoder = JSONDecoder()
      decoder.userInfo[.framePool] = FramePoolReference(pool)
      guests[index] = try decoder.decode(Guest.self, from: data)
    }
  }

  /// Lets go of all that guests and links hold, and says how many frames are then still out.
  mutating func outstandingAtEnd() -> Int {
    for index in guests.indices {
      guests[index].powerOff()
      if let late = held[index] { _ = Frame(stored: late) }
      held[index] = nil
      links[index].setUp(false, now: now) { _ = consume $0 }
    }
    return pool.outstanding
  }
}

/// A TCP segment as the tests talk of it.
struct Seen: CustomStringConvertible {
  var at: Instant
  var from: Int
  var flags: TCPFlags
  var sequence: UInt32
  var acknowledgment: UInt32
  var window: UInt16
  var length: Int
  var lost: Bool

  init?(_ tapped: Tapped) {
    let span = tapped.bytes.span.bytes
    guard span.byteCount >= 54, span.u16(12) == 0x0800, let ip = IPv4View(span.extracting(14..<span.byteCount)),
      ip.protocol == .tcp, let tcp = TCPView(ip.payload)
    else { return nil }
    at = tapped.at
    from = tapped.from
    flags = tcp.flags
    sequence = tcp.sequence
    acknowledgment = tcp.acknowledgment
    window = tcp.window
    length = tcp.payload.byteCount
    lost = tapped.lost
  }

  /// `0 SA` or `1 A+100`
  var description: String {
    var text = "\(from) "
    for (flag, letter) in [(TCPFlags.syn, "S"), (.fin, "F"), (.rst, "R"), (.psh, "P"), (.ack, "A")]
    where flags.contains(flag) {
      text += letter
    }
    return length > 0 ? "\(text)+\(length)" : text
  }
}

extension Net {
  var segments: [Seen] { taps.compactMap { Seen($0) } }
  var walk: [String] { segments.map(\.description) }
}

extension Target {
  static func guest(_ index: Int) -> Target { Target(Net.address(index)) }
  static func address(_ address: IPv4Address) -> Target { Target(address) }
}

extension ProgramConfiguration {
  func starting(at start: Nanoseconds) -> Self {
    var copy = self
    copy.start = start
    return copy
  }

  static func httpServer(port: UInt16, status: Int, body: [UInt8]?, size: Int?) -> Self {
    .init(HTTPServer.self, .init(port: port, status: status, body: body, size: size))
  }
  static func httpGet(to: Target, port: UInt16, path: String, host: String?, count: Int, interval: Nanoseconds) -> Self {
    .init(HTTPGet.self, .init(to: to, port: port, path: path, host: host, count: count, interval: interval))
  }
  static func ping(to: Target, count: Int, interval: Nanoseconds, size: Int, ttl: UInt8) -> Self {
    .init(Ping.self, .init(to: to, count: count, interval: interval, size: size, timeToLive: ttl))
  }
  static func tcpEcho(port: UInt16) -> Self { .init(TCPEcho.self, .init(port: port)) }
  static func udpEcho(port: UInt16) -> Self { .init(UDPEcho.self, .init(port: port)) }
  static func sink(port: UInt16) -> Self { .init(Sink.self, .init(port: port)) }
  static func bulk(to: Target, port: UInt16, size: UInt64) -> Self {
    .init(Bulk.self, .init(to: to, port: port, size: size))
  }
  static func udpRate(to: Target, port: UInt16, size: Int, interval: Nanoseconds, count: UInt64?) -> Self {
    .init(UDPRate.self, .init(to: to, port: port, size: size, interval: interval, count: count))
  }
  static func stunServer(port: UInt16, other: Target?) -> Self {
    .init(STUNServer.self, .init(port: port, partner: other))
  }
  static func natProbe(to: Target, port: UInt16) -> Self { .init(NATProbe.self, .init(via: to, port: port)) }
  static func synFlood(to: Target, port: UInt16, interval: Nanoseconds, count: UInt64?) -> Self {
    .init(SYNFlood.self, .init(to: to, port: port, interval: interval, count: count))
  }
  static func rendezvous(port: UInt16) -> Self { .init(Rendezvous.self, .init(port: port)) }
}

/// What a test tries, in few words.
struct ProbeKind {
  var settings: any RunnableProbe
  var to: Target
  var isPartner = false

  private static func end(_ to: Target, _ port: UInt16, _ type: IPProtocol) -> Endpoint {
    Endpoint(destination(to), port: port, type == .tcp ? .tcp : .udp)
  }
  private static func destination(_ to: Target) -> Destination { to.address.map { .address($0) } ?? .node(to.text) }

  static func tcpConnect(to: Target, port: UInt16) -> Self {
    .init(settings: ConnectProbeSettings(end(to, port, .tcp)), to: to)
  }
  static func udp(to: Target, port: UInt16) -> Self { .init(settings: ConnectProbeSettings(end(to, port, .udp)), to: to) }
  static func ping(to: Target, size: Int, ttl: UInt8) -> Self {
    .init(settings: PingProbeSettings(destination(to), size: size, ttl: ttl), to: to)
  }
  static func http(to: Target, port: UInt16, path: String, host: String?) -> Self {
    let name = host.map { Destination.node($0) } ?? destination(to)
    return .init(settings: HTTPProbeSettings(HTTPAddress(name, port: port, path: path)), to: to)
  }
  static func throughput(to: Target, port: UInt16, size: UInt64) -> Self {
    .init(settings: ThroughputProbeSettings(end(to, port, .tcp), size: size), to: to)
  }
  static func nat(via: Target, port: UInt16) -> Self {
    var settings = NATTypeProbeSettings(destination(via))
    settings.port = port
    return .init(settings: settings, to: via)
  }
  static func punch(via: Target, port: UInt16, protocol type: IPProtocol, isPartner: Bool) -> Self {
    var settings = PunchProbeSettings("", via: destination(via))
    (settings.port, settings.transport) = (port, type == .tcp ? .tcp : .udp)
    return .init(settings: settings, to: via, isPartner: isPartner)
  }
  static func idle(to: Target, port: UInt16, protocol type: IPProtocol, delay: Nanoseconds) -> Self {
    .init(settings: IdleProbeSettings(end(to, port, type), for: delay), to: to)
  }
}

extension ProbeConfiguration {
  init(trace: UInt32, kind: ProbeKind, timeout: Nanoseconds) {
    self.init(trace: trace, kind.settings, to: kind.to, isPartner: kind.isPartner, timeout: timeout)
  }
}
