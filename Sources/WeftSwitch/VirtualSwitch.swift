import WeftCore
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

  public let portCount: Int
  public private(set) var database: ForwardingDatabase
  public private(set) var counters = Counters()

  /// Limits default to Linux's bridge: no fewer entries than a /19 of VMs, 300 s.
  public init(ports: Int, fdbLimit: Int = 8192, ageing: Nanoseconds = .seconds(300)) {
    portCount = ports
    database = ForwardingDatabase(limit: fdbLimit, ageing: ageing)
  }

  public var deadline: Instant { .never }

  public mutating func wake(now: Instant, _ out: inout Effects) {}

  /// A port's cable was pulled: what was learnt there is no longer true.
  public mutating func linkChanged(port: PortIndex, up: Bool) {
    if !up { database.flush(port) }
  }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    let destination: MACAddress
    let source: MACAddress
    if let ethernet = EthernetView(frame.bytes) {
      destination = ethernet.destination
      source = ethernet.source
    } else {
      out.drop(frame, on: port, .malformedEthernet)
      return
    }
    guard !source.isGroup else {
      out.drop(frame, on: port, .sourceIsGroup)
      return
    }
    switch database.learn(source, on: port, now: now) {
    case .known, .added: break
    case .moved: counters.moves &+= 1
    case .full: counters.notLearnt &+= 1
    }
    if destination.isGroup {
      // Spanning tree, pause, LACP and their like concern one link only (IEEE 802.1Q-2018, 8.6.3).
      guard !destination.isLinkLocalReserved else {
        out.drop(frame, on: port, .reservedMulticast)
        return
      }
      flood(frame, except: port, &out)
    } else if let egress = database.port(of: destination, now: now) {
      guard egress != port else {
        out.drop(frame, on: port, .hairpinPort)
        return
      }
      counters.forwarded &+= 1
      out.transmit(frame, on: egress)
    } else {
      flood(frame, except: port, &out)
    }
  }

  private mutating func flood(_ frame: consuming Frame, except port: PortIndex, _ out: inout Effects) {
    counters.flooded &+= 1
    // The last other port gets the frame itself, those before it a share.
    let last = port.index == portCount - 1 ? portCount - 2 : portCount - 1
    guard last >= 0 else {
      out.drop(frame, on: port, .noOtherPort)
      return
    }
    for egress in 0..<last where egress != port.index { out.transmit(frame.share(), on: PortIndex(egress)) }
    out.transmit(frame, on: PortIndex(last))
  }
}
