import WeftCapture
import WeftCore
import WeftGuest
import WeftHypervisor
import WeftNAT
import WeftServices
import WeftSwitch

/// A running world: elements joined by links, moved by an event queue in virtual time.
///
/// Elements live in one array per kind and are changed in place, so that a frame's way costs calls, not allocations or
/// dynamic casts. The graph (nodes, ports, ends) is fixed once built; all the rest is state that a checkpoint holds.
public struct World: ~Copyable {
  // The graph.
  var nodes = ElementStore<Node>()
  var ports = ElementStore<Port>()
  var ends = ElementStore<LinkEnds>()
  var names = NameTable()
  /// The machines that start by themselves, in order.
  var bootOrder: [Int] = []
  /// The physical machines, in the order of the file, and what is placed on each.
  public internal(set) var hosts: [Host] = []

  // State.
  public internal(set) var now = Instant.start
  var links = ElementStore<Link>()
  var switches = ElementStore<VirtualSwitch>()
  var gateways = ElementStore<NATGateway>()
  var servers = ElementStore<DHCPServer>()
  var machines = ElementStore<Machine>()
  /// Frames first sent by each node, which number its packets.
  var packetCounts: [UInt64] = []
  var drops = DropLedger()
  var traces = TraceLog()
  /// Nodes that act on probes: looked at for results after each of their steps.
  var probing: Set<Int> = []
  /// Probes of which a packet was lost by accident since the director looked last.
  var losses: [UInt32] = []
  /// A probe came to an end since the director looked last.
  var hasProbeResults = false
  /// What a run has done, for progress and rates: arrivals, and wakes that something came of. How often a gateway looks
  /// at its table in vain is its own affair, and other after a checkpoint.
  public internal(set) var eventCount: UInt64 = 0

  /// Frames that arrived anywhere since this process took the world up: what the watchdog goes by.
  var delivered = 0

  /// Set where somebody compares runs; never part of a checkpoint.
  var fingerprint: Fingerprint?

  /// Set while a packet is being explained; never part of a checkpoint.
  var explain: ExplainRecorder?

  /// Of the switches' floods; made when the first one needs it.
  var floods = FloodTable()
  /// Off for tests, which compare.
  var floodsTogether = true

  var queue = EventQueue(sources: 1)
  var effects: Effects
  let pool: FramePool
  var captures: CaptureSet?
  /// Of each node; empty without captures.
  var clocks = ElementStore<CausalClock>()

  init(pool: FramePool = FramePool()) {
    self.pool = pool
    effects = Effects(pool: pool)
  }

  /// Sizes the queue for the finished graph and asks every link and element for its deadline.
  mutating func schedule() {
    queue = EventQueue(sources: 1 + links.count + nodes.count)
    // In the midst of a moment there may be deadlines that have passed (a machine that was paused): they are due now,
    // and a new queue doesn't know when that is.
    func due(_ deadline: Instant) -> Instant { max(deadline, now) }
    for index in links.indices { queue.schedule(Source.link(index), at: due(links[index].deadline)) }
    for index in nodes.indices { queue.schedule(Source.node(index, links: links.count), at: due(deadline(of: index))) }
  }

  func deadline(of node: Int) -> Instant {
    let index = nodes[node].index
    return switch nodes[node].kind {
    case .virtualSwitch: .never
    case .gateway: gateways[index].deadline
    case .dhcpServer: servers[index].deadline
    case .machine: machines[index].deadline
    }
  }

  @inline(__always)
  mutating func reschedule(_ node: Int) {
    queue.schedule(Source.node(node, links: links.count), at: deadline(of: node))
  }
}
