import WeftCore
import WeftDisk
import WeftIP
import WeftPrograms
import WeftStack
import WeftWire

/// The software of a simulated machine: a TCP/IP stack, and programs over it.
///
/// A socket that is none of its programs' is somebody's outside: what happens to it waits in `foreign`, and the guest stands
/// still in the midst of its moment until it was taken and `settle` called.
public struct Guest: Codable {
  public private(set) var configuration: GuestConfiguration
  public private(set) var deadline = Instant.never
  /// For whoever has sockets here that no program has.
  public var stack: Stack
  /// Its machine's, which outlive what it knows.
  public var drives = Drives()
  var programs = ProgramList()
  private var foreign: [SocketEvent] = []
  /// Nil of one that no disc was to set up.
  var cloudInit: Apart<CloudInit>?
  /// The stack's own, as it was last worked out, and at which of its changes.
  private var stackDeadline = Instant.start
  private var stackChanges = UInt64.max

  private enum CodingKeys: CodingKey { case configuration, deadline, stack, drives, programs, foreign, cloudInit }

  public init(_ configuration: GuestConfiguration) {
    self.configuration = configuration
    stack = Stack(configuration.stack)
  }

  public var isBooted: Bool { stack.isUp }

  // MARK: Power

  /// Switches it on: the stack takes or asks for its addresses, the programs are scheduled.
  public mutating func boot(now: Instant, _ out: inout Effects) {
    guard !isBooted else { return }
    if cloudInit != nil { lookAtDisc() }
    stack.start(now: now, &out)
    programs = ProgramList(
      configuration.programs + seededPrograms, machine: stack.configuration.hostName, bootedAt: now)
    if programs.deadline <= now { programs.wake(now: now, &stack, &out) }
    settle(now: now, &out)
  }

  /// One more, behind the others; it has its address once its cable is plugged in.
  public mutating func addInterface(_ interface: InterfaceConfiguration) {
    configuration.stack.interfaces.append(interface)
    stack.addInterface(interface)
  }

  /// It is asked to end: programs stop, sockets are closed. `isDown` once its connections have said good-bye.
  public mutating func shutDown(now: Instant, _ out: inout Effects) {
    guard isBooted else { return }
    _ = programs.flush(&drives, now: now)
    programs.stop()
    stack.closeAll(now: now)
    foreign = []
    settle(now: now, &out)
  }

  /// Whether nothing keeps it from going off.
  public var isDown: Bool { !isBooted || !stack.hasLiveConnections }

  /// The power goes: sockets, neighbours and leases are forgotten, without a word on the wire. What programs did can
  /// still be read until the next boot.
  public mutating func powerOff() {
    stack.stop()
    foreign = []
    deadline = .never
  }

  /// The cable was pulled or plugged in. Back on the link, it announces its addresses or asks DHCP whether they hold.
  public mutating func linkChanged(port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard isBooted, up else { return }
    stack.linkChanged(port, up: up, now: now, &out)
    settle(now: now, &out)
  }

  @inline(__always)
  public mutating func wire(of port: Int, rate: UInt64, freeAt: Instant) { stack.wire(of: port, rate: rate, freeAt: freeAt) }

  // MARK: Identity

  /// See `Stack.becomeAnother`. `macs`: of its interfaces; `address`: in place of the first one's, where that is settled.
  public mutating func becomeAnother(
    named name: String, _ macs: [MACAddress], address: IPv4Address?, _ stream: RandomStream, now: Instant, _ out: inout Effects
  ) {
    func changed(_ interfaces: [InterfaceConfiguration]) -> [InterfaceConfiguration] {
      var interfaces = interfaces
      for (index, mac) in zip(interfaces.indices, macs) { interfaces[index].mac = mac }
      if let address, case .static(_, let prefix, let gateway)? = interfaces.first?.addressing {
        interfaces[0].addressing = .static(address, prefix, gateway: gateway)
      }
      return interfaces
    }
    configuration.stack.name = name
    configuration.stack.interfaces = changed(configuration.stack.interfaces)
    let interfaces = changed(stack.configuration.interfaces)
    stack.becomeAnother(
      named: name, hostname: stack.configuration.hostname.map { _ in name }, interfaces, stream, now: now, &out)
    cloudInit?.value.becomeAnother(named: name)
    settle(now: now, &out)
  }

