import WeftCore
import WeftSettings
import WeftWire

// The way of a frame through a switch that has more to look at than addresses: its spanning tree, its VLANs, its guards.
extension VirtualSwitch {
  /// A frame's VLAN, as the switch has it, and its tag; of a switch without VLANs, 0.
  struct Classified {
    var tci: UInt16 = 0
    var isTagged = false

    var vlan: UInt16 { tci & 0xfff }
  }

  @inline(never)
  mutating func receiveManaged(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    if let tree = policy?.tree {
      let isLearning = tree.isLearning(port)
      if BPDU.isOne(frame.bytes) { return receiveBPDU(frame, on: port, now: now, &out) }
      if !isLearning { return out.drop(frame, on: port, tree.reason(on: port)) }
    }
    let classified: Classified
    switch classify(frame, on: port) {
    case .member(let tci, let isTagged): classified = Classified(tci: tci, isTagged: isTagged)
    case .refused(let vlan): return out.drop(frame, on: port, .vlanFiltered, .vlan(vlan))
    }
    if let mirrors = policy?.mirrors, !mirrors.isEmpty {
      if policy?.isMirror(port) == true { return out.drop(frame, on: port, .mirrorPort) }
      for mirror in mirrors where mirror.takes(port, vlan: classified.vlan) { out.transmit(frame.share(), on: mirror.target) }
    }
    if let refusal = guards?.check(frame, on: port, in: classified.vlan, now: now, database) {
      if refusal.isViolation { out.observe(Observation(.guardViolation)) }
      if refusal.shutsPort {
        database.flush(port)
        out.observe(Observation(.portShutDown))
      }
      return out.drop(frame, on: port, refusal.reason, refusal.detail)
    }
    let learns = policy?.ports[port.index].learning ?? true
    let decision = decide(
      frame, on: port, in: classified.vlan, now: now, learning: learns ? guards == nil ? .plain : .counted : .none, &out)
    if let tree = policy?.tree, !tree.isForwarding(port) {
      // What it would have done with it doesn't count.
      switch decision {
      case .forward: counters.forwarded &-= 1
      case .flood: counters.flooded &-= 1
      case .drop: break
      }
      return out.drop(frame, on: port, .stpListening)
    }
    switch decision {
    case .forward(let egress): forward(frame, classified, from: port, to: egress, &out)
    case .flood: floodManaged(frame, classified, from: port, &out)
    case .drop(let reason): out.drop(frame, on: port, reason)
    }
  }

  private func classify(_ frame: borrowing Frame, on port: PortIndex) -> VLANTable.Ingress {
    guard let vlans = policy?.vlans, let ethernet = EthernetView(frame.bytes) else { return .member(tci: 0, isTagged: false) }
    return vlans.classify(ethernet, on: port)
  }

  private mutating func forward(
    _ frame: consuming Frame, _ classified: Classified, from port: PortIndex, to egress: PortIndex, _ out: inout Effects
  ) {
    if let reason = guards?.refusal(from: port, to: egress) {
      counters.forwarded &-= 1
      return out.drop(frame, on: port, reason)
    }
    if let refusal = policy?.refusal(out: egress, vlan: classified.vlan) {
      counters.forwarded &-= 1
      return out.drop(frame, on: port, refusal.reason, refusal.detail)
    }
    transmit(frame, classified, from: port, on: egress, &out)
  }

  private mutating func floodManaged(
    _ frame: consuming Frame, _ classified: Classified, from port: PortIndex, _ out: inout Effects
  ) {
    guard guards?.narrows == true || policy != nil else { return out.flood(frame, from: port) }
    let isToOne = EthernetView(frame.bytes)?.destination.isGroup == false
    var isSent = false
    for index in 0..<portCount {
      let egress = PortIndex(index)
      guard egress != port, !isRemoved(egress), guards?.refusal(from: port, to: egress) == nil,
        policy?.refusal(out: egress, vlan: classified.vlan) == nil,
        !isToOne || policy?.ports[index].flooding ?? true
      else { continue }
      transmit(frame.share(), classified, from: port, on: egress, &out)
      isSent = true
    }
    if !isSent { out.drop(frame, on: port, .noOtherPort) }
  }

  /// With the tag that the port asks for. A mirror of both ends of a frame's way takes it once, as it came in.
  private func transmit(
    _ frame: consuming Frame, _ classified: Classified, from ingress: PortIndex, on egress: PortIndex, _ out: inout Effects
  ) {
    if let mirrors = policy?.mirrors, !mirrors.isEmpty {
      for mirror in mirrors where mirror.takes(egress, vlan: classified.vlan) && !mirror.takes(ingress, vlan: classified.vlan) {
        out.transmit(frame.share(), on: mirror.target)
      }
    }
    guard let vlans = policy?.vlans else { return out.transmit(frame, on: egress) }
    var copy = frame
    if vlans.isUntagged(classified.vlan, out: egress) {
      if classified.isTagged { copy.popTag() }
    } else if classified.isTagged {
      if copy.bytes.u16(14) != classified.tci { copy.setTag(classified.tci) }
    } else if !copy.pushTag(classified.tci) {
      return
    }
    out.transmit(copy, on: egress)
  }

  // MARK: Spanning tree

  private mutating func receiveBPDU(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    guard let message = BPDU(frame.bytes) else { return out.drop(frame, on: port, .malformedBPDU) }
    if policy?.ports[port.index].bpduGuard == true {
      changeTree(now: now, &out) { $0.shut(port.index, now: now) }
      database.flush(port)
      out.observe(Observation(.portShutDown))
      return out.drop(frame, on: port, .bpduGuard)
    }
    changeTree(now: now, &out) { $0.receive(message, on: port.index, now: now) }
  }

  /// Lets something happen to the tree, and does what it then asks for.
  mutating func changeTree(now: Instant, _ out: inout Effects, _ body: (inout SpanningTree) -> Void) {
    guard var own = policy?.tree else { return }
    // The only owner, so that nothing is copied.
    policy?.tree = nil
    let before = own.changes.topologyChanges
    body(&own)
    for sent in own.outgoing { out.transmit(sent.message.frame(from: own.mac, &out), on: PortIndex(sent.port)) }
    own.outgoing.removeAll(keepingCapacity: true)
    if !own.flushes.isEmpty {
      if own.isRapid {
        for port in own.flushes { database.flush(PortIndex(port)) }
      } else {
        // As long as it may take until all know.
        quickAgeing = now + own.settings.forwardDelay
        database.age(faster: own.settings.forwardDelay, now: now)
      }
      own.flushes.removeAll(keepingCapacity: true)
    }
    if own.changes.topologyChanges != before { out.observe(Observation(.topologyChange)) }
    treeDeadline = own.nextTick
    policy?.tree = own
  }
}
