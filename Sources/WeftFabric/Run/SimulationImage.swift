import WeftCapture
import WeftCore
import WeftNAT
import WeftProbes
import WeftHypervisor
import WeftServices
import WeftSwitch
import WeftTopology

/// A run at a moment, whole: with it another process goes on as if nothing had happened. The graph isn't in it: the
/// topology is, and what was changed since; the same again give the same graph.
public struct SimulationImage: Codable {
  public var topology: Topology
  public var seed: UInt64
  /// Of the graph, since it was built from the topology.
  var changes: [GraphAction]
  var director: Director
  var now: Instant
  var eventCount: UInt64
  var links: [Link]
  var switches: [VirtualSwitch]
  var gateways: [NATGateway]
  var servers: [DHCPServer]
  var machines: [Machine]
  var processors: Processors
  var names: ElementNames
  var portCounters: [Port.Counters]
  var packetCounts: [UInt64]
  var drops: DropLedger
  var events: EventLedger
  var traces: TraceLog
  var probes: ProbeTable
  var migrations: Migrations
  var standbys: Standbys
  var hosts: [WeftHypervisor.Host]
  var restarts: [World.Restart]
  var complaints: [String]
  var storage: Storage
  /// What was captured so far; nil for a run without captures. Its bytes may be kept apart from the rest.
  public var captures: CaptureCheckpoint?
  /// What events kept of earlier moments.
  var kept: [KeptImage] = []
  /// Of the nodes with records of this very moment, or ahead of it.
  var clocks: [Int: CausalClock]?
}

/// Of an image's elements, in their order: for who looks at it, and to be sure that they are those of the graph.
struct ElementNames: Codable, Equatable {
  var switches: [String] = []
  var gateways: [String] = []
  var servers: [String] = []
  var machines: [String] = []
}

extension World {
  var elementNames: ElementNames {
    func names(_ isOne: (ElementID) -> Bool) -> [String] {
      graph.nodes.ids.filter { isOne(graph.nodes[$0].element) }.map { graph.nodes[$0].name }
    }
    return ElementNames(
      switches: names { $0.virtualSwitch != nil }, gateways: names { $0.gateway != nil },
      servers: names { $0.dhcpServer != nil }, machines: names { $0.machine != nil })
  }
}

/// Why an image can't be gone on with.
public enum ResumeError: Error {
  /// Parts of it contradict each other.
  case inconsistent(String)
  case simulation(SimulationError)
}

extension Simulation {
  /// Everything there is to know of this run now. Changes nothing: the run can go on.
  public func image() throws(CaptureError) -> SimulationImage { try image(withKept: true) }

  func image(withKept: Bool) throws(CaptureError) -> SimulationImage {
    let captured: CaptureCheckpoint?
    if let set = world.recorder.captures { captured = try set.checkpoint() } else { captured = nil }
    let ahead = world.recorder.clocks.ids.filter { world.recorder.clocks[$0].last >= world.now.rawValue }
    let clocks = Dictionary(uniqueKeysWithValues: ahead.map { ($0.index, world.recorder.clocks[$0]) })
    return SimulationImage(
      topology: topology, seed: seed, changes: world.changes, director: director, now: world.now, eventCount: world.eventCount,
      links: world.linksWithFloods,
      switches: world.elements.switches.array, gateways: world.elements.gateways.array,
      servers: world.elements.servers.array, machines: world.elements.machines.array,
      processors: world.processors, names: world.elementNames,
      portCounters: world.graph.ports.array.map(\.counters), packetCounts: world.packetCounts.array,
      drops: world.recorder.drops, events: world.recorder.events, traces: world.recorder.traces, probes: world.probes,
      migrations: world.migrations, standbys: world.standbys, hosts: world.hosts, restarts: world.restarts,
      complaints: world.complaints,
      storage: world.storage, captures: captured,
      kept: withKept ? kept : [], clocks: clocks.isEmpty ? nil : clocks)
  }

  /// Goes on with a run, from an image that was decoded into `pool`. The captures so far are written to `directory` again.
  public init(
    resuming image: consuming SimulationImage, pool: FramePool, captures directory: String?, limit: UInt64? = nil
  ) throws(ResumeError) {
    let image = image
    let builder = WorldBuilder(topology: image.topology, seed: image.seed)
    if let what = builder.contradiction { throw .inconsistent(what) }
    var world = builder.build(pool: pool)
    // As it was when the run began: what came later isn't named in the heads of its files.
    let metadata = world.captureMetadata(image.topology, seed: image.seed)
    let patterns = image.topology.capture.ports
    var captured = world.captured(patterns)
    for action in image.changes {
      do throws(ActionError) {
        let new = try world.change(action, isLive: false)
        captured += world.captured(patterns, among: new)
        world.changes.append(action)
      } catch {
        throw .inconsistent("a change of its graph can't be made: \(error)")
      }
    }
    // What a file names, and clones that are still to come or gone.
    let machines = Set(image.topology.machines).union(image.topology.clones)
    guard image.links.count == world.links.count, image.switches.count == world.elements.switches.count,
      image.gateways.count == world.elements.gateways.count, image.servers.count == world.elements.servers.count,
      image.machines.count == world.elements.machines.count, image.portCounters.count == world.graph.ports.count,
      image.packetCounts.count == world.graph.nodes.count, image.names == world.elementNames,
      image.processors.fits(world.processors, nodes: world.graph.nodes.count)
    else { throw .inconsistent("its state doesn't fit its topology") }
    world.now = image.now
    world.eventCount = image.eventCount
    world.links = Arena(image.links)
    world.elements.switches = Arena(image.switches)
    world.elements.gateways = Arena(image.gateways)
    world.elements.servers = Arena(image.servers)
    world.elements.machines = Arena(image.machines)
    world.processors = image.processors
    for port in world.graph.ports.ids { world.graph.ports[port].counters = image.portCounters[port.index] }
    world.packetCounts = Arena(image.packetCounts)
    world.recorder.drops = image.drops
    world.recorder.events = image.events
    world.recorder.traces = image.traces
    world.probes = image.probes
    world.migrations = image.migrations
    world.standbys = image.standbys
    world.restarts = image.restarts
    world.complaints = image.complaints
    world.storage = image.storage
    world.hasProbed = true
    world.hasShutdowns = true
    guard image.fits(world, machines: machines) else { throw .inconsistent("its state doesn't fit its topology") }
    world.hosts = image.hosts
    if let captures = image.captures {
      do {
        let filter = try image.topology.capture.filter.map { try CaptureFilter(expression: $0) }
        let set = try CaptureSet(
          resuming: captures, directory: directory, metadata: metadata, filter: filter,
          limit: limit ?? image.topology.capture.limit ?? CaptureOptions.standardLimit)
        world.reattach(set, ports: captured, clocks: image.clocks ?? [:])
      } catch let error as CaptureError {
        throw .simulation(.capture(error))
      } catch let error as CaptureFilterError {
        throw .simulation(.filter(error))
      } catch {
        throw .inconsistent("\(error)")
      }
    }
    world.schedule()
    self.init(topology: image.topology, seed: image.seed, world: world, director: image.director)
    kept = image.kept
  }
}
