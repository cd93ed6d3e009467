import WeftCore
import WeftDisk
import WeftHypervisor
import WeftSettings
import WeftStack
import WeftTopology

/// A VM's standby: what has changed of the VM goes to another host, epoch by epoch, over one TCP connection between the hosts' own
/// machines. The last epoch that is there whole is what the VM goes on from when its host fails.
struct Standby: Codable {
  enum Phase: String, Codable {
    /// For its VM and both hosts to run.
    case waiting
    case connecting
    case on
    /// The VM's host has failed, which nobody has noticed yet.
    case takingOver
    case tookOver
    case lost
  }

  let vm: String
  let host: String
  let node: NodeID
  let settings: StandbySettings

  var phase = Phase.waiting
  /// Where the VM is.
  var source: String?
  var sourceNode: NodeID?
  var sourceSocket: SocketID?
  var targetSocket: SocketID?
  var isClosed = false
  var isDue = false

  var sender: PageSender
  var receiver = PageReceiver()
  var memory = GuestMemory()
  var mark: MemoryMark?
  /// The epoch that is being sent; and whether the VM can go on from it: not from the first after a connection, whose output isn't
  /// held, nor from one of a life that is over.
  var pending: Snapshot?
  var isPendingKept = false
  /// The last that has come.
  var kept: Snapshot?
  /// The disks as they were sent.
  var drives: Drives?
  var startedAt = Instant.start
  /// When the VM goes on, which stands still as its pages are copied aside.
  var resumeAt = Instant.never
  var nextAt = Instant.start
  /// When something was acknowledged last, and how much had been by then.
  var progressAt = Instant.start
  var progress: UInt64 = 0
  /// Epochs that were acknowledged.
  var epoch: UInt64 = 0
  /// Octets of earlier connections.
  var sentBefore: UInt64 = 0
  var heldFrames: UInt64 = 0
  var heldTime = Nanoseconds.zero

  /// When a host's failure is noticed: the VM's, or its own.
  var takeOverAt = Instant.never
  var lostAt = Instant.never
  var changedAt: Instant?
  /// Why it isn't connected, or is over.
  var why: String?
  /// How long after a connection was lost it tries to have another.
  static let retry = Nanoseconds.seconds(1)

  /// Before a connection: nothing of what was sent over the last one counts.
  mutating func forgetConnection(pages: UInt64) {
    sentBefore += sender.sent
    sender = PageSender(name: vm, pages: pages)
    (receiver, memory, mark) = (PageReceiver(), GuestMemory(), nil)
    (pending, kept, isPendingKept, isClosed, progress) = (nil, nil, false, false, 0)
    (sourceSocket, targetSocket) = (nil, nil)
  }

  var isOver: Bool { phase == .tookOver || phase == .lost }

  var deadline: Instant {
    switch phase {
    case .waiting: min(isDue ? .start : nextAt, lostAt)
    case .connecting: isDue ? .start : min(lostAt, progressAt + Migration.patience)
    case .on: isDue ? .start : min(min(resumeAt, lostAt), pending == nil ? nextAt : progressAt + Migration.patience)
    case .takingOver: takeOverAt
    case .tookOver, .lost: .never
    }
  }

  /// Of a decoded one.
  var isConsistent: Bool {
    let values = [pending, kept].compactMap { $0 }
    guard sender.isConsistent, drives?.isConsistent != false, mark?.isConsistent != false,
      values.allSatisfy({ Machine.fit($0.guest, $0.interfaces, plugged: $0.plugged, $0.work) })
    else { return false }
    switch phase {
    case .waiting, .tookOver, .lost: return true
    case .connecting, .on: return sourceNode != nil && sourceSocket != nil
    case .takingOver: return kept != nil
    }
  }
}

/// Those of a file, in its order.
struct Standbys: Codable {
  var all: [Standby] = []

  /// What sockets of their two ends are tagged with, beside a migration's.
  static func sourceTag(_ index: Int) -> UInt64 { Migrations.listening | 2 << 32 | UInt64(index) }
  static func targetTag(_ index: Int) -> UInt64 { Migrations.listening | 3 << 32 | UInt64(index) }
  static func index(of tag: UInt64) -> Int? { tag >> 32 & 2 == 0 ? nil : Int(tag & 0xffff_ffff) }

  static func port(_ index: Int) -> UInt16 { StandbySettings.port + UInt16(index) }

  var deadline: Instant { all.reduce(.never) { min($0, $1.deadline) } }
  /// Whether something is still to come of one.
  var areDue: Bool { all.contains { $0.phase == .takingOver } }

  func current(_ vm: String) -> Int? { all.firstIndex { $0.vm == vm && !$0.isOver } }

  /// What they need on a host.
  func reserved(on host: String) -> [String] { all.filter { $0.host == host && !$0.isOver }.map(\.vm) }

  mutating func hostFailed(_ name: String, at now: Instant) {
    for index in all.indices where all[index].host == name && !all[index].isOver && all[index].phase != .takingOver {
      all[index].lostAt = now + World.detection
    }
  }

  /// Of a decoded one.
  func isConsistent(_ topology: Topology, machines: (NodeID) -> Bool) -> Bool {
    let declared = topology.vms.filter { $0.standby != nil }
    return all.map(\.vm) == declared.map(\.name) && all.map(\.settings) == declared.compactMap(\.standby)
      && all.allSatisfy { $0.host == $0.settings.host }
      && all.allSatisfy { $0.isConsistent && machines($0.node) && $0.sourceNode.map(machines) ?? true }
  }
}
