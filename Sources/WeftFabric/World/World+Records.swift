import WeftCapture
import WeftCore
import WeftWire

// Captures and traces: everything about a frame that isn't moving it. None of it runs with captures off and no probe under way.
extension World {
  /// Finishes the record of the frame that just arrived: with the reason if the node dropped it, with the translations if
  /// it rewrote it.
  @inline(never)
  mutating func closeRecord(of node: NodeID, _ arrival: Arrival) {
    var dropped = false
    let (port, packetID) = (arrival.port, arrival.packetID)
    if let rewrite = effects.rewrites.first(where: { $0.packetID == packetID }) {
      recorder.comment(graph.ports[port].file, by: name(node), rewrite.first)
      if let second = rewrite.second { recorder.comment(graph.ports[port].file, by: name(node), second) }
    }
    for index in 0..<effects.count {
      let entry = effects[index]
      if entry.verdict == .transmit, entry.noteCount > 0, entry.frame.packetID == packetID {
        writeNotes(entry, node, port)
        break
      }
      guard entry.verdict == .drop, graph.port(entry.port, of: node) == port, entry.frame.packetID == packetID else {
        continue
      }
      let isHarmless = entry.frame.withBytes { bytes -> Bool in
        self.isHarmless(bytes, at: port, entry.reason, entry.detail)
      }
      recorder.commentDrop(graph.ports[port].file, by: name(node), entry.reason, entry.detail, isHarmless: isHarmless)
      dropped = !isHarmless
      if entry.frame.trace != 0, !entry.frame.withBytes({ bytes -> Bool in self.isBystander(bytes, at: port, entry.reason) }) {
        trace(
          entry.frame.trace, .dropped(entry.reason, entry.detail), packetID: packetID, at: port,
          number: recorder.frameNumber(graph.ports[port].file))
      }
      break
    }
    recorder.commit(graph.ports[port].file, dropped: dropped)
  }

  func writeNotes(_ entry: Effects.Entry, _ node: NodeID, _ port: PortID) {
    for number in 0..<Int(entry.noteCount) {
      recorder.comment(graph.ports[port].file, by: name(node), effects.note(number, of: entry))
    }
  }

  /// `number`: of the frame's record in its file; 0 where there is none.
  @inline(never)
  mutating func trace(_ trace: UInt32, _ event: TraceRecord.Event, packetID: UInt64, at port: PortID, number: UInt64) {
    let node = graph.ports[port].node
    if let explain = recorder.explain, explain.trace == trace, case .dropped(let reason, let detail) = event {
      explainDrop(packetID, node, port, reason, detail)
    }
    if case .dropped(let reason, _) = event, reason.meaning == .accident { recorder.losses.append(trace) }
    recorder.traces.add(
      TraceRecord(event: event, at: now, packetID: packetID, node: node, port: port, frameNumber: number), to: trace)
  }

  @inline(never)
  mutating func takeObservations(_ node: NodeID) {
    for observation in effects.observations {
      if case .noticed(let event) = observation.kind {
        recorder.events.note(event, observation, by: node, now: now)
        continue
      }
      if recorder.explain?.trace == observation.trace {
        explainDelivery(node, observation.source, observation.sourcePort)
      }
      recorder.traces.add(
        TraceRecord(
          event: .delivered(source: observation.source, port: observation.sourcePort), at: now, packetID: 0, node: node,
          port: graph.port(PortIndex(0), of: node), frameNumber: 0),
        to: observation.trace)
    }
    effects.observations.removeAll(keepingCapacity: true)
  }
}

extension DropReason {
  /// As captures have it: `no-port-forward (tcp/80)`.
  func text(_ detail: DropDetail) -> String {
    let what = detail.text
    return what.isEmpty ? name : "\(name) (\(what))"
  }
}

extension DropDetail {
  /// As it stands in parentheses behind the reason: `tcp/80`, `192.0.2.1`, `icmp type 8 code 0`.
  var text: String {
    switch kind {
    case .none: ""
    case .transport:
      switch code {
      case IPProtocol.tcp.rawValue: "tcp/\(port)"
      case IPProtocol.udp.rawValue: "udp/\(port)"
      case IPProtocol.icmp.rawValue: "icmp/\(port)"
      default: "protocol \(code)"
      }
    case .icmp: "icmp type \(code) code \(port)"
    case .address: IPv4Address(rawValue: value).description
    case .number: "\(value)"
    case .mac: MACAddress(rawValue: macValue).description
    case .vlan: port == 0 ? "untagged" : "VLAN \(port)"
    case .station: "\(IPv4Address(rawValue: value)) is at \(MACAddress(rawValue: macValue))"
    }
  }
}
