import WeftCore
import WeftNAT
import WeftWire

extension NATBenchmark {
  /// What it costs to begin a flow and to let one expire, with so many in the table: flat, or the table doesn't scale.
  static func lifecycle(flows: Int) -> [Figure] {
    let label = ElementBenchmarks.label(flows)
    var begins: [Double] = []
    var ends: [Double] = []
    for _ in 0..<(flows > 1_000_000 ? 2 : 3) {
      var bench = NATBenchmark(flows: flows)
      let clock = ContinuousClock()
      // Its own packets are part of it: some 40 ns each.
      begins.append(Measure.nanoseconds(clock.measure { bench.fill() }) / Double(flows))
      precondition(bench.gateway.connectionCount == flows)
      var out = Effects(pool: bench.pool)
      ends.append(
        Measure.nanoseconds(
          clock.measure {
            while bench.gateway.deadline != .never {
              bench.gateway.wake(now: bench.gateway.deadline, &out)
              ElementBenchmarks.release(&out)
            }
          }) / Double(flows))
      precondition(bench.gateway.connectionCount == 0)
    }
    return [
      Measure.figure("NAT new flow, \(label) in the table", begins, "ns", goal: nil, isRate: false),
      Measure.figure("NAT expiry of a flow, \(label) in the table", ends, "ns", goal: nil, isRate: false),
    ]
  }

  /// Sends a packet of every flow both ways and checks addresses, ports and checksums of what comes out, by recomputation.
  static func wrongTranslations(flows: Int) -> Figure {
    var bench = NATBenchmark(flows: flows)
    bench.fill()
    return Measure.figure(
      "NAT wrong translations, \(ElementBenchmarks.label(flows)) live flows", [Double(bench.check())], "", goal: 0,
      isRate: false)
  }
}
