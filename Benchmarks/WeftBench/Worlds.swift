import WeftCapture
import WeftCore
import WeftFabric
import WeftTopology

/// Whole worlds: guests with full stacks, links, switches, NATs.
enum WorldBenchmarks {
  /// Two VMs on a host with cpus: each frame waits for one, and its exits are counted and take time.
  static let cpuTopology = """
    segments: {lan: {subnet: 10.0.0.0/8, delay: 1 us}}
    hosts:
      h: {uplink: lan 10.255.0.1, cpus: 2, speed: 4 GHz, networks: {net: {mode: bridge, delay: 1 us}}}
    vms:
      rx: {network: net, address: 10.1.0.1, programs: [sink]}
      tx: {network: net, address: 10.2.0.1, programs: [{udp-rate: {to: "rx:5001", size: 22 B, interval: 10 us}}]}
    """

  /// Hosts on one switch in pairs, each sender a datagram of 64-byte frames every 10 µs: host–switch–host, full stacks.
  static func udpTopology(hosts: Int) -> String {
    """
    segments: {lan: {subnet: 10.0.0.0/8, delay: 1 us}}
    hosts:
      h: {uplink: lan 10.255.0.1, networks: {net: {mode: bridge, delay: 1 us}}}
    groups:
      rx: {count: \(hosts / 2), name: "rx{n}", network: net, address: 10.1.0.1, programs: [sink]}
      tx: {count: \(hosts / 2), name: "tx{n}", network: net, address: 10.2.0.1, programs: [{udp-rate: {to: "rx{n}:5001", size: 22 B, interval: 10 us}}]}
    """
  }

  static let natTopology = """
    segments: {internet: {subnet: 203.0.113.0/24, delay: 1 us}}
    hosts:
      h: {uplink: internet 203.0.113.2, networks: {net: {mode: nat, subnet: 10.0.0.0/24}}}
      server: {uplink: internet 203.0.113.10, programs: [sink]}
    vms:
      vm: {network: net, programs: [{udp-rate: {to: "server:5001", size: 22 B, interval: 10 us}}]}
    """

  /// 1 GB over 1 Gbit/s with a round trip of 1 ms.
  static let bulkTopology = """
    segments: {lan: {subnet: 10.0.0.0/24, delay: 250 us, rate: 1 Gbit/s}}
    hosts:
      tx: {uplink: lan 10.0.0.1, programs: [{bulk: {to: "rx:5001", size: 1 GB}}]}
      rx: {uplink: lan 10.0.0.2, programs: [sink]}
    """

