import WeftCore
import WeftSettings
import WeftWire

/// The spanning tree of one switch: the state machines of IEEE 802.1D-2004, clause 17, with their names, and the old protocol as
/// their version 0. It is told of BPDUs, of cables and of each second, and says which BPDUs to send and what each port lets
/// through.
public struct SpanningTree: Codable, Sendable {
  /// One that is to be sent.
  struct Outgoing { var port: Int, message: BPDU }

  /// What people are told.
  public struct Changes: Codable, Hashable, Sendable {
    public var topologyChanges: UInt64 = 0
    public var rootChanges: UInt64 = 0
    public var lastTopologyChange: Instant?
  }

  public let settings: SpanningTreeSettings
  public let mac: MACAddress
  var ports: [TreePort] = []
  private(set) var rootPriority: PriorityVector
  private(set) var rootTimes: TreeTimes
  private(set) var rootPort: Int?
  public private(set) var changes = Changes()
  /// The first time is when the switch is switched on, later ones are a second apart.
  private(set) var nextTick: Instant
  private let phase: Nanoseconds
  private var hasBegun = false

  // What the switch has to do once the machines stand still.
  var outgoing: [Outgoing] = []
  /// Ports whose addresses are to be forgotten.
  var flushes: [Int] = []

  private enum CodingKeys: CodingKey {
    case settings, mac, ports, rootPriority, rootTimes, rootPort, changes, nextTick, phase, hasBegun
  }

  /// `phase`: how long after it is switched on its first second is over; each switch has its own.
  public init(_ settings: SpanningTreeSettings, mac: MACAddress, start: Instant, phase: Nanoseconds) {
    self.settings = settings
    self.mac = mac
    self.phase = phase
    nextTick = start
    let own = BridgeIdentifier(priority: settings.priority, mac: mac)
    rootPriority = PriorityVector(root: own, cost: 0, bridge: own, port: 0)
    func wire(_ time: Nanoseconds) -> UInt16 { UInt16(min(time.rawValue / 1_000_000_000, 255)) * 256 }
    rootTimes = TreeTimes(
      maxAge: wire(settings.maxAge), hello: wire(settings.hello), forwardDelay: wire(settings.forwardDelay))
  }

  public var identifier: BridgeIdentifier { BridgeIdentifier(priority: settings.priority, mac: mac) }
  public var root: BridgeIdentifier { rootPriority.root }
  public var isRoot: Bool { root == identifier }
  var isRapid: Bool { settings.mode == .rstp }

  private var bridgePriority: PriorityVector { PriorityVector(root: identifier, cost: 0, bridge: identifier, port: 0) }
  private var bridgeTimes: TreeTimes {
    func wire(_ time: Nanoseconds) -> UInt16 { UInt16(min(time.rawValue / 1_000_000_000, 255)) * 256 }
    return TreeTimes(maxAge: wire(settings.maxAge), hello: wire(settings.hello), forwardDelay: wire(settings.forwardDelay))
  }

  /// One more port, behind the others. Nothing passes until `setEnabled`.
  public mutating func addPort(_ own: SwitchPortSettings, rate: UInt64?) {
    ports.append(made(own, number: ports.count + 1, rate: rate))
  }

  // MARK: What happens to it

  /// A cable was plugged in or pulled.
  mutating func setEnabled(_ port: Int, _ isUp: Bool, now: Instant) {
    guard ports.indices.contains(port) else { return }
    ports[port].isShut = false
    ports[port].isEnabled = isUp
    if hasBegun { settle(now: now) }
  }

  /// A port that was added has its cable now.
  mutating func open(_ port: PortIndex, _ own: SwitchPortSettings, rate: UInt64?) {
    guard ports.indices.contains(port.index) else { return }
    ports[port.index] = made(own, number: port.index + 1, rate: rate)
    ports[port.index].isEnabled = true
    if hasBegun { begin(port.index) }
  }

  private func made(_ own: SwitchPortSettings, number: Int, rate: UInt64?) -> TreePort {
    TreePort(
      own, number: UInt16(truncatingIfNeeded: number), cost: TreePort.cost(rate: rate, isRapid: isRapid),
      bridge: bridgePriority, times: bridgeTimes, isRapid: isRapid)
  }

  /// The port is gone for good; what that changes shows at the next second.
  mutating func close(_ port: PortIndex) { ports[port.index].isEnabled = false }

  /// The BPDU guard.
  mutating func shut(_ port: Int, now: Instant) {
    ports[port].isShut = true
    ports[port].isEnabled = false
    settle(now: now)
  }

  mutating func wake(now: Instant) {
    guard now >= nextTick else { return }
    if hasBegun {
      for index in ports.indices { ports[index].tick() }
      nextTick = nextTick + .seconds(1)
    } else {
      hasBegun = true
      nextTick = now + phase
      for index in ports.indices { begin(index) }
    }
    settle(now: now)
  }

