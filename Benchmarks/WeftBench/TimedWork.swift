import WeftCore
import WeftFabric

/// One run of the work that `Benchmarks/ns3/peer.cc` does with ns-3: `weft-bench --timed udp HOSTS PACKETS`, `--timed tcp BYTES`.
/// Prints what was delivered (datagrams or bytes) and the wall seconds, in a process of its own as the peer is.
enum TimedWork {
  /// False for words that name none.
  static func run(_ words: [String]) -> Bool {
    switch (words.first, words.dropFirst().compactMap { UInt64($0) }) {
    case ("udp", let numbers) where numbers.count == 2 && numbers[0] >= 2:
      let senders = numbers[0] / 2
      let text = WorldBenchmarks.udpTopology(hosts: Int(numbers[0]))
      return time(text, .microseconds(10) * (numbers[1] / senders)) { $0.delivered }
    case ("tcp", let numbers) where numbers.count == 1:
      // The time that the bytes take on the wire, as the peer has it.
      let wire = Double(numbers[0]) * 8 * 1538 / 1448 * 1.02
      return time(WorldBenchmarks.bulkTopology, Nanoseconds(UInt64(wire))) { $0.receivedBytes }
    default: return false
    }
  }

  private static func time(_ text: String, _ span: Nanoseconds, _ done: (borrowing Simulation) -> UInt64) -> Bool {
    var simulation = WorldBenchmarks.start(text)
    // Programs begin at 100 ms; ARP is done soon after.
    let begin = Instant.start + .milliseconds(300)
    simulation.run(until: begin)
    let before = done(simulation)
    let time = ContinuousClock().measure { simulation.run(until: begin + span) }
    print(done(simulation) - before, Measure.nanoseconds(time) / 1e9)
    return true
  }
}
