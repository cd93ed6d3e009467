import Weft

/// Hears what comes by on a network and counts it; says nothing.
public struct Sensor: Element {
  private var frames: UInt64 = 0

  public init() {}

  public var portCount: Int { 1 }
  public var deadline: Instant { .never }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    frames += 1
  }

  public mutating func wake(now: Instant, _ out: inout Effects) {}
  public mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {}

  public func facts(now: Instant, _ facts: inout Facts) { facts.add([CounterFact("frames", frames)]) }

  public func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    [Lookup("heard, and kept to itself")]
  }
}
