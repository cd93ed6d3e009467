import WeftCapture
import WeftCore
import WeftTopology

// Which ports have files, and whose.
extension World {
  /// The same for a run and for one resumed from it, as the files must be.
  func captureMetadata(_ topology: Topology, seed: UInt64) -> CaptureMetadata {
    CaptureMetadata(
      version: weftVersion, topology: topology.name, seed: seed,
      names: names.byAddress.map { CaptureMetadata.HostName($0.address, $0.name) })
  }

  /// Captures every port whose name fits one of the patterns; one end of each cable without patterns.
  mutating func attach(_ set: CaptureSet, _ topology: Topology) {
    recorder.captures = set
    recorder.clocks = Arena([CausalClock](repeating: CausalClock(), count: graph.nodes.count))
    capture(captured(topology.capture.ports), in: set, topology)
  }

  /// Of a node that comes while the world runs: its ports, and those that its cables lead to.
  mutating func capturePorts(of node: NodeID, _ topology: Topology) {
    guard let set = recorder.captures else { return }
    let own = graph.nodes[node].ports
    let ports = Set(own + own.compactMap { graph.neighbour(of: $0) })
    capture(captured(topology.capture.ports, among: ports.sorted()), in: set, topology)
  }

  private mutating func capture(_ ports: [PortID], in set: CaptureSet, _ topology: Topology) {
    let descriptions = PortDescriptions(topology)
    for port in ports {
      let speed = graph.ports[port].link.flatMap { links[$0].parameters.rate } ?? 0
      graph.ports[port].capture = CaptureID(
        set.addPort(name: graph.ports[port].name, description: descriptions.text(of: port, in: self), speed: speed))
    }
    speakForSwitches()
  }

  /// The same with a set that has its ports already: a resumed run's.
  mutating func reattach(_ set: CaptureSet, ports: [PortID], clocks known: [Int: CausalClock]) {
    recorder.captures = set
    recorder.clocks = Arena((0..<graph.nodes.count).map { known[$0] ?? CausalClock() })
    for (number, port) in ports.enumerated() where number < set.portCount {
      graph.ports[port].capture = CaptureID(number)
    }
    speakForSwitches()
  }

  /// Captures those of ports that came to the graph which the file asks for, behind those that have files already.
  mutating func capture(_ new: [PortID]) {
    guard let set = recorder.captures, let site else { return }
    capture(captured(site.topology.capture.ports, among: new), in: set, site.topology)
  }

  func captured(_ patterns: [String]) -> [PortID] { captured(patterns, among: Array(graph.ports.ids)) }

  func captured(_ patterns: [String], among ports: [PortID]) -> [PortID] {
    guard !patterns.isEmpty else { return ports.filter { !saysTheSame(as: graph.neighbour(of: $0), $0) } }
    let patterns = patterns.map { PortPattern($0) }
    return ports.filter { port in patterns.contains { $0.matches(graph.ports[port].name) } }
  }

  /// Whether a port sees nothing but what the far end of its cable sees: a switch's, which changes no frame. Of two
  /// switches' the segment's; of two alike, the one that came later.
  private func saysTheSame(as neighbour: PortID?, _ port: PortID) -> Bool {
    guard let neighbour, isOfSwitch(port) else { return false }
    guard isOfSwitch(neighbour) else { return true }
    let (isSegment, isOtherSegment) = (isOfSegment(port), isOfSegment(neighbour))
    return isSegment == isOtherSegment ? port > neighbour : isSegment
  }

  private func isOfSwitch(_ port: PortID) -> Bool {
    graph.nodes[graph.ports[port].node].element.virtualSwitch != nil
  }

  private func isOfSegment(_ port: PortID) -> Bool {
    if case .segment = graph.nodes[graph.ports[port].node].role { true } else { false }
  }

  /// What a switch has to say at a port without a file goes into the one at the other end of the cable.
  private mutating func speakForSwitches() {
    for port in graph.ports.ids where graph.ports[port].capture == nil && isOfSwitch(port) {
      graph.ports[port].farCapture = graph.neighbour(of: port).flatMap { graph.ports[$0].capture }
    }
  }
}