  // MARK: Frames and time

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard isBooted else {
      out.drop(frame, on: port, .machineStopped)
      return
    }
    let reception = stack.receive(frame, on: port, now: now, &out)
    var isQuiet = false
    if case .datagram = reception { isQuiet = true }
    take(reception, frame, on: port, now: now, &out)
    settle(now: now, isQuiet: isQuiet, &out)
  }

  public mutating func wake(now: Instant, _ out: inout Effects) {
    let isQuiet = stackDeadline > now && !stack.hasLoopback
    if !isQuiet { stack.wake(now: now, &out) }
    takeNotices(now: now, &out)
    if isBooted, programs.deadline <= now { programs.wake(now: now, &stack, &out) }
    settle(now: now, isQuiet: isQuiet, &out)
  }

  /// What its programs ask of the machine's cpus since this was asked last.
  public mutating func takeBurns() -> [Stack.Burn] { stack.takeBurns() }

  /// A program has had the time of a cpu that it asked for.
  public mutating func burnt(_ tag: UInt64, now: Instant, _ out: inout Effects) {
    guard isBooted, programs.has(tag) else { return }
    programs.burnt(tag, now: now, &stack, &out)
    settle(now: now, &out)
  }

  @inline(__always)
  private mutating func take(
    _ reception: Reception, _ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) {
    switch reception {
    case .accepted: break
    case .dropped(let reason, let detail): out.drop(frame, on: port, reason, detail)
    case .datagram(let tag, let info, let payload):
      let bytes = frame.bytes
      deliver(tag, info, bytes.extracting(payload), now: now, &out)
    case .whole(let tag, let info, let payload):
      let bytes = stack.takeWhole()
      deliver(tag, info, bytes.span.bytes.extracting(payload), now: now, &out)
    case .echoReply(let tag, let reply):
      if programs.has(tag) {
        programs.echoReply(tag, reply, now: now, &stack, &out)
      } else {
        foreign.append(.echoReply(tag: tag, reply))
      }
    }
    takeNotices(now: now, &out)
  }

  @inline(__always)
  private mutating func deliver(
    _ tag: UInt64, _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ out: inout Effects
  ) {
    if programs.has(tag) {
      programs.datagram(tag, info, payload, now: now, &stack, &out)
    } else {
      foreign.append(.datagram(tag: tag, info, payload.array))
    }
  }

  @inline(__always)
  private mutating func takeNotices(now: Instant, _ out: inout Effects) {
    if !stack.notices.isEmpty { tellNotices(now: now, &out) }
  }

  @inline(never)
  private mutating func tellNotices(now: Instant, _ out: inout Effects) {
    for notice in stack.takeNotices() {
      if case .failed(let tag, let error) = notice, programs.has(tag) {
        programs.failed(tag, error, now: now, &stack, &out)
      } else {
        foreign.append(.notice(notice))
      }
    }
  }

  // MARK: Settling

  /// Whether something waits for whoever has sockets here that no program has.
  @inline(__always)
  public var hasForeignEvents: Bool { !foreign.isEmpty }

  /// In order. Whoever takes them does its part on `stack`, and then calls `settle`.
  public mutating func takeForeignEvents() -> [SocketEvent] {
    let taken = foreign
    foreign = []
    return taken
  }

  /// Tells programs what happened to their sockets, and lets the connections say what they have to, until all is quiet or
  /// something happened to a socket of somebody outside.
  public mutating func settle(now: Instant, _ out: inout Effects) { settle(now: now, isQuiet: false, &out) }

  /// `isQuiet`: nothing but a datagram went through the stack, or nothing at all.
  @inline(__always)
  private mutating func settle(now: Instant, isQuiet: Bool, _ out: inout Effects) {
    var isQuiet = isQuiet && stack.changes == stackChanges
    if foreign.isEmpty {
      if stack.hasPending {
        isQuiet = false
        settleConnections(now: now, &out)
      }
      if programs.useDrives {
        isQuiet = false
        settleDrives(now: now, &out)
      }
      if stack.hasLoopback, foreign.isEmpty {
        isQuiet = false
        settleLoopback(now: now, &out)
      }
    }
    if !isQuiet { (stackDeadline, stackChanges) = (stack.nextDeadline(), stack.changes) }
    // Worked out once a call, so that reading it costs the driver a load.
    deadline = isBooted ? min(stackDeadline, programs.deadline) : .never
  }

  private mutating func settleConnections(now: Instant, _ out: inout Effects) {
    while let (socket, tag, events) = stack.poll(now: now, &out) {
      if programs.has(tag) {
        programs.socket(tag, socket, events, now: now, &stack, &out)
      } else {
        foreign.append(.socket(tag: tag, socket, events))
        return
      }
    }
  }

  /// What came for programs that use disks may make them read and write, and that may let them say something.
  @inline(never)
  private mutating func settleDrives(now: Instant, _ out: inout Effects) {
    guard isBooted, foreign.isEmpty else { return }
    programs.use(&drives, now: now, &stack, &out)
    while stack.hasPending, foreign.isEmpty {
      settleConnections(now: now, &out)
      guard foreign.isEmpty else { return }
      programs.use(&drives, now: now, &stack, &out)
    }
  }

  /// What programs have only in memory goes to the disks: when it will be there.
  public mutating func flush(now: Instant) -> Instant {
    let done = programs.flush(&drives, now: now)
    deadline = isBooted ? min(deadline, programs.deadline) : .never
    return done
  }

  /// Whether programs take nothing on since a flush.
  public var isFrozen: Bool { isBooted && programs.isFrozen }

  /// Programs take things on again, after a flush.
  public mutating func thaw(now: Instant, _ out: inout Effects) {
    guard isFrozen else { return }
    programs.thaw(now: now, &stack)
    settle(now: now, &out)
  }

  /// What the guest sent to itself comes back at once, but no more at a time than this: a transfer to oneself takes
  /// time too.
  private static let loopbackBatch = 256

  @inline(never)
  private mutating func settleLoopback(now: Instant, _ out: inout Effects) {
    var budget = Self.loopbackBatch
    while budget > 0, let frame = stack.takeLoopback() {
      let (port, reception) = stack.receiveLoopback(frame, now: now, &out)
      take(reception, frame, on: port, now: now, &out)
      if foreign.isEmpty, stack.hasPending { settleConnections(now: now, &out) }
      guard foreign.isEmpty else { return }
      budget -= 1
    }
    stack.endLoopback(now: now)
  }

  // MARK: Memory

  /// The parts of its state, each with a number of its own that stays with it: itself, its programs, its stack, and each
  /// connection's place.
  public func forEachPart(_ body: (UInt32, any Encodable) throws -> Void) rethrows {
    var rest = self
    rest.programs = ProgramList()
    rest.stack = Stack(StackConfiguration(name: "", seed: 0, interfaces: []))
    try body(0, rest)
    try body(1, programs)
    try stack.forEachPart { try body(2 + $0, $1) }
  }

  public func workingSets(at now: Instant) -> [(program: Int, set: WorkingSet)] {
    isBooted ? programs.workingSets(at: now) : []
  }

  /// It gets so many thousandths of its CPU from now on.
  public mutating func throttle(to share: UInt64, now: Instant) { programs.throttle(to: share, now: now) }

  /// Tells its links that it is there (RFC 5227, 2.3): a hypervisor asks for that behind a migration.
  public mutating func announce(now: Instant, _ out: inout Effects) {
    guard isBooted else { return }
    stack.announce(&out)
    settle(now: now, &out)
  }

  // MARK: Reports

  /// In the order of the configuration.
  public var programReports: [ProgramReport] { programs.reports }
  /// The places of programs that had more to do: what a run that is cut leaves open.
  public var unfinishedPrograms: Set<Int> { isBooted ? programs.unfinished : [] }

  /// Nothing finite is left to do: programs with an end are there, and no connection is left but in TIME-WAIT; or it
  /// has no power.
  public var isIdle: Bool { !isBooted || !programs.hasUnfinished && !stack.hasLiveConnections }

  /// Always true of a guest that was not decoded. `outside`: whether a tag is that of somebody outside.
  public func isConsistent(outside: (UInt64) -> Bool) -> Bool {
    stack.isConsistent { programs.has($0) || outside($0) } && programs.isConsistent && drives.isConsistent && foreign.isEmpty
  }
}
