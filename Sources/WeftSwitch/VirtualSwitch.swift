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
  public private(set) var database: ForwardingDatabase
  public private(set) var counters = Counters()
  private var removed: [PortIndex] = []
  /// Nil where none is declared, nor anything else that costs a look at each frame.
  var guards: SwitchGuards?

  public init(ports: Int, fdb: FDBSettings = FDBSettings()) {
    portCount = ports
    database = ForwardingDatabase(fdb)
    if fdb.limitPerPort != nil { guards = SwitchGuards(ports: ports) }
  }

  /// One more, behind the others.
  public mutating func addPort() {
    portCount += 1
    guards?.addPort()
  }

  /// Nothing comes in there any more, and nothing goes out; its number isn't used again.
  public mutating func removePort(_ port: PortIndex) {
    database.flush(port)
    if !removed.contains(port) { removed.append(port) }
    guards?.close(port)
  }

  public var deadline: Instant { .never }

  public mutating func wake(now: Instant, _ out: inout Effects) {}

  /// What was learnt on a port whose cable was pulled is no longer true.
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    if up { guards?.reopen(port) } else { database.flush(port) }
  }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    if guards != nil { return receiveGuarded(frame, on: port, now: now, &out) }
    switch decide(frame, on: port, now: now, isCounted: false, &out) {
    case .forward(let egress): out.transmit(frame, on: egress)
    case .flood: out.flood(frame, from: port)
    case .drop(let reason): out.drop(frame, on: port, reason)
    }
  }

  @inline(never)
  private mutating func receiveGuarded(
    _ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) {
    if let refusal = guards?.check(frame, on: port, now: now, database) {
      if refusal.isViolation { out.observe(Observation(.guardViolation)) }
      if refusal.shutsPort {
        database.flush(port)
        out.observe(Observation(.portShutDown))
      }
      return out.drop(frame, on: port, refusal.reason, refusal.detail)
    }
    switch decide(frame, on: port, now: now, isCounted: true, &out) {
    case .forward(let egress):
      if let reason = guards?.refusal(from: port, to: egress) {
        counters.forwarded &-= 1
        out.drop(frame, on: port, reason)
      } else {
        out.transmit(frame, on: egress)
      }
    case .flood:
      guard let guards, guards.narrows else { return out.flood(frame, from: port) }
      let ways = (0..<portCount).lazy.map { PortIndex($0) }.filter { [removed] egress in
        egress != port && !removed.contains(egress) && guards.refusal(from: port, to: egress) == nil
      }
      var isSent = false
      for egress in ways {
        out.transmit(frame.share(), on: egress)
        isSent = true
      }
      if !isSent { out.drop(frame, on: port, .noOtherPort) }
    case .drop(let reason): out.drop(frame, on: port, reason)
    }
  }

  private enum Decision {
    case forward(PortIndex)
    case flood
    case drop(DropReason)
  }

  /// Learns from a frame and decides where it goes.
  @inline(__always)
  private mutating func decide(
    _ frame: borrowing Frame, on port: PortIndex, now: Instant, isCounted: Bool, _ out: inout Effects
  ) -> Decision {
    guard let ethernet = EthernetView(frame.bytes) else { return .drop(.malformedEthernet) }
    let destination = ethernet.destination
    let source = ethernet.source
    guard !source.isGroup else { return .drop(.sourceIsGroup) }
    switch isCounted ? database.learnCounted(source, on: port, now: now) : database.learn(source, on: port, now: now) {
    case .known, .added: break
    case .moved:
      counters.moves &+= 1
      out.observe(Observation(.macFlap))
    case .full:
      counters.notLearnt &+= 1
      out.observe(Observation(.fdbFull))
    }
    if destination.isGroup {
      // Spanning tree, pause, LACP and their like concern one link only (IEEE 802.1Q-2018, 8.6.3).
      guard !destination.isLinkLocalReserved else { return .drop(.reservedMulticast) }
    } else if let egress = database.port(of: destination, now: now) {
      guard egress != port else { return .drop(.hairpinPort) }
      counters.forwarded &+= 1
      return .forward(egress)
    }
    counters.flooded &+= 1
    return portCount - removed.count > 1 ? .flood : .drop(.noOtherPort)
  }
}

extension VirtualSwitch {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    portCount = try container.decode(Int.self, forKey: .portCount)
    database = try container.decode(ForwardingDatabase.self, forKey: .database)
    counters = try container.decode(Counters.self, forKey: .counters)
    removed = try container.decode([PortIndex].self, forKey: .removed)
    guards = try container.decodeIfPresent(SwitchGuards.self, forKey: .guards)
    guard portCount >= 0, guards?.fits(ports: portCount) ?? true, database.fits(ports: portCount), removed.count <= portCount
    else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a switch's database"))
    }
  }
}
