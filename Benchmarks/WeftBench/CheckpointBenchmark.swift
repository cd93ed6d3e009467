import WeftCore
import WeftFabric

/// A lab as bytes, and back.
enum CheckpointBenchmark {
  /// VMs whose connections are open and whose 20 kB wait for acknowledgments that don't come: the server's cable was
  /// pulled.
  static func topology(vms: Int) -> String {
    """
    segments: {lan: {subnet: 10.0.0.0/8, delay: 10 ms}}
    hosts:
      h: {uplink: lan 10.255.0.1, networks: {net: {mode: bridge, delay: 1 us}}}
      server: {uplink: {segment: lan, address: 10.255.0.2, delay: 1 s}, programs: [sink]}
    groups:
      vm: {count: \(vms), name: "vm{n}", network: net, address: 10.1.0.1, programs: [{bulk: {to: "server:5001", size: 20 kB}}]}
    events: [{at: 5 s, link-down: server.uplink}]
    """
  }

  static func figures(vms: Int) -> [Figure] {
    var simulation = WorldBenchmarks.start(topology(vms: vms))
    simulation.run(until: .seconds(6))
    do {
      let image = try simulation.image()
      let bytes = try image.encoded()
      let size = Measure.figure(
        "checkpoint of \(vms) VMs, size", [Double(bytes.count) / 1e6], "MB", goal: vms == 1000 ? 25 : nil, isRate: false)
      let goal: Double? = vms == 1000 ? 1000 : nil
      func milliseconds(_ name: String, goal: Double?, _ body: () throws -> Void) rethrows -> Figure {
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<5 { times.append(Measure.nanoseconds(try clock.measure(body)) / 1e6) }
        return Measure.figure("checkpoint of \(vms) VMs, \(name)", times, "ms", goal: goal, isRate: false)
      }
      let taken = try milliseconds("image", goal: nil) { _ = try simulation.image() }
      let written = try milliseconds("encode", goal: goal) { _ = try image.encoded() }
      let read = try milliseconds("decode", goal: goal) { _ = try SimulationImage(decoding: bytes, pool: FramePool()) }
      let forked = try milliseconds("fork", goal: nil) { _ = try simulation.fork() }
      return [size, taken, written, read, forked]
    } catch {
      fatalError("\(error)")
    }
  }
}
