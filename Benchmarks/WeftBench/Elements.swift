import WeftCore
import WeftSwitch
import WeftWire

/// Elements by themselves: no links, no events, no captures.
enum ElementBenchmarks {
  static func events(pending: Int, goal: Double) -> Figure {
    var queue = EventQueue(sources: pending)
    var random = RandomStream(seed: 1, owner: "bench", purpose: "events")
    for source in 0..<pending {
      queue.schedule(EventQueue.Source(source), at: Instant(random.next(below: 1_000_000_000)))
    }
    let count = 1_000_000
    return Measure.nanosecondsPer("event push + pop, \(label(pending)) pending", count: count, goal: goal) {
      for _ in 0..<count {
        guard let next = queue.pop(notAfter: .never) else { return }
        queue.schedule(next.source, at: next.at + Nanoseconds(1 + random.next(below: 1_000_000_000)))
      }
    }
  }

  static func switchForward() -> Figure {
    let pool = FramePool()
    var out = Effects(pool: pool)
    let ports = 32
    var bridge = VirtualSwitch(ports: ports)
    let addresses = (0..<ports).map { MACAddress.local(UInt64($0) + 1) }
    for port in 0..<ports { send(&bridge, from: addresses[port], to: .broadcast, on: port, pool, &out) }
    let count = 2_000_000
    return Measure.nanosecondsPer("switch forward, 64 B", count: count, goal: 60) {
      for index in 0..<count {
        let from = index & 31
        send(&bridge, from: addresses[from], to: addresses[(index &* 7 &+ 1) & 31], on: from, pool, &out)
      }
    }
  }

  @inline(__always)
  private static func send(
    _ bridge: inout VirtualSwitch, from: MACAddress, to: MACAddress, on port: Int, _ pool: FramePool,
    _ out: inout Effects
  ) {
    var frame = pool.frame(count: 64)
    var span = frame.mutableBytes
    EthernetHeader(destination: to, source: from, type: .ipv4).write(to: &span)
    bridge.receive(frame, on: PortIndex(port), now: .start, &out)
    release(&out)
  }

  @inline(__always)
  static func release(_ out: inout Effects) {
    for index in 0..<out.count { _ = Frame(stored: out[index].frame) }
    out.removeAll()
  }

  static func label(_ count: Int) -> String {
    count >= 1_000_000 ? "\(count / 1_000_000) M" : count >= 1000 ? "\(count / 1000) k" : "\(count)"
  }
}
