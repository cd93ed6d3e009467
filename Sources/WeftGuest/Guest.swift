import WeftCore
import WeftIP
import WeftWire

/// A simulated machine: interfaces, a TCP/IP stack, and programs over it.
public struct Guest: Codable {
  public private(set) var configuration: GuestConfiguration
  public private(set) var isBooted = false
  public private(set) var deadline = Instant.never
  var stack: Stack
  var programs = ProgramTable()
  var probes: [ProbeRun] = []
  var finishedProbes: [GuestProbeResult] = []

  public init(_ configuration: GuestConfiguration) {
    self.configuration = configuration
    stack = Stack(
      interfaces: Self.interfaces(configuration),
      random: RandomStream(seed: configuration.seed, owner: configuration.name, purpose: "guest"))
  }

  private static func interfaces(_ configuration: GuestConfiguration) -> [Interface] {
    configuration.interfaces.enumerated().map { Interface($0.element, port: PortIndex($0.offset)) }
  }

  /// Addresses of the names that programs and probes use; the fabric fills it. What runs and has found none yet looks
  /// again every 50 ms.
  public var names: [String: IPv4Address] {
    get { stack.names }
    set { stack.names = newValue }
  }

  /// Ports of a host that lead to machines behind it; see there.
  public var localForwards: [LocalForward] {
    get { stack.localForwards }
    set { stack.localForwards = newValue }
  }

  /// What the NIC's driver knows of its queue: how fast it empties, and when all that it has now will have left. A TCP socket
  /// doesn't send further ahead of its own wire than is needed to keep it busy.
  @inline(__always)
  public mutating func wire(of port: Int, rate: UInt64, freeAt: Instant) {
    guard port < stack.ip.interfaces.count else { return }
    stack.ip.interfaces[port].wireRate = rate
    stack.ip.interfaces[port].wireFreeAt = freeAt
  }

  // MARK: Power

  /// Switches it on: takes its static addresses, asks for the others, and schedules the programs. Static addresses are
  /// not announced, as Linux by default doesn't (`arp_notify` 0): a thousand machines booting would tell a thousand others.
  public mutating func boot(now: Instant, _ out: inout Effects) {
    guard !isBooted else { return }
    isBooted = true
    for index in configuration.interfaces.indices { configure(index, announcing: false, now: now, &out) }
    programs = ProgramTable(configuration, bootedAt: now)
    if programs.deadline <= now { programs.wake(now: now, &stack, &out) }
    settle(now: now, &out)
  }

  private mutating func configure(_ index: Int, announcing: Bool, now: Instant, _ out: inout Effects) {
    switch configuration.interfaces[index].addressing {
    case .static(let address, let prefix, let gateway):
      stack.ip.interfaces[index].setAddress(address, prefix, gateway: gateway, announcing: announcing, &out)
    case .dhcp:
      stack.ip.interfaces[index].restartDHCP(hostname: configuration.name, &stack.random, now: now, &out)
    case .none: break
    }
  }

  /// One more, behind the others; it has its address once its cable is plugged in.
  public mutating func addInterface(_ interface: GuestConfiguration.Interface) {
    stack.ip.interfaces.append(Interface(interface, port: PortIndex(configuration.interfaces.count)))
    configuration.interfaces.append(interface)
  }

  /// The power goes: sockets, neighbours and leases are forgotten, without a word on the wire. What programs did can
  /// still be read until the next boot; probes under way end with their time.
  public mutating func powerOff() {
    isBooted = false
    let (names, forwards) = (stack.names, stack.localForwards)
    stack = Stack(interfaces: Self.interfaces(configuration), random: stack.random)
    stack.names = names
    stack.localForwards = forwards
    for index in probes.indices { probes[index].powerOff() }
    updateDeadline()
  }

  /// The cable was pulled or plugged in. Back on the link, it announces its addresses or asks DHCP whether they hold.
  public mutating func linkChanged(port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    guard isBooted, up, port.index < configuration.interfaces.count else { return }
    configure(port.index, announcing: true, now: now, &out)
    settle(now: now, &out)
  }

  public func address(of port: Int) -> IPv4Address? {
    guard stack.ip.interfaces.indices.contains(port), !stack.ip.interfaces[port].address.isUnspecified else {
      return nil
    }
    return stack.ip.interfaces[port].address
  }

  public func asksByDHCP(on port: Int) -> Bool {
    guard configuration.interfaces.indices.contains(port), case .dhcp = configuration.interfaces[port].addressing else {
      return false
    }
    return true
  }

  /// Whether the interface has an address by DHCP whose lease isn't over.
  public func hasLease(on port: Int, now: Instant) -> Bool {
    guard address(of: port) != nil, let lease = stack.ip.interfaces[port].dhcp?.lease else { return false }
    return lease.expiry > now
  }

  /// The prefix and gateway that go with `address(of:)`.
  public func network(of port: Int) -> (prefix: IPv4Prefix, gateway: IPv4Address?)? {
    guard address(of: port) != nil else { return nil }
    return (stack.ip.interfaces[port].prefix, stack.ip.interfaces[port].gateway)
  }

  // MARK: Element

  public mutating func wake(now: Instant, _ out: inout Effects) {
    stack.ip.loopbackAt = Instant(.max)
    if isBooted {
      if stack.ip.deadline <= now { wakeNetwork(now: now, &out) }
      if stack.tcp.deadline <= now { stack.tcp.wake(now: now, &stack.ip, &out) }
      if programs.deadline <= now { programs.wake(now: now, &stack, &out) }
    }
    if !probes.isEmpty {
      for index in probes.indices where probes[index].deadline <= now {
        probes[index].wake(now: now, isBooted: isBooted, &stack, &out)
      }
    }
    settle(now: now, &out)
  }

