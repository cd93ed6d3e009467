import WeftCore

/// When the director, each link direction, each element and the probes are next due. What happens to the world comes
/// before what happens in it, arrivals before timers: at one moment the director, then the links, then the probes, whom an
/// arrival at the end of their time still reaches, then the hosts' processors, then the nodes, each in the order of their making. There may come more of
/// them without the others' order being touched.
struct Scheduler: ~Copyable {
  /// Compared as they come at one moment.
  enum Source: Hashable, Comparable {
    case director
    case link(LinkID)
    case probes
    case processors
    case node(NodeID)
  }

  private var queue: EventQueue
  /// How many there is room for.
  private(set) var links: Int
  private(set) var nodes: Int

  init(links: Int = 0, nodes: Int = 0) {
    (self.links, self.nodes) = (links, nodes)
    queue = EventQueue(sources: Self.slots(links, nodes), rank: Self.rank)
  }

  /// Makes room for things that came later, and then for some more.
  mutating func grow(links: Int, nodes: Int) {
    guard links > self.links || nodes > self.nodes else { return }
    // Each by what it needs itself: were both to double with either, they would drive each other up.
    if links > self.links { self.links = max(links, self.links * 2) }
    if nodes > self.nodes { self.nodes = max(nodes, self.nodes * 2) }
    queue.grow(to: Self.slots(self.links, self.nodes), rank: Self.rank)
  }

  // The director has slot 0, the probes slot 1, the hosts' processors slot 3. Links and nodes take turns in the queue's memory,
  // so that either may grow: link 0 has slot 4, node 0 slot 5.

  private static let probes: EventQueue.Source = 1
  private static let processors: EventQueue.Source = 3

  private static func slots(_ links: Int, _ nodes: Int) -> Int { 2 * max(links, nodes) + 4 }
  @inline(__always)
  private static func slot(_ link: LinkID) -> EventQueue.Source { link.rawValue &* 2 &+ 4 }
  @inline(__always)
  private static func slot(_ node: NodeID) -> EventQueue.Source { node.rawValue &* 2 &+ 5 }
  @inline(__always)
  private static func rank(_ slot: EventQueue.Source) -> UInt32 { slot >> 1 | (slot & 1) << 31 }

  @inline(__always)
  mutating func schedule(_ link: LinkID, at instant: Instant) { queue.schedule(Self.slot(link), at: instant) }
  @inline(__always)
  mutating func schedule(_ node: NodeID, at instant: Instant) { queue.schedule(Self.slot(node), at: instant) }
  mutating func scheduleDirector(at instant: Instant) { queue.schedule(0, at: instant) }
  mutating func scheduleProbes(at instant: Instant) { queue.schedule(Self.probes, at: instant) }
  mutating func scheduleProcessors(at instant: Instant) { queue.schedule(Self.processors, at: instant) }
  mutating func schedule(_ source: Source, at instant: Instant) {
    switch source {
    case .director: scheduleDirector(at: instant)
    case .link(let link): schedule(link, at: instant)
    case .node(let node): schedule(node, at: instant)
    case .probes: scheduleProbes(at: instant)
    case .processors: scheduleProcessors(at: instant)
    }
  }

  /// The moment of the source's deadline, if it has one.
  func deadline(of source: Source) -> Instant? {
    switch source {
    case .director: queue.deadline(of: 0)
    case .link(let link): queue.deadline(of: Self.slot(link))
    case .node(let node): queue.deadline(of: Self.slot(node))
    case .probes: queue.deadline(of: Self.probes)
    case .processors: queue.deadline(of: Self.processors)
    }
  }

  /// Takes out the first in order, if it is due no later than `limit`.
  @inline(__always)
  mutating func pop(notAfter limit: Instant) -> (source: Source, at: Instant)? {
    guard let next = queue.pop(notAfter: limit) else { return nil }
    if next.source > Self.processors {
      let index = Int(next.source >> 1) &- 2
      return (next.source & 1 == 1 ? .node(NodeID(index)) : .link(LinkID(index)), next.at)
    }
    return (next.source == Self.probes ? .probes : next.source == Self.processors ? .processors : .director, next.at)
  }

  /// The rank of what is due first at the moment of what was taken out last; above all others where nothing is.
  @inline(__always)
  mutating func firstDue(at now: Instant) -> UInt32 { queue.firstRankDue(at: now) ?? .max }
  @inline(__always)
  static func rank(_ link: LinkID) -> UInt32 { rank(slot(link)) }
  /// Whether surely nothing more is due at the moment of what was taken out last.
  @inline(__always)
  func isQuiet(at now: Instant) -> Bool { queue.isQuiet(at: now) }

  var count: Int { queue.count }
}
