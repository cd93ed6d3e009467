import WeftCore
import WeftFabric

/// The same work every time, without a clock: for instruction counts, which repeat where seconds don't.
/// `weft-bench --fixed NAME COUNT`, counted by `Benchmarks/check-instructions`.
enum FixedWork {
  static let names = ["udp", "nat", "tcp", "udp-cpus", "udp-captured", "tcp-captured"]

  /// False for a name that isn't there.
  static func run(_ name: String, count: Int) -> Bool {
    let captures: WorldBenchmarks.Captures = name.hasSuffix("-captured") ? .tmpfs : .off
    let datagrams = Nanoseconds.milliseconds(300) + .microseconds(10) * UInt64(count)
    // A full segment takes 12.11 µs on the wire.
    let segments = Nanoseconds.milliseconds(300) + Nanoseconds(12_112) * UInt64(count)
    switch name {
    case "udp", "udp-captured": world(WorldBenchmarks.udpTopology(hosts: 2), datagrams, captures)
    case "udp-cpus": world(WorldBenchmarks.cpuTopology, datagrams, captures)
    case "nat": world(WorldBenchmarks.natTopology, datagrams, captures)
    case "tcp", "tcp-captured": world(WorldBenchmarks.bulkTopology, segments, captures)
    default: return false
    }
    return true
  }

  private static func world(_ text: String, _ until: Nanoseconds, _ captures: WorldBenchmarks.Captures) {
    var simulation = WorldBenchmarks.start(text, captures: captures)
    simulation.run(until: .start + until)
    simulation.abandon()
  }
}