  /// Worked out once a call, so that reading it costs the driver a load.
  @inline(__always)
  private mutating func updateDeadline() {
    var earliest = Instant(.max)
    if isBooted { earliest = min(min(stack.tcp.deadline, programs.deadline), stack.ip.deadline) }
    for index in probes.indices { earliest = min(earliest, probes[index].deadline) }
    deadline = earliest
  }

  /// Tells owners what happened to their sockets, and lets the connections say what they have to, until all is quiet.
  @inline(__always)
  mutating func settle(now: Instant, _ out: inout Effects) {
    if stack.tcp.hasPending { settleConnections(now: now, &out) }
    if !stack.ip.loopback.isEmpty { settleLoopback(now: now, &out) }
    if !probes.isEmpty { collectProbes() }
    updateDeadline()
  }

  /// What the guest sent to itself comes back at once, but no more at a time than this: a transfer to oneself takes
  /// time too.
  private static let loopbackBatch = 256

  @inline(never)
  private mutating func settleLoopback(now: Instant, _ out: inout Effects) {
    var budget = Self.loopbackBatch
    while budget > 0, let frame = stack.ip.loopback.pop() {
      receiveLoopback(frame, now: now, &out)
      if stack.tcp.hasPending { settleConnections(now: now, &out) }
      budget -= 1
    }
    if !stack.ip.loopback.isEmpty { stack.ip.loopbackAt = now + .microseconds(1) }
  }

  private mutating func settleConnections(now: Instant, _ out: inout Effects) {
    while let index = stack.tcp.nextPending() {
      let events = stack.tcp.connections[index].events
      if !events.isEmpty {
        stack.tcp.connections[index].events = []
        let owner = stack.tcp.connections[index].owner
        let id = SocketID(index: UInt32(index), generation: stack.tcp.connections[index].generation)
        switch owner.kind {
        case .none, .timeWait: break
        case .probe: tellProbe(owner.index, id, events, now: now, &out)
        default: programs.socket(owner, id, events, now: now, &stack, &out)
        }
      }
      stack.tcp.settle(index, now: now, &stack.ip, &out)
    }
  }

  /// Not inlined, as `ProgramTable.wake`: the array would be made unique for each frame.
  @inline(never)
  private mutating func tellProbe(
    _ trace: UInt32, _ id: SocketID, _ events: SocketEvents, now: Instant, _ out: inout Effects
  ) {
    if let index = probe(trace) { probes[index].socket(id, events, now: now, &stack, &out) }
  }

  func probe(_ trace: UInt32) -> Int? { probes.firstIndex { $0.probe.trace == trace } }

  private mutating func collectProbes() {
    guard probes.contains(where: { $0.isFinished }) else { return }
    for probe in probes where probe.isFinished && !probe.isPartner { finishedProbes.append(probe.result) }
    probes.removeAll { $0.isFinished }
  }

  // MARK: Probes

  /// Starts a probe; it waits until the guest and its target have addresses, within its timeout.
  public mutating func startProbe(_ probe: GuestProbe, now: Instant, _ out: inout Effects) {
    probes.append(ProbeRun(probe, now: now))
    probes[probes.count - 1].wake(now: now, isBooted: isBooted, &stack, &out)
    settle(now: now, &out)
  }

  /// Ends a probe before its time, or one whose machine stands still; nil where there is none with this trace.
  public mutating func abandonProbe(_ trace: UInt32, now: Instant) -> GuestProbeResult? {
    guard let index = probes.firstIndex(where: { $0.probe.trace == trace && !$0.isPartner }) else { return nil }
    probes[index].abandon(now: now, &stack)
    let result = probes.remove(at: index).result
    updateDeadline()
    return result
  }

  /// The traces of packets that wait for a neighbour's address, or to come back to the guest itself.
  /// With the interface and the neighbour that is asked for; without for what is on its way within the machine.
  public func forEachWaitingTrace(_ body: (UInt32, (port: Int, neighbour: IPv4Address)?) -> Void) {
    for index in stack.ip.interfaces.indices {
      stack.ip.interfaces[index].neighbours.forEachWaitingTrace { body($0, (index, $1)) }
    }
    stack.ip.loopback.forEachTrace { body($0, nil) }
  }

  /// Those finished since last asked, in order of finishing.
  public mutating func takeProbeResults() -> [GuestProbeResult] {
    defer { finishedProbes = [] }
    return finishedProbes
  }

  public var hasProbesRunning: Bool { !probes.isEmpty }
  /// Whether `takeProbeResults` has something to give.
  public var hasProbeResults: Bool { !finishedProbes.isEmpty }

  // MARK: Reports

  /// In the order of the configuration.
  public var programReports: [ProgramReport] { programs.reports }

  /// Nothing finite is left to do: programs with an end are there, and no connection is left but in TIME-WAIT; or it
  /// has no power.
  public var isIdle: Bool { !isBooted || !programs.hasUnfinished && stack.tcp.liveConnections == 0 }

  /// As `ss -tan` shows them, listeners left out, by local port.
  public var connections: [ConnectionReport] { stack.tcp.reports }
  /// As `ss -tln` shows them.
  public var listeningPorts: [UInt16] { stack.tcp.listeners.map(\.port).sorted() }
  /// The same with what is being asked for, and how old it is.
  public func neighbourTable(of port: Int, now: Instant) -> [NeighbourTable.Neighbour] {
    stack.ip.interfaces.indices.contains(port) ? stack.ip.interfaces[port].neighbours.table(now: now) : []
  }

  /// The ARP cache of an interface, by address.
  public func neighbours(of port: Int) -> [(address: IPv4Address, mac: MACAddress)] {
    stack.ip.interfaces.indices.contains(port) ? stack.ip.interfaces[port].neighbours.neighbours : []
  }
}
