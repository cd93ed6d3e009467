import WeftCore
import WeftHypervisor
import WeftSettings
import WeftStack

/// One VM's way from one host to another: over one TCP connection between the hosts' own machines, through the same cables as all
/// else. The VM's right to run is a lease that one side has at most: whoever loses the other goes on exactly if it has it.
struct Migration: Codable {
  enum Phase: String, Codable {
    case connecting
    /// Rounds, while the VM runs.
    case precopy
    /// It stands still, and what is left is sent.
    case stopAndCopy = "stop-and-copy"
    /// The target has all, and the lease: it starts it.
    case activating
    /// It runs at the target, and pages follow.
    case postcopy
    case done, failed
  }

  enum Lease: String, Codable { case source, target }

  let number: UInt32
  let vm: String
  /// Hosts, and their machines.
  let source: String
  let target: String
  let sourceNode: NodeID
  let targetNode: NodeID
  let settings: MigrationSettings
  /// Where its interfaces go, in their order.
  let networks: [String]
  let startedAt: Instant

  var phase = Phase.connecting
  var lease = Lease.source
  /// What it was when it was stopped.
  var stateBefore = MachineState.running
  var sender: PageSender
  var receiver = PageReceiver()
  var sourceSocket: SocketID?
  var targetSocket: SocketID?
  /// Of the connection, as its ends have heard.
  var isConnected = false
  var isSourceClosed = false
  var isTargetClosed = false

  /// Memory as it was read last; pages of working sets are read as they are sent.
  var memory = GuestMemory()
  var mark: MemoryMark?
  /// Pages of each.
  var rounds: [UInt64] = []
  var roundStartedAt = Instant.start
  var roundPages: UInt64 = 0
  var sentBefore: UInt64 = 0
  /// Octets a second that the connection got.
  var bandwidth: UInt64?
  /// Bits per second that this round may take; nil: what there is.
  var rate: UInt64?
  /// Of its CPU that it doesn't get, in hundredths.
  var throttle = 0
  var mostThrottled = 0

  var stoppedAt: Instant?
  /// Frames in its receive rings then: who goes on at the source finds what came since, who goes on at the target doesn't.
  var ringsAtStop: [Int] = []
  var copiedAt: Instant?
  var activateAt = Instant.never
  var resumedAt: Instant?
  /// RARPs so far.
  var announcements = 0

  /// When something came last, at either end; and how much had by then.
  var progressAt: Instant
  var progress: UInt64 = 0
  /// When the bound on its rate lets more go.
  var paceAt = Instant.never
  /// Of postcopy: the last page has come.
  var isWhole = false
  /// Something happened to its sockets.
  var isDue = true
  var failure: String?

  /// How long either end waits for a sign of the other, and a lease lasts that nobody renews.
  static let patience = Nanoseconds.seconds(2)
  /// After the target has it running: QEMU's 50 ms, and 100 more each time.
  static let announceTimes: [Nanoseconds] = [0, 50, 200, 450, 800].map { .milliseconds($0) }

  init(
    _ number: UInt32, _ vm: String, from source: (String, NodeID), to target: (String, NodeID), _ settings: MigrationSettings,
    networks: [String], pages: UInt64, now: Instant
  ) {
    (self.number, self.vm, self.settings, self.networks) = (number, vm, settings, networks)
    (self.source, sourceNode, self.target, targetNode) = (source.0, source.1, target.0, target.1)
    (startedAt, progressAt) = (now, now)
    rate = [settings.maxBandwidth, settings.adaptiveRate?.from].compactMap { $0 }.min()
    sender = PageSender(name: vm, pages: pages)
  }

  var isOver: Bool { phase == .done || phase == .failed }
  /// Whether the VM is still the source's: a verb has to think of it.
  var isUnderWay: Bool { !isOver && resumedAt == nil || phase == .postcopy }

  /// Whether a verb may end it: not while the VM is on its way with the lease, and runs on neither side.
  var isAbortable: Bool { lease == .source || phase == .postcopy }

  /// From when it was stopped until it ran again.
  var downtime: Nanoseconds? { stoppedAt.flatMap { stopped in resumedAt.map { $0 - stopped } } }

  var nextAnnouncement: Instant {
    guard let resumedAt, announcements < Self.announceTimes.count else { return .never }
    return resumedAt + Self.announceTimes[announcements]
  }

  var deadline: Instant {
    if isDue { return .start }
    guard !isOver else { return nextAnnouncement }
    var next = min(paceAt, min(activateAt, nextAnnouncement))
    return min(next, progressAt + Self.patience)
  }

  /// Of a decoded one.
  var isConsistent: Bool {
    sender.isConsistent && mark?.isConsistent != false && (0..<100).contains(throttle) && rate != 0
      && (0...Self.announceTimes.count).contains(announcements)
  }
}

/// All of a run's, those that are over too.
struct Migrations: Codable {
  var all: [Migration] = []
  /// Connections to hosts' migration ports that haven't said yet whose they are.
  var callers: [Caller] = []

  struct Caller: Codable {
    var node: NodeID
    var socket: SocketID
    var since: Instant
  }

  /// What sockets of a migration are tagged with: neither a program's nor a probe's.
  static let listening: UInt64 = 3 << 62
  static func tag(of number: UInt32) -> UInt64 { listening | 1 << 32 | UInt64(number) }
  static func owns(_ tag: UInt64) -> Bool { tag >> 62 == 3 }

  var deadline: Instant { all.reduce(.never) { min($0, $1.deadline) } }

  func current(_ vm: String) -> Int? { all.firstIndex { $0.vm == vm && $0.isUnderWay } }

  /// Of a decoded one.
  func isConsistent(machines: (NodeID) -> Bool) -> Bool {
    all.enumerated().allSatisfy {
      $1.number == UInt32($0) && $1.isConsistent && machines($1.sourceNode) && machines($1.targetNode)
    } && callers.allSatisfy { machines($0.node) }
  }
}
