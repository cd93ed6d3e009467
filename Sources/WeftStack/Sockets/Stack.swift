import WeftCore
import WeftIP
import WeftWire

/// The TCP/IP stack of a machine: interfaces, and sockets over them. It knows nobody who uses it: a socket has a `tag`, under
/// which its owner hears of it. Opening, reading and writing take effect as the owner polls, right after it has read and
/// written.
///
/// An owner calls `receive` for each frame and `wake` at its `deadline`, then `poll` until nothing more happened.
public struct Stack: Codable {
  /// A UDP port or an echo identifier in use.
  struct Binding: Codable {
    var number: UInt16
    var tag: UInt64
    /// Of the probe whose socket it is; 0 for none.
    var trace: UInt32 = 0
    /// The one other end that it takes datagrams from, as connect(2) makes it.
    var peer: TransportAddress?
    /// It counts as a member of every group (RFC 1112, 7.1).
    var hearsGroups = false
  }

  public internal(set) var configuration: StackConfiguration
  /// What needs chance on this machine, programs too, draws from here.
  public var random: RandomStream
  public private(set) var isUp = false
  @usableFromInline var ip: IPLayer
  @usableFromInline var tcp = TCPLayer()
  var datagramBindings: [Binding] = []
  var echoBindings: [Binding] = []
  /// How far the machine's clock is behind that of whoever uses its sockets from outside: all moments that the stack is handed
  /// or gives are the machine's own.
  public var lag = Nanoseconds.zero { didSet { for index in ip.interfaces.indices { ip.interfaces[index].lag = lag } } }
  /// Its disc drive and files; nil of a machine without.
  public var storage: Apart<Storage>?
  /// Ports of this host that lead to machines behind it; see there.
  public var localForwards: [LocalForward] = []
  var redirected: [RedirectedFlow] = []
  /// What happened to sockets beside what arrives at them.
  public internal(set) var notices: [SocketNotice] = []
  /// What programs ask of the machine's cpus, where somebody has these in mind; else nobody answers.
  public private(set) var burns: [Burn] = []
  /// The connection whose owner was told of its events last and hasn't done its part yet.
  @usableFromInline private(set) var polled: Int?
  /// 32768–60999, Linux's ip_local_port_range.
  private var nextPort: UInt16

  public init(_ configuration: StackConfiguration) {
    self.init(
      configuration, random: RandomStream(seed: configuration.seed, owner: configuration.name, purpose: "guest"))
  }

  private init(_ configuration: StackConfiguration, random: RandomStream) {
    var random = random
    self.configuration = configuration
    ip = IPLayer(
      interfaces: configuration.interfaces.enumerated().map { Interface($0.element, port: PortIndex($0.offset)) },
      identification: UInt16(truncatingIfNeeded: random.next()))
    nextPort = 32768 + UInt16(random.next(below: 28_232))
    self.random = random
    tcp.scalesWindows = configuration.scalesWindows
  }

  /// A moment of the world outside, by the machine's clock.
  @inlinable public func time(_ moment: Instant) -> Instant { .start + (moment - (.start + lag)) }

  /// So much time of a cpu, in nanoseconds; `.max` for without end.
  public struct Burn: Codable, Sendable {
    public var tag: UInt64
    public var time: UInt64
  }

  public mutating func burn(_ time: UInt64, tag: UInt64) { burns.append(Burn(tag: tag, time: time)) }

  public mutating func takeBurns() -> [Burn] {
    guard !burns.isEmpty else { return [] }
    defer { burns = [] }
    return burns
  }

  // MARK: Power

  /// Takes its static addresses and asks for the others. Static ones are not announced, as Linux by default doesn't
  /// (`arp_notify` 0): a thousand machines booting would tell a thousand others.
  public mutating func start(now: Instant, _ out: inout Effects) {
    guard !isUp else { return }
    isUp = true
    storage?.value.drive?.powerOn()
    for index in configuration.interfaces.indices { configure(index, announcing: false, now: now, &out) }
  }

  mutating func configure(_ index: Int, announcing: Bool, now: Instant, _ out: inout Effects) {
    switch configuration.interfaces[index].addressing {
    case .static(let address, let prefix, let gateway):
      ip.interfaces[index].setAddress(address, prefix, gateway: gateway, announcing: announcing, &out)
    case .dhcp: ip.interfaces[index].restartDHCP(hostname: configuration.hostName, &random, now: now, &out)
    case .none: break
    }
  }

  /// One more interface, behind the others; it has its address once its cable is plugged in.
  public mutating func addInterface(_ interface: InterfaceConfiguration) {
    ip.interfaces.append(Interface(interface, port: PortIndex(configuration.interfaces.count)))
    ip.interfaces[ip.interfaces.count - 1].lag = lag
    configuration.interfaces.append(interface)
  }

  /// It is set up anew: what it is called, and how each of its interfaces comes by its addresses. Precondition: it has no power.
  public mutating func setUp(hostname: String?, _ interfaces: [InterfaceConfiguration]) {
    configuration.hostname = hostname
    configuration.interfaces = interfaces
    stop()
  }

  /// Forgets sockets, neighbours and leases, without a word on the wire.
  public mutating func stop() {
    let (forwards, lag, storage) = (localForwards, lag, storage)
    self = Stack(configuration, random: random)
    (localForwards, self.lag, self.storage) = (forwards, lag, storage)
  }

  /// The machine is asked to end: its listening ports are closed, and its connections end in order.
  public mutating func closeAll(now: Instant) {
    tcp.closeListeners()
    for id in tcp.openSockets { release(id, now: now) }
    datagramBindings = []
    echoBindings = []
    burns = []
  }

