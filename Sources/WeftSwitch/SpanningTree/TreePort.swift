import WeftCore
import WeftSettings

public enum TreeRole: String, Codable, Sendable, BitwiseCopyable { case disabled, root, designated, alternate, backup }

/// What a port lets through. Discarding is called listening where the protocol is the old one.
public enum TreeState: String, Codable, Sendable, BitwiseCopyable { case discarding, learning, forwarding }

/// One port's variables, by the names of IEEE 802.1D-2004, 17.19, and where its state machines stand.
struct TreePort: Codable, Sendable {
  enum Information: UInt8, Codable, Sendable { case disabled, aged, mine, received }
  enum Migration: UInt8, Codable, Sendable { case checkingRSTP, selectingSTP, sensing }
  enum RoleState: UInt8, Codable, Sendable { case disablePort, disabledPort, rootPort, designatedPort, blockPort, alternatePort }
  enum ChangeState: UInt8, Codable, Sendable { case inactive, learning, active }

  let settings: SwitchPortSettings
  /// Counted from 1.
  let number: UInt16
  var pathCost: UInt32
  /// A cable is in it, and nobody has shut it.
  var isEnabled = false
  /// By the BPDU guard, until its cable is plugged in again.
  var isShut = false

  // Timers, in ticks of a second (17.17).
  var edgeDelayWhile = 0
  var fdWhile = 0
  var helloWhen = 0
  var mdelayWhile = 0
  var rbWhile = 0
  var rcvdInfoWhile = 0
  var rrWhile = 0
  var tcWhile = 0
  var txCount = 0

  // What is known (17.19).
  var designatedPriority: PriorityVector
  var designatedTimes: TreeTimes
  var portPriority: PriorityVector
  var portTimes: TreeTimes
  var message: BPDU
  var infoIs = Information.disabled
  var role = TreeRole.disabled
  var selectedRole = TreeRole.disabled

  var agree = false
  var agreed = false
  var disputed = false
  var fdbFlush = false
  var forward = false
  var forwarding = false
  var learn = false
  var learning = false
  var mcheck = false
  var newInfo = false
  var operEdge: Bool
  var proposed = false
  var proposing = false
  var rcvdBPDU = false
  var rcvdMsg = false
  var rcvdRSTP = false
  var rcvdSTP = false
  var rcvdTc = false
  var rcvdTcAck = false
  var rcvdTcn = false
  var reRoot = false
  var reselect = false
  var selected = false
  var sendRSTP: Bool
  var sync = false
  var synced = false
  var tcAck = false
  var tcProp = false
  var updtInfo = false

  var migration = Migration.checkingRSTP
  var roleState = RoleState.disablePort
  var changeState = ChangeState.inactive

  init(_ settings: SwitchPortSettings, number: UInt16, cost: UInt32, bridge: PriorityVector, times: TreeTimes, isRapid: Bool) {
    self.settings = settings
    self.number = number
    pathCost = settings.cost ?? cost
    (designatedPriority, portPriority) = (bridge, bridge)
    (designatedTimes, portTimes) = (times, times)
    message = BPDU(kind: .configuration, vector: bridge, times: times)
    operEdge = settings.edge == true
    sendRSTP = isRapid
  }

  /// Priority and number, 4 and 12 bits (9.2.7).
  var identifier: UInt16 { UInt16(settings.priority) << 8 | number & 0xfff }
  var state: TreeState { forwarding ? .forwarding : learning ? .learning : .discarding }

  /// What goes by while a port keeps its counsel (17.20).
  var helloTime: Int { TreeTimes.ticks(designatedTimes.hello) }
  var fwdDelay: Int { TreeTimes.ticks(designatedTimes.forwardDelay) }
  var maxAge: Int { TreeTimes.ticks(designatedTimes.maxAge) }
  var forwardDelay: Int { sendRSTP ? helloTime : fwdDelay }

  static let migrateTime = 3
  static let txHoldCount = 6

  /// 17.21.1
  func betterOrSame(_ kind: Information) -> Bool {
    switch kind {
    case .received: infoIs == .received && message.vector <= portPriority
    case .mine: infoIs == .mine && designatedPriority <= portPriority
    case .disabled, .aged: false
    }
  }

  mutating func tick() {
    func down(_ timer: inout Int) { if timer > 0 { timer -= 1 } }
    down(&edgeDelayWhile)
    down(&fdWhile)
    down(&helloWhen)
    down(&mdelayWhile)
    down(&rbWhile)
    down(&rcvdInfoWhile)
    down(&rrWhile)
    down(&tcWhile)
    down(&txCount)
  }
}

extension TreePort {
  /// Of a way at a rate: IEEE 802.1D-2004, table 17-3, and for the old protocol 802.1D-1998, table 8-5 with what Linux and others
  /// took on for gigabits. A cable without a rate counts as one of 1 Gbit/s.
  static func cost(rate: UInt64?, isRapid: Bool) -> UInt32 {
    let rate = max(rate ?? 1_000_000_000, 1)
    if isRapid { return UInt32(min(max(20_000_000_000_000 / rate, 1), 200_000_000)) }
    switch rate {
    case 10_000_000_000...: return 2
    case 1_000_000_000...: return 4
    case 100_000_000...: return 19
    case 10_000_000...: return 100
    default: return UInt32(min(1_000_000_000 / rate, 65_535))
    }
  }
}