  static func load(_ text: String) -> Topology {
    let load = Topology.load(text: text, file: "benchmark")
    guard let topology = load.topology else {
      fatalError(load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n"))
    }
    return topology
  }

  enum Captures { case off, tmpfs }
  private static let directory = "/dev/shm/weft-bench"

  static func start(_ text: String, captures: Captures = .off) -> Simulation {
    let options: CaptureOptions? =
      switch captures {
      case .off: nil
      case .tmpfs: CaptureOptions(directory: directory)
      }
    do throws(SimulationError) {
      return try Simulation(load(text), until: .never, captures: options)
    } catch {
      fatalError("\(error)")
    }
  }

  /// Datagrams delivered per wall second, and allocations per datagram in steady state.
  static func udp(
    _ name: String, _ text: String, senders: Int, goal: Double?, packets: Int = 600_000
  ) -> [Figure] {
    var allocations: [Double] = []
    let span = Nanoseconds(UInt64(packets / senders) * 10_000)
    let figure = Measure.values(name, unit: "packets/s", goal: goal, isRate: true) {
      var simulation = start(text)
      // ARP, DHCP, first use of buffers.
      var reached = Instant.start + .milliseconds(300)
      simulation.run(until: reached)
      let before = simulation.delivered
      let allocated = Measure.allocations
      let clock = ContinuousClock()
      let time = clock.measure {
        reached = reached + span
        simulation.run(until: reached)
      }
      // Read before anything else: reports allocate.
      let allocatedInAll = Double(Measure.allocations - allocated)
      let delivered = Double(simulation.delivered - before)
      allocations.append(allocatedInAll / delivered)
      return delivered / (Measure.nanoseconds(time) / 1e9)
    }
    return [figure, Measure.figure("mallocs per packet, \(name)", allocations, "", goal: 0, isRate: false)]
  }

  static func bulk() -> Figure {
    Measure.values("TCP 1 GB over 1 Gbit/s, 1 ms", unit: "s", runs: 3, goal: 1.5) {
      var simulation = start(bulkTopology)
      let clock = ContinuousClock()
      let time = clock.measure { simulation.run(until: .start + .seconds(12)) }
      precondition(simulation.receivedBytes >= 1_000_000_000)
      return Measure.nanoseconds(time) / 1e9
    }
  }

  /// What captures cost: the same work without them and with them in turns, so that the machine's mood is in both. Until
  /// the files are finished.
  static func captured(_ name: String, _ text: String, span: Nanoseconds, goal: Double, runs: Int = 7) -> [Figure] {
    func seconds(_ captures: Captures) -> Double {
      var simulation = start(text, captures: captures)
      simulation.run(until: .start + .milliseconds(300))
      let time = ContinuousClock().measure {
        simulation.run(until: .start + .milliseconds(300) + span)
        if captures != .off { _ = simulation.end() }
      }
      return Measure.nanoseconds(time) / 1e9
    }
    _ = (seconds(.off), seconds(.tmpfs))
    var times: [Double] = []
    let ratios = (0..<runs).map { _ in
      let without = seconds(.off)
      times.append(seconds(.tmpfs))
      return times[times.count - 1] / without
    }
    CaptureSet.clear(directory)
    return [
      Measure.figure("\(name), captured to a tmpfs", times, "s", goal: nil, isRate: false),
      Measure.figure("\(name), captured / not captured", ratios, "×", goal: goal, isRate: false),
    ]
  }

  /// Heap per VM that has booted, has an address and serves, and does nothing.
  static func memoryPerIdleVM() -> Figure {
    let text = { (count: Int) in
      """
      segments: {lan: {subnet: 10.0.0.0/8}}
      hosts: {h: {uplink: lan 10.255.0.1, networks: {net: bridge}}}
      groups: {vms: {count: \(count), name: "vm{n}", network: net, address: 10.1.0.1, programs: [http-server]}}
      """
    }
    func heap(_ count: Int) -> Double {
      let topology = load(text(count))
      let before = Measure.heapInUse
      do throws(SimulationError) {
        var simulation = try Simulation(topology, until: .never)
        simulation.run(until: .start + .seconds(1))
        let used = Double(Measure.heapInUse - before)
        return withExtendedLifetime(simulation.now) { used }
      } catch {
        fatalError("\(error)")
      }
    }
    return Measure.figure("memory per idle VM", [(heap(2000) - heap(1000)) / 1000], "B", goal: 4096, isRate: false)
  }

  /// A datagram to everybody, of whom nobody wants it: what one of those who hear it costs.
  static func broadcast(hosts: Int) -> Figure {
    let text = """
      segments: {lan: {subnet: 10.0.0.0/8}}
      hosts: {h: {uplink: lan 10.255.0.1, networks: {net: bridge}}}
      groups: {vms: {count: \(hosts), name: "vm{n}", network: net, address: 10.1.0.1}}
      vms: {tx: {network: net, address: 10.2.0.1, programs: [{udp-rate: {to: "10.255.255.255:9", interval: 100 us}}]}}
      """
    let frames = 2000
    return Measure.values("broadcast to \(hosts) VMs, each delivery", unit: "ns", runs: 5, goal: 60) {
      var simulation = start(text)
      var reached = Instant.start + .milliseconds(200)
      simulation.run(until: reached)
      let clock = ContinuousClock()
      let time = clock.measure {
        reached = reached + .microseconds(100) * UInt64(frames)
        simulation.run(until: reached)
      }
      return Measure.nanoseconds(time) / Double(frames * hosts)
    }
  }

  /// Everybody asks everybody for an address and tells everybody that he has one.
  static func boot(hosts: Int) -> Figure {
    let text = """
      segments: {wan: {subnet: 172.16.0.0/12}}
      hosts: {h: {uplink: wan 172.16.1.0, networks: {net: {mode: nat, subnet: 10.0.0.0/8}}}}
      groups: {vms: {count: \(hosts), name: "vm{n}", network: net}}
      """
    return Measure.values("\(hosts) VMs boot by DHCP in one network", unit: "s", runs: 3) {
      var simulation = start(text)
      let clock = ContinuousClock()
      return Measure.nanoseconds(clock.measure { simulation.run(until: .start + .seconds(1)) }) / 1e9
    }
  }

  static func thousandPings() -> Figure {
    let text = """
      segments: {lan: {subnet: 10.0.0.0/8}}
      hosts: {h: {uplink: lan 10.255.0.1, networks: {net: bridge}}}
      groups: {vms: {count: 1000, name: "vm{n}", network: net, address: 10.1.0.1, programs: [{ping: {to: next}}]}}
      """
    return Measure.values("1,000 VMs ping a neighbour 4 times, to the end", unit: "s", runs: 3) {
      do throws(SimulationError) {
        var simulation = try Simulation(load(text))
        let clock = ContinuousClock()
        let time = clock.measure { simulation.run() }
        precondition(simulation.isOver && simulation.pingReplies == 4000)
        return Measure.nanoseconds(time) / 1e9
      } catch {
        fatalError("\(error)")
      }
    }
  }
}

extension Simulation {
  /// Datagrams (or segments' worth of requests) that sinks took in.
  var delivered: UInt64 { programReports.filter { $0.title.hasPrefix("sink") }.reduce(0) { $0 + $1.requests } }
  var receivedBytes: UInt64 { programReports.filter { $0.title.hasPrefix("sink") }.reduce(0) { $0 + $1.bytesIn } }
  var pingReplies: UInt64 { programReports.filter { $0.title.hasPrefix("ping") }.reduce(0) { $0 + $1.replies } }
}
