import WeftCore
import WeftSettings
import WeftWire

/// A learning layer-2 switch (IEEE 802.1Q-2018, clause 8): learns sources, forwards to the port a destination was seen
/// on, floods the rest to every other port.
public struct VirtualSwitch: Element {
  public struct Counters: Codable, Hashable, Sendable {
    public var forwarded: UInt64 = 0
    public var flooded: UInt64 = 0
    /// An address turned up on another port while its entry was fresh: a migration, a loop or a forgery.
    public var moves: UInt64 = 0
    /// Addresses not learnt because the database was full.
    public var notLearnt: UInt64 = 0
  }

  public private(set) var portCount: Int
  public internal(set) var database: ForwardingDatabase
  public internal(set) var counters = Counters()
  private var removed: [PortIndex] = []
  /// Nil where none is declared, nor anything else that costs a look at each frame.
  var guards: SwitchGuards?
  /// Nil where no more is asked of it than to learn and to flood.
  var policy: SwitchPolicy?
  /// There is one of both: there is more to look at than addresses.
  var isManaged = false
  /// When the spanning tree's next second is over.
  var treeDeadline = Instant.never
  /// Until when addresses are forgotten sooner: the topology of an old spanning tree changes.
  var quickAgeing = Instant.never

  public init(ports: Int, fdb: FDBSettings = FDBSettings()) {
    portCount = ports
    database = ForwardingDatabase(fdb)
    if fdb.limitPerPort != nil { (guards, isManaged) = (SwitchGuards(ports: ports), true) }
  }

  /// One more, behind the others.
  public mutating func addPort() {
    portCount += 1
    guards?.addPort()
    policy?.addPort()
  }

  /// Nothing comes in there any more, and nothing goes out; its number isn't used again.
  public mutating func removePort(_ port: PortIndex) {
    database.flush(port)
    if !removed.contains(port) { removed.append(port) }
    guards?.close(port)
    policy?.tree?.close(port)
    policy?.removeMirrors(to: port)
  }

  func isRemoved(_ port: PortIndex) -> Bool { removed.contains(port) }

  public var deadline: Instant { min(treeDeadline, quickAgeing) }

  public mutating func wake(now: Instant, _ out: inout Effects) {
    if now >= quickAgeing {
      quickAgeing = .never
      database.age(faster: nil, now: now)
    }
    if now >= treeDeadline { changeTree(now: now, &out) { $0.wake(now: now) } }
  }

  /// What was learnt on a port whose cable was pulled is no longer true.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    if up { guards?.reopen(port) } else { database.flush(port) }
    if policy?.tree != nil { changeTree(now: now, &out) { $0.setEnabled(port.index, up, now: now) } }
  }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    if isManaged { return receiveManaged(frame, on: port, now: now, &out) }
    switch decide(frame, on: port, in: 0, now: now, learning: .plain, &out) {
    case .forward(let egress): out.transmit(frame, on: egress)
    case .flood: out.flood(frame, from: port)
    case .drop(let reason): out.drop(frame, on: port, reason)
    }
  }

  enum Decision {
    case forward(PortIndex)
    case flood
    case drop(DropReason)
  }

  enum Learning {
    case plain
    /// Where ports may have only so many.
    case counted
    case none
  }

  /// Learns from a frame and decides where it goes.
  @inline(__always)
  mutating func decide(
    _ frame: borrowing Frame, on port: PortIndex, in vlan: UInt16, now: Instant, learning: Learning, _ out: inout Effects
  ) -> Decision {
    guard let ethernet = EthernetView(frame.bytes) else { return .drop(.malformedEthernet) }
    let destination = ethernet.destination
    let source = ethernet.source
    guard !source.isGroup else { return .drop(.sourceIsGroup) }
    let learnt =
      switch learning {
      case .plain: database.learn(source, in: vlan, on: port, now: now)
      case .counted: database.learnCounted(source, in: vlan, on: port, now: now)
      case .none: ForwardingDatabase.Learning.known
      }
    switch learnt {
    case .known, .added: break
    case .moved(let before):
      counters.moves &+= 1
      out.observe(Observation(.macFlap, mac: source, move: .init(from: before, to: port)))
    case .full:
      counters.notLearnt &+= 1
      out.observe(Observation(.fdbFull))
    }
    if destination.isGroup {
      // Spanning tree, pause, LACP and their like concern one link only (IEEE 802.1Q-2018, 8.6.3).
      guard !destination.isLinkLocalReserved else { return .drop(.reservedMulticast) }
    } else if let egress = database.port(of: destination, in: vlan, now: now) {
      guard egress != port else { return .drop(.hairpinPort) }
      counters.forwarded &+= 1
      return .forward(egress)
    }
    counters.flooded &+= 1
    return portCount - removed.count > 1 ? .flood : .drop(.noOtherPort)
  }
}

extension VirtualSwitch {
  /// What isn't here follows from what is.
  private enum CodingKeys: CodingKey { case portCount, database, counters, removed, guards, policy, quickAgeing }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    portCount = try container.decode(Int.self, forKey: .portCount)
    database = try container.decode(ForwardingDatabase.self, forKey: .database)
    counters = try container.decode(Counters.self, forKey: .counters)
    removed = try container.decode([PortIndex].self, forKey: .removed)
    guards = try container.decodeIfPresent(SwitchGuards.self, forKey: .guards)
    policy = try container.decodeIfPresent(SwitchPolicy.self, forKey: .policy)
    treeDeadline = policy?.tree?.nextTick ?? .never
    quickAgeing = try container.decode(Instant.self, forKey: .quickAgeing)
    isManaged = guards != nil || policy != nil
    guard portCount >= 0, guards?.fits(ports: portCount) ?? true, policy?.fits(ports: portCount) ?? true,
      database.fits(ports: portCount), removed.count <= portCount
    else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a switch's database"))
    }
  }
}
