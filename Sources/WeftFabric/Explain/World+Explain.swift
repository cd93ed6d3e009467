import WeftCore
import WeftProbes
import WeftTopology
import WeftWire

/// Writes down what happens to the frames of one probe. Set only while something is being explained.
struct ExplainRecorder {
  let trace: UInt32
  /// Who sends it.
  let origin: NodeID
  /// For the lines of the file.
  let topology: Topology
  var steps: [ExplainStep] = []
  /// It was dropped, and now its sender tries again: the same way once more would say nothing new.
  var isComplete = false
  private var arp: [LostARP: Int] = [:]

  /// One kind of ARP loss: the address that was asked for, or that answered.
  private struct LostARP: Hashable {
    var address: UInt32
    var reason: DropReason
    /// Where it would have gone next.
    var towards: NodeID
  }

  init(trace: UInt32, origin: NodeID, topology: Topology) {
    self.trace = trace
    self.origin = origin
    self.topology = topology
  }

  /// Takes note of a lost frame, if it is ARP.
  mutating func lost(_ frame: borrowing Frame, _ reason: DropReason, towards: NodeID) {
    guard let ethernet = EthernetView(frame.bytes), ethernet.type == .arp, let packet = ARPPacket(ethernet.payload) else {
      return
    }
    let subject = packet.operation == .reply ? packet.senderIP : packet.targetIP
    arp[LostARP(address: subject.rawValue, reason: reason, towards: towards), default: 0] += 1
  }

  /// How often what a cause is about was lost, for each reason; copies for bystanders left out.
  func lostARP(_ cause: Cause, in world: borrowing World) -> [DropReason: Int] {
    guard case .lostARP(let address, let asker, let owner, _) = cause.kind else { return [:] }
    var counts: [DropReason: Int] = [:]
    for (key, count) in arp where key.address == address.rawValue {
      let name = world.name(key.towards)
      let isSwitch = world.graph.nodes[key.towards].element.virtualSwitch != nil
      if isSwitch || name == owner || name == asker { counts[key.reason, default: 0] += count }
    }
    return counts
  }
}

// Looks only: nothing here changes what becomes of a frame.
extension World {
  mutating func explainArrival(_ frame: borrowing Frame, _ node: NodeID, _ index: PortIndex, _ port: PortID) {
    guard let topology = recorder.explain?.topology else { return }
    let network = topology.hosts.flatMap(\.networks).first { names.gatewayOfNetwork[$0.name] == node }
    let lookups = elements.read(
      graph.nodes[node].element,
      ReadLookups(frame: frame.stored, port: index, ports: graph.portNames(of: node), now: now))
    let (details, line) = LookupLines(topology: topology, network: network).text(lookups)
    let found = hasProcessors ? details + cpuDetails(of: node) : details
    add(.arrived, frame.packetID, node, port, PacketSummary.text(frame.bytes), found, line: line)
  }

  mutating func explainTransmission(_ frame: borrowing Frame, _ node: NodeID, _ port: PortID, _ entry: Effects.Entry) {
    if node == recorder.explain?.origin, recorder.explain?.steps.contains(where: { $0.event == .dropped }) == true {
      recorder.explain?.isComplete = true
      return
    }
    var details = (0..<Int(entry.noteCount)).map { effects.note($0, of: entry).text }
    if let link = graph.ports[port].link { details.append(describe(link)) }
    add(.sent, frame.packetID, node, port, PacketSummary.text(frame.bytes), details)
  }

  mutating func explainDrop(
    _ packetID: UInt64, _ node: NodeID, _ port: PortID, _ reason: DropReason, _ detail: DropDetail
  ) {
    guard recorder.explain?.isComplete == false else { return }
    // Everybody whom a flooded frame isn't for lets it go: that is no news.
    if reason == .notForUs, recorder.explain?.steps.contains(where: { $0.event == .arrived && $0.packetID == packetID }) == true {
      return
    }
    let details = [reason.text(detail)]
    // What waited together is lost together.
    if let last = recorder.explain?.steps.last, last.event == .dropped, last.at == now, last.port == graph.ports[port].name,
      last.details == details
    {
      return
    }
    add(.dropped, packetID, node, port, "", details)
  }

  /// Of a frame that went no further than a port.
  mutating func explainLoss(_ frame: borrowing Frame, at port: PortID, _ reason: DropReason) {
    guard let link = graph.ports[port].link else { return }
    let next = graph.ends[link].toNode
    recorder.explain?.lost(frame, reason, towards: next)
  }

  mutating func explainDelivery(_ node: NodeID, _ source: IPv4Address, _ port: UInt16) {
    add(
      .delivered, 0, node, graph.port(PortIndex(0), of: node), "",
      ["to a socket, which sees \(source)\(port == 0 ? "" : ":\(port)")"])
  }

  private mutating func add(
    _ event: ExplainStep.Event, _ packetID: UInt64, _ node: NodeID, _ port: PortID, _ packet: String, _ details: [String],
    line: Int? = nil
  ) {
    let step = ExplainStep(
      event: event, at: now, packetID: packetID, node: name(node), element: graph.nodes[node].role.text,
      port: graph.ports[port].name, packet: packet, details: details, line: line)
    recorder.explain?.steps.append(step)
  }

  private func describe(_ link: LinkID) -> String {
    let parameters = links[link].parameters
    var parts = ["over the cable to \(graph.ports[graph.ends[link].to].name)"]
    if parameters.delay > .zero { parts.append("\(parameters.delay)") }
    if let rate = parameters.rate { parts.append(Figures.rate(rate)) }
    if parameters.lossThreshold > 0 {
      parts.append("loss \((Double(parameters.lossThreshold) / 0x1p64 * 10_000).rounded() / 100) %")
    }
    if !links[link].isUp { parts.append("down") }
    return parts.joined(separator: ", ")
  }
}

extension Role {
  var text: String {
    switch self {
    case .segment, .network: "switch"
    case .gateway: "NAT gateway"
    case .dhcpServer: "DHCP server"
    case .host, .vm: "machine"
    case .custom: "element"
    }
  }
}

extension Note {
  /// As in a capture: `snat A:p -> B:p`.
  var text: String {
    if kind == .held { return "held \(time) for epoch \(epoch)" }
    if kind == .waited { return "waited \(time) for a cpu" }
    let old = "\(IPv4Address(rawValue: oldAddress)):\(oldPort)"
    let new = "\(IPv4Address(rawValue: newAddress)):\(newPort)"
    return "\(kind) \(old) -> \(new)"
  }
}
