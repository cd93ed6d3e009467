import WeftCore
import WeftTopology
import WeftWire

/// Writes down what happens to the frames of one probe. Set only while something is being explained.
struct ExplainRecorder {
  let trace: UInt32
  /// Who sends it.
  let origin: Int
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
    var towards: Int
  }

  init(trace: UInt32, origin: Int, topology: Topology) {
    self.trace = trace
    self.origin = origin
    self.topology = topology
  }

  /// Takes note of a lost frame, if it is ARP.
  mutating func lost(_ frame: borrowing Frame, _ reason: DropReason, towards: Int) {
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
      guard key.towards >= 0 else { continue }
      let node = world.nodes[key.towards]
      if node.kind == .virtualSwitch || node.name == owner || node.name == asker { counts[key.reason, default: 0] += count }
    }
    return counts
  }
}

// Looks only: nothing here changes what becomes of a frame.
extension World {
  func isExplained(_ frame: borrowing Frame) -> Bool {
    guard let explain, !explain.isComplete else { return false }
    return frame.trace == explain.trace
  }

  mutating func explainArrival(_ frame: borrowing Frame, _ node: Int, _ port: PortIndex, _ place: Int) {
    var gateway: GatewayLookups?
    if nodes[node].kind == .gateway, let topology = explain?.topology {
      let network = topology.hosts.flatMap(\.networks).first { names.gatewayOfNetwork[$0.name] == node }
      let first = nodes[node].firstPort
      var lookups = GatewayLookups(topology, network, ports: (first..<first + nodes[node].portCount).map { ports[$0].name })
      lookups.look(gateways[nodes[node].index], frame.bytes, on: port, now: now)
      gateway = lookups
    }
    add(
      .arrived, frame.packetID, node, place, PacketSummary.text(frame.bytes),
      gateway?.details ?? lookups(frame, node, port),
      line: gateway?.line)
  }

  mutating func explainTransmission(_ frame: borrowing Frame, _ node: Int, _ place: Int, _ entry: Effects.Entry) {
    if node == explain?.origin, explain?.steps.contains(where: { $0.event == .dropped }) == true {
      explain?.isComplete = true
      return
    }
    var details: [String] = []
    if entry.noteCount > 0 { details.append(entry.first.text) }
    if entry.noteCount > 1 { details.append(entry.second.text) }
    let link = ports[place].linkOut
    if link >= 0 { details.append(describe(link)) }
    add(.sent, frame.packetID, node, place, PacketSummary.text(frame.bytes), details)
  }

  mutating func explainDrop(
    _ packetID: UInt64, _ node: Int, _ place: Int, _ reason: DropReason, _ detail: DropDetail
  ) {
    guard explain?.isComplete == false else { return }
    // Everybody whom a flooded frame isn't for lets it go: that is no news.
    if reason == .notForUs, explain?.steps.contains(where: { $0.event == .arrived && $0.packetID == packetID }) == true
    {
      return
    }
    let details = [reason.text(detail)]
    // What waited together is lost together.
    if let last = explain?.steps.last, last.event == .dropped, last.at == now, last.port == ports[place].name,
      last.details == details
    {
      return
    }
    add(.dropped, packetID, node, place, "", details)
  }

  /// Of a frame that went no further than a port.
  mutating func explainLoss(_ frame: borrowing Frame, at place: Int, _ reason: DropReason) {
    let link = ports[place].linkOut
    let next = link >= 0 ? ends[link].toNode : -1
    explain?.lost(frame, reason, towards: next)
  }

  mutating func explainDelivery(_ node: Int, _ source: IPv4Address, _ port: UInt16) {
    add(
      .delivered, 0, node, nodes[node].firstPort, "",
      ["to a socket, which sees \(source)\(port == 0 ? "" : ":\(port)")"])
  }

  private mutating func add(
    _ event: ExplainStep.Event, _ packetID: UInt64, _ node: Int, _ place: Int, _ packet: String, _ details: [String],
    line: Int? = nil
  ) {
    explain?.steps.append(
      ExplainStep(
        event: event, at: now, packetID: packetID, node: nodes[node].name, element: nodes[node].kind.text,
        port: ports[place].name, packet: packet, details: details, line: line))
  }

  /// What the node will look up for this frame, and what it will find.
  private func lookups(_ frame: borrowing Frame, _ node: Int, _ port: PortIndex) -> [String] {
    let index = nodes[node].index
    guard let ethernet = EthernetView(frame.bytes) else { return [] }
    switch nodes[node].kind {
    case .virtualSwitch:
      let destination = ethernet.destination
      if destination.isGroup { return ["group address: flooded"] }
      guard let egress = switches[index].database.port(of: destination, now: now) else {
        return ["forwarding database: \(destination) unknown, flooded to \(nodes[node].portCount - 1) ports"]
      }
      return ["forwarding database: \(destination) is on \(ports[nodes[node].firstPort + egress.index].name)"]
    case .gateway, .dhcpServer: return []
    case .machine:
      let state = machines[index].state
      return state == .running ? [] : ["the VM is \(state.rawValue)"]
    }
  }

  private func describe(_ link: Int) -> String {
    let parameters = links[link].parameters
    var parts = ["over the cable to \(ports[ends[link].to].name)"]
    if parameters.delay > .zero { parts.append("\(parameters.delay)") }
    if let rate = parameters.rate { parts.append(TryOutcome.rate(rate)) }
    if parameters.lossThreshold > 0 {
      parts.append("loss \((Double(parameters.lossThreshold) / 0x1p64 * 10_000).rounded() / 100) %")
    }
    if !links[link].isUp { parts.append("down") }
    return parts.joined(separator: ", ")
  }
}

extension Node.Kind {
  var text: String {
    switch self {
    case .virtualSwitch: "switch"
    case .gateway: "NAT gateway"
    case .dhcpServer: "DHCP server"
    case .machine: "machine"
    }
  }
}

extension Note {
  /// As in a capture: `snat A:p -> B:p`.
  var text: String {
    let old = "\(IPv4Address(rawValue: oldAddress)):\(oldPort)"
    let new = "\(IPv4Address(rawValue: newAddress)):\(newPort)"
    return "\(kind) \(old) -> \(new)"
  }
}
