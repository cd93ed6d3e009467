import WeftCore
import WeftFabric

/// The same work every time, without a clock: for instruction counts, which repeat where seconds don't.
/// `weft-bench --fixed NAME COUNT`, counted by `Benchmarks/check-instructions`.
enum FixedWork {
  static let names = ["udp", "nat", "tcp"]

  /// False for a name that isn't there.
  static func run(_ name: String, count: Int) -> Bool {
    switch name {
    case "udp": world(WorldBenchmarks.udpTopology(hosts: 2), .milliseconds(300) + .microseconds(10) * UInt64(count))
    case "nat": world(WorldBenchmarks.natTopology, .milliseconds(300) + .microseconds(10) * UInt64(count))
    // A full segment takes 12.11 µs on the wire.
    case "tcp": world(WorldBenchmarks.bulkTopology, .milliseconds(300) + Nanoseconds(12_112) * UInt64(count))
    default: return false
    }
    return true
  }

  private static func world(_ text: String, _ until: Nanoseconds) {
    var simulation = WorldBenchmarks.start(text)
    simulation.run(until: .start + until)
  }
}
