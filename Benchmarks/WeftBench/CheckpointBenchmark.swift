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

  /// VMs with a gigabyte each, of which 10 MiB are in use, and one in a hundred that goes on writing: what a second world costs
  /// as it begins, and once the two have gone ways of their own.
  static func forks(vms: Int) -> [Figure] {
    let writing = vms / 100
    let text = """
      segments: {lan: {subnet: 10.0.0.0/8}}
      hosts: {h: {uplink: lan 10.255.0.1, networks: {net: bridge}}}
      groups:
        idle: {count: \(vms - writing), name: "idle{n}", network: net, address: 10.1.0.1, memory: 1 GiB, programs: [http-server, {dirty: {fill: 10 MiB, set: 4 KiB, rate: 1/s}}]}
        busy: {count: \(writing), name: "busy{n}", network: net, address: 10.2.0.1, memory: 1 GiB, programs: [http-server, {dirty: {fill: 10 MiB, set: 10 MiB, rate: 2560/s}}]}
      """
    let before = Measure.heapInUse
    var simulation = WorldBenchmarks.start(text)
    simulation.run(until: .seconds(2))
    let whole = Double(Measure.heapInUse - before)
    do throws(ResumeError) {
      let clock = ContinuousClock()
      let start = clock.now
      var fork = try simulation.fork()
      let took = Measure.nanoseconds(clock.now - start) / 1e6
      let forked = Double(Measure.heapInUse) - whole - Double(before)
      fork.run(until: .seconds(3))
      let apart = Double(Measure.heapInUse) - whole - Double(before)
      return withExtendedLifetime((simulation.now, fork.now)) {
        [
          Measure.figure("fork of \(vms) VMs, time", [took], "ms", goal: nil, isRate: false),
          Measure.figure("fork of \(vms) VMs, the first world", [whole / 1e6], "MB", goal: nil, isRate: false),
          Measure.figure("fork of \(vms) VMs, the second", [forked / 1e6], "MB", goal: nil, isRate: false),
          Measure.figure("the same, once 1 % of the pages in use are others", [apart / 1e6], "MB", goal: nil, isRate: false),
        ]
      }
    } catch {
      fatalError("\(error)")
    }
  }
}
