import WeftCapture
import WeftCore
import WeftWire

// Captures and traces: everything about a frame that isn't moving it. None of it runs with captures off and no probe under way.
extension World {
  // Records are opened for a frame at a port; false where there is none, or the filter leaves it out. Clocks go on all the
  // same: which ports are captured changes no time.

  mutating func stageArrival(_ frame: inout Frame, of node: Int, at place: Int) -> Bool {
    let stamp = frame.takeStamp()
    return stage(frame, at: place, clocks[node].arrive(stamp, now: now.rawValue), inbound: true)
  }

  mutating func stageDeparture(_ frame: borrowing Frame, of node: Int, at place: Int) -> Bool {
    let stamp = clocks[node].leave(now: now.rawValue)
    frame.stamp = stamp
    return stage(frame, at: place, stamp, inbound: false)
  }

  mutating func stageDrop(_ frame: borrowing Frame, at place: Int, inbound: Bool) -> Bool {
    stage(frame, at: place, clocks[ports[place].node].note(now: now.rawValue), inbound: inbound)
  }

  @inline(__always)
  private func stage(_ frame: borrowing Frame, at place: Int, _ stamp: UInt64, inbound: Bool) -> Bool {
    guard let captures, ports[place].capture >= 0 else { return false }
    return captures.stage(
      port: ports[place].capture, at: Instant(stamp), bytes: frame.bytes, originalLength: frame.count,
      inbound: inbound, packetID: frame.packetID)
  }

  func commit(_ place: Int, dropped: Bool) { captures?.commit(port: ports[place].capture, dropped: dropped) }

  /// Finishes the record of the frame that just arrived: with the reason if the node dropped it, with the translations if
  /// it rewrote it.
  mutating func closeRecord(of node: Int, _ place: Int, _ packetID: UInt64) {
    var dropped = false
    if let rewrite = effects.rewrites.first(where: { $0.packetID == packetID }) {
      captures?.comment(port: ports[place].capture, by: nodes[node].name, rewrite.first)
      if let second = rewrite.second { captures?.comment(port: ports[place].capture, by: nodes[node].name, second) }
    }
    for index in 0..<effects.count {
      let entry = effects[index]
      if entry.verdict == .transmit, entry.noteCount > 0, entry.frame.packetID == packetID {
        writeNotes(entry, node, place)
        break
      }
      guard entry.verdict == .drop, nodes[node].firstPort + entry.port.index == place, entry.frame.packetID == packetID
      else {
        continue
      }
      let isHarmless = entry.frame.withBytes { bytes -> Bool in
        self.isHarmless(bytes, at: place, entry.reason, entry.detail)
      }
      writeDrop(place, node: node, entry.reason, entry.detail, isHarmless: isHarmless)
      dropped = !isHarmless
      if entry.frame.trace != 0, !entry.frame.withBytes({ bytes -> Bool in self.isBystander(bytes, at: place) }) {
        trace(
          entry.frame.trace, .dropped(entry.reason, entry.detail), packetID: packetID, node: node, place: place,
          staged: true)
      }
      break
    }
    commit(place, dropped: dropped)
  }

  func writeDrop(_ place: Int, node: Int, _ reason: DropReason, _ detail: DropDetail, isHarmless: Bool) {
    captures?.commentDrop(
      port: ports[place].capture, by: nodes[node].name, reason, detail, isHarmless: isHarmless)
  }

  func writeNotes(_ entry: Effects.Entry, _ node: Int, _ place: Int) {
    captures?.comment(port: ports[place].capture, by: nodes[node].name, entry.first)
    if entry.noteCount > 1 { captures?.comment(port: ports[place].capture, by: nodes[node].name, entry.second) }
  }

  mutating func trace(
    _ trace: UInt32, _ event: TraceRecord.Event, packetID: UInt64, node: Int, place: Int, staged: Bool
  ) {
    if let explain, explain.trace == trace, case .dropped(let reason, let detail) = event {
      explainDrop(packetID, node, place, reason, detail)
    }
    if case .dropped(let reason, _) = event, reason.meaning == .accident { losses.append(trace) }
    let number = staged ? captures?.frameNumber(port: ports[place].capture) ?? 0 : 0
    traces.add(
      TraceRecord(event: event, at: now, packetID: packetID, node: node, port: place, frameNumber: number), to: trace)
  }

  mutating func takeObservations(_ node: Int) {
    for observation in effects.observations {
      if explain?.trace == observation.trace { explainDelivery(node, observation.source, observation.sourcePort) }
      traces.add(
        TraceRecord(
          event: .delivered(source: observation.source, port: observation.sourcePort), at: now, packetID: 0, node: node,
          port: nodes[node].firstPort, frameNumber: 0),
        to: observation.trace)
    }
    effects.observations.removeAll(keepingCapacity: true)
  }

  mutating func lookForProbeResults(_ node: Int) {
    guard nodes[node].kind == .machine, probing.contains(node) else { return }
    if machines[nodes[node].index].guest.hasProbeResults { hasProbeResults = true }
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
    }
  }
}
