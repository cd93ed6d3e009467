import WeftCapture
import WeftCore
import WeftHypervisor
import WeftNAT
import WeftProbes
import WeftTopology

/// A running world: elements joined by links, moved by an event queue in virtual time.
///
/// `Graph` is who is joined to whom, `Elements` and `links` are what a checkpoint holds, `Scheduler` says who is next, and
/// `Recorder` writes down what happens. A frame's way through them is `World+Hop`.
public struct World: ~Copyable {
  var graph = Graph()
  var elements = Elements()
  var links = Arena<LinkTag, Link>()
  var scheduler = Scheduler()
  var recorder = Recorder()
  var names = NameTable()
  /// For building on; nil of a world that no topology was the beginning of.
  var site: Site?
  /// What was changed of the graph since it was built, in order.
  var changes: [GraphAction] = []
  /// The machines that start by themselves, in order.
  var bootOrder: [Boot] = []
  /// The physical machines, in the order of the file, and what is placed on each.
  public internal(set) var hosts: [WeftHypervisor.Host] = []

  /// Of those with cpus.
  var processors = Processors()
  /// Whether there are any.
  var hasProcessors = false
  /// Their next moment is looked for once all that is due now is done.
  var isWakingProcessors = false
  /// What a guest has just sent; room that is used again.
  var posting: [Effects.Entry] = []

  public internal(set) var now = Instant.start
  /// Frames first sent by each node, which number its packets.
  var packetCounts = Arena<NodeTag, UInt64>()
  var packetNumbers = NameNumbers()
  /// The lab's own: no machine has them, so that none that is stopped or taken back takes them along.
  var probes = ProbeTable()
  /// Of VMs between hosts.
  var migrations = Migrations()
  var standbys = Standbys()
  /// Of hosts that have failed.
  var restarts: [Restart] = []
  /// VMs that are started elsewhere when their host fails.
  var restarting: Set<String> = []
  /// What couldn't be done that nobody was there to be told of.
  var complaints: [String] = []
  /// Since when machines may have something to tell of a probe, be it one that is over.
  var hasProbed = false
  /// Something happened to a probe since the director looked last.
  var hasProbeNews = false
  /// Whether a VM may be on its way to going off.
  var hasShutdowns = false
  /// The hosts' pools, and what is backed up to them.
  var storage = Storage()
  /// What a run has done, for progress and rates: arrivals, and wakes that something came of. How often a gateway looks
  /// at its table in vain is its own affair, and other after a checkpoint.
  public internal(set) var eventCount: UInt64 = 0

  /// Frames that arrived anywhere since this process took the world up, and those handed on twice, as they stand for an event
  /// too: what the watchdog goes by.
  var delivered = 0
  /// A frame that goes on at once: see `World+HandOver`.
  var handedOver: (link: LinkID, frame: StoredFrame)?
  /// The moment in which the watchdog wants to see each event.
  var watched = Instant.never
  /// Off for tests, which compare.
  var handsOver = true
  /// How many events may still be handled before the run returns.
  var eventsLeft = 0

  /// Of the switches' floods; made when the first one needs it.
  var floods = FloodTable()
  /// Off for tests, which compare.
  var floodsTogether = true

  var effects: Effects
  let pool: FramePool

  init(pool: FramePool = FramePool()) {
    self.pool = pool
    effects = Effects(pool: pool)
  }

  /// Sizes the queue for the finished graph and asks every link and element for its deadline.
  mutating func schedule() {
    scheduler = Scheduler(links: links.count, nodes: graph.nodes.count)
    // In the midst of a moment there may be deadlines that have passed (a machine that was paused): they are due now,
    // and a new queue doesn't know when that is.
    for link in links.ids { scheduler.schedule(link, at: max(links[link].deadline, now)) }
    scheduleProcessors()
    for node in graph.nodes.ids {
      graph.nodes[node].due = max(deadline(of: node), now)
      scheduler.schedule(node, at: graph.nodes[node].due)
    }
  }

  mutating func deadline(of node: NodeID) -> Instant {
    var read = ReadDeadline()
    return elements.visit(graph.nodes.place(of: node).pointee.element, &read, &effects)
  }

  /// After anything that an element was called for: its deadline may be another.
  @inline(__always)
  mutating func reschedule(_ node: NodeID, at deadline: Instant) {
    let place = graph.nodes.place(of: node)
    guard deadline != place.pointee.due else { return }
    place.pointee.due = deadline
    scheduler.schedule(node, at: deadline)
  }

  mutating func reschedule(_ node: NodeID) { reschedule(node, at: deadline(of: node)) }
}

// Of a kind, where what is meant is no other's business.
extension World {
  func name(_ node: NodeID) -> String { graph.nodes[node].name }
  func machine(_ node: NodeID) -> ID<Machine>? { graph.nodes[node].element.machine }
  func gateway(_ node: NodeID) -> ID<NATGateway>? { graph.nodes[node].element.gateway }
  /// With their machines, in order.
  var machineNodes: [(node: NodeID, machine: ID<Machine>)] {
    graph.nodes.ids.compactMap { node in machine(node).map { (node, $0) } }
  }
  var gatewayNodes: [(node: NodeID, gateway: ID<NATGateway>)] {
    graph.nodes.ids.compactMap { node in gateway(node).map { (node, $0) } }
  }
}

extension World {
  /// The rows of one table of a node's.
  func facts<F: Fact>(_ type: F.Type, of node: NodeID, at now: Instant? = nil) -> [F] {
    elements.read(graph.nodes[node].element, ReadFacts<F>(now: now ?? self.now))
  }

  /// Of all nodes, in order.
  func facts<F: Fact>(_ type: F.Type, at now: Instant? = nil) -> [(node: NodeID, fact: F)] {
    graph.nodes.ids.flatMap { node in facts(type, of: node, at: now).map { (node, $0) } }
  }

  /// `home` of its DHCP server.
  func network(of node: NodeID) -> String {
    if case .dhcpServer(let network) = graph.nodes[node].role { network } else { name(node) }
  }
}
