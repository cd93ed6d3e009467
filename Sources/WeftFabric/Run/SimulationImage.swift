import WeftCapture
import WeftCore
import WeftNAT
import WeftServices
import WeftSwitch
import WeftTopology

/// A run at a moment, whole: with it another process goes on as if nothing had happened. The graph isn't in it: the
/// topology is, and the same topology gives the same graph.
public struct SimulationImage: Codable {
  public var topology: Topology
  public var seed: UInt64
  var director: Director
  var now: Instant
  var eventCount: UInt64
  var links: [Link]
  var switches: [VirtualSwitch]
  var gateways: [NATGateway]
  var servers: [DHCPServer]
  var machines: [Machine]
  var portCounters: [Port.Counters]
  var packetCounts: [UInt64]
  var drops: DropLedger
  var traces: TraceLog
  var probing: [Int]
  /// What was captured so far; nil for a run without captures. Its bytes may be kept apart from the rest.
  public var captures: CaptureCheckpoint?
  /// Of the nodes with records of this very moment, or ahead of it.
  var clocks: [Int: CausalClock]?
}

/// Why an image can't be gone on with.
public enum ResumeError: Error {
  /// Parts of it contradict each other.
  case inconsistent(String)
  case simulation(SimulationError)
}

extension Simulation {
  /// Everything there is to know of this run now. Changes nothing: the run can go on.
  public func image() throws(CaptureError) -> SimulationImage {
    let captured: CaptureCheckpoint?
    if let set = world.captures { captured = try set.checkpoint() } else { captured = nil }
    let ahead = world.clocks.indices.filter { world.clocks[$0].last >= world.now.rawValue }
    let clocks = Dictionary(uniqueKeysWithValues: ahead.map { ($0, world.clocks[$0]) })
    return SimulationImage(
      topology: topology, seed: seed, director: director, now: world.now, eventCount: world.eventCount,
      links: world.linksWithFloods,
      switches: world.switches.array, gateways: world.gateways.array, servers: world.servers.array,
      machines: world.machines.array,
      portCounters: world.ports.array.map(\.counters), packetCounts: world.packetCounts, drops: world.drops,
      traces: world.traces, probing: world.probing.sorted(), captures: captured,
      clocks: clocks.isEmpty ? nil : clocks)
  }

  /// Goes on with a run, from an image that was decoded into `pool`. The captures so far are written to `directory` again.
  public init(
    resuming image: consuming SimulationImage, pool: FramePool, captures directory: String?, limit: UInt64? = nil
  ) throws(ResumeError) {
    let image = image
    let builder = WorldBuilder(topology: image.topology, seed: image.seed)
    if let what = builder.contradiction { throw .inconsistent(what) }
    var world = builder.build(pool: pool)
    guard image.links.count == world.links.count, image.switches.count == world.switches.count,
      image.gateways.count == world.gateways.count, image.servers.count == world.servers.count,
      image.machines.count == world.machines.count, image.portCounters.count == world.ports.count,
      image.packetCounts.count == world.nodes.count, image.fits(world)
    else { throw .inconsistent("its state doesn't fit its topology") }
    world.now = image.now
    world.eventCount = image.eventCount
    world.links = ElementStore(image.links)
    world.switches = ElementStore(image.switches)
    world.gateways = ElementStore(image.gateways)
    world.servers = ElementStore(image.servers)
    world.machines = ElementStore(image.machines)
    for index in world.ports.indices { world.ports[index].counters = image.portCounters[index] }
    world.packetCounts = image.packetCounts
    world.drops = image.drops
    world.traces = image.traces
    world.probing = Set(image.probing)
    if let captured = image.captures {
      do {
        let filter = try image.topology.capture.filter.map { try CaptureFilter(expression: $0) }
        let metadata = world.captureMetadata(image.topology, seed: image.seed)
        let set = try CaptureSet(
          resuming: captured, directory: directory, metadata: metadata, filter: filter,
          limit: limit ?? image.topology.capture.limit ?? CaptureOptions.standardLimit)
        world.reattach(set, ports: image.topology.capture.ports, clocks: image.clocks ?? [:])
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
  }
}