  private mutating func begin(_ index: Int) {
    ports[index].mdelayWhile = TreePort.migrateTime
    ports[index].newInfo = true
    ports[index].fdWhile = firstWait(index)
    disableInformation(index)
  }

  /// A BPDU came in. Its own, from the very port, is nobody's (9.3.4).
  mutating func receive(_ message: BPDU, on port: Int, now: Instant) {
    // Of two that are switched on in the same moment one speaks first.
    if !hasBegun { wake(now: now) }
    guard hasBegun, ports.indices.contains(port), ports[port].isEnabled else { return }
    guard message.vector.bridge != identifier || message.vector.port != ports[port].identifier else { return }
    ports[port].message = message
    ports[port].rcvdBPDU = true
    settle(now: now)
  }

  /// Lets the machines go on until all stand still.
  mutating func settle(now: Instant) {
    // Each step moves a port nearer to rest; the bound is for what nobody has thought of.
    var left = 200 + 60 * ports.count
    var hasMoved = true
    while hasMoved, left > 0 {
      left -= 1
      hasMoved = false
      for index in ports.indices {
        if receiveMachine(index) { hasMoved = true }
        if migrationMachine(index) { hasMoved = true }
        if edgeMachine(index) { hasMoved = true }
        if informationMachine(index) { hasMoved = true }
      }
      if selectRoles(now: now) { hasMoved = true }
      for index in ports.indices {
        if roleMachine(index) { hasMoved = true }
        if stateMachine(index) { hasMoved = true }
        if changeMachine(index, now: now) { hasMoved = true }
      }
      for index in ports.indices where transmitMachine(index) { hasMoved = true }
    }
  }

  mutating func countChange(now: Instant) {
    changes.topologyChanges &+= 1
    changes.lastTopologyChange = now
  }

  // MARK: Port role selection (17.28)

  private mutating func selectRoles(now: Instant) -> Bool {
    guard ports.contains(where: \.reselect) else { return false }
    for index in ports.indices { ports[index].reselect = false }
    updateRoles(now: now)
    // 17.21.16
    if !ports.contains(where: \.reselect) { for index in ports.indices { ports[index].selected = true } }
    return true
  }

  /// 17.21.25
  private mutating func updateRoles(now: Instant) {
    let before = root
    var best = bridgePriority
    (rootPort, rootTimes) = (nil, bridgeTimes)
    for index in ports.indices {
      let port = ports[index]
      guard port.infoIs == .received, port.portPriority.bridge.mac != mac, !port.settings.rootGuard else { continue }
      var path = port.portPriority
      path.cost = path.cost.addingReportingOverflow(port.pathCost).overflow ? .max : path.cost + port.pathCost
      // Of equal ones, that of the port with the lower identifier.
      let isBetter = path < best || path == best && rootPort.map { port.identifier < ports[$0].identifier } ?? false
      guard isBetter else { continue }
      (best, rootPort) = (path, index)
      rootTimes = port.portTimes
      let (age, overflow) = rootTimes.messageAge.addingReportingOverflow(TreeTimes.second)
      rootTimes.messageAge = overflow ? .max : age
    }
    rootPriority = best
    if best.root != before { changes.rootChanges &+= 1 }
    for index in ports.indices { assignRole(index) }
  }

  private mutating func assignRole(_ index: Int) {
    var designated = rootPriority
    (designated.bridge, designated.port) = (identifier, ports[index].identifier)
    ports[index].designatedPriority = designated
    ports[index].designatedTimes = rootTimes
    ports[index].designatedTimes.hello = bridgeTimes.hello
    switch ports[index].infoIs {
    case .disabled: ports[index].selectedRole = .disabled
    case .aged:
      ports[index].updtInfo = true
      ports[index].selectedRole = .designated
    case .mine:
      ports[index].selectedRole = .designated
      if ports[index].portPriority != designated || ports[index].portTimes != ports[index].designatedTimes {
        ports[index].updtInfo = true
      }
    case .received:
      if index == rootPort {
        ports[index].selectedRole = .root
        ports[index].updtInfo = false
      } else if designated < ports[index].portPriority {
        ports[index].selectedRole = .designated
        ports[index].updtInfo = true
      } else {
        ports[index].selectedRole = ports[index].portPriority.bridge.mac == mac ? .backup : .alternate
        ports[index].updtInfo = false
      }
    }
  }

  // MARK: What the switch asks

  @inline(__always)
  func isLearning(_ port: PortIndex) -> Bool { ports[port.index].learning }
  @inline(__always)
  func isForwarding(_ port: PortIndex) -> Bool { ports[port.index].forwarding }

  /// Why a port takes nothing in. What comes in at a blocked one goes another way, as the port is blocked because there is one.
  func reason(on port: PortIndex) -> DropReason {
    switch ports[port.index].role {
    case .alternate, .backup: .stpBlocking
    case .root, .designated, .disabled: .stpListening
    }
  }

  /// Of a decoded one.
  func fits(ports count: Int) -> Bool { ports.count == count && rootPort.map { $0 < count } ?? true }
}