  /// The cable was pulled or plugged in. Back on the link, it announces its addresses or asks DHCP whether they hold.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard isUp, up, port.index < configuration.interfaces.count else { return }
    configure(port.index, announcing: true, now: now, &out)
  }

  /// What the NIC's driver knows of its queue: how fast it empties, and when all that it has now will have left. A TCP socket
  /// doesn't send further ahead of its own wire than is needed to keep it busy.
  @inline(__always)
  public mutating func wire(of port: Int, rate: UInt64, freeAt: Instant) {
    guard port < ip.interfaces.count else { return }
    ip.setWire(of: port, rate: rate, freeAt: freeAt)
  }

  /// It stood still: what it had sent is long out.
  public mutating func forgetWires() {
    for index in ip.interfaces.indices { ip.interfaces[index].wireFreeAt = .start }
  }

  /// Tells its links which addresses it has.
  public mutating func announce(_ out: inout Effects) {
    for index in ip.interfaces.indices where !ip.interfaces[index].address.isUnspecified {
      ip.interfaces[index].neighbours.announce(&out)
    }
  }

  /// Itself but for its connections, and each connection under its place in the table.
  public func forEachPart(_ body: (UInt32, any Encodable) throws -> Void) rethrows {
    var rest = self
    rest.tcp.connections = []
    rest.lag = .zero
    try body(0, rest)
    for (index, connection) in tcp.connections.enumerated() where tcp.isInUse(index) {
      try body(1 + UInt32(index), connection)
    }
  }

  // MARK: Polling

  /// When to wake it. Worked out anew for whoever drives it, after it has polled; mutating, as a call that only looks would
  /// copy all of the stack first.
  public mutating func nextDeadline() -> Instant { isUp ? min(tcp.deadline, ip.deadline) : .never }

  /// Counts up with what may have brought `nextDeadline` forward, but for what was polled, received or woken for.
  @inlinable @inline(__always)
  public var changes: UInt64 { ip.changes }

  /// Whether a poll would find anything.
  @inlinable @inline(__always)
  public var hasPending: Bool { tcp.hasPending || polled != nil }

  /// The next socket that something happened to; nil once all is quiet. What its owner reads and writes then goes out as it
  /// polls again, so that an answer carries the acknowledgment.
  public mutating func poll(now: Instant, _ out: inout Effects) -> (socket: SocketID, tag: UInt64, events: SocketEvents)? {
    if let index = polled {
      polled = nil
      tcp.settle(index, now: now, &ip, &out)
    }
    while let index = tcp.nextPending() {
      let events = tcp.connections[index].events
      if !events.isEmpty {
        tcp.connections[index].events = []
        if !tcp.connections[index].isOrphan {
          polled = index
          let id = SocketID(index: UInt32(index), generation: tcp.connections[index].generation)
          return (id, tcp.connections[index].tag, events)
        }
      }
      tcp.settle(index, now: now, &ip, &out)
    }
    return nil
  }

  /// Lets the caller have what `notices` gathered.
  public mutating func takeNotices() -> [SocketNotice] {
    let taken = notices
    notices = []
    return taken
  }

  /// The bytes of a datagram that was put together from fragments.
  public mutating func takeWhole() -> [UInt8] {
    defer { ip.whole = [] }
    return ip.whole
  }

  // MARK: Loopback

  @inlinable @inline(__always)
  public var hasLoopback: Bool { !ip.loopback.isEmpty }

  /// The next packet that the machine sent to itself.
  public mutating func takeLoopback() -> Frame? {
    // Nothing is left to be looked at later.
    if ip.loopback.count == 1 { ip.loopbackAt = Instant(.max) }
    return ip.loopback.pop()
  }

  /// All that may be looked at now was: the rest comes in a microsecond, since a transfer to oneself takes time too.
  public mutating func endLoopback(now: Instant) {
    if !ip.loopback.isEmpty { ip.loopbackAt = now + .microseconds(1) }
  }

  // MARK: Ports

  /// A port that nothing here uses; RFC 6056, 3.3.1 from a random beginning.
  mutating func ephemeralPort(where isFree: (borrowing Stack, UInt16) -> Bool) -> UInt16? {
    for _ in 0..<28_232 {
      nextPort = nextPort >= 60_999 ? 32_768 : nextPort + 1
      if isFree(self, nextPort) { return nextPort }
    }
    return nil
  }

  /// Where the search for a port begins.
  mutating func beginPorts() { nextPort = 32768 + UInt16(random.next(below: 28_232)) }

  /// Whether there will be no route either in a moment: there is an address, and no interface still waits for one.
  public func isUnroutable(_ destination: IPv4Address) -> Bool { ip.isUnroutable(destination) }

  /// The address a packet there would have as its source; nil without a route. `toMany`: it is a broadcast's or a group's.
  public func source(to destination: IPv4Address) -> (address: IPv4Address, toMany: Bool)? {
    ip.route(to: destination).map { ($0.source, $0.isBroadcast) }
  }
}

/// What happened to a socket beside what arrives at it.
public enum SocketNotice: Codable, Hashable, Sendable {
  /// ICMP told, or ARP did, that a datagram or echo request didn't arrive.
  case failed(tag: UInt64, SocketError)
  /// A datagram from another than its one peer; it was refused.
  case foreign(tag: UInt64, from: TransportAddress)
  /// A segment that a probe's packets brought about, for a port without such a connection; it was refused.
  case stray(trace: UInt32, from: TransportAddress, toPort: UInt16)
}
